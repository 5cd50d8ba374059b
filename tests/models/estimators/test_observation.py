import numpy as np
import pytest

from etabli.models.estimators.diagnostics import gradient_roughness, nudged, unit_spread
from etabli.models.estimators.softmax_regression import SoftmaxRegression


def test_twins_have_not_parted_and_strangers_have():
    w = np.random.default_rng(0).normal(size=(50, 1))
    assert unit_spread(np.tile(w, 7)) == 0
    assert unit_spread(np.hstack([w, 3 * w])) == pytest.approx(0.5)
    assert unit_spread(np.zeros((50, 7))) == 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_nudge_is_one_rounding_error(dtype, frozen):
    w = frozen(np.random.default_rng(0).normal(size=(50, 4)).astype(dtype))
    moved = nudged(w, 0)
    assert moved.dtype == dtype
    assert np.all(moved != w)
    assert np.abs(moved / w - 1).max() <= np.finfo(dtype).eps


def test_the_gradient_of_all_examples_is_exact_and_that_of_few_is_rough():
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(400, 5)), generator.integers(0, 3, 400)
    model = SoftmaxRegression(epochs=1, dtype="float64", random_state=0).fit(x, y)
    errors = [
        gradient_roughness(model, x, y, size, generator, draws=400) for size in (1, 4, 100, 400)
    ]
    assert errors == sorted(errors, reverse=True)
    assert errors[0] / errors[1] == pytest.approx(
        2, rel=0.1
    )  # one over the square root of the size
    assert errors[-1] < 1e-12
