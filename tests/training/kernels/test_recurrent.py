import numpy as np
import pytest

from etabli.training.kernels.recurrent import embedding_lookup, lstm, simple_rnn

T, B, H, V = 12, 3, 5, 7
RNG = np.random.default_rng(0)
CODES = RNG.integers(0, V, (T, B))
HIDDEN, CELL = RNG.normal(size=(2, B, H)).astype(np.float32)
CODES.setflags(write=False)


def plain_simple_rnn(projected, recurrent, hidden):
    import jax
    import jax.numpy as jnp

    def step(h, x):
        h = jnp.tanh(x + h @ recurrent)
        return h, h

    return jax.lax.scan(step, hidden, projected)[1]


def plain_lstm(projected, recurrent, hidden, cell):
    import jax
    import jax.numpy as jnp

    def step(carry, x):
        h, c = carry
        i, f, g, o = jnp.split(x + h @ recurrent, 4, axis=-1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    (_, last), states = jax.lax.scan(step, (hidden, cell), projected)
    return states, last


def gradients(function, *arrays):
    """Of a weighted sum over everything that the function returns."""
    import jax

    def total(*inputs):
        out = jax.tree.leaves(function(*inputs))
        return sum((leaf * np.cos(np.arange(leaf.size)).reshape(leaf.shape)).sum() for leaf in out)

    return jax.grad(total, argnums=range(len(arrays)))(*arrays)


def test_the_gradient_of_the_simple_rnn_is_that_of_automatic_differentiation():
    arrays = (RNG.normal(size=(T, B, H)), 0.4 * RNG.normal(size=(H, H)), HIDDEN)
    arrays = tuple(array.astype(np.float32) for array in arrays)
    for ours, theirs in zip(
        gradients(simple_rnn, *arrays), gradients(plain_simple_rnn, *arrays), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_the_gradient_of_the_lstm_is_that_of_automatic_differentiation():
    arrays = (RNG.normal(size=(T, B, 4 * H)), RNG.normal(size=(H, 4 * H)), HIDDEN, CELL)
    arrays = tuple(array.astype(np.float32) for array in arrays)
    for ours, theirs in zip(gradients(lstm, *arrays), gradients(plain_lstm, *arrays), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_looking_up_rows_is_the_product_with_the_one_hot_array():
    kernel = RNG.normal(size=(V, H)).astype(np.float32)
    one_hot = np.eye(V, dtype=np.float32)[CODES]
    np.testing.assert_allclose(embedding_lookup(kernel, CODES), one_hot @ kernel, atol=1e-6)
    ours = gradients(lambda k: embedding_lookup(k, CODES), kernel)[0]
    np.testing.assert_allclose(ours, gradients(lambda k: one_hot @ k, kernel)[0], atol=1e-5)


@pytest.mark.parametrize(
    ("name", "function", "blocks"), [("SimpleRNN", simple_rnn, 1), ("LSTM", lstm, 4)]
)
def test_the_states_are_those_of_the_keras_layer(name, function, blocks):
    import keras

    layer = getattr(keras.layers, name)(H, return_sequences=True, bias_initializer="random_normal")
    states = (HIDDEN, CELL)[: 1 if blocks == 1 else 2]
    inputs = RNG.normal(size=(B, T, V)).astype(np.float32)
    expected = layer(inputs, initial_state=list(states) if blocks == 4 else states[0])
    kernel, recurrent, bias = layer.get_weights()
    out = function((inputs @ kernel + bias).transpose(1, 0, 2), recurrent, *states)
    out = out[0] if blocks == 4 else out
    np.testing.assert_allclose(
        np.asarray(out).transpose(1, 0, 2), keras.ops.convert_to_numpy(expected), atol=1e-5
    )
