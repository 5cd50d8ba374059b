"""Average precision of multi-label rankings, by the area rule and by VOC's 11-point rule.

Source: Everingham et al., "The PASCAL Visual Object Classes (VOC) Challenge", IJCV 2010, section 4.2; the devkit's
``VOCevalcls.m`` of 2007 (11 points) and the area under the precision-recall steps as scikit-learn sums it.
"""

from collections.abc import Sequence

import numpy as np

from etabli.core.errors import BadArray, BadSetting
from etabli.core.i18n import _
from etabli.metrics.score import Score

__all__ = [
    "average_precision",
    "element_accuracy",
    "mean_average_precision",
    "average_precision_per_class",
    "compute_scores",
    "bootstrap_standard_error",
]

RULES = ("area", "11pt")
DIFFICULT_MODES = ("ignored", "negative")
# Matlab's 0:0.1:1, in which the devkit counts, is built from both ends: 0.3 is 3 * 0.1, but 0.7 is 1 - 3 * 0.1.
_RECALLS = tuple(k * 0.1 if k <= 5 else 1 - (10 - k) * 0.1 for k in range(11))


def average_precision(
    labels: np.ndarray, scores: np.ndarray, rule: str = "area", difficult: str = "ignored"
) -> float:
    """AP of one class over N images; ``labels`` 1 present, -1 absent, 0 difficult; NaN without a positive.

    "area": sum over n of (R_n - R_{n-1}) P_n, images of equal score counted together. "11pt": the mean over recall
    t = 0, 0.1, ..., 1 of the best precision at recall t or more, images of equal score in their order, as the
    devkit sorts. ``difficult`` images are "ignored" (taken out) or "negative" (counted as absent).
    """
    labels, scores = _checked(labels, scores, rule, difficult)
    if labels.ndim != 1:
        raise BadArray(_("the labels of one class must be a vector"), got=labels.shape)
    if difficult == "ignored":
        labels, scores = labels[labels != 0], scores[labels != 0]
    positive = labels == 1
    if not positive.any():
        return float("nan")
    return _eleven_points(positive, scores) if rule == "11pt" else _area(positive, scores)


def average_precision_per_class(
    labels: np.ndarray, scores: np.ndarray, rule: str = "area", difficult: str = "ignored"
) -> np.ndarray:
    """AP of each of K classes from ``labels`` and ``scores`` (N, K); NaN for a class without a positive."""
    labels, scores = _checked(labels, scores, rule, difficult)
    if labels.ndim != 2:
        raise BadArray(_("labels of several classes must be a matrix"), got=labels.shape)
    return np.array(
        [
            average_precision(labels[:, k], scores[:, k], rule, difficult)
            for k in range(labels.shape[1])
        ]
    )


def mean_average_precision(
    labels: np.ndarray, scores: np.ndarray, rule: str = "area", difficult: str = "ignored"
) -> Score:
    """Mean of the classes' AP, over those that have a positive example; their number stands in the recipe."""
    values = average_precision_per_class(labels, scores, rule, difficult)
    measured = ~np.isnan(values)
    if not measured.any():
        raise BadArray(_("no class has a positive example, so no average precision is defined"))
    recipe = {"ap": rule, "difficult": difficult, "n": len(labels), "classes": int(measured.sum())}
    return Score(float(values[measured].mean()), recipe)


def compute_scores(labels: np.ndarray, ranks: np.ndarray, classes: Sequence[str]) -> dict[str, Score]:
    """Every score of a ranking under its name: both rules, both readings of difficult, and each class."""
    named = {
        "mean_average_precision": mean_average_precision(labels, ranks),
        "mean_average_precision_11pt": mean_average_precision(labels, ranks, "11pt"),
        "mean_average_precision_difficult_negative": mean_average_precision(
            labels, ranks, difficult="negative"
        ),
        "mean_average_precision_11pt_difficult_negative": mean_average_precision(
            labels, ranks, "11pt", "negative"
        ),
    }
    for name, column, value in zip(classes, labels.T, average_precision_per_class(labels, ranks), strict=True):
        if not np.isnan(value):
            recipe = {
                "ap": "area",
                "difficult": "ignored",
                "n": len(labels),
                "positives": int((column == 1).sum()),
            }
            named[f"average_precision_{name.replace(' ', '_')}"] = Score(float(value), recipe)
    return named


def bootstrap_standard_error(
    labels: np.ndarray, ranks: np.ndarray, generator: np.random.Generator, lists: int = 200
) -> Score:
    """How far the mean AP of a list of N images can be expected to lie from that of all images of its kind.

    The standard deviation over ``lists`` lists of N images drawn from this one with replacement (Efron 1979,
    Bootstrap methods, section 2). Two nets that are judged on the same list share a part of this error.
    """
    whole, means = mean_average_precision(labels, ranks), []
    for rows in generator.integers(len(labels), size=(lists, len(labels))):
        values = average_precision_per_class(labels[rows], ranks[rows])
        means.append(values[~np.isnan(values)].mean() if not np.isnan(values).all() else np.nan)
    return Score(float(np.nanstd(means, ddof=1)), {**whole.recipe, "bootstrap": lists})


def element_accuracy(labels: np.ndarray, decisions: np.ndarray) -> Score:
    """The share of all N x K yes-or-no decisions that are right; a difficult object counts as absent.

    A weak measure where most objects are absent: saying no to everything is already right on every absent one.
    """
    labels, decisions = np.asarray(labels), np.asarray(decisions)
    if labels.shape != decisions.shape or labels.size == 0:
        raise BadArray(
            _("labels and decisions differ in shape"), expected=labels.shape, got=decisions.shape
        )
    recipe = {"accuracy": "element", "threshold": 0.5, "n": len(labels), "classes": labels.shape[1]}
    return Score(float(np.mean((labels == 1) == decisions.astype(bool))), recipe)


def _area(positive: np.ndarray, scores: np.ndarray) -> float:
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(positive, scores))


def _eleven_points(positive: np.ndarray, scores: np.ndarray) -> float:
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(positive[order])
    precision, recall = hits / np.arange(1, len(hits) + 1), hits / hits[-1]
    return float(np.mean([precision[recall >= t].max(initial=0.0) for t in _RECALLS]))


def _checked(
    labels: np.ndarray, scores: np.ndarray, rule: str, difficult: str
) -> tuple[np.ndarray, np.ndarray]:
    if rule not in RULES:
        raise BadSetting(
            _("unknown average precision rule"),
            expected=_(" or ").join(RULES),
            got=rule,
        )
    if difficult not in DIFFICULT_MODES:
        raise BadSetting(_("difficult images are ignored or negative"), got=difficult)
    labels, scores = np.asarray(labels), np.asarray(scores, dtype=np.float64)
    if labels.shape != scores.shape:
        raise BadArray(
            _("labels and scores differ in shape"), expected=labels.shape, got=scores.shape
        )
    if not np.isin(labels, (-1, 0, 1)).all():
        raise BadArray(
            _("labels are 1 (present), 0 (difficult) or -1 (absent)"),
            got=np.unique(labels)[:5].tolist(),
        )
    if not np.isfinite(scores).all():
        raise BadArray(_("scores contain NaN or infinity"))
    return labels, scores
