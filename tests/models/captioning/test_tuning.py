"""Joint training of a captioner and of the upper layers of a net."""

import numpy as np
import pytest

from etabli.models.captioning import attention, tuning
from etabli.models.captioning.train import TrainConfig, train


@pytest.fixture(scope="module")
def net():
    import keras

    keras.utils.set_random_seed(0)
    images = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, padding="same", activation="relu", name="low")(images)
    x = keras.layers.Conv2D(6, 1, name="middle")(x)
    x = keras.layers.BatchNormalization(name="norm")(x)
    x = keras.layers.DepthwiseConv2D(3, strides=2, padding="same", name="depthwise")(x)
    return keras.Model(images, keras.layers.Conv2D(5, 1, activation="relu", name="top")(x))


@pytest.fixture
def stored(net):
    import keras

    generator = np.random.default_rng(0)
    low = keras.Model(net.inputs[0], net.get_layer("low").output)
    images = generator.uniform(0, 1, (12, 8, 8, 3)).astype(np.float32)
    return images, np.asarray(low(images))


def test_the_tail_continues_from_stored_outputs_to_the_same_maps(net, stored):
    images, outputs = stored
    tail = tuning.Tail(net, "low")
    expected = np.asarray(net(images)).reshape(12, -1, 5)
    np.testing.assert_allclose(tail.apply(tail.weights, outputs), expected, atol=1e-5)
    np.testing.assert_allclose(tail.compute_maps(tail.weights, outputs), expected, atol=2e-3)


def test_rates_rise_with_the_depth_and_depthwise_kernels_are_not_trained(net):
    tail = tuning.Tail(net, "low", lower_rate=0.3)
    assert not any("depthwise" in name for name in tail.weights)
    rates = {name.split("/")[1]: rate for name, rate in tail.rates.items()}
    assert 0.3 < rates["middle"] < rates["norm"] < rates["top"] == 1
    shares = tuning.share_rates(tail, {"words": 0}, 0.1)
    assert shares["words"] == 1
    assert shares["tail/top/kernel"] == pytest.approx(0.1)


def test_tail_and_captioner_learn_together_and_what_is_frozen_stays(net, stored):
    generator = np.random.default_rng(1)
    tail = tuning.Tail(net, "low")
    decoder = attention.init_weights(attention.ModelConfig(7, 5, 4, 4, 2), generator)
    captions = generator.integers(0, 7, (12, 2, 5)).astype(np.int32)
    config = TrainConfig(epochs=2, batch_size=4, dropout=0.1)
    start = {**decoder, **tail.weights}
    trained = train(
        dict(start),
        stored[1],
        captions,
        config,
        0,
        loss=tuning.make_joint_loss(tail, config),
        rates=tuning.share_rates(tail, decoder, 0.5),
    )
    constants = {"features/mean", "features/spread"}
    # A bias before batch normalization in inference mode has a gradient like any other.
    assert {name for name in start if np.array_equal(start[name], trained[name])} == constants
    before = {layer.name: layer.get_weights() for layer in net.layers}
    tail.assign(trained)
    np.testing.assert_array_equal(net.get_layer("top").get_weights()[0], trained["tail/top/kernel"])
    for name in ("low", "depthwise"):
        assert all(map(np.array_equal, before[name], net.get_layer(name).get_weights()))
    assert all(map(np.array_equal, before["norm"][2:], net.get_layer("norm").get_weights()[2:]))
    own, theirs = tuning.split_weights(trained)
    assert own.keys() == decoder.keys() and theirs.keys() == tail.weights.keys()


def test_a_frozen_tail_is_a_tail_that_learns_with_the_rate_0(net, stored):
    """Without clipping: a tail that is not frozen adds to the norm of the gradient."""
    generator = np.random.default_rng(2)
    tail = tuning.Tail(net, "middle")
    decoder = attention.init_weights(attention.ModelConfig(7, 5, 4, 4, 2), generator)
    captions = generator.integers(0, 7, (12, 2, 5)).astype(np.int32)
    config = TrainConfig(epochs=1, batch_size=4, clip=1e9)
    frozen, still = (
        train(
            {**decoder, **tail.weights},
            np.repeat(stored[1], 2, axis=-1)[..., :6],
            captions,
            config,
            0,
            loss=tuning.make_joint_loss(tail, config, is_frozen),
            rates=tuning.share_rates(tail, decoder, rate),
        )
        for is_frozen, rate in ((True, 0.5), (False, 0.0))
    )
    for name, array in tail.weights.items():
        np.testing.assert_array_equal(frozen[name], array)
        np.testing.assert_array_equal(still[name], array)
    for name in decoder:
        np.testing.assert_allclose(frozen[name], still[name], atol=1e-6)
