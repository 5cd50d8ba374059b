"""Principal component analysis: the directions of greatest variance.

What a projection asks of its points.
"""

from dataclasses import dataclass

import numpy as np

from etabli.core.errors import BadArray
from etabli.core.i18n import _


def check_points(points: np.ndarray) -> np.ndarray:
    """(N, D) finite numbers as float32 or float64, N and D at least 1. Raises ``BadArray``."""
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
    """``points`` (N, dimensions); ``spectrum``: the share of variance of every component, falling, summing to 1."""

    points: np.ndarray
    spectrum: np.ndarray

    def count_components(self, share: float) -> int:
        """How many components hold at least this share of the variance."""
        return min(
            int(np.searchsorted(np.cumsum(self.spectrum), share - 1e-9)) + 1, len(self.spectrum)
        )


def pca(points: np.ndarray, dimensions: int = 2) -> PCA:
    """(N, D) -> its first principal components, and the whole spectrum of eigenvalues.

    Each axis points so that its largest loading is positive. Dimensions that the points do not have come as zeros.
    """
    points = check_points(points)
    centered = points.astype(np.float64) - points.mean(axis=0, dtype=np.float64)
    n, size = centered.shape
    if size <= n:
        values, axes = np.linalg.eigh(centered.T @ centered)
    else:
        values, left = np.linalg.eigh(centered @ centered.T)
        least = max(
            values[-1] * n * np.finfo(float).eps, np.finfo(float).tiny
        )  # below it, rounding and no direction
        axes = (
            centered.T @ left * np.where(values > least, 1 / np.sqrt(np.maximum(values, least)), 0)
        )
    values, axes = np.maximum(values[::-1], 0), axes[:, ::-1][:, :dimensions]
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    projected = np.zeros((n, dimensions))
    projected[:, : axes.shape[1]] = centered @ axes
    total = values.sum()
    spectrum = values / total if total > 0 else np.full(len(values), 1 / len(values))
    return PCA(projected.astype(points.dtype), spectrum)
