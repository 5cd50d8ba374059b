import numpy as np
import pytest

from etabli import nn


def test_xavier_keeps_the_variance_of_glorot_and_bengio():
    w = nn.xavier((784, 100), np.random.default_rng(0))
    assert w.var() == pytest.approx(2 / 884, rel=0.02)
    assert np.abs(w).max() <= np.sqrt(6 / 884)


def test_normal_has_the_given_standard_deviation():
    w = nn.normal((300, 200), np.random.default_rng(0), deviation=0.3)
    assert w.std() == pytest.approx(0.3, rel=0.02)
    assert w.mean() == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("name", sorted(nn.INITIALIZERS))
def test_one_seed_draws_the_same_weights(name):
    first, second = (nn.INITIALIZERS[name]((5, 3), np.random.default_rng(1)) for _ in range(2))
    assert first.shape == (5, 3)
    assert np.array_equal(first, second)


def test_zeros_are_zeros():
    assert not nn.zeros((5, 3), np.random.default_rng(0)).any()
