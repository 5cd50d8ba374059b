"""Scores of classifiers with 95 % intervals, for one label an image and for several.

Intervals are percentiles over test sets drawn with replacement (Efron, Tibshirani 1993, "An
introduction to the bootstrap", chapter 13), all at once: a resample is a vector of weights, and
every score is a function of weights.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from scipy.sparse import csr_array

from etabli.core.errors import BadArray
from etabli.core.i18n import _
from etabli.metrics import average_precision as ap
from etabli.metrics.score import Interval

__all__ = ["calibration_bins", "score_exclusive", "score_labels"]

RESAMPLES, BINS, TOP = 1000, 15, 5
_MAX_CELLS = 2e7  # weights that are in memory at a time
_MANY = 50_000  # images, of which fewer resamples are in memory at a time: temporary arrays count
_MAX_RANKED = 4e8  # images times classes times resamples; of more, fewer resamples
_OF_IMAGES = ("accuracy", f"top_{TOP}_accuracy", "micro_f1")
_Z = 1.959964  # of a normal distribution, 95 % is within so many standard deviations

Statistics = dict[str, np.ndarray]
ClassScores = dict[str, dict[str, Interval]]


def score_exclusive(
    truth: np.ndarray,
    probabilities: np.ndarray,
    classes: Sequence[str],
    generator: np.random.Generator,
    resamples: int = RESAMPLES,
) -> tuple[dict[str, Interval], ClassScores]:
    """Score the probabilities of classes of which every image has exactly one.

    Accuracy; balanced accuracy (mean recall of the classes with images); top-5 accuracy where there
    are more than five classes; macro F1 over the classes with images or predictions; log loss in
    nats; expected calibration error (Guo et al. 2017, "On calibration of modern neural networks",
    equation 3) over 15 bins of equal width of the highest probability.

    Args:
        truth: (N,), the index of each image's class.
        probabilities: (N, K), whose rows add up to 1.
        classes: The K names.
        generator: Draws the resamples.
        resamples: How many of them.

    Returns:
        The scores by name, and "precision", "recall", "f1" and "average_precision" by class.

    Raises:
        BadArray: There is no image, or shapes differ.
    """
    truth, probabilities = np.asarray(truth), np.asarray(probabilities, dtype=np.float64)
    if probabilities.shape != (len(truth), len(classes)) or not len(truth):
        raise BadArray(
            _("labels and probabilities differ in shape"),
            expected=(len(truth), len(classes)),
            got=probabilities.shape,
        )
    n, k = probabilities.shape
    predicted = probabilities.argmax(axis=1)
    is_right = predicted == truth
    actual_of, predicted_of = _one_hot(truth, k), _one_hot(predicted, k)
    right_of = _one_hot(truth, k, is_right.astype(float))
    own = probabilities[np.arange(n), truth]
    columns = {"accuracy": is_right, "log_loss": -np.log(np.maximum(own, np.finfo(float).tiny))}
    if k > TOP:
        better = (probabilities > own[:, None]).sum(axis=1)
        columns[f"top_{TOP}_accuracy"] = better < TOP
    confidence = probabilities.max(axis=1)
    gap_of = _one_hot(calibration_bins(confidence), BINS, is_right - confidence)

    def compute(weights: np.ndarray) -> Statistics:
        total = weights.sum(axis=1)
        right, actual, guessed = (
            _weigh(weights, each) for each in (right_of, actual_of, predicted_of)
        )
        with np.errstate(invalid="ignore", divide="ignore"):
            found = {name: weights @ column / total for name, column in columns.items()}
            found["balanced_accuracy"] = _mean_known(right / actual)
            found["macro_f1"] = _mean_known(2 * right / (actual + guessed))
            found["calibration_error"] = np.abs(_weigh(weights, gap_of)).sum(axis=1) / total
        return found | _by_class(right, actual, guessed)

    recipe: dict[str, object] = {"n": n, "classes": k}
    labels = np.where(np.arange(k) == truth[:, None], 1, -1)
    bootstrap = _Bootstrap(labels, resamples, generator, recipe)
    named = bootstrap.run(compute)
    order = ["accuracy", "balanced_accuracy", f"top_{TOP}_accuracy", "macro_f1", "log_loss"]
    scores = {name: named[name] for name in [*order, "calibration_error"] if name in named}
    scores["calibration_error"].recipe.update({"bins": BINS, "width": "equal"})
    _mean, precisions = _rank(bootstrap, probabilities)
    return scores, _collect(named, precisions, classes)


def score_labels(
    labels: np.ndarray,
    probabilities: np.ndarray,
    thresholds: np.ndarray,
    classes: Sequence[str],
    generator: np.random.Generator,
    resamples: int = RESAMPLES,
    ranks: np.ndarray | None = None,
) -> tuple[dict[str, Interval], ClassScores]:
    """Score the probabilities of classes of which an image may have several.

    The mean average precision by the area rule; macro F1 (over the classes with positive images)
    and micro F1 of the decisions at ``thresholds``. Difficult labels count nowhere.

    Args:
        labels: (N, K), 1 present, 0 difficult, -1 absent.
        probabilities: (N, K).
        thresholds: (K,), from which a class is predicted.
        classes: The K names.
        generator: Draws the resamples.
        resamples: How many of them.
        ranks: (N, K) logits that rank as the probabilities do, without saturation.

    Returns:
        The scores by name, and "precision", "recall", "f1" and "average_precision" by class.
    """
    labels, probabilities = np.asarray(labels), np.asarray(probabilities)
    present, decided = labels == 1, (probabilities >= thresholds) & (labels != 0)
    right_of, actual_of = (present & decided).astype(float), present.astype(float)
    guessed_of = decided.astype(float)

    def compute(weights: np.ndarray) -> Statistics:
        right, actual, guessed = (weights @ each for each in (right_of, actual_of, guessed_of))
        with np.errstate(invalid="ignore", divide="ignore"):
            f1 = np.where(actual > 0, 2 * right / (actual + guessed), np.nan)
            sums = actual.sum(axis=1) + guessed.sum(axis=1)
            found = {"macro_f1": _mean_known(f1), "micro_f1": 2 * right.sum(axis=1) / sums}
        return found | _by_class(right, actual, guessed)

    recipe: dict[str, object] = {"n": len(labels), "classes": int(present.any(axis=0).sum())}
    bootstrap = _Bootstrap(labels, resamples, generator, recipe)
    named = bootstrap.run(compute)
    mean, precisions = _rank(bootstrap, probabilities if ranks is None else np.asarray(ranks))
    f1 = {name: named[name] for name in ("macro_f1", "micro_f1")}
    return {"mean_average_precision": mean, **f1}, _collect(named, precisions, classes)


def calibration_bins(confidence: np.ndarray, bins: int = BINS) -> np.ndarray:
    """Return the bin of each probability, of ``bins`` of equal width; the upper end is inside."""
    return np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)


class _Bootstrap:
    """Draws resamples of N images as weights and turns statistics of weights into intervals."""

    def __init__(
        self,
        labels: np.ndarray,
        resamples: int,
        generator: np.random.Generator,
        recipe: dict[str, object],
    ) -> None:
        self.labels, self.n, self.resamples = labels, len(labels), resamples
        self.generator, self.recipe = generator, recipe
        sizes = (labels == 1).sum(axis=0)
        self.sizes, present = sizes, sizes[sizes > 0]
        # The variance of a mean over classes is that of a share of so many images.
        self.mean_size = len(present) ** 2 / (1 / present).sum() if len(present) else 1.0

    def run(self, compute: Callable[[np.ndarray], Statistics]) -> dict[str, Interval]:
        """Return an interval a statistic; one of K columns gives ``name/0`` to ``name/K-1``."""
        whole = compute(np.ones((1, self.n)))
        parts = [compute(weights) for weights in self.draw()]
        found: dict[str, Interval] = {}
        for name, value in whole.items():
            drawn = [part[name] for part in parts]
            spread = np.concatenate(drawn) if drawn else np.empty((0, *value.shape[1:]))
            if value.ndim == 1:
                size = self.n if name in _OF_IMAGES else self.mean_size
                size = 0.0 if name in ("log_loss", "calibration_error") else size
                found[name] = self.measure(float(value[0]), spread, size)
            else:
                for k, each in enumerate(value[0]):
                    found[f"{name}/{k}"] = self.measure(
                        float(each), spread[:, k], float(self.sizes[k])
                    )
        return found

    def measure(self, value: float, drawn: np.ndarray, size: float) -> Interval:
        """Return the value between the 2.5 % and 97.5 % quantiles of the resamples.

        Where all resamples agree that everything is right, or nothing, the bootstrap has no width,
        however few the images: Wilson's interval of a share of ``size`` (1927) replaces it.
        """
        drawn = drawn[np.isfinite(drawn)]
        recipe = {**self.recipe, "interval": f"95%, bootstrap of {self.resamples}"}
        if not np.isfinite(value) or not len(drawn):
            return Interval(value, math.nan, math.nan, self.recipe)
        low, high = np.quantile(drawn, [0.025, 0.975])
        if low == high and value in (0, 1) and size:
            low, high = _wilson(value, size)
            recipe["interval"] = "95%, Wilson"
        return Interval(value, float(min(low, value)), float(max(high, value)), recipe)

    def draw(self) -> Iterator[np.ndarray]:
        """Yield weights (R, N): how often each image is in each of R test sets."""
        size = max(1, int(_MAX_CELLS / (1 if self.n < _MANY else 10) / self.n))
        counts = [min(size, self.resamples - start) for start in range(0, self.resamples, size)]
        share = np.full(self.n, 1 / self.n)
        for count in counts:
            yield self.generator.multinomial(self.n, share, count).astype(float)


def _wilson(share: float, n: float) -> tuple[float, float]:
    """Return the 95 % interval of a share of n (Wilson 1927)."""
    middle = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z * math.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2)) / (1 + _Z**2 / n)
    return max(0.0, middle - half), min(1.0, middle + half)


def _one_hot(codes: np.ndarray, count: int, values: np.ndarray | float = 1.0) -> csr_array:
    """Return (N, count) with one value in each row, in the column that its code names."""
    filled = np.broadcast_to(values, len(codes))
    return csr_array((filled, (np.arange(len(codes)), codes)), shape=(len(codes), count))


def _weigh(weights: np.ndarray, columns: csr_array) -> np.ndarray:
    return np.asarray((columns.T @ weights.T).T)


def _mean_known(values: np.ndarray) -> np.ndarray:
    """Return the means of rows over what is not NaN; NaN, without a warning, where nothing is."""
    with np.errstate(invalid="ignore"):
        return np.nansum(values, axis=1) / (~np.isnan(values)).sum(axis=1)


def _by_class(right: np.ndarray, actual: np.ndarray, guessed: np.ndarray) -> Statistics:
    """Return the statistics (resamples, K) of each class: undefined without images of it."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "precision": np.where(guessed > 0, right / guessed, np.nan),
            "recall": np.where(actual > 0, right / actual, np.nan),
            "f1": np.where(actual > 0, 2 * right / (actual + guessed), np.nan),
        }


def _collect(
    named: Mapping[str, Interval], precisions: Sequence[Interval], classes: Sequence[str]
) -> ClassScores:
    return {
        name: {each: named[f"{each}/{k}"] for each in ("precision", "recall", "f1")}
        | {"average_precision": precisions[k]}
        for k, name in enumerate(classes)
    }


def _rank(bootstrap: _Bootstrap, ranks: np.ndarray) -> tuple[Interval, list[Interval]]:
    """Return the mean average precision (area rule) and that of every class."""
    labels, (n, k) = bootstrap.labels, bootstrap.labels.shape
    values = ap.average_precision_per_class(labels, ranks)
    resamples = min(bootstrap.resamples, int(_MAX_RANKED / (n * k)))
    recipe: dict[str, object] = {"ap": "area", "difficult": "ignored", "n": n}
    inner = _Bootstrap(labels, resamples, bootstrap.generator, recipe)
    columns = list(zip(labels.T, ranks.T, strict=True))
    parts = [
        np.stack([_weighted_ap(weights, *each) for each in columns], axis=1)
        for weights in inner.draw()
    ]
    drawn = np.concatenate([np.empty((0, k)), *parts])
    precisions = [
        inner.measure(float(values[each]), drawn[:, each], float(inner.sizes[each]))
        for each in range(k)
    ]
    for found, size in zip(precisions, inner.sizes, strict=True):
        found.recipe["positives"] = int(size)
    measured = ~np.isnan(values)
    inner.recipe = {**recipe, "classes": int(measured.sum())}
    if not measured.any():
        return Interval(math.nan, math.nan, math.nan, inner.recipe), precisions
    means = _mean_known(drawn[:, measured])
    return inner.measure(float(values[measured].mean()), means, inner.mean_size), precisions


def _weighted_ap(weights: np.ndarray, labels: np.ndarray, ranks: np.ndarray) -> np.ndarray:
    """Return the average precision (R,) of one class for R weightings (R, N) of its images."""
    known = np.flatnonzero(labels != 0)
    order = known[np.argsort(-ranks[known], kind="stable")]
    ranked = ranks[order]
    ends = np.append(np.flatnonzero(ranked[:-1] != ranked[1:]), len(order) - 1)
    counts = weights[:, order]
    hits = np.cumsum(counts * (labels[order] == 1), axis=1)[:, ends]
    seen = np.cumsum(counts, axis=1)[:, ends]
    steps = np.diff(hits, axis=1, prepend=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = np.where(seen > 0, hits / seen, 0)
        return (steps * precision).sum(axis=1) / hits[:, -1]
