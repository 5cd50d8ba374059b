"""Alignment of planes: the rotation or reflection that brings one closest to another.

Source: Schönemann, "A generalized solution of the orthogonal Procrustes problem" (1966).
"""

import numpy as np
from scipy.linalg import orthogonal_procrustes

from etabli.core.errors import BadArray
from etabli.core.i18n import _
from etabli.projection.pca import check_points


def align(points: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Center points (N, 2), and rotate or reflect them as close as possible to the target's.

    Distances between the points do not change.

    Raises:
        BadArray: The arrays are malformed or differ in shape.
    """
    points, target = check_points(points), check_points(target)
    if points.shape != target.shape:
        raise BadArray(
            _("planes to align differ in shape"), expected=target.shape, got=points.shape
        )
    centered = points - points.mean(axis=0)
    rotation, _scale = orthogonal_procrustes(centered, target - target.mean(axis=0))
    return centered @ rotation
