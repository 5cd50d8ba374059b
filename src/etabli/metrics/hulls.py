"""Convex hulls of the classes in the plane, and how far they overlap."""

import numpy as np

from etabli.errors import BadArray, BadSetting
from etabli.i18n import _
from etabli.metrics import polygons
from etabli.metrics.checks import classes_of, points_of
from etabli.metrics.score import Score

_NEIGHBOUR = 6


def plane_of(points: np.ndarray) -> np.ndarray:
    """(N, 2) finite points in float64. Raises ``BadArray``."""
    points = points_of(points)
    if points.shape[1] != 2:
        raise BadArray(
            _("hulls and ellipses are drawn in the plane"),
            expected=_("points of two dimensions"),
            got=points.shape[1],
            fix=_("Project the points first (etabli.projection)."),
        )
    return points.astype(np.float64)


def trimmed(points: np.ndarray, trim: float) -> np.ndarray:
    """The points without the share ``trim`` that stands most alone: farthest from its sixth nearest neighbour."""
    if not 0 <= trim < 1:
        raise BadSetting(_("the trimmed share is not one"), expected=_("0 or more and below 1"), got=trim)
    dropped = int(trim * len(points))
    if dropped == 0:
        return points
    from scipy.spatial import cKDTree

    reach, _indices = cKDTree(points).query(points, k=[min(_NEIGHBOUR + 1, len(points))])
    return points[np.sort(np.argsort(reach[:, 0], kind="stable")[: len(points) - dropped])]


def convex_hull(points: np.ndarray, trim: float = 0.0) -> np.ndarray:
    """(N, 2) -> (M, 2): the corners, counter-clockwise; where the points lie on a line, its two ends (or the point)."""
    from scipy.spatial import ConvexHull, QhullError

    kept = np.unique(trimmed(plane_of(points), trim), axis=0)
    if len(kept) < 3:
        return kept
    try:
        return kept[ConvexHull(kept).vertices]
    except QhullError:  # on a line: unique() sorted them along it
        return kept[[0, -1]]


def class_hulls(points: np.ndarray, labels: np.ndarray, trim: float = 0.05) -> dict[object, np.ndarray]:
    """The hull of every class, without the share ``trim`` of its points that stands most alone."""
    points = plane_of(points)
    names, codes = classes_of(labels, len(points))
    return {name.item(): convex_hull(points[codes == code], trim) for code, name in enumerate(names)}


def hull_overlap(points: np.ndarray, labels: np.ndarray, trim: float = 0.05) -> Score:
    """The mean over all pairs of classes of their hulls' intersection over union: 0 where none meet, at most 1."""
    hulls = class_hulls(points, labels, trim)
    recipe = {"hull-overlap": "mean-pair-iou", "trimmed": trim, "n": len(points), "classes": len(hulls)}
    return Score(polygons.mean_overlap(list(hulls.values())), recipe)
