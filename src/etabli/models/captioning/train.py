"""Training of the attention captioners: label-smoothed cross-entropy, Adam, warm-up and cosine
decay."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np

from etabli.core.progress import report_within_epoch
from etabli.core.seeding import make_generator
from etabli.models.captioning import attention
from etabli.models.captioning.attention import Parameters
from etabli.training.checkpoint import Checkpoint
from etabli.training.kernels.matmul import matmul
from etabli.training.optimizer import adam, clip_by_global_norm, cosine_schedule

__all__ = ["TrainConfig", "mean_loss", "train"]

ROWS_PER_CHUNK = 128


@dataclass(frozen=True)
class TrainConfig:
    """Hyperparameters of the training.

    batch_size: images per update, with all their captions.
    steps: words of a caption that are targets; later ones are not.
    dropout: dropout rate of the image, the words read and the output features.
    smoothing: label smoothing.
    learning_rate: the peak, after ``warm_up`` (a share of all steps); then cosine decay to zero.
    clip: largest Euclidean norm of the gradient of all weights together.
    """

    epochs: int = 10
    batch_size: int = 16
    steps: int = 16
    dropout: float = 0.5
    smoothing: float = 0.1
    learning_rate: float = 1e-3
    warm_up: float = 0.05
    clip: float = 5.0


def smoothed_cross_entropy(smoothing: float) -> Callable:
    """Return (s (M, E), words (V, E), bias (V,), targets (M,), weight (M,)) -> sum of weighted
    losses.

    With logits y = s words^T + bias and the target distribution q = (1 - smoothing) onehot +
    smoothing / V, the loss of a row is -q . log softmax(y), and its gradient with respect to y is
    softmax(y) - q. Value and gradients are computed together, ``ROWS_PER_CHUNK`` rows at a time, so
    that the M x V logits never leave the cache.
    """
    import jax
    import jax.numpy as jnp

    def value_and_gradients(features: Any, words: Any, bias: Any, targets: Any, weight: Any) -> Any:
        v = words.shape[0]

        def chunk(sums: tuple, rows: tuple) -> tuple:
            features, targets, weight = rows
            y = matmul(features, words.T) + bias
            top = y.max(axis=-1, keepdims=True)  # exp(y - max) cannot overflow
            exponentials = jnp.exp(y - top)
            total = exponentials.sum(axis=-1, keepdims=True)
            hit = jnp.arange(v)[None] == targets[:, None]
            right = jnp.where(hit, y, 0.0).sum(axis=-1)
            losses = (
                (top + jnp.log(total))[:, 0] - (1 - smoothing) * right - smoothing * y.mean(axis=-1)
            )
            dy = (
                exponentials / total - smoothing / v - jnp.where(hit, 1 - smoothing, 0.0)
            ) * weight[:, None]
            return (
                sums[0] + (losses * weight).sum(),
                sums[1] + matmul(dy.T, features),
                sums[2] + dy.sum(axis=0),
            ), matmul(dy, words)

        chunks = jax.tree.map(_split_into_chunks, (features, targets, weight))
        zeros = (jnp.zeros(()), jnp.zeros_like(words), jnp.zeros_like(bias))
        dfeatures: Any
        (loss, dwords, dbias), dfeatures = jax.lax.scan(chunk, zeros, chunks)
        dfeatures = dfeatures.reshape(-1, features.shape[1])[: len(features)]
        return loss, (dfeatures, dwords, dbias)

    @jax.custom_vjp
    def loss(*arguments: Any) -> Any:
        return value_and_gradients(*arguments)[0]

    def backward(gradients: tuple, d: Any) -> tuple:
        return (*(d * gradient for gradient in gradients), None, None)

    loss.defvjp(value_and_gradients, backward)
    return loss


def make_batch_loss(config: TrainConfig) -> Callable:
    """Return (weights, maps (N, L, D), captions (N, R, T + 1), key) -> mean loss per word of a
    batch.

    ``captions`` are word indices padded with -1; the padding has no gradient.
    """
    import jax.numpy as jnp

    cross_entropy = smoothed_cross_entropy(config.smoothing)

    def loss(weights: Parameters, maps: Any, captions: Any, key: Any) -> Any:
        captions = captions[..., : config.steps + 1]
        targets = captions[..., 1:].reshape(-1)
        known = (targets >= 0).astype(jnp.float32)
        features = attention.decode_teacher_forced(
            weights, maps, jnp.maximum(captions[..., :-1], 0), config.dropout, key
        )
        total = cross_entropy(features, weights["words"], weights["bias"], targets, known)
        return total / jnp.maximum(known.sum(), 1.0)

    return loss


def train(
    weights: Parameters,
    maps: np.ndarray | Sequence[np.ndarray],
    captions: np.ndarray,
    config: TrainConfig,
    seed: int,
    after_epoch: Callable[[int, float, Parameters], None] = lambda epoch, loss, weights: None,
    checkpoint: Checkpoint | None = None,
    loss: Callable | None = None,
    rates: Mapping[str, float] | None = None,
) -> Parameters:
    """Train a captioner and return its weights.

    Args:
        weights: The initial weights.
        maps: Feature maps (N, L, D) of N images, or several views of them (mirrored, cropped): each
            time an image is read, one view is drawn.
        captions: R captions of each image, (N, R, T + 1) word indices padded with -1.
        config: Hyperparameters.
        seed: Seed of the order of the images, of the views and of the dropout masks.
        after_epoch: Called with the epoch, its mean loss and the weights.
        checkpoint: Where an interrupted training resumes from, to the same weights bit for bit.
        loss: Of a batch, as ``make_batch_loss`` returns it, which is the default.
        rates: The share of the learning rate of each array; 1 by default.
    """
    import jax

    checkpoint = checkpoint or Checkpoint()
    draw, order = make_generator(seed, "caption", "views"), make_generator(seed, "caption", "order")
    views = [maps] if isinstance(maps, np.ndarray) else list(maps)
    per_epoch = max(1, len(captions) // config.batch_size)
    loss = loss or make_batch_loss(config)
    update = compile_update(loss, config, per_epoch * config.epochs, rates)
    leaves, form = jax.tree.flatten((weights, jax.tree.map(np.zeros_like, (weights, weights))))
    weights, moments = jax.tree.unflatten(form, checkpoint.restore(leaves))
    checkpoint.restore_streams(draw, order)
    key = jax.random.key(seed)
    for epoch in range(checkpoint.epoch, config.epochs):
        losses = []
        for batch, rows in enumerate(shuffle_batches(order, len(captions), config.batch_size)):
            number = epoch * per_epoch + batch
            read = read_views(views, rows, draw)
            weights, moments, value = update(weights, moments, number, key, read, captions[rows])
            losses.append(value)
            report_within_epoch((batch + 1) / per_epoch, _mean, losses)
        after_epoch(epoch + 1, float(np.mean(jax.device_get(losses))), weights)
        checkpoint.save(epoch + 1, jax.tree.leaves((weights, moments)), draw, order)
    return jax.device_get(weights)


def _mean(losses: list) -> dict[str, float]:
    import jax

    return {"loss": float(np.mean(jax.device_get(losses)))}


def mean_loss(weights: Parameters, maps: Any, captions: np.ndarray, images: int = 50) -> float:
    """Return the mean loss per word of whole captions (N, R, T + 1), without dropout and
    smoothing."""
    loss = _compile_mean_loss(captions.shape[-1])
    total = number = 0.0
    for first in range(0, len(captions), images):
        rows = slice(first, first + images)
        known = float((captions[rows, :, 1:] >= 0).sum())
        total += known * float(loss(weights, maps[rows], captions[rows], None))
        number += known
    return total / number


@cache
def _compile_mean_loss(steps: int) -> Callable:
    import jax

    return jax.jit(make_batch_loss(TrainConfig(smoothing=0.0, steps=steps)))


def read_views(
    views: Sequence[np.ndarray], rows: np.ndarray, draw: np.random.Generator
) -> np.ndarray:
    """Return the maps (B, L, D) of some images, each from a random one of several views (N, L,
    D)."""
    if len(views) == 1:
        return views[0][rows]
    drawn = draw.integers(len(views), size=len(rows))
    return np.stack([views[view][row] for view, row in zip(drawn, rows, strict=True)])


def shuffle_batches(order: np.random.Generator, number: int, size: int) -> list[np.ndarray]:
    """Return the rows of an epoch's batches of one shape; a short one repeats its first row."""
    parts = np.array_split(order.permutation(number), max(1, number // size))
    return [np.sort(np.resize(rows, len(parts[0]))) for rows in parts]


def compile_update(
    loss: Callable, config: TrainConfig, total: int, rates: Mapping[str, float] | None = None
) -> Callable:
    """Return the compiled step (weights, moments, number, key, *batch) -> weights, moments, loss.

    Args:
        loss: A function of (weights, *batch, key).
        config: Hyperparameters.
        total: The number of steps of the whole training.
        rates: The share of the learning rate of each array of the weights; 1 by default.
    """
    import jax
    import jax.numpy as jnp

    warm_up = max(1.0, config.warm_up * total)

    @partial(jax.jit, donate_argnums=(0, 1))
    def update(weights: Any, moments: Any, number: Any, key: Any, *batch: Any) -> tuple:
        key = jax.random.fold_in(key, number)
        value, gradients = jax.value_and_grad(loss)(weights, *batch, key)
        gradients = clip_by_global_norm(gradients, config.clip)
        step = number + 1.0
        schedule = jnp.minimum(step / warm_up, cosine_schedule(number, total))
        peak = config.learning_rate * schedule
        rate = {name: peak * share for name, share in rates.items()} if rates else peak
        weights, moments = adam(weights, gradients, moments, step, rate, correct_rate=True)
        return weights, moments, value

    return update


def _split_into_chunks(array: Any) -> Any:
    """(M, ...) -> (chunks, ROWS_PER_CHUNK, ...), padded with zeros."""
    import jax.numpy as jnp

    missing = -len(array) % ROWS_PER_CHUNK
    padded = jnp.pad(array, [(0, missing)] + [(0, 0)] * (array.ndim - 1))
    return padded.reshape(-1, ROWS_PER_CHUNK, *array.shape[1:])
