"""Neighborhood hit: the share of a point's k nearest neighbors that belong to its class.

Source: Paulovich, Nonato, Minghim, Levkowitz, "Least square projection" (2008), section 5.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from etabli.core.seeding import make_generator
from etabli.metrics.neighbors import find_nearest_neighbors
from etabli.metrics.score import Score, check_points, encode_labels


@dataclass(frozen=True, eq=False)
class NeighborhoodHit:
    """The mean hit, its 95 % bootstrap interval, the means per class, and each point's hit."""

    score: Score
    per_class: dict[object, float]
    interval: tuple[float, float]
    hits: np.ndarray


def neighborhood_hits(
    points: np.ndarray, labels: np.ndarray, k: int = 6, queries: np.ndarray | None = None
) -> np.ndarray:
    """Compute the share (N,) of each point's k nearest neighbors that have its label.

    With ``queries``, indices (Q,), only of these points, among the neighbors of all.
    """
    points = check_points(points)
    _names, codes = encode_labels(labels, len(points))
    return _compute_hits(points, codes, k, queries, None)


def _compute_hits(
    points: np.ndarray,
    codes: np.ndarray,
    k: int,
    queries: np.ndarray | None,
    progress: Callable[[int], None] | None,
) -> np.ndarray:
    own = codes if queries is None else codes[queries]
    near = find_nearest_neighbors(points, k, queries, progress)
    return (codes[near] == own[:, None]).mean(axis=1)


def neighborhood_hit(
    points: np.ndarray,
    labels: np.ndarray,
    k: int = 6,
    *,
    seed: int = 0,
    resamples: int = 2000,
    queries: np.ndarray | None = None,
    progress: Callable[[int], None] | None = None,
) -> NeighborhoodHit:
    """Compute the exact neighborhood hit of labeled points in any number of dimensions.

    Args:
        points: (N, D); a point is not its own neighbor, ties go to the lower index.
        labels: (N,).
        k: number of neighbors.
        seed: of the bootstrap.
        resamples: of the bootstrap.
        queries: indices (Q,) of the points whose neighbors, among all points, are counted; by
            default all. The interval is that of the mean over all points.
        progress: receives the number of points that are done since its last call.

    Raises:
        BadArray: points or labels are malformed.
        BadSetting: there are not k other points.
    """
    points = check_points(points)
    names, codes = encode_labels(labels, len(points))
    hits = _compute_hits(points, codes, k, queries, progress)
    own = codes if queries is None else codes[queries]
    per_class = {names[code].item(): float(hits[own == code].mean()) for code in np.unique(own)}
    recipe: dict[str, object] = {
        "neighborhood-hit": f"k={k}",
        "n": len(points),
        "dimensions": points.shape[1],
        "classes": len(names),
    }
    if queries is not None:
        recipe["queries"] = len(queries)
    return NeighborhoodHit(
        Score(float(hits.mean()), recipe),
        per_class,
        bootstrap_interval(hits, seed, resamples),
        hits,
    )


def bootstrap_interval(
    values: np.ndarray, seed: int = 0, resamples: int = 2000, level: float = 0.95
) -> tuple[float, float]:
    """Compute the percentile interval of the mean under resampling with replacement.

    Args:
        values: (N,).
        seed: of the draws.
        resamples: number of draws, made over the distinct values (the same distribution).
        level: of confidence.
    """
    distinct, counts = np.unique(values, return_counts=True)
    draws = make_generator(seed, "bootstrap").multinomial(
        len(values), counts / len(values), size=resamples
    )
    low, high = np.quantile(draws @ distinct / len(values), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
