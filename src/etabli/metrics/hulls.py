"""Convex hulls of the classes in the plane, and their overlap.

A convex polygon is its vertices (M, 2), counter-clockwise; fewer than three have no area.
"""

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from etabli.core.errors import BadArray, BadSetting
from etabli.core.i18n import _
from etabli.core.seeding import make_generator
from etabli.metrics.score import Score, check_points, encode_labels

_NEIGHBOR = 6  # an outlier is far from its sixth nearest neighbor
_FLAT = 1e-9  # area over squared extent, below which a polygon is a line
_MAX_PAIRS = 5000


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
    """Average the intersection over union of the hulls over all pairs of classes; see ``score``."""
    hulls = class_hulls(points, labels, trim)
    recipe = {
        "hull-overlap": "mean-pair-iou",
        "trimmed": trim,
        "n": len(points),
        "classes": len(hulls),
    }
    return score_overlap(list(hulls.values()), recipe)


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
    following, there = np.roll(polygon, -1, axis=0), np.roll(side, -1)
    crosses = ((side > 0) & (there < 0)) | ((side < 0) & (there > 0))
    share = np.divide(side, side - there, out=np.zeros_like(side), where=crosses)
    crossings = polygon + (following - polygon) * share[:, None]
    kept = np.stack([side >= 0, crosses], axis=1).ravel()
    return np.stack([polygon, crossings], axis=1).reshape(-1, 2)[kept]


def intersection_over_union(first: np.ndarray, second: np.ndarray) -> float:
    """Compute the intersection over union of the areas; 0 where neither has any."""
    apart = (first.min(axis=0) > second.max(axis=0)) | (second.min(axis=0) > first.max(axis=0))
    if apart.any():
        return 0.0
    shared = polygon_area(intersect(first, second))
    union = polygon_area(first) + polygon_area(second) - shared
    return shared / union if union > 0 else 0.0


def is_flat(polygon: np.ndarray) -> bool:
    """Return whether a polygon has no area but for rounding: it is a point or a line."""
    return polygon_area(polygon) <= _FLAT * float(np.ptp(polygon, axis=0).max()) ** 2


def score_overlap(polygons: Sequence[np.ndarray], recipe: dict[str, object]) -> Score:
    """Average the intersection over union over all pairs of classes with an area.

    A class without an area (a point, a line, identical points) overlaps nothing by definition, not
    by its place: its pairs are left out, and without any other pair the score is undefined. Of
    more than 100 classes, 5,000 random pairs are compared. The recipe says both.
    """
    wide = [polygon for polygon in polygons if not is_flat(polygon)]
    if len(wide) < len(polygons):
        recipe = {**recipe, "flat-classes": len(polygons) - len(wide)}
    if len(wide) < 2:
        reason = "no-two-classes-with-an-area" if len(polygons) > 1 else "one-class"
        return Score.undefined(reason, recipe)
    pairs = list(combinations(wide, 2))
    if len(pairs) > _MAX_PAIRS:
        chosen = make_generator(0, "pairs").choice(len(pairs), _MAX_PAIRS, replace=False)
        recipe = {**recipe, "pairs": f"{_MAX_PAIRS}-of-{len(pairs)}"}
        pairs = [pairs[index] for index in np.sort(chosen)]
    overlaps = [intersection_over_union(first, second) for first, second in pairs]
    return Score(float(np.mean(overlaps)), recipe)
