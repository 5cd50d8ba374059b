"""Exact nearest neighbors on a cluster: each machine holds all points and answers some queries."""

from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import Any

import numpy as np

from etabli.core import ray_cluster
from etabli.core.ray_cluster import RayCluster
from etabli.metrics.neighbors import find_nearest_neighbors

_MOST_QUERIES = 8192  # of a part: enough that preparing all points for it takes little time
_PARTS_PER_WORKER = 4


def find_on_cluster(
    cluster: RayCluster,
    print_line: Callable[[str], None],
    points: np.ndarray,
    k: int,
    queries: np.ndarray | None = None,
    progress: Callable[[int], None] | None = None,
) -> np.ndarray:
    """Return what ``find_nearest_neighbors`` does: it is exact, whoever computes which part.

    Args:
        cluster: What computes them.
        print_line: Receives a sentence on each worker that fails, is slow or is not used.
        points: As there.
        k: As there.
        queries: As there.
        progress: As there.
    """
    wanted = np.arange(len(points)) if queries is None else np.asarray(queries)
    size = min(_MOST_QUERIES, -(-len(wanted) // (cluster.cpus * _PARTS_PER_WORKER)))
    starts = range(0, len(wanted), max(1, size))
    parts = {number: wanted[start : start + size] for number, start in enumerate(starts)}
    found = np.empty((len(wanted), k), int)
    make = partial(_Finder, cluster.share(points), k)
    with closing(cluster.compute(make, parts, print_line)) as results:
        for number, near in results:
            found[starts[number] : starts[number] + len(near)] = near
            if progress:
                progress(len(near))
    return found


class _Finder:
    """What a worker runs: from queries to the indices of their neighbors."""

    def __init__(self, points: Any, k: int) -> None:
        self.points, self.k = ray_cluster.fetch(points), k

    def __call__(self, queries: np.ndarray) -> np.ndarray:
        return find_nearest_neighbors(self.points, self.k, queries)
