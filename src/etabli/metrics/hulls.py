"""Convex hulls of the classes in the plane, and their overlap.

A convex polygon is its vertices (M, 2), counter-clockwise; fewer than three have no area.
"""

from itertools import combinations

import numpy as np

from etabli.core.errors import BadArray, BadSetting
from etabli.core.i18n import _
from etabli.metrics.score import Score, check_points, encode_labels

_NEIGHBOR = 6  # an outlier is far from its sixth nearest neighbor


def check_plane_points(points: np.ndarray) -> np.ndarray:
    """Return (N, 2) finite points as float64. Raises ``BadArray``."""
    points = check_points(points)
    if points.shape[1] != 2:
        raise BadArray(
            _("hulls and ellipses need points of the plane"),
            expected=_("two-dimensional points"),
            got=points.shape[1],
            fix=_("Project the points first (etabli.projection)."),
        )
    return points.astype(np.float64)


def trim_outliers(points: np.ndarray, trim: float) -> np.ndarray:
    """Remove the share ``trim`` of points that are farthest from their sixth nearest neighbor."""
    if not 0 <= trim < 1:
        raise BadSetting(
            _("the trimmed fraction is out of range"),
            expected=_("at least 0 and below 1"),
            got=trim,
        )
    dropped = int(trim * len(points))
    if dropped == 0:
        return points
    from scipy.spatial import cKDTree

    reach, _indices = cKDTree(points).query(points, k=[min(_NEIGHBOR + 1, len(points))])
    return points[np.sort(np.argsort(reach[:, 0], kind="stable")[: len(points) - dropped])]


def convex_hull(points: np.ndarray, trim: float = 0.0) -> np.ndarray:
    """Return the hull (M, 2) of points (N, 2), counter-clockwise; the ends of collinear points."""
    from scipy.spatial import ConvexHull, QhullError

    kept = np.unique(trim_outliers(check_plane_points(points), trim), axis=0)
    if len(kept) < 3:
        return kept
    try:
        return kept[ConvexHull(kept).vertices]
    except QhullError:  # collinear: unique() sorted them along the line
        return kept[[0, -1]]


def class_hulls(
    points: np.ndarray, labels: np.ndarray, trim: float = 0.05
) -> dict[object, np.ndarray]:
    """Compute the hull of every class, without the share ``trim`` of outliers."""
    points = check_plane_points(points)
    names, codes = encode_labels(labels, len(points))
    return {
        name.item(): convex_hull(points[codes == code], trim) for code, name in enumerate(names)
    }


def hull_overlap(points: np.ndarray, labels: np.ndarray, trim: float = 0.05) -> Score:
    """Average the intersection over union of the hulls over all pairs of classes."""
    hulls = class_hulls(points, labels, trim)
    recipe = {
        "hull-overlap": "mean-pair-iou",
        "trimmed": trim,
        "n": len(points),
        "classes": len(hulls),
    }
    return Score(mean_overlap(list(hulls.values())), recipe)


def polygon_area(polygon: np.ndarray) -> float:
    """Compute the area: half the sum of cross products of adjacent vertices (shoelace formula)."""
    if len(polygon) < 3:
        return 0.0
    x, y = (polygon - polygon.mean(axis=0)).T
    return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2)


def intersect(subject: np.ndarray, window: np.ndarray) -> np.ndarray:
    """Return the intersection of two convex polygons, by clipping one at every edge of the other.

    Source: Sutherland, Hodgman, "Reentrant polygon clipping" (1974).
    """
    if len(subject) < 3 or len(window) < 3:
        return np.zeros((0, 2))
    for start, end in zip(window, np.roll(window, -1, axis=0), strict=True):
        if len(subject) == 0:
            break
        edge = end - start
        side = edge[0] * (subject[:, 1] - start[1]) - edge[1] * (subject[:, 0] - start[0])
        subject = _clip(subject, side)
    return subject


def _clip(polygon: np.ndarray, side: np.ndarray) -> np.ndarray:
    """Return the part of a polygon where ``side``, a signed distance, is not negative."""
    kept = []
    following_rows = zip(np.roll(polygon, -1, axis=0), np.roll(side, -1), strict=True)
    for vertex, here, (following, there) in zip(polygon, side, following_rows, strict=True):
        if here >= 0:
            kept.append(vertex)
        if (here > 0 > there) or (here < 0 < there):
            kept.append(vertex + (following - vertex) * (here / (here - there)))
    return np.array(kept).reshape(-1, 2)


def intersection_over_union(first: np.ndarray, second: np.ndarray) -> float:
    """Compute the intersection over union of the areas; 0 where neither has any."""
    shared = polygon_area(intersect(first, second))
    union = polygon_area(first) + polygon_area(second) - shared
    return shared / union if union > 0 else 0.0


def mean_overlap(polygons: list[np.ndarray]) -> float:
    """Average the intersection over union over all pairs; 0 where there is no pair."""
    pairs = [intersection_over_union(first, second) for first, second in combinations(polygons, 2)]
    return float(np.mean(pairs)) if pairs else 0.0
