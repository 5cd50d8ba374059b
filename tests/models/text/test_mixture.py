import numpy as np
import pytest
from scipy.optimize import check_grad
from scipy.special import log_softmax

from etabli.core.errors import BadArray
from etabli.models.text.ngram import fit_mixture_weights, mix

RNG = np.random.default_rng(0)
TARGETS = RNG.integers(0, 5, 400)
GOOD = log_softmax(RNG.normal(size=(400, 5)) + 2 * np.eye(5)[TARGETS], axis=1)
OTHER = log_softmax(RNG.normal(size=(400, 5)) + np.eye(5)[TARGETS], axis=1)
NOISE = log_softmax(RNG.normal(size=(400, 5)), axis=1)


def nats(log_p):
    return -log_p[np.arange(len(TARGETS)), TARGETS].mean()


def test_one_model_with_weight_one_is_that_model():
    np.testing.assert_allclose(mix([GOOD], np.array([1.0])), GOOD, atol=1e-12)


def test_the_mixture_is_a_distribution():
    np.testing.assert_allclose(np.exp(mix([GOOD, OTHER], np.array([0.7, 0.6]))).sum(1), 1)


def test_on_its_own_targets_the_mixture_is_at_least_as_good_as_each_model():
    weights = fit_mixture_weights([GOOD, OTHER], TARGETS)
    assert nats(mix([GOOD, OTHER], weights)) < min(nats(GOOD), nats(OTHER))


def test_noise_gets_hardly_any_weight():
    weights = fit_mixture_weights([GOOD, NOISE], TARGETS)
    assert weights[1] < 0.15 < weights[0]


def test_no_other_weights_are_better():
    best = fit_mixture_weights([GOOD, OTHER], TARGETS)
    for step in np.vstack([np.eye(2), -np.eye(2)]) * 0.05:
        assert nats(mix([GOOD, OTHER], best + step)) > nats(mix([GOOD, OTHER], best))


def test_the_gradient_in_use_is_that_of_the_nats():
    stack = np.stack([GOOD, OTHER])

    def slope(weights):
        expected = np.einsum("nv,mnv->m", np.exp(mix(stack, weights)), stack) / 400
        return expected - stack[:, np.arange(400), TARGETS].mean(axis=1)

    assert check_grad(lambda w: nats(mix(stack, w)), slope, np.array([0.4, 0.8])) < 1e-5


@pytest.mark.parametrize("models", [[GOOD, OTHER[:10]], [GOOD[:10]]])
def test_models_of_other_targets_are_refused(models):
    with pytest.raises(BadArray, match="different targets"):
        fit_mixture_weights(models, TARGETS)
