"""Average precision of multi-label rankings, by the area rule and by VOC's 11-point rule.

Source: Everingham et al., "The PASCAL Visual Object Classes (VOC) Challenge", IJCV 2010, section
4.2; the devkit's ``VOCevalcls.m`` of 2007 (11 points); scikit-learn (area).
"""

from collections.abc import Sequence

import numpy as np

from etabli.core.errors import BadArray, BadSetting
from etabli.core.i18n import _
from etabli.metrics.score import Interval, Score

__all__ = [
    "average_precision",
    "average_precision_per_class",
    "bootstrap_gain",
    "bootstrap_standard_error",
    "compute_scores",
    "element_accuracy",
    "mean_average_precision",
]

RULES = ("area", "11pt")
DIFFICULT_MODES = ("ignored", "negative")
# MATLAB builds the devkit's 0:0.1:1 from both ends: 0.3 is 3 * 0.1, but 0.7 is 1 - 3 * 0.1.
_RECALLS = tuple(k * 0.1 if k <= 5 else 1 - (10 - k) * 0.1 for k in range(11))


def average_precision(
    labels: np.ndarray, scores: np.ndarray, rule: str = "area", difficult: str = "ignored"
) -> float:
    """Compute the average precision of one class over N images.

    Args:
        labels: (N,), 1 present, -1 absent, 0 difficult.
        scores: (N,), higher for more likely present.
        rule: "area", sum over n of (R_n - R_{n-1}) P_n, ties counted together; or "11pt", the mean
            over recall t = 0, 0.1, ..., 1 of the best precision at recall t or more, ties in their
            order, as the devkit sorts.
        difficult: such images are "ignored" or "negative" (counted as absent).

    Returns:
        A value in [0, 1]; NaN without a positive image.

    Raises:
        BadArray: shapes differ, or values are out of range.
        BadSetting: ``rule`` or ``difficult`` is unknown.
    """
    labels, scores = _check(labels, scores, rule, difficult)
    if labels.ndim != 1:
        raise BadArray(_("the labels of one class must be a vector"), got=labels.shape)
    if difficult == "ignored":
        labels, scores = labels[labels != 0], scores[labels != 0]
    positive = labels == 1
    if not positive.any():
        return float("nan")
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(positive[order])
    if rule == "area":
        ranked = scores[order]
        ends = np.append(np.flatnonzero(ranked[:-1] != ranked[1:]), len(ranked) - 1)
        steps = np.diff(hits[ends] / hits[-1], prepend=0)
        # Summed from the end, as scikit-learn does, to equal its result to the last digit.
        return float((steps * (hits[ends] / (ends + 1)))[::-1].sum())
    precision, recall = hits / np.arange(1, len(hits) + 1), hits / hits[-1]
    return float(np.mean([precision[recall >= t].max(initial=0.0) for t in _RECALLS]))


def average_precision_per_class(
    labels: np.ndarray, scores: np.ndarray, rule: str = "area", difficult: str = "ignored"
) -> np.ndarray:
    """Compute the AP (K,) of each class of (N, K); see ``average_precision``."""
    labels, scores = _check(labels, scores, rule, difficult)
    if labels.ndim != 2:
        raise BadArray(_("labels of several classes must be a matrix"), got=labels.shape)
    columns = zip(labels.T, scores.T, strict=True)
    return np.array([average_precision(*column, rule, difficult) for column in columns])


def mean_average_precision(
    labels: np.ndarray, scores: np.ndarray, rule: str = "area", difficult: str = "ignored"
) -> Score:
    """Average the AP of the classes that have a positive example; see ``average_precision``."""
    values = average_precision_per_class(labels, scores, rule, difficult)
    measured = ~np.isnan(values)
    if not measured.any():
        raise BadArray(_("no class has a positive example, so no average precision is defined"))
    recipe = {"ap": rule, "difficult": difficult, "n": len(labels), "classes": int(measured.sum())}
    return Score(float(values[measured].mean()), recipe)


def compute_scores(
    labels: np.ndarray, ranks: np.ndarray, classes: Sequence[str]
) -> dict[str, Score]:
    """Compute every score by name: both rules, both treatments of difficult, and each class."""
    named = {
        f"mean_average_precision{suffix}": mean_average_precision(labels, ranks, rule, difficult)
        for suffix, rule, difficult in (
            ("", "area", "ignored"),
            ("_11pt", "11pt", "ignored"),
            ("_difficult_negative", "area", "negative"),
            ("_11pt_difficult_negative", "11pt", "negative"),
        )
    }
    for name, column, value in zip(
        classes, labels.T, average_precision_per_class(labels, ranks), strict=True
    ):
        if not np.isnan(value):
            recipe: dict[str, object] = {"ap": "area", "difficult": "ignored", "n": len(labels)}
            recipe["positives"] = int((column == 1).sum())
            named[f"average_precision_{name.replace(' ', '_')}"] = Score(float(value), recipe)
    return named


def bootstrap_standard_error(
    labels: np.ndarray, ranks: np.ndarray, generator: np.random.Generator, resamples: int = 200
) -> Score:
    """Estimate the standard error of the mean AP of a test set of N images by the bootstrap.

    It is the standard deviation over test sets of N images drawn with replacement (Efron 1979,
    "Bootstrap methods", section 2). Two models evaluated on the same test set share part of it.

    Args:
        labels: (N, K), 1 present, -1 absent, 0 difficult.
        ranks: (N, K) scores.
        generator: draws the images.
        resamples: number of test sets drawn.
    """
    whole, means = mean_average_precision(labels, ranks), []
    for rows in generator.integers(len(labels), size=(resamples, len(labels))):
        values = average_precision_per_class(labels[rows], ranks[rows])
        means.append(values[~np.isnan(values)].mean() if not np.isnan(values).all() else np.nan)
    return Score(float(np.nanstd(means, ddof=1)), {**whole.recipe, "bootstrap": resamples})


def bootstrap_gain(
    labels: np.ndarray,
    ranks: np.ndarray,
    others: np.ndarray,
    generator: np.random.Generator,
    resamples: int = 1000,
) -> Interval:
    """Estimate the gain in mean AP over another ranking of the same N images, with its interval.

    The bootstrap is paired: each resample of the images scores both rankings.

    Args:
        labels: (N, K), 1 present, -1 absent, 0 difficult.
        ranks: (N, K) scores.
        others: (N, K) scores of the other ranking.
        generator: draws the images.
        resamples: number of test sets drawn.
    """
    whole, baseline = (mean_average_precision(labels, each) for each in (ranks, others))
    gains = [
        np.nanmean(
            average_precision_per_class(labels[rows], ranks[rows])
            - average_precision_per_class(labels[rows], others[rows])
        )
        for rows in generator.integers(len(labels), size=(resamples, len(labels)))
        if (labels[rows] == 1).any()
    ]
    low, high = np.quantile(gains, [0.025, 0.975]) if gains else (np.nan, np.nan)
    recipe = {**whole.recipe, "interval": f"95%, paired bootstrap of {resamples}"}
    return Interval(whole.value - baseline.value, float(low), float(high), recipe)


def element_accuracy(labels: np.ndarray, decisions: np.ndarray) -> Score:
    """Compute the accuracy over all N x K binary decisions; a difficult object counts as absent.

    A weak metric where most objects are absent: predicting "absent" everywhere scores high.
    """
    labels, decisions = np.asarray(labels), np.asarray(decisions)
    if labels.shape != decisions.shape or labels.size == 0:
        raise BadArray(
            _("labels and decisions differ in shape"), expected=labels.shape, got=decisions.shape
        )
    recipe = {"accuracy": "element", "threshold": 0.5, "n": len(labels), "classes": labels.shape[1]}
    return Score(float(np.mean((labels == 1) == decisions.astype(bool))), recipe)


def _check(
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
