"""Optimizers, schedule, moving average and clipping, against Keras and by definition."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from etabli.training import optimizer

SHAPES = [(4, 3), (3,), (2, 2)]
DRAWS = np.random.default_rng(0)
START = [DRAWS.normal(size=shape).astype(np.float32) for shape in SHAPES]
GRADIENTS = [
    [DRAWS.normal(size=shape).astype(np.float32) for shape in SHAPES] for _step in range(20)
]


def run_keras(reference: keras.optimizers.Optimizer) -> list[np.ndarray]:
    variables = [keras.Variable(weight) for weight in START]
    for gradients in GRADIENTS:
        reference.apply_gradients(
            zip([keras.ops.convert_to_tensor(each) for each in gradients], variables, strict=True)
        )
    return [keras.ops.convert_to_numpy(each) for each in variables]


def run_adam(rate=0.01, **options) -> list[np.ndarray]:
    weights, zeros = START, [np.zeros_like(weight) for weight in START]
    moments = (zeros, zeros)
    step = jax.jit(lambda *arrays: optimizer.adam(*arrays, rate, **options))
    for number, gradients in enumerate(GRADIENTS, 1):
        weights, moments = step(weights, gradients, moments, number)
    return weights


@pytest.mark.parametrize("arithmetic", ["ema", "increment", "left_to_right"])
def test_adam_makes_the_updates_of_keras(arithmetic):
    expected = run_keras(keras.optimizers.Adam(0.01, epsilon=1e-7))
    found = run_adam(epsilon=1e-7, correct_rate=True, arithmetic=arithmetic)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-6)


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_adam_with_decoupled_weight_decay_makes_the_updates_of_keras(decay):
    """Where epsilon is small against the gradients, both forms of the correction agree."""
    expected = run_keras(keras.optimizers.AdamW(0.01, weight_decay=decay, epsilon=1e-12))
    found = run_adam(epsilon=1e-12, weight_decay=decay)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=3e-6)


def test_both_corrections_of_the_bias_differ_by_epsilon_alone():
    for one, other in zip(
        run_adam(epsilon=0.0), run_adam(epsilon=0.0, correct_rate=True), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-6)


def test_numpy_arrays_stay_numpy_arrays_and_get_the_same_updates():
    weights, moments = START[0], (np.zeros_like(START[0]), np.zeros_like(START[0]))
    for number, gradients in enumerate(GRADIENTS, 1):
        weights, moments = optimizer.adam(weights, gradients[0], moments, number, np.float32(0.01))
    assert isinstance(weights, np.ndarray) and weights.dtype == np.float32
    np.testing.assert_allclose(weights, run_adam()[0], rtol=0, atol=1e-6)


def test_each_array_may_have_its_own_rate_and_decay():
    moments = ([np.zeros_like(each) for each in START],) * 2
    weights, _moments = optimizer.adam(
        START, GRADIENTS[0], moments, 1, [0.1, 0.0, 0.2], weight_decay=[0.0, 0.0, 0.5]
    )
    sign = [np.sign(each) for each in GRADIENTS[0]]  # after one step m' / sqrt(v') is the sign
    np.testing.assert_allclose(weights[0], START[0] - 0.1 * sign[0], atol=1e-5)
    np.testing.assert_array_equal(weights[1], START[1])
    np.testing.assert_allclose(weights[2], START[2] - 0.2 * (sign[2] + 0.5 * START[2]), atol=1e-5)


def test_rmsprop_makes_the_updates_of_keras():
    expected = run_keras(keras.optimizers.RMSprop(0.01))
    weights, squares = START, [np.zeros_like(weight) for weight in START]
    for gradients in GRADIENTS:
        weights, squares = optimizer.rmsprop(weights, gradients, squares, 0.01)
    for one, other in zip(weights, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-6)


def test_the_cosine_schedule_is_that_of_keras():
    reference = keras.optimizers.schedules.CosineDecay(1.0, 40, alpha=0.02)
    steps = np.arange(41)
    expected = [float(reference(step)) for step in steps]
    np.testing.assert_allclose(
        optimizer.cosine_schedule(steps, 40, floor=0.02), expected, atol=1e-6
    )
    in_jax = jax.jit(lambda step: optimizer.cosine_schedule(step, 40, floor=0.02))(steps)
    np.testing.assert_allclose(in_jax, expected, atol=1e-6)
    assert optimizer.cosine_schedule(0.0) == 1 and optimizer.cosine_schedule(1.0) == 0
    assert optimizer.cosine_schedule(0.5) == pytest.approx(0.5)


def test_the_moving_average_weights_older_values_geometrically():
    average, values = {"w": jnp.zeros(3)}, DRAWS.normal(size=(8, 3)).astype(np.float32)
    for value in values:
        average = optimizer.update_ema(average, {"w": value}, 0.9)
    weights = 0.1 * 0.9 ** np.arange(7, -1, -1)
    np.testing.assert_allclose(average["w"], weights @ values, rtol=1e-5)
    assert optimizer.warm_up_ema(0.99, 1.0, 9) == pytest.approx(0.1)
    assert optimizer.warm_up_ema(0.99, 1e6, 9) == pytest.approx(0.99)


def test_clipping_shortens_a_long_gradient_and_leaves_a_short_one():
    gradients = {"a": jnp.array([3.0, 0.0]), "b": jnp.array([[4.0]])}
    clipped = optimizer.clip_by_global_norm(gradients, 2.5)
    np.testing.assert_allclose(clipped["a"], [1.5, 0.0])
    np.testing.assert_allclose(clipped["b"], [[2.0]])
    same = optimizer.clip_by_global_norm(gradients, 10.0)
    np.testing.assert_array_equal(same["a"], gradients["a"])
    zeros = optimizer.clip_by_global_norm({"a": jnp.zeros(2)}, 1.0)
    np.testing.assert_array_equal(zeros["a"], [0, 0])
