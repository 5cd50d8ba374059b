"""The small net of the backpropagation page against independent computations."""

import numpy as np
import pytest
from pydantic import ValidationError

from etabli.web.pages.backprop import MAX_STEPS, BackpropParams, descend


def numbers(**changes) -> dict:
    return descend(None, BackpropParams(**changes))


def test_the_loss_of_a_net_of_zeros_is_ln_2():
    assert numbers(initializer="zeros")["losses"][0] == pytest.approx(np.log(2))


def test_units_initialized_to_zero_stay_identical():
    found = numbers(initializer="zeros", step=40)
    assert np.ptp(found["forward"]["h"]) == 0
    assert np.ptp(np.array(found["weights"]["w_h"]), axis=1).max() == 0


def test_gradients_match_finite_differences():
    found = numbers(x=[0.7, -0.3], label=1, seed=5)
    weights = {name: np.array(value) for name, value in found["weights"].items()}

    def loss_at(changed: dict) -> float:
        hidden = 1 / (1 + np.exp(-(np.array([0.7, -0.3]) @ changed["w_h"] + changed["b_h"])))
        outputs = hidden @ changed["w_y"] + changed["b_y"]
        return float(np.log(np.exp(outputs).sum()) - outputs[1])

    assert loss_at(weights) == pytest.approx(found["forward"]["loss"])
    for name, value in weights.items():
        for index in np.ndindex(value.shape):
            step = np.zeros_like(value)
            step[index] = 1e-6
            slope = (
                loss_at({**weights, name: value + step}) - loss_at({**weights, name: value - step})
            ) / 2e-6
            assert np.array(found["gradients"][name])[index] == pytest.approx(slope, abs=1e-8)


def test_one_step_moves_by_the_learning_rate_times_the_gradient():
    found = numbers(learning_rate=0.3, step=7)
    for name, value in found["weights"].items():
        moved = np.array(value) - 0.3 * np.array(found["gradients"][name])
        assert np.allclose(found["updated"][name], moved)
    assert numbers(learning_rate=0.3, step=8)["weights"]["w_y"] == found["updated"]["w_y"]


def test_a_small_learning_rate_lowers_the_loss_at_every_step_and_zero_keeps_it():
    assert (np.diff(numbers(learning_rate=0.1)["losses"]) < 0).all()
    assert np.ptp(numbers(learning_rate=0)["losses"]) == 0
    assert len(numbers()["losses"]) == MAX_STEPS + 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"x": [1]},
        {"x": [1, float("nan")]},
        {"label": 2},
        {"learning_rate": -1},
        {"step": 61},
        {"more": 1},
    ],
)
def test_parameters_outside_their_bounds_are_refused(wrong):
    with pytest.raises(ValidationError):
        BackpropParams(**wrong)
