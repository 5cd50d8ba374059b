import numpy as np
import pytest
from scipy.special import log_softmax
from sklearn.metrics import log_loss

from etabli import nn
from etabli.core.errors import BadArray


@pytest.fixture
def generator():
    return np.random.default_rng(0)


def test_the_loss_of_uniform_probabilities_is_ln_k():
    target = nn.one_hot(np.array([3, 1, 4]), 10)
    loss, _ = nn.softmax_cross_entropy(np.zeros((3, 10)), target)
    assert loss == pytest.approx(np.log(10), rel=1e-15)


def test_cross_entropy_agrees_with_scikit_learn(generator):
    labels = generator.integers(0, 5, 20)
    probabilities, _ = nn.softmax(generator.normal(size=(20, 5)))
    ours, _ = nn.cross_entropy(probabilities, nn.one_hot(labels, 5))
    assert ours == pytest.approx(log_loss(labels, probabilities, labels=range(5)), rel=1e-12)


def test_cross_entropy_from_logits_agrees_with_scipy_where_probabilities_underflow(generator):
    logits, labels = generator.normal(0, 1000, (20, 5)), generator.integers(0, 5, 20)
    ours, _ = nn.softmax_cross_entropy(logits, nn.one_hot(labels, 5))
    assert ours == pytest.approx(
        -log_softmax(logits, axis=1)[np.arange(20), labels].mean(), rel=1e-12
    )


def test_both_gradients_agree_with_differences(generator):
    target = nn.one_hot(generator.integers(0, 4, 6), 4)
    logits = generator.normal(size=(6, 4))
    probabilities, _ = nn.softmax(logits)
    assert (
        nn.gradient_check(nn.softmax_cross_entropy, [logits, target], generator=generator)[0] < 1e-7
    )
    assert (
        nn.gradient_check(
            nn.cross_entropy, [probabilities, target], generator=generator, step=1e-4
        )[0]
        < 1e-7
    )


def test_softmax_then_cross_entropy_is_the_loss_from_logits(generator):
    logits, target = generator.normal(size=(6, 4)), nn.one_hot(generator.integers(0, 4, 6), 4)
    probabilities, softmax_backprop = nn.softmax(logits)
    loss, backprop = nn.cross_entropy(probabilities, target)
    fused, fused_backprop = nn.softmax_cross_entropy(logits, target)
    assert loss == pytest.approx(fused, rel=1e-12)
    np.testing.assert_allclose(softmax_backprop(backprop(1.0)), fused_backprop(1.0), atol=1e-15)


def test_the_gradient_on_the_logits_is_prediction_minus_target_over_n(generator):
    logits, target = generator.normal(size=(6, 4)), nn.one_hot(generator.integers(0, 4, 6), 4)
    _, backprop = nn.softmax_cross_entropy(logits, target)
    np.testing.assert_allclose(backprop(1.0), (nn.softmax(logits)[0] - target) / 6, atol=1e-16)


def test_a_certain_and_wrong_prediction_has_a_finite_loss():
    loss, backprop = nn.cross_entropy(np.array([[1.0, 0.0]]), nn.one_hot(np.array([1]), 2))
    assert np.isfinite(loss)
    assert np.isfinite(backprop(1.0)).all()


def test_a_label_out_of_range_raises():
    with pytest.raises(BadArray, match="labels from 0 to 9"):
        nn.one_hot(np.array([0, 10]), 10)
