"""The compiled passes of the character LSTM: one that learns from a text, one that only reads it.

Both take the weights as Keras lists them: embedding, kernel, recurrent, bias, then of the residual net its
gate, then dense and its bias. All arrays stand time first, (T, B, ...), and a pass is a stack of P pieces of
T steps, the state carried from piece to piece.
"""

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from etabli.models.char_modern import Recipe

__all__ = ["learning", "reading"]


@cache
def reading():
    """(weights, codes (T, B), known (T, B), counted (T, B, V)) -> ln p (T, B, V); the state stays zero where
    ``known`` is False.
    """
    import jax

    def read(weights, codes, known, counted):
        state = _zero_state(codes.shape[1], weights[2].shape[0])
        return jax.nn.log_softmax(_forward(weights, codes, counted, state, known)[0])

    return jax.jit(read)


@cache
def learning(recipe: "Recipe"):
    """(learner, inputs (P, T, B), targets (P, T, B, V), counted, key, rates (P,)) -> learner, mean loss.

    One step of Adam (0.9, 0.999) on every piece in order; the learner is (weights, first moments, second
    moments, averaged weights, number of steps).
    """
    import jax

    def step(carry, batch):
        (learner, state), (*piece, key, rate) = carry, batch
        (loss, state), grads = jax.value_and_grad(_loss, has_aux=True)(learner[0], *piece, key, state, recipe)
        return (_adam(learner, grads, rate, recipe), state), loss

    def run(learner, inputs, targets, counted, key, rates):
        state = _zero_state(inputs.shape[2], learner[0][2].shape[0])
        keys = jax.random.split(key, len(inputs))
        (learner, _), losses = jax.lax.scan(step, (learner, state), (inputs, targets, counted, keys, rates))
        return learner, losses.mean()

    return jax.jit(run)


def _forward(weights, codes, counted, state, known=None, masks=(1.0, 1.0, 1.0)):
    """Logits (T, B, V) and the state after the last step.

    The residual net adds gate(h) ln p_ngram to its own logits, gate = softplus(h g + b).
    """
    import jax

    from etabli.models.recurrent import lookup, lstm

    embedding, kernel, recurrent, bias, *gate, dense, dense_bias = weights
    rows, inner, outer = masks
    projected = (lookup(embedding, codes) * rows) @ kernel + bias
    if known is not None:
        # A closed input gate and output gate: nothing enters the state and nothing leaves it.
        projected = projected + _closed(known, recurrent.shape[0])
    states, cell = lstm(projected, recurrent * inner, *state)
    seen = states * outer
    logits = seen @ dense + dense_bias
    if gate:
        logits = logits + jax.nn.softplus(seen @ gate[0] + gate[1]) * counted
    return logits, (states[-1], cell)


def _closed(known, units: int):
    import jax.numpy as jnp

    gates = jnp.repeat(jnp.array([1.0, 0.0, 0.0, 1.0]), units) * -1e9
    return jnp.where(known[..., None], 0.0, gates)


def _zero_state(streams: int, units: int):
    import jax.numpy as jnp

    return jnp.zeros((streams, units)), jnp.zeros((streams, units))


def _loss(weights, inputs, targets, counted, key, state, recipe):
    """-mean sum_v q(v) ln p(v) under one draw of the masks, q the targets; and the state to go on with."""
    import jax

    keys, streams = jax.random.split(key, 3), inputs.shape[1]
    shapes = (streams, weights[0].shape[1]), weights[2].shape, (streams, weights[2].shape[0])
    shares = (recipe.input_drop, recipe.weight_drop, recipe.output_drop)
    masks = [
        jax.random.bernoulli(key, 1 - share, shape) / (1 - share) if share else 1.0
        for key, share, shape in zip(keys, shares, shapes, strict=True)
    ]
    logits, state = _forward(weights, inputs, counted, state, masks=masks)
    log_p = jax.nn.log_softmax(logits)
    return -(targets * log_p).sum(axis=-1).mean(), state


def _adam(learner, grads, rate, recipe):
    """One step of Adam on the clipped gradient, and of the moving average (short while it is young)."""
    import jax.numpy as jnp

    weights, means, squares, average, count = learner
    norm = jnp.sqrt(sum((g * g).sum() for g in grads))
    grads = [g * jnp.minimum(1.0, recipe.clip / norm) for g in grads]
    count = count + 1
    means = [0.9 * m + 0.1 * g for m, g in zip(means, grads, strict=True)]
    squares = [0.999 * v + 0.001 * g * g for v, g in zip(squares, grads, strict=True)]
    scale, rescale = 1 - 0.9**count, 1 - 0.999**count
    weights = [
        w - rate * (m / scale) / (jnp.sqrt(v / rescale) + 1e-8) for w, m, v in zip(weights, means, squares, strict=True)
    ]
    decay = jnp.minimum(recipe.average, count / (count + 10))
    average = [decay * a + (1 - decay) * w for a, w in zip(average, weights, strict=True)]
    return weights, means, squares, average, count
