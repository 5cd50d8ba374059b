"""Principal component analysis."""

from dataclasses import dataclass

import numpy as np

from etabli.core.errors import BadArray
from etabli.core.i18n import _


def check_points(points: np.ndarray) -> np.ndarray:
    """Return (N, D) finite float32 or float64, N and D at least 1. Raises ``BadArray``."""
    array = np.asarray(points)
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or 0 in array.shape or array.dtype.kind not in "fiub":
        raise BadArray(
            _("these points cannot be projected"),
            expected=_("an array of numbers, N x D"),
            got=_("shape {shape} of {kind}").format(shape=array.shape, kind=array.dtype),
        )
    if array.dtype not in (np.float32, np.float64):
        array = array.astype(np.float64)
    if not np.isfinite(array).all():
        row = int(np.flatnonzero(~np.isfinite(array).all(axis=1))[0])
        raise BadArray(_("point {row} holds a value that is not finite").format(row=row))
    return array


@dataclass(frozen=True, eq=False)
class PCA:
    """``points`` (N, dimensions); ``spectrum``, the explained variance ratios, descending.

    ``mean`` (D,) and ``axes`` (D, at most ``dimensions``) project other points.
    """

    points: np.ndarray
    spectrum: np.ndarray
    mean: np.ndarray
    axes: np.ndarray

    def count_components(self, share: float) -> int:
        """Return the number of components that explain at least this share of the variance."""
        return min(
            int(np.searchsorted(np.cumsum(self.spectrum), share - 1e-9)) + 1, len(self.spectrum)
        )


def pca(points: np.ndarray, dimensions: int = 2) -> PCA:
    """Project (N, D) on its first principal components, and compute the whole spectrum.

    The sign of each axis makes its largest loading positive. Missing dimensions are zeros.
    """
    points = check_points(points)
    mean = points.mean(axis=0, dtype=np.float64)
    centered = points.astype(np.float64) - mean
    n, size = centered.shape
    if size <= n:
        values, axes = np.linalg.eigh(centered.T @ centered)
    else:
        values, left = np.linalg.eigh(centered @ centered.T)
        # Smaller eigenvalues are rounding errors and have no direction.
        least = max(values[-1] * n * np.finfo(float).eps, np.finfo(float).tiny)
        scales = np.where(values > least, 1 / np.sqrt(np.maximum(values, least)), 0)
        axes = centered.T @ left * scales
    values, axes = np.maximum(values[::-1], 0), axes[:, ::-1][:, :dimensions]
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    projected = np.zeros((n, dimensions))
    projected[:, : axes.shape[1]] = centered @ axes
    total = values.sum()
    spectrum = values / total if total > 0 else np.full(len(values), 1 / len(values))
    return PCA(projected.astype(points.dtype), spectrum, mean, axes)
