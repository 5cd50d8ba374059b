"""The loss as a function of the parameters: along a line, and on a plane through three sets of them."""

from collections.abc import Sequence

import numpy as np

from etabli import nn
from etabli.models import _network

__all__ = ["chord_excess", "loss_along_line", "loss_on_plane", "permuted_units", "shifted_classes"]

Point = list[np.ndarray]


def loss_at(point: Point, x: np.ndarray, target: np.ndarray, activation: str = "sigmoid") -> float:
    """The mean cross-entropy of the net with these parameters on examples x (N, D), one-hot target (N, K)."""
    return float(nn.softmax_cross_entropy(_network.forward(x, point, activation)[1], target)[0])


def loss_along_line(start: Point, end: Point, steps: Sequence[float], x: np.ndarray, target: np.ndarray) -> np.ndarray:
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
    return np.array([[loss_at(_mixed([(1 - s - t, a), (s, b), (t, c)]), x, target) for s in across] for t in up])


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
        sum(share * array for share, array in zip(shares, arrays, strict=True)) for arrays in zip(*points, strict=True)
    ]
