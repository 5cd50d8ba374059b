"""Neighborhood hit: of the k nearest neighbours of a point, the share that belongs to its class.

Source: Paulovich, Nonato, Minghim, Levkowitz, "Least square projection" (2008), section 5.
"""

from dataclasses import dataclass

import numpy as np

from etabli.core.seeding import make_generator
from etabli.metrics.neighbors import find_nearest_neighbors
from etabli.metrics.score import Score, encode_labels, check_points


@dataclass(frozen=True, eq=False)
class NeighborhoodHit:
    """``score`` is the mean over the points, ``interval`` its 95 % bootstrap interval, ``per_class`` the means."""

    score: Score
    per_class: dict[object, float]
    interval: tuple[float, float]
    hits: np.ndarray


def neighborhood_hits(points: np.ndarray, labels: np.ndarray, k: int = 6) -> np.ndarray:
    """(N, D), (N,) -> (N,): for each point the share of its k nearest others that has its label."""
    points = check_points(points)
    _names, codes = encode_labels(labels, len(points))
    return (codes[find_nearest_neighbors(points, k)] == codes[:, None]).mean(axis=1)


def neighborhood_hit(
    points: np.ndarray, labels: np.ndarray, k: int = 6, *, seed: int = 0, resamples: int = 2000
) -> NeighborhoodHit:
    """Exact neighborhood hit of labelled points, in the plane or in any number of dimensions.

    The point itself is no neighbour of its own; equal distances go to the lower index. Raises ``BadArray`` for
    points or labels that are none, ``BadSetting`` where there are not k other points.
    """
    points = check_points(points)
    names, codes = encode_labels(labels, len(points))
    hits = neighborhood_hits(points, labels, k)
    per_class = {name.item(): float(hits[codes == code].mean()) for code, name in enumerate(names)}
    recipe = {
        "neighborhood-hit": f"k={k}",
        "n": len(points),
        "dimensions": points.shape[1],
        "classes": len(names),
    }
    return NeighborhoodHit(
        Score(float(hits.mean()), recipe),
        per_class,
        bootstrap_interval(hits, seed, resamples),
        hits,
    )


def bootstrap_interval(
    values: np.ndarray, seed: int = 0, resamples: int = 2000, level: float = 0.95
) -> tuple[float, float]:
    """The percentile interval of the mean under resampling with replacement.

    The draws are made over the distinct values (a hit is one of k + 1), which is the same distribution.
    """
    distinct, counts = np.unique(values, return_counts=True)
    draws = make_generator(seed, "bootstrap").multinomial(
        len(values), counts / len(values), size=resamples
    )
    low, high = np.quantile(draws @ distinct / len(values), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
