"""Scores for people: their plain names, and numbers as percentages, counts or four digits."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from etabli.core.i18n import N_, _, localize_number
from etabli.core.practicals import PRACTICALS

if TYPE_CHECKING:
    from etabli.report.run_folder import ScoreSummary

_SHARES = (
    *("accuracy", "neighborhood_hit", "precision", "overlap", "coverage", "share", "recall"),
    *("macro_f1", "micro_f1", "calibration_error", "map", "gap", "several_labels", "known_words"),
    *("words_with_vector", "neighbors_recovered", "neighbors_by_chance", "captions_kept_whole"),
    *("distinct_4grams", "repetition", "confidence", "space_after"),
)
_COUNTS = ("images_", "n_classes", "parameters", "features", "longest_caption", "median_")

# The longest name that begins the name of a score, and what the words after it say.
SCORES = {
    "validation": N_("validation score"),
    "validation_loss": N_("validation loss"),
    "loss": N_("loss"),
    "nats": N_("nats per character"),
    "test_accuracy": N_("test accuracy"),
    "train_accuracy": N_("training accuracy"),
    "test_loss": N_("test loss"),
    "train_loss": N_("training loss"),
    "test_nats": N_("test nats per character"),
    "max_relative_error": N_("largest relative error"),
    "neighborhood_hit": N_("neighborhood hit"),
    "hull_overlap": N_("hull overlap"),
    "ellipse_overlap": N_("ellipse overlap"),
    "mean_average_precision": "mAP",
    "mean_average_precision_train": N_("training mAP"),
    "mean_average_precision_standard_error": N_("standard error of the mAP"),
    "map": "mAP",
    "average_precision": N_("average precision"),
    "elementwise_accuracy": N_("accuracy over all labels"),
    "element_accuracy": N_("accuracy over all labels"),
    "accuracy": N_("accuracy"),
    "balanced_accuracy": N_("balanced accuracy"),
    "top_5_accuracy": N_("top-5 accuracy"),
    "macro_f1": N_("macro F1"),
    "micro_f1": N_("micro F1"),
    "log_loss": N_("log loss"),
    "calibration_error": N_("calibration error"),
    "recall": N_("recall"),
    "precision": N_("precision"),
    "f1": "F1",
    "gap": N_("gap to the training mAP"),
    "images_train": N_("training images"),
    "images_test": N_("test images"),
    "n_classes": N_("number of classes"),
    "labels_per_image": N_("labels per image"),
    "several_labels": N_("images with several labels"),
    "median_width": N_("median width"),
    "median_height": N_("median height"),
    "parameters": N_("parameters"),
    "features": N_("number of features"),
    "known_words": N_("known words"),
    "distinct_4grams": N_("distinct 4-grams"),
    "repetition": N_("repetition"),
    "confidence_within_word": N_("confidence within a word"),
    "confidence_after_space": N_("confidence after a space"),
    "best_unit": N_("best unit"),
    "words_with_vector": N_("words with a vector"),
    "adjusted_rand": N_("adjusted Rand index"),
    "glove_loss": N_("GloVe loss"),
    "neighbors_recovered": N_("neighbors recovered"),
    "neighbors_by_chance": N_("neighbors by chance"),
    "coverage": N_("vocabulary coverage"),
    "captions_kept_whole": N_("captions kept whole"),
    "longest_caption": N_("longest caption"),
    "bleu_1": "BLEU-1",
    "bleu_2": "BLEU-2",
    "bleu_3": "BLEU-3",
    "bleu_4": "BLEU-4",
    "cider_d": "CIDEr-D",
    "rouge_l": "ROUGE-L",
}
_VARIANTS = {
    "best": N_("best setting"),
    "normal": N_("Gaussian init"),
    "zeros": N_("zero init"),
    "pixels": N_("pixels"),
    "mlp": "MLP",
    "cnn": "CNN",
    "tsne": N_("t-SNE plane"),
    "pca": N_("PCA plane"),
    "points": N_("all dimensions"),
    "placed": N_("points placed on the plane"),
    "umap": N_("UMAP plane"),
    "ngram": N_("n-gram model"),
    "trigram": N_("trigram model"),
    "residual": N_("with n-gram model"),
    "adaptive": N_("adaptive"),
    "counts": N_("characters and words"),
    "contexts": N_("context mixing"),
    "ppm": "PPM",
    "masked": N_("padding masked"),
    "unmasked": N_("padding counted"),
    "standard": N_("standard tokens"),
    "sampled": N_("sampled"),
    "as_trained": N_("as trained"),
    "11pt": N_("11-point"),
    "difficult_negative": N_("difficult as negatives"),
    "all_negative": N_("all predicted negative"),
    "transfer": N_("transfer learning"),
    "from_scratch": N_("trained from scratch"),
    "frozen": N_("frozen features"),
    "tuned": N_("fine-tuned"),
    "gain": N_("gain over frozen features"),
    "baseline": N_("simpler captioner"),
    "low": N_("low temperature"),
    "plain": N_("temperature 1"),
    "high": N_("high temperature"),
}


_SUBSETS = {
    "train": N_("training"),
    "test": N_("test"),
    "val": N_("validation"),
    "validation": N_("validation"),
    "dev": N_("validation"),
}
# Histories whose columns are not scores: the score that all of them measure.
_MEASURED = {"depth": "neighborhood_hit", "sizes": "mean_average_precision"}
_CURVES = {
    "train": "",
    "finetune": "",
    "validation": N_("training that chooses the number of epochs"),
}


def score_label(name: str) -> str:
    """Return the plain name of a score: ``test_accuracy_best`` is "test accuracy, best setting"."""
    base = max((each for each in SCORES if f"{name}_".startswith(f"{each}_")), key=len, default="")
    if not base:
        subset, _underscore, score = name.partition("_")
        is_known = bool(score) and subset in _SUBSETS
        return f"{score_label(score)}, {_(_SUBSETS[subset])}" if is_known else name
    parts, rest = [_(SCORES[base])], name[len(base) + 1 :]
    while rest:
        known = max(
            (each for each in _VARIANTS if f"{rest}_".startswith(f"{each}_")), key=len, default=""
        )
        word = known or rest  # a class or a unit: all words of its name
        parts.append(_(_VARIANTS[word]) if known else word.replace("_", " "))
        rest = rest[len(word) + 1 :]
    return ", ".join(parts)


class Column(NamedTuple):
    """A column of a history: the score, its plain name, the line's name, and its unit."""

    score: str
    title: str
    line: str
    unit: str


def describe_column(curve: str, column: str) -> Column:
    """Say which chart and which line of it show a column of a history."""
    subset, _underscore, rest = column.partition("_")
    if column == "validation":  # of fine-tuning
        score, line = "mean_average_precision", _("validation")
    elif curve in _MEASURED:
        score, line = _MEASURED[curve], _(_VARIANTS.get(column, column))
    elif rest and subset in _SUBSETS:
        score, line = rest, _(_SUBSETS[subset])
    else:
        score, line = column, _("training") if column in ("loss", "accuracy") else ""
    unit = "%" if is_share(score) else _("nats") if score == "loss" else ""
    return Column(score, score_label(score), line, unit)


def curve_label(curve: str) -> str:
    """Return the plain name of a history: of which of several trainings it is."""
    kind, _dash, number = curve.partition("_")
    if kind == "batch" and number.isdigit():
        return _("batches of {count}").format(count=number)
    member = re.fullmatch(r"\w+-(\d+)", curve)
    if member:
        return _("training {number}").format(number=member[1])
    if kind in _CURVES:
        labels = [_CURVES[kind], _VARIANTS.get(number, number)]
    else:
        labels = [_VARIANTS.get(curve, curve)]
    return ", ".join(_(label) for label in labels if label)


def practical_label(name: str) -> str:
    """Return "1 · Backpropagation by hand" for ``tp1``, and any other name as it is."""
    return f"{name.removeprefix('tp')} · {_(PRACTICALS[name])}" if name in PRACTICALS else name


def is_share(name: str) -> bool:
    """Return whether a score is a share, which people read in percent."""
    words = f"_{name.lower()}"
    return name == "validation" or any(f"_{word}" in words for word in _SHARES)


def format_score(name: str, value: float | None, spread: float | None = None) -> str:
    """Write ``92.41 ± 0.05 %`` for a share, ``0.2712`` for another number, a dash for none."""
    if value is None:
        return "—"
    if is_share(name):
        text, scale, digits, unit = f"{100 * value:.2f}", 100, 2, " %"
    elif name.startswith(_COUNTS) and float(value).is_integer() and not spread:
        return format_cell(int(value))
    else:
        text, scale, digits, unit = _four_digits(value), 1, 4, ""
    if spread is not None and not unit and "e" in text:
        return localize_number(f"{text} ± {spread:.2g}")
    spread_text = "" if spread is None else f" ± {scale * spread:.{digits}f}"
    return localize_number(f"{text}{spread_text}{unit}")


def describe_range(summary: "ScoreSummary") -> str:
    """Write the expected range of a score, and how it was set."""
    expected = summary.expected
    assert expected is not None, "no range is expected"
    low, high = (format_score(summary.score, each) for each in (expected.low, expected.high))
    text = _("expected: {low} to {high}").format(low=low, high=high)
    if expected.reason:
        return f"{text} ({expected.reason})"
    origin = _("set from {n} {n:seed|seeds}").format(n=expected.seeds)
    if expected.seeds == 1:
        origin = _("set from one seed")
    return f"{text} ({origin}, {expected.date}, {expected.commit})"


def describe_outside(summary: "ScoreSummary") -> str:
    """Say that a score is outside of its expected range."""
    return _("outside the expected range, {range}").format(range=describe_range(summary))


def format_difference(name: str, value: float | None, published: float | None) -> str:
    """Write measured minus published with its sign; shares in percentage points."""
    if value is None or published is None:
        return "—"
    if is_share(name):
        return _("{difference} points").format(difference=format_signed(name, value - published))
    return format_signed(name, value - published)


def format_signed(name: str, difference: float) -> str:
    """Write a difference with its sign and without its unit, shares times 100."""
    if is_share(name):
        return localize_number(f"{100 * difference:+.2f}")
    return localize_number(f"{difference:+.4f}" if abs(difference) < 1e4 else f"{difference:+,.0f}")


def _four_digits(value: float) -> str:
    return f"{value:.4g}" if abs(value) < 1e-3 or abs(value) >= 1e4 else f"{value:.4f}"


def format_cell(value: object, is_a_share: bool = False) -> str:
    """Write a cell of a table: numbers short, shares in percent, the rest as it is."""
    if value is None:
        return "—"
    if is_a_share and isinstance(value, int | float):
        return localize_number(f"{100 * value:.2f} %")
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}".replace(",", "\u202f")
    return localize_number(_four_digits(value)) if isinstance(value, float) else str(value)


def format_duration(seconds: float) -> str:
    """Write ``45 s``, ``3 min 20 s`` or ``1 h 05 min``."""
    if seconds < 60:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def describe_numbers(numbers: Mapping[str, object]) -> list[str]:
    """Write each number of a task with its name."""
    return [
        f"{score_label(name)} {format_score(name, value) if isinstance(value, float) else value}"
        for name, value in numbers.items()
    ]


def describe_task(
    label: str, total: float | None, numbers: Mapping[str, object], seconds: float, width: int = 80
) -> str:
    """Write a finished task as one line, with as many numbers as its width allows.

    Args:
        label: What it was.
        total: Its number of steps.
        numbers: Its last numbers.
        seconds: How long it took.
        width: Characters of a line.
    """
    end = f"  {seconds:.1f} s"
    line = f"  {label} {total:g}/{total:g}" if total else f"  {label}"
    for number in describe_numbers(numbers):
        if len(line) + len(number) + len(end) + 2 <= width:
            line += f"  {number}"
    return line + end
