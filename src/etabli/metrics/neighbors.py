"""Exact k nearest neighbors of every point, by fast filters and an exact check.

Distances are Euclidean; ties go to the lower index. In few dimensions a k-d tree finds the
candidates; in many, products of blocks of points do (each block once, for its rows and its
columns). A float32 product is only trusted up to its error bound: what is within it is decided by
distances in float64.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from etabli.core.errors import BadSetting
from etabli.core.i18n import _
from etabli.metrics.score import check_points

_MAX_TREE_DIMENSIONS = 8  # up to here a k-d tree is faster than products
_BLOCK = 1024
_GROUP = 16  # columns whose minimum is taken first
_MAX_AT_ONCE = 150_000  # points whose candidates are held in memory at once
_GROUP_OF_QUERIES = 1024  # of products
_GROUP_OF_TREE = 2**16
_WIDE_BLOCK = 8192
_MAX_NUMBERS = 2**24  # float64 numbers in memory at once in the exact comparison

# Queries, other points, squared distances of the pairs; the error bound of each query.
_Candidates = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def find_nearest_neighbors(
    points: np.ndarray,
    k: int,
    queries: np.ndarray | None = None,
    progress: Callable[[int], None] | None = None,
) -> np.ndarray:
    """Return the indices (N, k) of the k nearest other points of each point, ascending.

    Args:
        points: (N, D).
        k: How many neighbors.
        queries: Indices (Q,) of the points whose neighbors are wanted; by default all.
        progress: Receives the number of queries that are done since its last call.

    Raises:
        BadSetting: k is not between 1 and N - 1.
    """
    points = check_points(points)
    n = len(points)
    if not 1 <= k < n:
        raise BadSetting(
            _("there are not enough points for {k} neighbors").format(k=k),
            expected=_("k from 1 to {most}").format(most=n - 1),
            got=_("k = {k} with {n} points").format(k=k, n=n),
        )
    report = progress or (lambda _done: None)
    everything = np.arange(n) if queries is None else np.asarray(queries)
    if points.shape[1] <= _MAX_TREE_DIMENSIONS:
        return _search_tree(points.astype(np.float64), k, everything, report)
    if queries is None and n <= _MAX_AT_ONCE:
        exact = points.astype(np.float64)
        return _decide(exact, k, everything, *_find_by_products(exact, k, report))
    return _find_in_groups(points, k, everything, report)


def _search_tree(
    points: np.ndarray, k: int, queries: np.ndarray, report: Callable[[int], None]
) -> np.ndarray:
    """Find the neighbors of some points at a time by a k-d tree of all."""
    from scipy.spatial import cKDTree

    tree, found = cKDTree(points), []
    for start in range(0, len(queries), _GROUP_OF_TREE):
        part = queries[start : start + _GROUP_OF_TREE]
        found.append(_decide(points, k, part, *_find_by_tree(tree, points, k, part)))
        report(len(part))
    return np.concatenate(found)


def _find_by_tree(tree: Any, points: np.ndarray, k: int, queries: np.ndarray) -> _Candidates:
    """Find candidates by a k-d tree: the k + 2 nearest (itself included), or more in a tie."""
    n = len(points)
    wanted = min(k + 2, n)
    distances, columns = tree.query(points[queries], k=wanted, workers=-1)
    slack = 1e-9 * (distances[:, -1] + np.abs(points).max())
    # Where the last one found may tie with the k-th, others may tie too: take all of them.
    unsure = (
        np.flatnonzero(distances[:, -1] <= distances[:, -2] + 2 * slack)
        if wanted < n
        else np.array([], int)
    )
    sure = np.setdiff1d(np.arange(len(queries)), unsure, assume_unique=True)
    row_parts = [np.repeat(sure, wanted)]
    column_parts = [columns[sure].ravel()]
    reach = distances[unsure, -1] + 2 * slack[unsure]
    for start in range(0, len(unsure), 256):
        part = slice(start, start + 256)
        balls = tree.query_ball_point(points[queries[unsure[part]]], reach[part])
        row_parts.append(np.repeat(unsure[part], [len(ball) for ball in balls]))
        column_parts.extend(np.asarray(ball, dtype=int) for ball in balls)
    rows, found = np.concatenate(row_parts), np.concatenate(column_parts)
    is_other = queries[rows] != found
    rows, found = rows[is_other], found[is_other]
    distances = _square_distances(points, queries[rows], found)
    return rows, found, distances, np.zeros(len(queries))


def _find_by_products(points: np.ndarray, k: int, report: Callable[[int], None]) -> _Candidates:
    """Find candidates by |x|^2 + |y|^2 - 2xy in float32, from half of the products of blocks."""
    n, size = points.shape
    points = points - points.mean(axis=0)  # a smaller norm, a smaller error
    norms = np.einsum("nd,nd->n", points, points)
    scale = max(float(norms.max()), float(np.finfo(np.float32).tiny)) ** 0.5
    left = np.empty((n, size + 2), np.float32)
    right = np.empty((n, size + 2), np.float32)
    left[:, :size] = points / scale
    right[:, :size] = left[:, :size] * -2
    norms = norms / scale**2
    left[:, size], right[:, size] = norms, 1
    left[:, size + 1], right[:, size + 1] = 1, norms
    # rounding of the entries and of a sum of size + 2 products of at most (norm x + norm y)^2 <= 4
    error = np.finfo(np.float32).eps * (8 + (size + 2) ** 0.5 * 2) * (norms + 1)
    sieve = _Sieve(n, k, error)
    for start in range(0, n, _BLOCK):
        for other in range(start, n, _BLOCK):
            block = left[start : start + _BLOCK] @ right[other : other + _BLOCK].T
            if start == other:
                np.fill_diagonal(block, np.inf)
            else:
                sieve.offer(block, other, start, by_rows=False)
            sieve.offer(block, start, other, by_rows=True)
        left_over = max(0, n - start - _BLOCK)  # the blocks of the first rows are the most
        report((n - start) * (n - start) // n - left_over * left_over // n)
    return (*sieve.candidates(), error)


def _find_in_groups(
    points: np.ndarray, k: int, queries: np.ndarray, report: Callable[[int], None]
) -> np.ndarray:
    """Find the neighbors of some points at a time among all, without a copy of the points."""
    center = points.mean(axis=0, dtype=np.float64)
    norms = np.concatenate(
        [np.einsum("nd,nd->n", *2 * (part - center,)) for part in _blocks(points)]
    )
    scale = max(float(norms.max()), float(np.finfo(np.float32).tiny)) ** 0.5
    found = []
    for start in range(0, len(queries), _GROUP_OF_QUERIES):
        part = queries[start : start + _GROUP_OF_QUERIES]
        candidates = _sift(points, k, part, center, norms, scale)
        found.append(_decide(points, k, part, *candidates))
        report(len(part))
    return np.concatenate(found)


def _blocks(points: np.ndarray) -> list[np.ndarray]:
    return [points[start : start + _WIDE_BLOCK] for start in range(0, len(points), _WIDE_BLOCK)]


def _sift(
    points: np.ndarray,
    k: int,
    queries: np.ndarray,
    center: np.ndarray,
    norms: np.ndarray,
    scale: float,
) -> _Candidates:
    """Find the candidates of some points, as ``_find_by_products`` does for all."""
    size = points.shape[1]
    own = (norms[queries] / scale**2)[:, None]
    left = np.hstack([(points[queries] - center) / scale, own, np.ones_like(own)])
    left = left.astype(np.float32)
    error = np.finfo(np.float32).eps * (8 + (size + 2) ** 0.5 * 2) * (own[:, 0] + 1)
    sieve = _Sieve(len(queries), k, error)
    for other in range(0, len(points), _WIDE_BLOCK):
        part = slice(other, other + _WIDE_BLOCK)
        theirs = (norms[part] / scale**2)[:, None]
        right = np.hstack([(points[part] - center) * (-2 / scale), np.ones_like(theirs), theirs])
        right = right.astype(np.float32)
        block = left @ right.T
        inside = np.flatnonzero((queries >= other) & (queries < other + len(right)))
        block[inside, queries[inside] - other] = np.inf
        sieve.offer(block, 0, other, by_rows=True)
    return (*sieve.candidates(), error)


class _Sieve:
    """The candidates of every point among its k nearest, given the blocks seen so far."""

    def __init__(self, n: int, k: int, error: np.ndarray) -> None:
        self.k, self.error = k, error
        self.bound = np.full(n, np.inf, np.float32)
        self.kept: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    def offer(self, block: np.ndarray, first: int, other: int, *, by_rows: bool) -> None:
        """Add the distances of points ``first``, ... (rows, or columns) to points ``other``, ..."""
        axis = 1 if by_rows else 0
        mine = slice(first, first + block.shape[1 - axis])
        nearest = _take_minima(block, axis, self.k)
        if nearest.shape[axis] >= self.k:
            bound = np.partition(nearest, self.k - 1, axis=axis).take(self.k - 1, axis=axis)
            # the error bound of both distances keeps every true neighbor below the bound
            slack = (2 * self.error[mine]).astype(np.float32)
            np.minimum(self.bound[mine], bound + slack, out=self.bound[mine])
        limit = self.bound[mine]
        flat = np.flatnonzero(block <= (limit[:, None] if by_rows else limit))
        row, column = np.divmod(flat, block.shape[1])
        values = block.ravel()[flat]
        pair = (row + first, column + other) if by_rows else (column + first, row + other)
        self.kept.append((*pair, values))

    def candidates(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return (point, other, squared distance) of all pairs within the final bounds."""
        rows, columns, values = (np.concatenate(part) for part in zip(*self.kept, strict=True))
        within = values <= self.bound[rows]
        return rows[within], columns[within], values[within].astype(np.float64)


def _take_minima(block: np.ndarray, axis: int, k: int) -> np.ndarray:
    """Return minima of groups of rows or columns, which bound the k-th smallest from above."""
    groups = block.shape[axis] // _GROUP
    if groups < k:
        return block
    if axis == 0:
        return block[: groups * _GROUP].reshape(groups, _GROUP, -1).min(axis=1)
    # strided groups of columns, so that the minimum runs over contiguous rows
    return block[:, : groups * _GROUP].reshape(len(block), _GROUP, groups).min(axis=1)


def _square_distances(points: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Compute squared distances of pairs of points in float64, a bounded number at once."""
    step = max(1, _MAX_NUMBERS // points.shape[1])
    parts = []
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        difference = points[rows[part]].astype(np.float64) - points[columns[part]]
        parts.append(np.einsum("nd,nd->n", difference, difference))
    return np.concatenate(parts) if parts else np.zeros(0)


def _decide(
    points: np.ndarray,
    k: int,
    queries: np.ndarray,
    rows: np.ndarray,
    columns: np.ndarray,
    distances: np.ndarray,
    error: np.ndarray,
) -> np.ndarray:
    """Choose the k nearest candidates of each query, in float64 where the next one is too close."""
    order = np.lexsort((columns, distances, rows))
    rows, columns, distances = rows[order], columns[order], distances[order]
    first = np.searchsorted(rows, np.arange(len(queries)))
    after = np.append(first[1:], len(rows))
    chosen = columns[first[:, None] + np.arange(k)]
    more = after - first > k
    gap = np.full(len(queries), np.inf)
    gap[more] = distances[first[more] + k] - distances[first[more] + k - 1]
    for row in np.flatnonzero(gap < 4 * error):
        near = columns[first[row] : after[row]]
        exactly = _square_distances(points, np.full(len(near), queries[row]), near)
        chosen[row] = near[np.lexsort((near, exactly))[:k]]
    return np.sort(chosen, axis=1)
