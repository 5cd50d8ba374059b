import numpy as np
import pytest

from etabli import nn
from etabli.core.errors import BadArray


def test_differences_of_a_cubic_are_exact_to_rounding():
    a = np.array([1.0, -2.0, 0.5])
    np.testing.assert_allclose(nn.numerical_gradient(lambda: (a**3).sum(), a), 3 * a**2, rtol=1e-10)


def test_differences_restore_every_element():
    a = np.random.default_rng(0).normal(size=(3, 2))
    before = a.copy()
    nn.numerical_gradient(lambda: (a**2).sum(), a)
    assert np.array_equal(a, before)


def test_differences_need_double_precision():
    with pytest.raises(BadArray, match="float64"):
        nn.numerical_gradient(lambda: 0.0, np.zeros(2, np.float32))


def test_relative_error_is_zero_for_equals_and_one_for_opposites():
    a = np.array([1.0, 2.0])
    assert nn.relative_error(a, a) == 0
    assert nn.relative_error(a, -a) == 1
    assert nn.relative_error(np.zeros(2), np.zeros(2)) == 0


def test_a_wrong_gradient_is_found():
    def doubled(x):
        return x**2, lambda dy: dy * x  # forgets the 2

    errors = nn.gradient_check(doubled, [np.ones((2, 2))], generator=np.random.default_rng(0))
    assert errors[0] == pytest.approx(1 / 3, rel=1e-6)
