"""How the captioners of ``etabli.models.attention`` learn: smoothed cross-entropy, Adam, a cosine that ends at 0."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np

from etabli.models import attention
from etabli.models.attention import Parameters
from etabli.models.memory import Memory
from etabli.models.products import matmul
from etabli.seeding import generator

CHUNK = 128


@dataclass(frozen=True)
class Recipe:
    """What each knob does: more ``epochs`` fit longer; ``images`` whose captions make one batch; ``steps`` of a caption
    that are learnt (what comes later is not, and nothing is cut); ``dropout`` against learning by heart; ``smoothing``
    of the wanted distribution, against overconfidence; ``rate`` at the top of the cosine, after ``warm`` of all steps.
    """

    epochs: int = 10
    images: int = 16
    steps: int = 16
    dropout: float = 0.5
    smoothing: float = 0.1
    rate: float = 1e-3
    warm: float = 0.05
    clip: float = 5.0


def smoothed_cross_entropy(smoothing: float) -> Callable:
    """A function (s (M, E), words (V, E), bias (V,), wanted (M,), weight (M,)) -> sum of weighted losses.

    With logits y = s words^T + bias and the wanted distribution q = (1 - smoothing) onehot + smoothing / V, the loss
    of a row is -q . log softmax(y), and its gradient in y is softmax(y) - q. Value and gradients are made together,
    ``CHUNK`` rows at a time, so that the M x V logits never leave the cache.
    """
    import jax
    import jax.numpy as jnp

    def both(said, words, bias, wanted, weight):
        v = words.shape[0]

        def chunk(sums, rows):
            said, wanted, weight = rows
            y = matmul(said, words.T) + bias
            top = y.max(axis=-1, keepdims=True)
            exponentials = jnp.exp(y - top)
            total = exponentials.sum(axis=-1, keepdims=True)
            hit = jnp.arange(v)[None] == wanted[:, None]
            right = jnp.where(hit, y, 0.0).sum(axis=-1)
            losses = (top + jnp.log(total))[:, 0] - (1 - smoothing) * right - smoothing * y.mean(axis=-1)
            dy = (exponentials / total - smoothing / v - jnp.where(hit, 1 - smoothing, 0.0)) * weight[:, None]
            return (
                sums[0] + (losses * weight).sum(),
                sums[1] + matmul(dy.T, said),
                sums[2] + dy.sum(axis=0),
            ), matmul(dy, words)

        pieces = jax.tree.map(lambda a: _in_chunks(a, CHUNK), (said, wanted, weight))
        zeros = (jnp.zeros(()), jnp.zeros_like(words), jnp.zeros_like(bias))
        (loss, dwords, dbias), dsaid = jax.lax.scan(chunk, zeros, pieces)
        return loss, (dsaid.reshape(-1, said.shape[1])[: len(said)], dwords, dbias)

    @jax.custom_vjp
    def loss(said, words, bias, wanted, weight):
        return both(said, words, bias, wanted, weight)[0]

    def backward(gradients, d):
        return (*(d * gradient for gradient in gradients), None, None)

    loss.defvjp(both, backward)
    return loss


def batch_loss(recipe: Recipe) -> Callable:
    """The mean loss of a batch for its known words: (weights, maps (N, L, D), captions (N, R, T + 1), key) -> ().

    ``captions`` are word numbers ended by -1s; a word is wanted where it is not -1, so padding has no gradient.
    """
    import jax.numpy as jnp

    cross_entropy = smoothed_cross_entropy(recipe.smoothing)

    def loss(weights, maps, captions, key):
        captions = captions[..., : recipe.steps + 1]
        wanted = captions[..., 1:].reshape(-1)
        known = (wanted >= 0).astype(jnp.float32)
        said = attention.teacher_forced(weights, maps, jnp.maximum(captions[..., :-1], 0), recipe.dropout, key)
        total = cross_entropy(said, weights["words"], weights["bias"], wanted, known)
        return total / jnp.maximum(known.sum(), 1.0)

    return loss


def train(
    weights: Parameters,
    maps: np.ndarray,
    captions: np.ndarray,
    recipe: Recipe,
    seed: int,
    after_epoch: Callable[[int, float, Parameters], None] = lambda epoch, loss, weights: None,
    memory: Memory | None = None,
) -> Parameters:
    """Learn from N images, ``maps`` (N, L, D) read a batch at a time, and R captions each (N, R, T + 1).

    With a ``memory`` an interrupted training goes on after its last whole epoch, to the same weights bit for bit.
    """
    import jax

    memory = memory or Memory()

    batches = max(1, len(captions) // recipe.images)
    update = _updater(recipe, batches * recipe.epochs)
    leaves, form = jax.tree.flatten((weights, jax.tree.map(np.zeros_like, (weights, weights))))
    weights, moments = jax.tree.unflatten(form, memory.resumed(leaves))
    key = jax.random.key(seed)
    order = generator(seed, "caption", "order")
    for epoch in range(recipe.epochs):
        losses, places = [], order.permutation(len(captions))
        if epoch < memory.done:
            continue
        for batch, rows in enumerate(np.array_split(places, batches)):
            rows = np.sort(_filled(rows, -(-len(captions) // batches)))
            number = epoch * batches + batch
            weights, moments, value = update(weights, moments, number, maps[rows], captions[rows], key)
            losses.append(value)
        after_epoch(epoch + 1, float(np.mean(jax.device_get(losses))), weights)
        memory.keep(epoch + 1, jax.tree.leaves((weights, moments)))
    return jax.device_get(weights)


def mean_loss(weights: Parameters, maps: Any, captions: np.ndarray, images: int = 50) -> float:
    """The mean loss a word, without dropout and smoothing, over whole captions (N, R, T + 1)."""
    loss = _measure(captions.shape[-1])
    total = number = 0.0
    for first in range(0, len(captions), images):
        rows = slice(first, first + images)
        known = float((captions[rows, :, 1:] >= 0).sum())
        total += known * float(loss(weights, maps[rows], captions[rows], None))
        number += known
    return total / number


@cache
def _measure(steps: int) -> Callable:
    import jax

    return jax.jit(batch_loss(Recipe(smoothing=0.0, steps=steps)))


def _updater(recipe: Recipe, total: int) -> Callable:
    import jax
    import jax.numpy as jnp

    value_and_gradient = jax.value_and_grad(batch_loss(recipe))
    warm = max(1.0, recipe.warm * total)

    @partial(jax.jit, donate_argnums=(0, 1))
    def update(weights, moments, number, maps, captions, key):
        """m = .9 m + .1 g, v = .999 v + .001 g^2, w -= rate m' / (sqrt v' + eps), ' without its bias to 0."""
        loss, gradient = value_and_gradient(weights, maps, captions, jax.random.fold_in(key, number))
        size = jnp.sqrt(sum((g * g).sum() for g in jax.tree.leaves(gradient)))
        scale = jnp.minimum(1.0, recipe.clip / (size + 1e-9))
        first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * scale * g, moments[0], gradient)
        second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * (scale * g) ** 2, moments[1], gradient)
        step = number + 1.0
        rate = recipe.rate * jnp.minimum(step / warm, 0.5 + 0.5 * jnp.cos(jnp.pi * number / total))
        rate = rate * jnp.sqrt(1 - 0.999**step) / (1 - 0.9**step)
        weights = jax.tree.map(lambda w, m, v: w - rate * m / (jnp.sqrt(v) + 1e-8), weights, first, second)
        return weights, (first, second), loss

    return update


def _filled(rows: np.ndarray, size: int) -> np.ndarray:
    """Rows repeated from the first on where a batch is one short, so that all batches have one shape."""
    return np.resize(rows, size)


def _in_chunks(array: Any, size: int) -> Any:
    import jax.numpy as jnp

    missing = -len(array) % size
    padded = jnp.pad(array, [(0, missing)] + [(0, 0)] * (array.ndim - 1))
    return padded.reshape(-1, size, *array.shape[1:])
