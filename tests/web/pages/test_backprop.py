"""The small net of the backpropagation page against independent computations."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from etabli.web import pages
from etabli.web.pages.backprop import MAX_STEPS, BackpropParams, descend

WEB = Path(pages.__file__).parent.parent
SCRIPT = (WEB / "static" / "js" / "backprop.js").read_text(encoding="utf-8")


def numbers(**changes) -> dict:
    return descend(None, BackpropParams(**changes))


def read_constant(name: str) -> dict:
    """An object literal of the page's script."""
    body = re.search(rf"const {name} = (\{{.*?\n\}});", SCRIPT, re.DOTALL).group(1)
    return json.loads(re.sub(r",\s*}", "}", re.sub(r"(\w+):", r'"\1":', body)))


def show(preset: str, **changes) -> dict:
    """What the page shows of a preset."""
    chosen = read_constant("PRESETS")[preset]
    data = read_constant("DATA")[chosen["data"]]
    given = {"initializer": chosen["initializer"], "learning_rate": chosen["rate"]}
    return numbers(**data, **given | changes)


def losses(preset: str, **changes) -> np.ndarray:
    return np.array(show(preset, **changes)["losses"])


def count_steps_below(curve: np.ndarray, loss: float) -> int:
    return int((curve < loss).argmax())


def test_the_observation_on_convergence_is_true():
    assert (np.diff(losses("convergence")) < 0).all()
    assert count_steps_below(losses("convergence"), 0.05) == 29
    assert count_steps_below(losses("convergence", learning_rate=3), 0.05) == 9


def test_the_observation_on_xor_is_true():
    curve = losses("xor")
    assert np.abs(curve[:31] - np.log(2)).max() < 0.03
    assert count_steps_below(curve, 0.05) == 172


def test_the_observation_on_oscillation_is_true():
    assert (np.diff(losses("oscillation")) > 0).sum() == 61
    assert (np.diff(losses("oscillation", learning_rate=5)) > 0).sum() == 6


def test_the_observation_on_divergence_is_true():
    curve = losses("divergence")
    assert curve[1] / curve[0] == pytest.approx(25, abs=0.5)
    assert (curve[1:] > curve[0]).all()
    chosen = np.array(show("divergence", step=MAX_STEPS)["forward"]["p"])
    assert np.allclose(chosen, chosen[0])
    assert chosen[0].max() > 0.999


def test_the_observation_on_saturation_is_true():
    first, last = show("saturation"), show("saturation", step=MAX_STEPS)
    hidden = np.array(first["forward"]["h"])
    assert np.allclose(hidden, hidden.round(), atol=1e-8)
    assert np.abs(first["gradients"]["w_h"]).max() == pytest.approx(1e-10, rel=0.1)
    moved = {
        name: np.abs(np.subtract(last["weights"][name], first["weights"][name])).max()
        for name in ("w_h", "w_y")
    }
    assert moved["w_h"] < 1e-7 < 1 < moved["w_y"]


def test_the_observation_on_vanishing_gradients_is_true():
    gradients = show("vanishing")["gradients"]
    ratio = np.abs(gradients["w_y"]).max() / np.abs(gradients["w_h"]).max()
    assert ratio == pytest.approx(20, abs=1)
    assert losses("vanishing")[-1] == pytest.approx(np.log(2), abs=1e-4)


def test_the_observation_on_symmetry_is_true():
    first, last = show("symmetry"), show("symmetry", step=MAX_STEPS)
    for part in ("forward", "gradients"):
        assert np.ptp(np.array(last[part]["h"]), axis=1).max() == 0
    assert np.ptp(np.array(last["weights"]["w_h"]), axis=1).max() == 0
    assert last["weights"]["w_y"] != first["weights"]["w_y"]


def test_every_preset_has_an_observation():
    template = (WEB / "templates" / "backprop.html").read_text(encoding="utf-8")
    stated = set(re.findall(r'<p data-preset="(\w+)"', template)) - {"custom"}
    assert stated == set(read_constant("PRESETS"))


def test_the_plane_is_the_net_at_its_grid():
    found = show("xor", step=150)
    weights = {name: np.array(value) for name, value in found["weights"].items()}
    for row, column in ((0, 0), (5, 20), (32, 32)):
        x = np.linspace(-2, 2, 33)[[column, row]]
        hidden = 1 / (1 + np.exp(-(x @ weights["w_h"] + weights["b_h"])))
        z = hidden @ weights["w_y"] + weights["b_y"]
        assert found["plane"][row][column] == pytest.approx(1 / (1 + np.exp(z[1] - z[0])), abs=6e-4)


def test_the_loss_of_a_net_of_zeros_is_ln_2():
    assert numbers(initializer="zeros")["losses"][0] == pytest.approx(np.log(2))


def test_gradients_match_finite_differences():
    examples = np.array([[0.7, -0.3], [-1.0, 0.4], [0.2, 1.5]])
    found = numbers(x=examples.tolist(), labels=[1, 0, 1], seed=5)
    weights = {name: np.array(value) for name, value in found["weights"].items()}

    def loss_at(changed: dict) -> float:
        hidden = 1 / (1 + np.exp(-(examples @ changed["w_h"] + changed["b_h"])))
        outputs = hidden @ changed["w_y"] + changed["b_y"]
        log_sums = np.log(np.exp(outputs).sum(axis=1))
        return float((log_sums - outputs[[0, 1, 2], [1, 0, 1]]).mean())

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
        {"x": [[1]]},
        {"x": [[1, float("nan")], [0, 0]]},
        {"x": [[1, 1]]},
        {"labels": [0, 2]},
        {"learning_rate": -1},
        {"step": MAX_STEPS + 1},
        {"more": 1},
    ],
)
def test_parameters_outside_their_bounds_are_refused(wrong):
    with pytest.raises(ValidationError):
        BackpropParams(**wrong)
