"""How the points of t-SNE push one another apart: one convolution on a grid instead of a sum over pairs.

phi(y) = sum_j K(y - y_j) with K(d) = 1 / (1 + |d|^2) is all that is needed: the normalization of t-SNE is
Z = sum_i phi(y_i) - N, and as grad K = -2 d K^2, the repulsion sum_j K^2 (y_i - y_j) is -grad phi(y_i) / 2.

The points are spread on a grid by cubic B-splines, the grid is convolved with K by FFT, and the splines and their
derivatives read phi and grad phi at the points: K becomes its cubic spline interpolant in both of its places.
Source: the grid of van der Maaten's t-SNE is Linderman et al. 2019; splines and one potential for all forces are the
smooth particle mesh of Essmann et al. 1995. Why not openTSNE's own: docs/decisions/0012.
"""

from functools import lru_cache

import numpy as np
from scipy import fft

STEP = 1 / 3  # of the grid, where K is one unit wide: the error of the forces is about 1 %
_FEWEST = 48  # cells along the longer axis: the points start very near to one another, and K is nearly flat there
_MOST = 2048  # a wider plane gets a wider step
_ROUND = 16  # grids grow in steps, so that the kernel's transform serves for many iterations


def compute_repulsion(points: np.ndarray, threads: int = 1) -> tuple[np.ndarray, float]:
    """(N, 2) -> sum_j (y_i - y_j) / (1 + |y_i - y_j|^2)^2 as (N, 2), and Z = sum_{i != j} 1 / (1 + |y_i - y_j|^2)."""
    low = points.min(axis=0)
    spans = points.max(axis=0) - low
    step = float(np.clip(STEP, spans.max() / _MOST, max(spans.max(), 1e-9) / _FEWEST))
    # one cell more on either side, for the splines
    rows, columns = (-(-(int(span / step) + 4) // _ROUND) * _ROUND for span in spans)
    cells, inside = np.divmod(((points - low) / step).T, 1)
    (by_row, row_slope), (by_column, column_slope) = _spline(inside[0]), _spline(inside[1])
    first = (cells[0] * columns + cells[1]).astype(np.intp)
    around = np.add.outer(
        np.add.outer(np.arange(4) * columns, np.arange(4)), first
    )  # (4, 4, N): cells of each point
    weights = by_row[:, None] * by_column
    grid = np.bincount(around.ravel(), weights.ravel(), rows * columns).reshape(rows, columns)
    potential = _convolved(grid, step, threads).ravel()[around].astype(np.float64)
    along = np.einsum("rcn,cn->rn", potential, by_column)
    across = np.einsum("rcn,cn->rn", potential, column_slope)
    total = float(np.einsum("rn,rn->", along, by_row)) - len(points)
    slopes = np.einsum("rn,rn->n", along, row_slope), np.einsum("rn,rn->n", across, by_row)
    return np.stack(slopes, axis=1) / (-2 * step), total


def _spline(inside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The cubic B-spline on the four cells around a place in [0, 1) of its cell, and its derivative: (4, N) each."""
    t, u = inside, 1 - inside
    values = u**3, 4 - 6 * t**2 + 3 * t**3, 4 - 6 * u**2 + 3 * u**3, t**3
    slopes = -3 * u**2, 9 * t**2 - 12 * t, 12 * u - 9 * u**2, 3 * t**2
    return np.stack(values) / 6, np.stack(slopes) / 6


def _convolved(grid: np.ndarray, step: float, threads: int) -> np.ndarray:
    """The grid convolved with the kernel; zeros beyond its edges (rows of zeros are left out of the transforms)."""
    rows, columns = grid.shape
    kernel = _kernel(rows, columns, step)
    grid = grid.astype(kernel.dtype)
    height, width = len(kernel), fft.next_fast_len(2 * columns, real=True)
    spectrum = fft.fft(
        fft.rfft(grid, width, axis=1, workers=threads), height, axis=0, workers=threads
    )
    spectrum *= kernel
    spectrum = fft.ifft(spectrum, axis=0, overwrite_x=True, workers=threads)[:rows]
    return fft.irfft(spectrum, width, axis=1, workers=threads)[:, :columns]


@lru_cache(maxsize=2)
def _kernel(rows: int, columns: int, step: float) -> np.ndarray:
    """The transform of K on the doubled grid, over that of the spline twice: so the splines interpolate K."""
    sizes = fft.next_fast_len(2 * rows), fft.next_fast_len(2 * columns, real=True)
    squares = [(step * np.minimum(np.arange(size), size - np.arange(size))) ** 2 for size in sizes]
    spline = [(2 + np.cos(2 * np.pi * np.arange(size) / size)) / 3 for size in sizes]
    transform = fft.rfft2(1 / (1 + np.add.outer(*squares))).real  # K is even, its transform is real
    transform /= np.multiply.outer(spline[0], spline[1][: transform.shape[1]]) ** 2
    return transform if step < STEP else transform.astype(np.float32)
