"""The NumPy nets of practical 1 and their Keras versions give the same results."""

import jax
import numpy as np
import pytest

from etabli.models.estimators.mlp import MLP
from etabli.models.estimators.softmax_regression import SoftmaxRegression
from etabli.models.vision import digit_classifiers
from etabli.training.jax_trainer import make_forward

RATE, BATCH = 0.5, 20


@pytest.fixture(params=["softmax regression", "perceptron"])
def nets(request):
    """The same net in NumPy and in Keras, with the same weights, before training."""
    settings = {"dtype": "float64", "learning_rate": RATE, "batch_size": BATCH, "shuffle": False}
    if request.param == "perceptron":
        numpy_net = MLP(hidden_units=7, **settings)
        model = digit_classifiers.build_mlp(inputs=12, units=7, classes=4)
    else:
        numpy_net = SoftmaxRegression(**settings)
        model = digit_classifiers.build_softmax_regression(inputs=12, classes=4)
    x, y = examples()
    numpy_net.learning_rate = 1e-300  # the first call creates the weights and does not train
    numpy_net.partial_fit(x[:1], y[:1], classes=np.arange(4))
    numpy_net.learning_rate = RATE
    draw = np.random.default_rng(1)
    for parameter in numpy_net.parameters_:
        parameter[...] = draw.normal(0, 0.3, parameter.shape)
    model.set_weights(
        [
            parameter.reshape(weight.shape)
            for parameter, weight in zip(numpy_net.parameters_, model.weights, strict=True)
        ]
    )
    return numpy_net, digit_classifiers.compile_model(model, learning_rate=RATE)


def examples():
    draw = np.random.default_rng(0)
    return draw.normal(size=(3 * BATCH, 12)), np.arange(3 * BATCH) % 4


@pytest.mark.needs_jax
def test_loss_and_gradients_are_the_same(nets):
    numpy_net, model = nets
    x, y = examples()
    forward = make_forward(model)

    def loss(weights):
        outputs, _fixed = forward(weights, [], x.astype(np.float32))
        return -jax.numpy.log(outputs[np.arange(len(y)), y]).mean()

    value, gradients = jax.value_and_grad(loss)([each.value for each in model.trainable_variables])
    expected, by_formula = numpy_net.gradients(x, y)
    assert float(value) == pytest.approx(expected, rel=1e-5)
    for ours, theirs in zip(by_formula, gradients, strict=True):
        np.testing.assert_allclose(ours.ravel(), np.ravel(theirs), rtol=1e-4, atol=1e-6)


def test_the_same_batches_give_the_same_weights(nets):
    numpy_net, model = nets
    x, y = examples()
    for start in range(0, len(x), BATCH):
        model.train_on_batch(x[start : start + BATCH].astype(np.float32), y[start : start + BATCH])
    numpy_net.partial_fit(x, y)
    for ours, theirs in zip(numpy_net.parameters_, model.get_weights(), strict=True):
        np.testing.assert_allclose(ours.ravel(), theirs.ravel(), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(numpy_net.predict_proba(x), model.predict(x, verbose=0), atol=1e-5)
