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

from functools import lru_cache

import numpy as np
from scipy import fft

STEP = 1 / 3  # grid step, where K is one unit wide: the error of the forces is about 1 %
# Cells along the longer axis: the points start very close together, where K is nearly flat.
_MIN_CELLS = 48
_MAX_CELLS = 2048  # a wider plane gets a wider step
_ROUND = 16  # grids grow in steps, so that the cached kernel transform serves many iterations


def compute_repulsion(points: np.ndarray, threads: int = 1) -> tuple[np.ndarray, float]:
    """Compute the repulsion (N, 2) of points (N, 2), and the normalization Z.

    They are sum_j (y_i - y_j) / (1 + |y_i - y_j|^2)^2 and sum_{i != j} 1 / (1 + |y_i - y_j|^2).
    """
    low = points.min(axis=0)
    spans = points.max(axis=0) - low
    step = float(np.clip(STEP, spans.max() / _MAX_CELLS, max(spans.max(), 1e-9) / _MIN_CELLS))
    # Four more cells per axis for the support of the splines; sizes rounded up for the cache.
    rows, columns = (-(-(int(span / step) + 4) // _ROUND) * _ROUND for span in spans)
    cells, inside = np.divmod(((points - low) / step).T, 1)
    (by_row, row_slope), (by_column, column_slope) = _spline(inside[0]), _spline(inside[1])
    first = (cells[0] * columns + cells[1]).astype(np.intp)
    # The flat indices (4, 4, N) of the cells that the spline of each point touches.
    around = np.add.outer(np.add.outer(np.arange(4) * columns, np.arange(4)), first)
    # Spread: every point adds its weights to its cells; bincount sums what falls in the same cell.
    weights = by_row[:, None] * by_column
    grid = np.bincount(around.ravel(), weights.ravel(), rows * columns).reshape(rows, columns)
    potential = _convolve(grid, step, threads).ravel()[around].astype(np.float64)
    # Interpolate: the same splines give phi, their derivatives its gradient per cell.
    along = np.einsum("rcn,cn->rn", potential, by_column)
    across = np.einsum("rcn,cn->rn", potential, column_slope)
    total = float(np.einsum("rn,rn->", along, by_row)) - len(points)  # K(0) = 1 for each i = j
    slopes = np.einsum("rn,rn->n", along, row_slope), np.einsum("rn,rn->n", across, by_row)
    return np.stack(slopes, axis=1) / (-2 * step), total


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
