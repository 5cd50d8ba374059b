"""How the captioners of ``etabli.models.captioning.attention`` learn: smoothed cross-entropy, Adam, a cosine that ends at 0."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np

from etabli.core.seeding import make_generator
from etabli.models.captioning import attention
from etabli.models.captioning.attention import Parameters
from etabli.training.checkpoint import Checkpoint
from etabli.training.kernels.matmul import matmul

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
            losses = (
                (top + jnp.log(total))[:, 0] - (1 - smoothing) * right - smoothing * y.mean(axis=-1)
            )
            dy = (
                exponentials / total - smoothing / v - jnp.where(hit, 1 - smoothing, 0.0)
            ) * weight[:, None]
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
        said = attention.teacher_forced(
            weights, maps, jnp.maximum(captions[..., :-1], 0), recipe.dropout, key
        )
        total = cross_entropy(said, weights["words"], weights["bias"], wanted, known)
        return total / jnp.maximum(known.sum(), 1.0)

    return loss


def train(
    weights: Parameters,
    maps: np.ndarray | Sequence[np.ndarray],
    captions: np.ndarray,
    recipe: Recipe,
    seed: int,
    after_epoch: Callable[[int, float, Parameters], None] = lambda epoch, loss, weights: None,
    memory: Checkpoint | None = None,
) -> Parameters:
    """Learn from N images, ``maps`` (N, L, D) read a batch at a time, and R captions each (N, R, T + 1).

    Several arrays of maps are several views of the same images (mirrored, cropped): each time an image is read, one
    of them is drawn. With a ``memory`` an interrupted training goes on after its last whole epoch, to the same weights
    bit for bit.
    """
    import jax

    memory = memory or Checkpoint()

    draw, order = make_generator(seed, "caption", "views"), make_generator(seed, "caption", "order")
    views = Views(maps, draw)
    per_epoch = max(1, len(captions) // recipe.images)
    update = updater(
        batch_loss(recipe), recipe.rate, per_epoch * recipe.epochs, recipe.warm, recipe.clip
    )
    leaves, form = jax.tree.flatten((weights, jax.tree.map(np.zeros_like, (weights, weights))))
    weights, moments = jax.tree.unflatten(form, memory.resumed(leaves))
    memory.restore(draw, order)
    key = jax.random.key(seed)
    for epoch in range(memory.done, recipe.epochs):
        losses = []
        for batch, rows in enumerate(batches(order, len(captions), recipe.images)):
            number = epoch * per_epoch + batch
            weights, moments, value = update(
                weights, moments, number, key, views.read(rows), captions[rows]
            )
            losses.append(value)
        after_epoch(epoch + 1, float(np.mean(jax.device_get(losses))), weights)
        memory.keep(epoch + 1, jax.tree.leaves((weights, moments)), draw, order)
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


class Views:
    """Several arrays (N, L, D) of the same images; of each image read, one view drawn by ``draw``."""

    def __init__(self, maps: np.ndarray | Sequence[np.ndarray], draw: np.random.Generator) -> None:
        self._maps, self._draw = [maps] if isinstance(maps, np.ndarray) else list(maps), draw

    def read(self, rows: np.ndarray) -> np.ndarray:
        if len(self._maps) == 1:
            return self._maps[0][rows]
        drawn = self._draw.integers(len(self._maps), size=len(rows))
        return np.stack([self._maps[view][row] for view, row in zip(drawn, rows, strict=True)])


def batches(order: np.random.Generator, number: int, size: int) -> list[np.ndarray]:
    """The rows of an epoch's batches, all of one shape: where a batch would be one short, its first row comes twice."""
    parts = np.array_split(order.permutation(number), max(1, number // size))
    return [np.sort(np.resize(rows, len(parts[0]))) for rows in parts]


def updater(loss: Callable, rate: float, total: int, warm: float, clip: float) -> Callable:
    """A compiled step of Adam on loss(weights, *batch, key), the rate on a cosine that ends at 0 after ``total``.

    (weights, moments, number, key, *batch) -> weights, moments, loss.
    """
    import jax
    import jax.numpy as jnp

    value_and_gradient = jax.value_and_grad(loss)
    warm = max(1.0, warm * total)

    @partial(jax.jit, donate_argnums=(0, 1))
    def update(weights, moments, number, key, *batch):
        """m = .9 m + .1 g, v = .999 v + .001 g^2, w -= rate m' / (sqrt v' + eps), ' without its bias to 0."""
        value, gradient = value_and_gradient(weights, *batch, jax.random.fold_in(key, number))
        size = jnp.sqrt(sum((g * g).sum() for g in jax.tree.leaves(gradient)))
        scale = jnp.minimum(1.0, clip / (size + 1e-9))
        first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * scale * g, moments[0], gradient)
        second = jax.tree.map(
            lambda v, g: 0.999 * v + 0.001 * (scale * g) ** 2, moments[1], gradient
        )
        step = number + 1.0
        now = rate * jnp.minimum(step / warm, 0.5 + 0.5 * jnp.cos(jnp.pi * number / total))
        now = now * jnp.sqrt(1 - 0.999**step) / (1 - 0.9**step)
        weights = jax.tree.map(
            lambda w, m, v: w - now * m / (jnp.sqrt(v) + 1e-8), weights, first, second
        )
        return weights, (first, second), value

    return update


def _in_chunks(array: Any, size: int) -> Any:
    import jax.numpy as jnp

    missing = -len(array) % size
    padded = jnp.pad(array, [(0, missing)] + [(0, 0)] * (array.ndim - 1))
    return padded.reshape(-1, size, *array.shape[1:])
