"""What the hand-written nets of practical 1 do, the Keras ones do too: same weights and batches, same everything."""

import jax
import numpy as np
import pytest

from etabli.models.estimators.mlp import MLP
from etabli.models.estimators.softmax_regression import SoftmaxRegression
from etabli.models.vision import digit_classifiers
from etabli.training.jax_trainer import forward_pass

RATE, BATCH = 0.5, 20


@pytest.fixture(params=["softmax regression", "perceptron"])
def twins(request):
    """The same net twice, by hand and in Keras, with the weights of the one by hand, before any learning."""
    settings = {"dtype": "float64", "learning_rate": RATE, "batch_size": BATCH, "shuffle": False}
    if request.param == "perceptron":
        by_hand = MLP(hidden_units=7, **settings)
        model = digit_classifiers.perceptron(inputs=12, hidden=7, classes=4)
    else:
        by_hand = SoftmaxRegression(**settings)
        model = digit_classifiers.softmax_regression(inputs=12, classes=4)
    x, y = examples()
    by_hand.learning_rate = (
        1e-300  # a first call that makes the weights and leaves them as they are
    )
    by_hand.partial_fit(x[:1], y[:1], classes=np.arange(4))
    by_hand.learning_rate = RATE
    draw = np.random.default_rng(1)
    for parameter in by_hand.parameters_:
        parameter[...] = draw.normal(0, 0.3, parameter.shape)
    model.set_weights(
        [
            parameter.reshape(weight.shape)
            for parameter, weight in zip(by_hand.parameters_, model.weights, strict=True)
        ]
    )
    return by_hand, digit_classifiers.compiled(model, rate=RATE)


def examples():
    draw = np.random.default_rng(0)
    return draw.normal(size=(3 * BATCH, 12)), np.arange(3 * BATCH) % 4


@pytest.mark.needs_jax
def test_they_have_the_same_loss_and_the_same_gradients(twins):
    by_hand, model = twins
    x, y = examples()
    forward = forward_pass(model)

    def loss(weights):
        outputs, _fixed = forward(weights, [], x.astype(np.float32))
        return -jax.numpy.log(outputs[np.arange(len(y)), y]).mean()

    value, gradients = jax.value_and_grad(loss)([each.value for each in model.trainable_variables])
    expected, by_formula = by_hand.gradients(x, y)
    assert float(value) == pytest.approx(expected, rel=1e-5)
    for ours, peer in zip(by_formula, gradients, strict=True):
        np.testing.assert_allclose(ours.ravel(), np.ravel(peer), rtol=1e-4, atol=1e-6)


def test_the_same_batches_bring_both_to_the_same_weights(twins):
    by_hand, model = twins
    x, y = examples()
    for start in range(0, len(x), BATCH):
        model.train_on_batch(x[start : start + BATCH].astype(np.float32), y[start : start + BATCH])
    by_hand.partial_fit(x, y)
    for ours, peer in zip(by_hand.parameters_, model.get_weights(), strict=True):
        np.testing.assert_allclose(ours.ravel(), peer.ravel(), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(by_hand.predict_proba(x), model.predict(x, verbose=0), atol=1e-5)
