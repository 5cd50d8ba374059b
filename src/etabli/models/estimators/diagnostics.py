"""Diagnostics of nets: the loss along lines and on planes in the space of the parameters,
the spread of the hidden units, the noise of the gradients.
"""

from collections.abc import Sequence

import numpy as np

from etabli import nn
from etabli.core.seeding import make_generator
from etabli.models.estimators import base_network
from etabli.models.estimators.base_network import NetworkClassifier

__all__ = [
    "compute_chord_excess",
    "compute_gradient_noise",
    "compute_loss_along_line",
    "compute_loss_on_plane",
    "compute_unit_spread",
    "permute_units",
    "perturb_ulp",
    "shift_classes",
]

Point = list[np.ndarray]


def compute_loss(
    point: Point, x: np.ndarray, target: np.ndarray, activation: str = "sigmoid"
) -> float:
    """Compute the mean cross-entropy of the net with these parameters; x (N, D), target (N, K)."""
    return float(nn.softmax_cross_entropy(base_network.forward(x, point, activation)[1], target)[0])


def compute_loss_along_line(
    start: Point, end: Point, steps: Sequence[float] | np.ndarray, x: np.ndarray, target: np.ndarray
) -> np.ndarray:
    """Compute L((1 - t) start + t end) for every t of ``steps``.

    Args:
        start: The parameters at t = 0.
        end: The parameters at t = 1.
        steps: The values of t.
        x: Inputs, (N, D).
        target: One-hot labels, (N, K).
    """
    return np.array([compute_loss(_mix([(1 - t, start), (t, end)]), x, target) for t in steps])


def compute_loss_on_plane(
    corners: tuple[Point, Point, Point],
    across: Sequence[float] | np.ndarray,
    up: Sequence[float] | np.ndarray,
    x: np.ndarray,
    target: np.ndarray,
) -> np.ndarray:
    """Compute L(A + s (B - A) + t (C - A)), s of ``across`` and t of ``up``.

    Args:
        corners: The parameters A, B and C.
        across: The values of s.
        up: The values of t.
        x: Inputs, (N, D).
        target: One-hot labels, (N, K).

    Returns:
        The losses, (len(up), len(across)).
    """
    a, b, c = corners
    return np.array(
        [
            [compute_loss(_mix([(1 - s - t, a), (s, b), (t, c)]), x, target) for s in across]
            for t in up
        ]
    )


def compute_chord_excess(steps: np.ndarray, losses: np.ndarray) -> float:
    """Return the maximum excess of the loss over the chord between t = 0 and t = 1.

    A convex function is below each of its chords: then this is 0. ``steps`` contains 0 and 1.
    """
    steps = np.asarray(steps)
    inside = (steps >= 0) & (steps <= 1)
    first, last = losses[np.argmin(np.abs(steps))], losses[np.argmin(np.abs(steps - 1))]
    chord = (1 - steps) * first + steps * last
    return float(max(0.0, (losses - chord)[inside].max()))


def permute_units(point: Point, order: np.ndarray) -> Point:
    """Permute the hidden units of a perceptron: other parameters, the same function."""
    w_hidden, b_hidden, w, b = point
    return [w_hidden[:, order], b_hidden[order], w[order], b]


def shift_classes(point: Point, weights: np.ndarray, bias: float) -> Point:
    """Add one vector (D,) and one bias to all classes: other parameters, the same function."""
    w, b = point
    return [w + weights[:, None], b + bias]


def _mix(parts: Sequence[tuple[float, Point]]) -> Point:
    """Compute the weighted sum of several sets of parameters, array by array."""
    shares, points = zip(*parts, strict=True)
    return [
        sum(share * array for share, array in zip(shares, arrays, strict=True))
        for arrays in zip(*points, strict=True)
    ]


def compute_unit_spread(w_hidden: np.ndarray) -> float:
    """Compute maxⱼ ‖wⱼ - w̄‖ / ‖w̄‖ over the columns wⱼ of W_h (D, H) and their mean w̄.

    0 for identical units, about 1 for unrelated ones; 0 if all weights are zero. Computed in
    float64, so that it measures the weights and not its own rounding.
    """
    w = w_hidden.astype(np.float64)
    offsets = w - w[:, :1]  # exactly 0 for identical units, whose mean may be rounded
    mean_offset = offsets.mean(axis=1, keepdims=True)
    distance = np.linalg.norm(offsets - mean_offset, axis=0).max()
    size = np.linalg.norm(w[:, :1] + mean_offset)
    return float(distance / size) if size else 0.0


def compute_gradient_noise(
    model: NetworkClassifier,
    x: np.ndarray,
    y: np.ndarray,
    size: int,
    generator: np.random.Generator,
    draws: int = 200,
) -> float:
    """Compute √(mean ‖g_batch - g‖²) / ‖g‖ over random batches; g is the full-batch gradient.

    For batches drawn from many examples it decreases as 1/√size.

    Args:
        model: A fitted estimator.
        x: Inputs, (N, D).
        y: Labels, (N,).
        size: The batch size.
        generator: Draws the batches.
        draws: The number of batches.
    """
    whole = _flat_gradient(model, x, y)
    errors = []
    for _draw in range(draws):
        chosen = generator.choice(len(x), min(size, len(x)), replace=False)
        errors.append(np.sum((_flat_gradient(model, x[chosen], y[chosen]) - whole) ** 2))
    return float(np.sqrt(np.mean(errors)) / np.linalg.norm(whole))


def _flat_gradient(model: NetworkClassifier, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.concatenate([gradient.ravel() for gradient in model.gradients(x, y)[1]]).astype(
        np.float64
    )


def perturb_ulp(weights: np.ndarray, seed: int) -> np.ndarray:
    """Move every weight by one unit in the last place (ulp), up or down at random."""
    upwards = make_generator(seed, "nudge").random(weights.shape) < 0.5
    return np.nextafter(weights, np.where(upwards, np.inf, -np.inf).astype(weights.dtype))
