"""The repulsion of t-SNE: one convolution on a grid instead of a sum over pairs.

phi(y) = sum_j K(y - y_j) with K(d) = 1 / (1 + |d|^2) is all that is needed: the normalization of
t-SNE is Z = sum_i phi(y_i) - N, and as grad K = -2 d K^2, the repulsion sum_j K^2 (y_i - y_j) is
-grad phi(y_i) / 2.

The points are spread on a grid by cubic B-splines, the grid is convolved with K by FFT, and the
splines and their derivatives interpolate phi and grad phi at the points: K is replaced by its cubic
spline interpolant in both arguments. Source: the grid for t-SNE is Linderman et al. 2019; splines
and one potential for all forces are the smooth particle mesh of Essmann et al. 1995. Why not the
grid of openTSNE: docs/decisions/0012.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from scipy import fft

STEP = 1 / 3  # grid step, where K is one unit wide: the error of the forces is about 1 %
# Cells along the longer axis: the points start very close together, where K is nearly flat.
_MIN_CELLS = 48
_MAX_CELLS = 2048  # a wider plane gets a wider step
MANY = 10_000  # points; of more, four parts are spread, whatever the number of threads
_ROUND = 16  # grids grow in steps, so that the cached kernel transform serves many iterations


def compute_repulsion(points: np.ndarray, threads: int = 1) -> tuple[np.ndarray, float]:
    """Compute the repulsion (N, 2) of points (N, 2), and the normalization Z.

    They are sum_j (y_i - y_j) / (1 + |y_i - y_j|^2)^2 and sum_{i != j} 1 / (1 + |y_i - y_j|^2).
    """
    grid = _Grid(points)
    size = max(MANY, -(-len(points) // 4))
    parts = [points[start : start + size] for start in range(0, len(points), size)]
    # In a narrow plane phi is nearly flat, and float32 would round its slope away.
    precision = np.float32 if len(points) > MANY and grid.step >= STEP else np.float64

    def locate(part: np.ndarray) -> tuple["_Located", np.ndarray]:
        at = grid.locate(part, precision)
        return at, grid.spread(at)

    located, spread = zip(*_map(locate, parts, threads), strict=True)
    potential = grid.convolve(sum(spread[1:], start=spread[0]), threads)

    def interpolate(at: "_Located") -> tuple[np.ndarray, float]:
        along, slopes = grid.interpolate(potential, at)
        return slopes, float(np.einsum("rn,rn->", along, at.by_row, dtype=np.float64))

    slopes, sums = zip(*_map(interpolate, located, threads), strict=True)
    # K(0) = 1 for each i = j
    return np.concatenate(slopes, dtype=np.float64) / (-2 * grid.step), sum(sums) - len(points)


def _map(
    work: Callable[[Any], tuple[Any, Any]], parts: Sequence[Any], threads: int
) -> list[tuple[Any, Any]]:
    """Return the results of all parts in their order, computed by threads where there are some."""
    if threads == 1 or len(parts) == 1:
        return [work(part) for part in parts]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, parts))


class Potential:
    """The potential phi of fixed points (N, 2), at any place up to ``margin`` outside of them."""

    def __init__(self, points: np.ndarray, margin: float) -> None:
        self._low, self._high = points.min(axis=0) - margin, points.max(axis=0) + margin
        self._grid = _Grid(np.stack([self._low, self._high]))
        self._values = self._grid.convolve(self._grid.spread(self._grid.locate(points)), 1)

    def evaluate(self, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return phi (M,) and its gradient (M, 2) at places (M, 2), moved inside the margin."""
        at = self._grid.locate(np.clip(places, self._low, self._high))
        along, slopes = self._grid.interpolate(self._values, at)
        return np.einsum("rn,rn->n", along, at.by_row), slopes / self._grid.step


@dataclass(frozen=True, eq=False)
class _Located:
    """Points on a grid: the 16 cells (4, 4, N) of each, splines and their slopes (4, N)."""

    around: np.ndarray
    by_row: np.ndarray
    row_slope: np.ndarray
    by_column: np.ndarray
    column_slope: np.ndarray


class _Grid:
    """A grid of cells that covers points (N, 2)."""

    def __init__(self, points: np.ndarray) -> None:
        self._low = points.min(axis=0)
        spans = points.max(axis=0) - self._low
        longest = max(spans.max(), 1e-9)
        self.step = float(np.clip(STEP, spans.max() / _MAX_CELLS, longest / _MIN_CELLS))
        # Four more cells per axis for the support of the splines; sizes rounded up for the cache.
        self._rows, self._columns = (
            -(-(int(span / self.step) + 4) // _ROUND) * _ROUND for span in spans
        )

    def locate(self, points: np.ndarray, precision: type[np.floating] = np.float64) -> _Located:
        """Return the cells and the splines of points within the grid."""
        scaled = ((points - self._low) / self.step).T
        cells = np.floor(scaled)
        inside = (scaled - cells).astype(precision, copy=False)
        first = (cells[0] * self._columns + cells[1]).astype(np.intp)
        # The flat indices (4, 4, N) of the cells that the spline of each point touches.
        corners = np.add.outer(np.arange(4) * self._columns, np.arange(4))
        return _Located(np.add.outer(corners, first), *_spline(inside[0]), *_spline(inside[1]))

    def spread(self, at: _Located) -> np.ndarray:
        """Return how much of the points each cell has, as a flat array."""
        # Every point adds its weights to its cells; bincount sums what falls in the same cell.
        weights = at.by_row[:, None] * at.by_column
        return np.bincount(at.around.ravel(), weights.ravel(), self._rows * self._columns)

    def convolve(self, spread: np.ndarray, threads: int) -> np.ndarray:
        """Convolve what is spread over the cells with the kernel: phi as coefficients."""
        return _convolve(spread.reshape(self._rows, self._columns), self.step, threads)

    def interpolate(self, potential: np.ndarray, at: _Located) -> tuple[np.ndarray, np.ndarray]:
        """Return phi summed along columns (4, N), and its gradient per cell (N, 2)."""
        values = potential.ravel()[at.around].astype(at.by_row.dtype)
        # The splines that spread the points give phi, their derivatives its gradient.
        along = np.einsum("rcn,cn->rn", values, at.by_column)
        across = np.einsum("rcn,cn->rn", values, at.column_slope)
        slopes = (
            np.einsum("rn,rn->n", along, at.row_slope),
            np.einsum("rn,rn->n", across, at.by_row),
        )
        return along, np.stack(slopes, axis=1)


def _spline(inside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Evaluate the cubic B-spline and its derivative at offsets in [0, 1): (4, N) each."""
    t, u = inside, 1 - inside
    values = u**3, 4 - 6 * t**2 + 3 * t**3, 4 - 6 * u**2 + 3 * u**3, t**3
    slopes = -3 * u**2, 9 * t**2 - 12 * t, 12 * u - 9 * u**2, 3 * t**2
    return np.stack(values) / 6, np.stack(slopes) / 6


def _convolve(grid: np.ndarray, step: float, threads: int) -> np.ndarray:
    """Convolve the grid with the kernel, padded with zeros (whose rows are not transformed)."""
    rows, columns = grid.shape
    kernel = _transform_kernel(rows, columns, step)
    grid = grid.astype(kernel.dtype)
    height, width = len(kernel), fft.next_fast_len(2 * columns, real=True)
    spectrum = fft.fft(
        fft.rfft(grid, width, axis=1, workers=threads), height, axis=0, workers=threads
    )
    spectrum *= kernel
    spectrum = fft.ifft(spectrum, axis=0, overwrite_x=True, workers=threads)[:rows]
    return fft.irfft(spectrum, width, axis=1, workers=threads)[:, :columns]


@lru_cache(maxsize=2)
def _transform_kernel(rows: int, columns: int, step: float) -> np.ndarray:
    """Return the transform of K on the doubled grid, divided by that of the spline twice.

    The division makes the two splines (spreading and interpolation) interpolate K.
    """
    sizes = fft.next_fast_len(2 * rows), fft.next_fast_len(2 * columns, real=True)
    squares = [(step * np.minimum(np.arange(size), size - np.arange(size))) ** 2 for size in sizes]
    # The B-spline has the values 1/6, 4/6, 1/6 at the grid points: a transform of (2 + cos) / 3.
    spline = [(2 + np.cos(2 * np.pi * np.arange(size) / size)) / 3 for size in sizes]
    transform = fft.rfft2(1 / (1 + np.add.outer(*squares))).real  # K is even, its transform is real
    transform /= np.multiply.outer(spline[0], spline[1][: transform.shape[1]]) ** 2
    return transform if step < STEP else transform.astype(np.float32)
