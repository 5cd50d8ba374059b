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
    """The mean hit, its 95 % interval, the means per class, and each point's hit.

    The interval allows for neighbors that points share; of some ``queries`` it is a bootstrap.
    """

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
    own = codes if queries is None else codes[queries]
    near = find_nearest_neighbors(points, k, queries)
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
    find: Callable[..., np.ndarray] = find_nearest_neighbors,
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
        find: what finds the neighbors, as ``find_nearest_neighbors`` does.

    Raises:
        BadArray: points or labels are malformed.
        BadSetting: there are not k other points.
    """
    points = check_points(points)
    names, codes = encode_labels(labels, len(points))
    own = codes if queries is None else codes[queries]
    near = find(points, k, queries, progress)
    hits = (codes[near] == own[:, None]).mean(axis=1)
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
        bootstrap_interval(hits, seed, resamples)
        if queries is not None
        else shared_neighbor_interval(hits, near),
        hits,
    )


def shared_neighbor_interval(
    hits: np.ndarray, near: np.ndarray, deviations: float = 1.96
) -> tuple[float, float]:
    """Compute the interval of the mean of hits (N,) of points that share neighbors (N, k).

    The hits of two points are correlated as far as their neighborhoods, each with its own point,
    overlap: the variance is the sum over pairs of the product of their deviations, times the share
    of k + 1 points that both neighborhoods have, over N^2 (a kernel estimator of the variance of a
    mean of dependent values, as Newey and West 1987). Independent points would give a third less.
    """
    apart = hits - hits.mean()
    received = np.bincount(near.ravel(), np.repeat(apart, near.shape[1]), minlength=len(hits))
    variance = np.sum((apart + received) ** 2) / ((near.shape[1] + 1) * len(hits) ** 2)
    half = deviations * float(np.sqrt(variance))
    return max(0.0, float(hits.mean()) - half), min(1.0, float(hits.mean()) + half)


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
