"""The gated recurrent unit: its hand-made gradient against JAX's own, its states against Keras."""

import numpy as np
import pytest

from etabli.training.kernels import matmul
from etabli.training.kernels.recurrent import gru, gru_step


@pytest.fixture(autouse=True)
def _exact_products(monkeypatch):
    monkeypatch.setenv("ETABLI_MATMUL", "float32")
    matmul.matmul_precision.cache_clear()
    yield
    matmul.matmul_precision.cache_clear()


@pytest.fixture
def arguments(frozen):
    generator = np.random.default_rng(0)
    shapes = ((5, 3, 12), (3, 4), (4, 12), (12,))
    return frozen(*(generator.normal(0, 0.7, shape).astype(np.float32) for shape in shapes))


def test_the_gradient_by_hand_is_that_of_jax(arguments):
    import jax
    import jax.numpy as jnp

    mix = np.random.default_rng(1).normal(size=(5, 3, 4)).astype(np.float32)

    def step_by_step(inputs, state, recurrent, bias):
        states = []
        for x in inputs:
            state = gru_step(x, state, recurrent, bias)
            states.append(state)
        return (mix * jnp.stack(states)).sum()

    ours = jax.jit(jax.grad(lambda *a: (mix * gru(*a)).sum(), argnums=(0, 1, 2, 3)))(*arguments)
    theirs = jax.jit(jax.grad(step_by_step, argnums=(0, 1, 2, 3)))(*arguments)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_the_states_are_those_of_keras(arguments):
    import keras

    inputs, first, recurrent, bias = arguments
    layer = keras.layers.GRU(4, return_sequences=True)
    layer.build((3, 5, 12))
    layer.set_weights(
        [np.eye(12, dtype=np.float32), recurrent, np.stack([np.zeros(12, np.float32), bias])]
    )
    wanted = layer(inputs.transpose(1, 0, 2), initial_state=first)
    np.testing.assert_allclose(
        gru(*arguments), keras.ops.convert_to_numpy(wanted).transpose(1, 0, 2), atol=1e-5
    )
