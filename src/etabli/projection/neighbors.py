"""Nearest neighbors for projections: exact, and by an index for very many points.

``benchmarks/neighbor_search.py`` compares usearch with the exact search, pynndescent and faiss.
"""

from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from openTSNE.nearest_neighbors import PrecomputedNeighbors

MAX_EXACT = 100_000  # points; of more, an index finds the neighbors, where it is installed
_LINKS, _WIDTH_OF_ADDING, _WIDTH_OF_SEARCH = 16, 128, 200  # of the graph: recall above 0.999


def is_approximate(n: int) -> bool:
    """Return whether the neighbors of so many points are searched approximately."""
    return n > MAX_EXACT and find_spec("usearch") is not None


def make_neighbor_search(
    reference: np.ndarray, k: int
) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Return a function that finds the distances and indices (M, k) of the nearest references."""
    from sklearn.neighbors import NearestNeighbors

    search: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
    search = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(reference).kneighbors
    return search


def find_approximate(points: np.ndarray, perplexity: float, threads: int) -> "PrecomputedNeighbors":
    """Find the neighbors of all points for t-SNE, three times the perplexity.

    The points enter the graph one after the other, so that it is the same for any number of
    threads; only the search uses them.
    """
    from openTSNE.nearest_neighbors import PrecomputedNeighbors
    from usearch.index import Index

    n, k = len(points), int(3 * perplexity)
    index = Index(
        ndim=points.shape[1],
        metric="l2sq",
        dtype="f32",
        connectivity=_LINKS,
        expansion_add=_WIDTH_OF_ADDING,
        expansion_search=max(_WIDTH_OF_SEARCH, 2 * k),
    )
    points = np.ascontiguousarray(points, np.float32)
    index.add(np.arange(n), points, threads=1)
    found = index.search(points, k + 1, threads=threads)
    near, squares = np.asarray(found.keys, np.int64), np.asarray(found.distances, np.float64)
    # Each point finds itself; where copies of it come first, the last one found is left out.
    is_self = near == np.arange(n)[:, None]
    is_self[~is_self.any(axis=1), -1] = True
    kept = ~is_self
    return PrecomputedNeighbors(
        near[kept].reshape(n, k), np.sqrt(np.maximum(squares[kept], 0)).reshape(n, k)
    )
