"""Best-fit ellipses of the classes in the plane: a Gaussian per class, by maximum likelihood."""

from dataclasses import dataclass

import numpy as np

from etabli.core.errors import BadSetting
from etabli.core.i18n import _
from etabli.metrics import hulls
from etabli.metrics.hulls import check_plane_points
from etabli.metrics.score import Score, encode_labels

_CORNERS = 90


@dataclass(frozen=True, eq=False)
class Ellipse:
    """``center`` (2,), ``axes`` (standard deviations, longer first), ``angle`` in radians."""

    center: np.ndarray
    axes: tuple[float, float]
    angle: float

    def outline(self, deviations: float = 2.0) -> np.ndarray:
        """Return the ellipse of that many standard deviations as a polygon (M, 2)."""
        if deviations <= 0:
            raise BadSetting(
                _("the width of an ellipse in standard deviations is out of range"),
                expected=_("more than 0"),
                got=deviations,
            )
        long, short = (deviations * axis for axis in self.axes)
        turn = np.array(
            [[np.cos(self.angle), np.sin(self.angle)], [-np.sin(self.angle), np.cos(self.angle)]]
        )
        if short <= 1e-9 * long or long == 0:
            return self.center + np.array([[-long, 0.0], [long, 0.0]]) @ turn
        round_ = np.linspace(0, 2 * np.pi, _CORNERS, endpoint=False)
        return (
            self.center + np.stack([long * np.cos(round_), short * np.sin(round_)], axis=1) @ turn
        )


def best_fit_ellipse(points: np.ndarray) -> Ellipse:
    """Fit the ellipse of a class: its mean and the eigenvectors of its covariance."""
    points = check_plane_points(points)
    center = points.mean(axis=0)
    spread = points - center
    values, vectors = np.linalg.eigh(spread.T @ spread / len(points))
    short, long = np.sqrt(np.maximum(values, 0))
    return Ellipse(
        center, (float(long), float(short)), float(np.arctan2(vectors[1, 1], vectors[0, 1]))
    )


def class_ellipses(points: np.ndarray, labels: np.ndarray) -> dict[object, Ellipse]:
    """Fit the ellipse of every class."""
    points = check_plane_points(points)
    names, codes = encode_labels(labels, len(points))
    return {name.item(): best_fit_ellipse(points[codes == code]) for code, name in enumerate(names)}


def ellipse_overlap(points: np.ndarray, labels: np.ndarray, deviations: float = 2.0) -> Score:
    """Average the intersection over union of the ellipses over all pairs of classes."""
    ellipses = class_ellipses(points, labels)
    recipe = {
        "ellipse-overlap": "mean-pair-iou",
        "deviations": deviations,
        "n": len(points),
        "classes": len(ellipses),
    }
    return hulls.score_overlap([each.outline(deviations) for each in ellipses.values()], recipe)
