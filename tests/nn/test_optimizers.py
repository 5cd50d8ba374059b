import numpy as np
import pytest

from etabli import nn


def test_a_step_without_momentum_goes_against_the_gradient(frozen):
    w, g = np.array([1.0, 2.0]), frozen(np.array([0.5, -1.0]))
    nn.SGD(0.1).update([w], [g])
    np.testing.assert_allclose(w, [0.95, 2.1], rtol=1e-15)


def test_momentum_multiplies_a_constant_gradient_by_one_over_one_minus_m():
    w, optimizer = np.zeros(1), nn.SGD(0.1, momentum=0.9)
    for _ in range(300):
        before = w.copy()
        optimizer.update([w], [np.ones(1)])
    assert (before - w)[0] == pytest.approx(0.1 / (1 - 0.9), rel=1e-9)


def test_gradient_descent_finds_the_minimum_of_a_bowl():
    w, optimizer = np.array([3.0, -4.0]), nn.SGD(0.1, momentum=0.5)
    for _ in range(200):
        optimizer.update([w], [w - 1])
    np.testing.assert_allclose(w, 1, atol=1e-9)


def test_float32_parameters_stay_float32():
    w = np.ones(3, np.float32)
    nn.SGD(0.1, 0.9).update([w], [np.ones(3, np.float32)])
    assert w.dtype == np.float32
