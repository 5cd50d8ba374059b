"""Optimizers, learning-rate schedule, moving average and clipping of the training loops in JAX.

Pure functions of pytrees, usable inside ``jax.jit`` and ``jax.lax.scan``. The fully Keras-based
loop (``jax_trainer``) uses Keras' own optimizers; ``nn.optimizers`` serves the NumPy estimators.
"""

from typing import Any, Literal

import numpy as np

__all__ = ["adam", "clip_by_global_norm", "cosine_schedule", "rmsprop", "update_ema", "warm_up_ema"]

Arithmetic = Literal["ema", "increment", "left_to_right"]


def adam(
    weights: Any,
    gradients: Any,
    moments: tuple[Any, Any],
    step: Any,
    learning_rate: Any,
    *,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-8,
    weight_decay: Any = None,
    correct_rate: bool = False,
    arithmetic: Arithmetic = "ema",
) -> tuple[Any, tuple[Any, Any]]:
    """Return the weights and moments after one step of Adam.

    m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2, m' = m / (1 - b1^t), v' = v / (1 - b2^t), w = w
    - rate (m' / (sqrt(v') + epsilon) + weight_decay w). Kingma, Ba 2015, algorithm 1; the decay is
    decoupled (Loshchilov, Hutter 2019).

    Args:
        weights: Pytree of arrays (JAX or NumPy).
        gradients: Pytree of the same structure.
        moments: m and v, two such pytrees, zeros at first.
        step: t, from 1 at the first step.
        learning_rate: One rate, or a pytree with one for each array.
        beta_1: b1.
        beta_2: b2.
        epsilon: Added to the root of v' (of v with ``correct_rate``).
        weight_decay: ``None``, one decay, or a pytree with one for each array.
        correct_rate: Whether the bias of both moments is corrected in the rate, as Keras does it
            (section 2, end): epsilon then counts more in the first steps.
        arithmetic: The order of operations in both moments, see ``_average``.
    """
    import jax

    bias_1, bias_2 = 1 - beta_1**step, 1 - beta_2**step

    def update(w: Any, g: Any, m: Any, v: Any, rate: Any, decay: Any) -> tuple[Any, Any, Any]:
        sqrt = np.sqrt if isinstance(v, np.ndarray) else jax.numpy.sqrt
        m = _average(m, g, beta_1, arithmetic)
        v = _average_of_squares(v, g, beta_2, arithmetic)
        if correct_rate:
            rate, corrected, root = rate * jax.numpy.sqrt(bias_2) / bias_1, m, sqrt(v)
        else:
            corrected, root = m / bias_1, sqrt(v / bias_2)
        if decay is None:
            return w - rate * corrected / (root + epsilon), m, v
        return w - rate * (corrected / (root + epsilon) + decay * w), m, v

    leaves: list[Any]
    form: Any
    leaves, form = jax.tree.flatten(weights)

    def broadcast(values: Any) -> list:
        same = values is not None and jax.tree.structure(values) == form
        return jax.tree.leaves(values) if same else [values] * len(leaves)

    rows = zip(
        leaves,
        *map(jax.tree.leaves, (gradients, *moments)),
        broadcast(learning_rate),
        broadcast(weight_decay),
        strict=True,
    )
    new, first, second = zip(*(update(*row) for row in rows), strict=True)
    return form.unflatten(new), (form.unflatten(first), form.unflatten(second))


def rmsprop(
    weights: Any,
    gradients: Any,
    squares: Any,
    learning_rate: Any,
    *,
    rho: float = 0.9,
    epsilon: float = 1e-7,
) -> tuple[Any, Any]:
    """Return weights and mean squares after one step of RMSprop, as Keras has it (without
    momentum).

    v = rho v + (1 - rho) g^2, w = w - rate g / sqrt(v + epsilon). Tieleman, Hinton 2012, lecture
    6.5.
    """
    import jax

    squares = jax.tree.map(
        lambda v, g: _average_of_squares(v, g, rho, "left_to_right"), squares, gradients
    )
    weights = jax.tree.map(
        lambda w, g, v: w - learning_rate * g * jax.lax.rsqrt(v + epsilon),
        weights,
        gradients,
        squares,
    )
    return weights, squares


def cosine_schedule(step: Any, total: Any = 1.0, floor: float = 0.0, peak: Any = 1.0) -> Any:
    """Return the rate at ``step`` of ``total``, half a cosine from ``peak`` to ``floor`` times it.

    Loshchilov, Hutter 2017, "SGDR", equation 5, without restarts.
    """
    import jax.numpy as jnp

    is_host = isinstance(step, int | float | np.ndarray | np.generic)
    numpy: Any = np if is_host else jnp
    return peak * floor + peak * (1 - floor) * 0.5 * (1 + numpy.cos(np.pi * step / total))


def update_ema(average: Any, weights: Any, decay: Any) -> Any:
    """Return decay average + (1 - decay) weights for every array of two pytrees."""
    import jax

    return jax.tree.map(lambda a, w: _average(a, w, decay, "ema"), average, weights)


def warm_up_ema(decay: float, step: Any, warm_up: int) -> Any:
    """Return min(decay, t / (t + warm_up)): a young average forgets the initial weights sooner."""
    import jax.numpy as jnp

    return jnp.minimum(decay, step / (step + warm_up))


def clip_by_global_norm(gradients: Any, max_norm: float) -> Any:
    """Return the gradients scaled so that the norm of all arrays together is at most ``max_norm``.

    Pascanu, Mikolov, Bengio 2013, algorithm 1.
    """
    import jax
    import jax.numpy as jnp

    norm = jnp.sqrt(sum((g * g).sum() for g in jax.tree.leaves(gradients)))
    scale = jnp.minimum(1.0, max_norm / norm)
    return jax.tree.map(lambda g: g * scale, gradients)


def _average(old: Any, new: Any, decay: Any, arithmetic: Arithmetic) -> Any:
    """decay old + (1 - decay) new.

    Equal terms in another order of operations round differently, and training amplifies the last
        bit: each model keeps the order that its published scores were measured with ("increment" is
        that of Keras' Adam).
    """
    if arithmetic == "increment":
        return old + (1 - decay) * (new - old)
    return decay * old + (1 - decay) * new


def _average_of_squares(old: Any, gradient: Any, decay: float, arithmetic: Arithmetic) -> Any:
    """decay old + (1 - decay) gradient^2.

    "left_to_right" weights the gradient before it is squared.
    """
    if arithmetic == "left_to_right":
        return decay * old + (1 - decay) * gradient * gradient
    return _average(old, gradient * gradient, decay, arithmetic)
