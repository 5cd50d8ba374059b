"""Convex polygons in the plane: vertices (M, 2), counter-clockwise; fewer than three span no area."""

from itertools import combinations

import numpy as np


def area(polygon: np.ndarray) -> float:
    """Half the sum of the cross products of neighbouring vertices (Gauss's shoelace formula)."""
    if len(polygon) < 3:
        return 0.0
    x, y = (polygon - polygon.mean(axis=0)).T
    return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2)


def intersection(subject: np.ndarray, window: np.ndarray) -> np.ndarray:
    """The convex polygon that two share, by clipping one at every edge of the other.

    Source: Sutherland, Hodgman, "Reentrant polygon clipping" (1974).
    """
    if len(subject) < 3 or len(window) < 3:
        return np.zeros((0, 2))
    for start, end in zip(window, np.roll(window, -1, axis=0), strict=True):
        if len(subject) == 0:
            break
        edge = end - start
        side = edge[0] * (subject[:, 1] - start[1]) - edge[1] * (subject[:, 0] - start[0])
        subject = _clipped(subject, side)
    return subject


def _clipped(polygon: np.ndarray, side: np.ndarray) -> np.ndarray:
    """The part of a polygon where ``side``, the signed distance of its vertices from a line, is not negative."""
    kept = []
    for index, vertex in enumerate(polygon):
        following, here, there = polygon[(index + 1) % len(polygon)], side[index], side[(index + 1) % len(polygon)]
        if here >= 0:
            kept.append(vertex)
        if (here > 0 > there) or (here < 0 < there):
            kept.append(vertex + (following - vertex) * (here / (here - there)))
    return np.array(kept).reshape(-1, 2)


def overlap(first: np.ndarray, second: np.ndarray) -> float:
    """Intersection over union of the areas; 0 where neither has any."""
    shared = area(intersection(first, second))
    union = area(first) + area(second) - shared
    return shared / union if union > 0 else 0.0


def mean_overlap(polygons: list[np.ndarray]) -> float:
    """The mean overlap over all pairs; 0 where there is no pair."""
    pairs = [overlap(first, second) for first, second in combinations(polygons, 2)]
    return float(np.mean(pairs)) if pairs else 0.0
