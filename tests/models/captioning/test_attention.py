"""The captioner with attention: its equations in NumPy, and what must hold of it."""

import numpy as np
import pytest

from etabli.models.captioning import attention, train
from etabli.models.captioning.attention import ModelConfig
from etabli.models.captioning.train import TrainConfig

SHAPE = ModelConfig(vocabulary=9, features=6, embedding=5, units=7, attention_dim=4)


@pytest.fixture(autouse=True)
def _exact_products(monkeypatch):
    from etabli.training.kernels import matmul

    monkeypatch.setenv("ETABLI_MATMUL", "float32")
    matmul.matmul_precision.cache_clear()
    yield
    matmul.matmul_precision.cache_clear()


@pytest.fixture
def weights(frozen):
    made = attention.init_weights(SHAPE, np.random.default_rng(0))
    generator = np.random.default_rng(1)
    made = {
        name: array + generator.normal(0, 0.2, array.shape).astype(np.float32)
        for name, array in made.items()
    }
    frozen(*made.values())
    return made


@pytest.fixture
def maps():
    return np.random.default_rng(2).random((3, 4, 6)).astype(np.float32)


def by_hand(w, image, words):
    """The equations at the head of the module, one image and one caption, in NumPy."""
    relu, sigmoid = lambda x: np.maximum(x, 0), lambda x: 1 / (1 + np.exp(-x))
    image = (image - w["features/mean"]) / w["features/spread"]
    mean = image.mean(axis=0)
    gist = relu(mean @ w["gist/kernel"] + w["gist/bias"])
    h = np.tanh(mean @ w["first/kernel"] + w["first/bias"])
    regions = relu(image @ w["region/kernel"] + w["region/bias"])
    rows, looks = [], []
    for word in words:
        x = np.concatenate([np.sqrt(5) * w["words"][word], gist]) @ w["gru/kernel"] + w["gru/bias"]
        u = h @ w["gru/recurrent"] + w["gru/recurrent_bias"]
        (xu, xr, xn), (hu, hr, hn) = np.split(x, 3), np.split(u, 3)
        update = sigmoid(xu + hu)
        h = update * h + (1 - update) * np.tanh(xn + sigmoid(xr + hr) * hn)
        scores = (regions @ w["key/kernel"]) @ (h @ w["query/kernel"]) / 2.0
        alpha = np.exp(scores) / np.exp(scores).sum()
        said = np.tanh(np.concatenate([h, alpha @ regions]) @ w["out/kernel"] + w["out/bias"])
        logits = said @ w["words"].T + w["bias"]
        rows.append(logits - np.log(np.exp(logits).sum()))
        looks.append(alpha)
    return np.array(rows), np.array(looks)


def test_each_step_is_its_equations(weights, maps):
    import jax

    step, words = jax.jit(attention.step), np.array([[0, 3, 5], [0, 2, 2], [0, 8, 4]])
    scene = jax.jit(attention.encode_images)(weights, maps)
    state = np.asarray(scene["first"])[:, None]
    for t in range(3):
        log_p, state = step(weights, scene, state, words[:, t : t + 1])
        for image in range(3):
            wanted = by_hand(weights, maps[image], words[image])[0][t]
            np.testing.assert_allclose(log_p[image, 0], wanted, atol=1e-5)


def test_the_whole_caption_at_once_gives_what_step_after_step_gives(weights, maps):
    words = np.array([[[0, 3, 5], [0, 4, 1]], [[0, 2, 2], [0, 6, 7]], [[0, 8, 4], [0, 0, 3]]])
    import jax

    said = np.asarray(jax.jit(attention.decode_teacher_forced)(weights, maps, words))
    log_p = np.asarray(jax.jit(attention.log_probabilities)(weights, said)).reshape(3, 2, 3, 9)
    for image in range(3):
        for caption in range(2):
            wanted = by_hand(weights, maps[image], words[image, caption])[0]
            np.testing.assert_allclose(log_p[image, caption], wanted, atol=1e-5)


def test_attention_is_shares_of_the_regions_and_follows_them(weights, maps):
    words = np.array([0, 3, 5])
    shares = attention.attention_maps(weights, maps[:1], words[None])[0]
    np.testing.assert_allclose(shares, by_hand(weights, maps[0], words)[1], atol=1e-5)
    np.testing.assert_allclose(shares.sum(axis=1), 1.0, atol=1e-6)
    order = np.array([2, 0, 3, 1])
    moved = attention.attention_maps(weights, maps[:1, order], words[None])[0]
    np.testing.assert_allclose(moved, shares[:, order], atol=1e-5)


def test_a_fresh_net_loses_ln_v(maps):
    import jax

    loss = jax.jit(train.make_batch_loss(TrainConfig(smoothing=0.0)))
    captions = np.array([[[0, 3, 5, 1, -1]]] * 3)
    fresh = attention.init_weights(SHAPE, np.random.default_rng(0))
    assert loss(fresh, maps, captions, None) == pytest.approx(np.log(9), abs=0.05)


def test_the_smoothed_loss_and_its_gradients_are_those_of_the_formula(frozen):
    import jax
    import jax.numpy as jnp

    generator = np.random.default_rng(0)
    said, words, bias = (
        generator.normal(size=size).astype(np.float32) for size in ((150, 4), (9, 4), (9,))
    )
    wanted, weight = generator.integers(0, 9, 150), generator.random(150).astype(np.float32)
    frozen(said, words, bias, wanted, weight)

    def formula(said, words, bias):
        log_p = jax.nn.log_softmax(said @ words.T + bias)
        q = 0.8 * jax.nn.one_hot(wanted, 9) + 0.2 / 9
        return -(weight[:, None] * q * log_p).sum()

    ours = train.smoothed_cross_entropy(0.2)
    value, gradients = jax.value_and_grad(ours, argnums=(0, 1, 2))(
        jnp.asarray(said), jnp.asarray(words), jnp.asarray(bias), wanted, weight
    )
    wanted_value, wanted_gradients = jax.value_and_grad(formula, argnums=(0, 1, 2))(
        said, words, bias
    )
    assert value == pytest.approx(float(wanted_value), rel=1e-5)
    for a, b in zip(gradients, wanted_gradients, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)


def test_the_length_of_the_reference_and_its_padding_reach_nothing(weights, maps):
    import jax

    gradient = jax.jit(jax.grad(train.make_batch_loss(TrainConfig(dropout=0.0))))
    short = np.array([[[0, 3, 1]]] * 3)
    padded = np.pad(short, ((0, 0), (0, 0), (0, 5)), constant_values=-1)
    with_padding = gradient(weights, maps, padded, None)
    for name, value in gradient(weights, maps, short, None).items():
        np.testing.assert_allclose(value, with_padding[name], atol=1e-6, err_msg=name)


@pytest.mark.parametrize("size", [0, 16], ids=["gist alone", "attention"])
def test_six_images_are_memorized(size):
    generator = np.random.default_rng(0)
    maps = generator.random((6, 4, 6)).astype(np.float32)
    captions = np.stack([[[0, *generator.integers(2, 9, 3), 1]] for _image in range(6)])
    fresh = attention.init_weights(ModelConfig(9, 6, 16, 32, size), generator, maps)
    recipe = TrainConfig(epochs=150, batch_size=6, dropout=0.0, smoothing=0.0, learning_rate=0.01)
    losses = []
    train.train(fresh, maps, captions, recipe, 0, lambda epoch, loss, weights: losses.append(loss))
    assert losses[-1] < 0.05 < losses[0]


def test_bfloat16_products_differ_from_exact_ones_by_their_rounding_only(monkeypatch):
    import jax

    from etabli.training.kernels import matmul

    generator = np.random.default_rng(0)
    a, b = (generator.normal(size=(8, 8)).astype(np.float32) for _ in range(2))
    exact = jax.grad(lambda a: (matmul.matmul(a, b) ** 2).sum())(a)
    monkeypatch.setenv("ETABLI_MATMUL", "bfloat16")
    matmul.matmul_precision.cache_clear()
    rounded = jax.grad(lambda a: (matmul.matmul(a, b) ** 2).sum())(a)
    assert 0 < np.abs(rounded - exact).max() < 0.05 * np.abs(exact).max()
