"""The loss as a function of the parameters: along a line, and on a plane through three sets of them.

What one looks at in a net while it learns: how far its hidden units have parted, how rough its gradients are.
"""

from collections.abc import Sequence

import numpy as np

from etabli import nn
from etabli.core.seeding import make_generator
from etabli.models.estimators import base_network
from etabli.models.estimators.base_network import NetworkClassifier

__all__ = [
    "chord_excess",
    "gradient_roughness",
    "loss_along_line",
    "loss_on_plane",
    "nudged",
    "permuted_units",
    "shifted_classes",
    "unit_spread",
]

Point = list[np.ndarray]


def loss_at(point: Point, x: np.ndarray, target: np.ndarray, activation: str = "sigmoid") -> float:
    """The mean cross-entropy of the net with these parameters on examples x (N, D), one-hot target (N, K)."""
    return float(nn.softmax_cross_entropy(base_network.forward(x, point, activation)[1], target)[0])


def loss_along_line(
    start: Point, end: Point, steps: Sequence[float], x: np.ndarray, target: np.ndarray
) -> np.ndarray:
    """L((1 - t) start + t end) for every t of ``steps``."""
    return np.array([loss_at(_mixed([(1 - t, start), (t, end)]), x, target) for t in steps])


def loss_on_plane(
    corners: tuple[Point, Point, Point],
    across: Sequence[float],
    up: Sequence[float],
    x: np.ndarray,
    target: np.ndarray,
) -> np.ndarray:
    """L(A + s (B - A) + t (C - A)) for s of ``across`` and t of ``up``; shape (len(up), len(across))."""
    a, b, c = corners
    return np.array(
        [[loss_at(_mixed([(1 - s - t, a), (s, b), (t, c)]), x, target) for s in across] for t in up]
    )


def chord_excess(steps: np.ndarray, losses: np.ndarray) -> float:
    """The most by which the loss between t = 0 and t = 1 rises above the chord of its ends.

    A convex function stays below each of its chords: then this is 0. ``steps`` holds 0 and 1.
    """
    steps = np.asarray(steps)
    inside = (steps >= 0) & (steps <= 1)
    first, last = losses[np.argmin(np.abs(steps))], losses[np.argmin(np.abs(steps - 1))]
    chord = (1 - steps) * first + steps * last
    return float(max(0.0, (losses - chord)[inside].max()))


def permuted_units(point: Point, order: np.ndarray) -> Point:
    """The same perceptron with its hidden units in another order: other parameters, the same function."""
    w_hidden, b_hidden, w, b = point
    return [w_hidden[:, order], b_hidden[order], w[order], b]


def shifted_classes(point: Point, weights: np.ndarray, bias: float) -> Point:
    """The same softmax regression with one vector (D,) and one bias added to every class."""
    w, b = point
    return [w + weights[:, None], b + bias]


def _mixed(parts: Sequence[tuple[float, Point]]) -> Point:
    """The weighted sum of several sets of parameters, array by array."""
    shares, points = zip(*parts, strict=True)
    return [
        sum(share * array for share, array in zip(shares, arrays, strict=True))
        for arrays in zip(*points, strict=True)
    ]


def unit_spread(w_hidden: np.ndarray) -> float:
    """maxⱼ ‖wⱼ - w̄‖ / ‖w̄‖ over the columns wⱼ of W_h (D, H) and their mean w̄: 0 for twins, about 1 for strangers.

    In double precision, so that it measures the weights and not its own rounding; 0 where all weights are zero.
    """
    w = w_hidden.astype(np.float64)
    first = w - w[:, :1]  # exact for twins, where a mean may round
    mean_distance = first.mean(axis=1, keepdims=True)
    distance = np.linalg.norm(first - mean_distance, axis=0).max()
    size = np.linalg.norm(w[:, :1] + mean_distance)
    return float(distance / size) if size else 0.0


def gradient_roughness(
    model: NetworkClassifier,
    x: np.ndarray,
    y: np.ndarray,
    size: int,
    stream: np.random.Generator,
    draws: int = 200,
) -> float:
    """√(mean ‖g_batch - g‖²) / ‖g‖ over random batches, where g is the gradient on all examples: 0 is exact.

    For batches drawn from many examples it falls as 1/√size.
    """
    whole = _flat_gradient(model, x, y)
    errors = []
    for _draw in range(draws):
        chosen = stream.choice(len(x), min(size, len(x)), replace=False)
        errors.append(np.sum((_flat_gradient(model, x[chosen], y[chosen]) - whole) ** 2))
    return float(np.sqrt(np.mean(errors)) / np.linalg.norm(whole))


def _flat_gradient(model: NetworkClassifier, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.concatenate([gradient.ravel() for gradient in model.gradients(x, y)[1]]).astype(
        np.float64
    )


def nudged(weights: np.ndarray, seed: int) -> np.ndarray:
    """Every weight moved to the next number of its precision, up or down by chance: the smallest change there is."""
    upwards = make_generator(seed, "nudge").random(weights.shape) < 0.5
    return np.nextafter(weights, np.where(upwards, np.inf, -np.inf).astype(weights.dtype))
