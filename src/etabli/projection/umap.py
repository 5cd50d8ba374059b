"""UMAP by umap-learn, which is installed as an extra.

Source: McInnes, Healy, Melville, "UMAP: Uniform manifold approximation and projection" (2018).
"""

import warnings

import numpy as np

from etabli.core.environment import installed_version
from etabli.core.errors import MissingExtra
from etabli.core.i18n import _
from etabli.core.seeding import make_generator
from etabli.projection.pca import check_points, pca

NEIGHBORS = 15
MIN_DISTANCE = 0.1


def require_umap() -> None:
    """Raise ``MissingExtra`` where umap-learn is not installed."""
    if installed_version("umap-learn") is None:
        raise MissingExtra("umap-learn", "umap", _("a plane of UMAP"))


def umap(points: np.ndarray, *, pca_dimensions: int = 50, seed: int = 0) -> np.ndarray:
    """Project (N, D) to (N, 2) by UMAP, on one core: only then does a seed give the same plane.

    Args:
        points: (N, D); fewer than four get their PCA plane.
        pca_dimensions: points of more are reduced to their principal components first.
        seed: of the optimization.

    Raises:
        MissingExtra: umap-learn is not installed.
    """
    require_umap()
    points = check_points(points)
    if len(points) < 4 or not np.ptp(points, axis=0).any():
        return pca(points).points
    if points.shape[1] > pca_dimensions:
        points = pca(points, pca_dimensions).points
    from umap import UMAP

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a seed means one core
        plane = UMAP(
            n_neighbors=min(NEIGHBORS, len(points) - 1),
            min_dist=MIN_DISTANCE,
            init="spectral" if len(points) > NEIGHBORS else "random",
            random_state=int(make_generator(seed, "umap").integers(2**31 - 1)),
            n_jobs=1,
        ).fit_transform(points)
    return np.asarray(plane, dtype=np.float32)
