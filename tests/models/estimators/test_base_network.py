import numpy as np
import pytest

from etabli import nn
from etabli.core.errors import BadArray
from etabli.models.estimators import base_network, fast_training
from etabli.models.estimators.fast_training import Parameters, Trainer
from etabli.models.estimators.mlp import MLP
from etabli.models.estimators.softmax_regression import SoftmaxRegression


def drawn(widths, dtype="float64", seed=0):
    parameters = Parameters(widths, dtype)
    parameters.flat[:] = np.random.default_rng(seed).normal(0, 0.5, parameters.flat.size)
    return parameters


@pytest.mark.parametrize("widths", [[6, 4], [6, 5, 4], [6, 5, 3, 4]])
@pytest.mark.parametrize("activation", ["sigmoid", "relu"])
def test_back_propagation_through_the_whole_net_agrees_with_differences(widths, activation):
    generator = np.random.default_rng(0)
    x, target = generator.normal(size=(7, 6)), nn.one_hot(generator.integers(0, 4, 7), 4)
    parameters = drawn(widths).arrays

    def loss():
        return base_network.loss_and_gradients(x, target, parameters, activation, 0.1)[0]

    _, gradients = base_network.loss_and_gradients(x, target, parameters, activation, 0.1)
    for parameter, gradient in zip(parameters, gradients, strict=True):
        assert nn.relative_error(gradient, nn.numerical_gradient(loss, parameter, 1e-4)) < 1e-7


def make_trainer(parameters, *, activation="sigmoid", momentum=0.0, l2=0.0):
    return Trainer(
        parameters,
        activation=activation,
        batch_size=5,
        momentum=momentum,
        l2=l2,
        shift=0,
        generator=np.random.default_rng(0),
    )


@pytest.mark.parametrize("widths", [[6, 4], [6, 5, 4], [6, 5, 3, 4]])
@pytest.mark.parametrize("activation", ["sigmoid", "relu"])
@pytest.mark.parametrize(("momentum", "l2"), [(0.0, 0.0), (0.9, 0.01)])
def test_training_in_place_makes_the_same_updates_as_the_layers_of_nn(
    widths, activation, momentum, l2
):
    generator = np.random.default_rng(1)
    x, labels = generator.normal(size=(23, 6)), generator.integers(0, 4, 23)
    order, mean = generator.permutation(23), x.mean(axis=0)
    fast, slow = drawn(widths), drawn(widths)
    trainer = make_trainer(fast, activation=activation, momentum=momentum, l2=l2)
    optimizer, losses = nn.SGD(0.3, momentum), []
    target = nn.one_hot(labels, 4)
    for start in range(0, 23, 5):
        part = order[start : start + 5]
        batch = x[part] - mean
        _, logits = base_network.forward(batch, slow.arrays, activation)
        losses.append(nn.softmax_cross_entropy(logits, target[part])[0] * len(part))
        _, gradients = base_network.loss_and_gradients(
            batch, target[part], slow.arrays, activation, l2
        )
        optimizer.update(slow.arrays, gradients)
    loss, _ = trainer.run_epoch(x, labels, order, [0.3] * 5, mean)
    np.testing.assert_allclose(fast.flat, slow.flat, rtol=1e-12, atol=1e-14)
    assert loss == pytest.approx(sum(losses) / 23, rel=1e-12)


def test_averaging_gives_the_mean_of_the_parameters():
    generator = np.random.default_rng(2)
    x, labels = generator.normal(size=(20, 6)), generator.integers(0, 4, 20)
    parameters = drawn([6, 4])
    trainer = make_trainer(parameters)
    average, seen = trainer.start_averaging(), []
    for start in range(0, 20, 5):
        trainer.run_epoch(x, labels, np.arange(start, start + 5), [0.3])
        seen.append(parameters.flat.copy())
    np.testing.assert_allclose(average.flat, np.mean(seen, axis=0), rtol=1e-12)


def test_memory_does_not_grow_with_the_epochs():
    import tracemalloc

    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(500, 50)).astype(np.float32), generator.integers(0, 3, 500)
    peaks = []
    for epochs in (3, 30):
        tracemalloc.start()
        MLP(epochs=epochs, hidden_units=20, random_state=0).fit(x, y)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] - peaks[0] < 20_000  # the rows of the history


def test_a_small_batch_is_memorized():
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(20, 10)), generator.integers(0, 5, 20)
    model = MLP(hidden_units=30, epochs=500, batch_size=20, random_state=0).fit(x, y)
    assert model.score(x, y) == 1
    assert model.loss(x, y) < 0.05


def test_gradients_are_zero_at_the_minimum_of_scikit_learn():
    from sklearn.linear_model import LogisticRegression

    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(60, 4)), generator.integers(0, 3, 60)
    l2 = 0.1
    theirs = LogisticRegression(C=1 / (l2 * len(x)), tol=1e-10, max_iter=1000).fit(x, y)
    ours = SoftmaxRegression(dtype="float64", l2=l2, epochs=1).fit(x, y)
    ours.parameters_[0][:], ours.parameters_[1][:] = theirs.coef_.T, theirs.intercept_
    _, gradients = ours.gradients(x, y)
    assert max(np.abs(gradient).max() for gradient in gradients) < 1e-6


@pytest.mark.parametrize(("down", "right"), [(0, 0), (1, 0), (-2, 1), (0, -3)])
def test_images_are_shifted_by_whole_pixels_and_padded_with_zeros(down, right):
    from scipy.ndimage import shift

    images = np.random.default_rng(0).random((4, 6, 6))
    x = images.reshape(4, 36).copy()
    fast_training._shift_images(x, np.full_like(x, np.nan), down, right)
    np.testing.assert_array_equal(x.reshape(4, 6, 6), shift(images, (0, down, right), order=0))


def test_shift_needs_square_images():
    with pytest.raises(BadArray, match="square number of features"):
        MLP(shift=1).fit(np.zeros((4, 7)), [0, 1, 0, 1])
    MLP(shift=1, epochs=1).fit(np.zeros((4, 9)), [0, 1, 0, 1])
