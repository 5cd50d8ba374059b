"""The exact k nearest neighbours of every point among the others, by fast sieves and a rigorous check.

Distances are Euclidean; among equal distances the lower index is nearer. In few dimensions a k-d tree finds the
candidates; in many, products of blocks of points do (each block once, for its rows and its columns). A float32
product is only trusted up to its error bound: what lies within it is decided by distances in float64.
"""

import numpy as np

from etabli.core.errors import BadSetting
from etabli.core.i18n import _
from etabli.metrics.score import check_points

_PLANE = 8  # up to here a k-d tree is faster than products
_BLOCK = 1024
_GROUP = 16  # columns whose minimum is taken first
_MEMORY = 2**24  # float64 numbers held at once by the exact comparison


def find_nearest_neighbors(points: np.ndarray, k: int) -> np.ndarray:
    """(N, D) -> (N, k): the indices of the k nearest other points of each point, as a set (in ascending index).

    Raises ``BadSetting`` where k is not between 1 and N - 1.
    """
    points = check_points(points)
    n = len(points)
    if not 1 <= k < n:
        raise BadSetting(
            _("there are not enough points for {k} neighbors").format(k=k),
            expected=_("k from 1 to {most}").format(most=n - 1),
            got=_("k = {k} with {n} points").format(k=k, n=n),
        )
    exact = points.astype(np.float64)
    if points.shape[1] <= _PLANE:
        rows, columns, distances, error = _by_tree(exact, k)
    else:
        rows, columns, distances, error = _by_products(exact, k)
    return _decided(exact, k, rows, columns, distances, error)


def _by_tree(points: np.ndarray, k: int):
    """Candidates from a k-d tree: the k + 2 nearest entries (itself among them), or more where they tie."""
    from scipy.spatial import cKDTree

    n = len(points)
    wanted = min(k + 2, n)
    tree = cKDTree(points)
    distances, columns = tree.query(points, k=wanted, workers=-1)
    slack = 1e-9 * (distances[:, -1] + np.abs(points).max())
    # where the last one found may tie with the k-th, others beyond it may tie too: look at all of those
    unsure = (
        np.flatnonzero(distances[:, -1] <= distances[:, -2] + 2 * slack)
        if wanted < n
        else np.array([], int)
    )
    sure = np.setdiff1d(np.arange(n), unsure, assume_unique=True)
    rows = [np.repeat(sure, wanted)]
    found = [columns[sure].ravel()]
    reach = distances[unsure, -1] + 2 * slack[unsure]
    for start in range(0, len(unsure), 256):
        part = slice(start, start + 256)
        balls = tree.query_ball_point(points[unsure[part]], reach[part])
        rows.append(np.repeat(unsure[part], [len(ball) for ball in balls]))
        found.extend(np.asarray(ball, dtype=int) for ball in balls)
    rows, found = np.concatenate(rows), np.concatenate(found)
    other = rows != found
    rows, found = rows[other], found[other]
    return rows, found, _squared(points, rows, found), np.zeros(n)


def _by_products(points: np.ndarray, k: int):
    """Candidates from squared distances |x|^2 + |y|^2 - 2xy in float32, half of the block products being enough."""
    n, size = points.shape
    points = points - points.mean(axis=0)  # the nearer to the origin, the smaller the error
    norms = np.einsum("nd,nd->n", points, points)
    scale = max(float(norms.max()), np.finfo(np.float32).tiny) ** 0.5
    left = np.empty((n, size + 2), np.float32)
    right = np.empty((n, size + 2), np.float32)
    left[:, :size] = points / scale
    right[:, :size] = left[:, :size] * -2
    norms = norms / scale**2
    left[:, size], right[:, size] = norms, 1
    left[:, size + 1], right[:, size + 1] = 1, norms
    # rounding of the entries and of a sum of size + 2 products, each at most (norm x + norm y)^2 <= 4
    error = np.finfo(np.float32).eps * (8 + (size + 2) ** 0.5 * 2) * (norms + 1)
    sieve = _Sieve(n, k, error)
    starts = range(0, n, _BLOCK)
    for start in starts:
        for other in range(start, n, _BLOCK):
            block = left[start : start + _BLOCK] @ right[other : other + _BLOCK].T
            if start == other:
                np.fill_diagonal(block, np.inf)
            else:
                sieve.offer(block, other, start, by_rows=False)
            sieve.offer(block, start, other, by_rows=True)
    return (*sieve.candidates(), error)


class _Sieve:
    """For every point, the others that may be among its k nearest, given what has been seen so far."""

    def __init__(self, n: int, k: int, error: np.ndarray) -> None:
        self.k, self.error = k, error
        self.bound = np.full(n, np.inf, np.float32)
        self.kept: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    def offer(self, block: np.ndarray, first: int, other: int, *, by_rows: bool) -> None:
        """Distances of the points from ``first`` on (rows, or columns) to those from ``other`` on."""
        axis = 1 if by_rows else 0
        mine = slice(first, first + block.shape[1 - axis])
        nearest = _minima(block, axis, self.k)
        if nearest.shape[axis] >= self.k:
            bound = np.partition(nearest, self.k - 1, axis=axis).take(self.k - 1, axis=axis)
            # what is nearer than the k-th of them by more than the error on both sides cannot be missed
            slack = (2 * self.error[mine]).astype(np.float32)
            np.minimum(self.bound[mine], bound + slack, out=self.bound[mine])
        limit = self.bound[mine]
        flat = np.flatnonzero(block <= (limit[:, None] if by_rows else limit))
        row, column = np.divmod(flat, block.shape[1])
        values = block.ravel()[flat]
        pair = (row + first, column + other) if by_rows else (column + first, row + other)
        self.kept.append((*pair, values))

    def candidates(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(point, other, squared distance) of all that lie within the final bounds."""
        rows, columns, values = (np.concatenate(part) for part in zip(*self.kept, strict=True))
        within = values <= self.bound[rows]
        return rows[within], columns[within], values[within].astype(np.float64)


def _minima(block: np.ndarray, axis: int, k: int) -> np.ndarray:
    """The minima of groups of rows or columns: few numbers that bound the k-th smallest from above."""
    groups = block.shape[axis] // _GROUP
    if groups < k:
        return block
    if axis == 0:
        return block[: groups * _GROUP].reshape(groups, _GROUP, -1).min(axis=1)
    # groups of columns that lie apart, so that the minimum runs over contiguous rows
    return block[:, : groups * _GROUP].reshape(len(block), _GROUP, groups).min(axis=1)


def _squared(points: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Squared distances of pairs of points, in float64, a bounded number at once."""
    step = max(1, _MEMORY // points.shape[1])
    parts = []
    for start in range(0, len(rows), step):
        difference = points[rows[start : start + step]] - points[columns[start : start + step]]
        parts.append(np.einsum("nd,nd->n", difference, difference))
    return np.concatenate(parts) if parts else np.zeros(0)


def _decided(points, k, rows, columns, distances, error) -> np.ndarray:
    """The k nearest of each point among its candidates; where the k-th and the next are too close, exactly."""
    order = np.lexsort((columns, distances, rows))
    rows, columns, distances = rows[order], columns[order], distances[order]
    first = np.searchsorted(rows, np.arange(len(points)))
    after = np.append(first[1:], len(rows))
    chosen = columns[first[:, None] + np.arange(k)]
    more = after - first > k
    gap = np.full(len(points), np.inf)
    gap[more] = distances[first[more] + k] - distances[first[more] + k - 1]
    for row in np.flatnonzero(gap < 4 * error):
        near = columns[first[row] : after[row]]
        exactly = _squared(points, np.full(len(near), row), near)
        chosen[row] = near[np.lexsort((near, exactly))[:k]]
    return np.sort(chosen, axis=1)
