"""``report.html`` of a classifier: scores, confusions, curves, and the images it is wrong about."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from etabli.core.i18n import _, localize_number
from etabli.data.formats.labeled_images import PRESENT, LabeledImages
from etabli.features.inspection import Inspection
from etabli.metrics.classification import calibration_bins
from etabli.metrics.precision_recall import compute_precision_recall
from etabli.metrics.score import Interval
from etabli.pipelines.pages import inspection as inspection_page
from etabli.report import sections
from etabli.report.numbers import format_score, score_label
from etabli.report.sections import (
    Block,
    Figure,
    Gallery,
    Matrix,
    Note,
    Page,
    Range,
    Section,
    Table,
    Tile,
)
from etabli.viz.curves import plot_learning_curves
from etabli.viz.probabilities import plot_precision_recall, plot_reliability
from etabli.viz.style import save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from etabli.pipelines._classifier import Evaluation

__all__ = ["REPORT", "write"]

REPORT = "report.html"
_MOST_TILES, _MOST_CURVES, _MOST_PAIRS, _MOST_IN_MATRIX, _MOST_ROWS = 24, 10, 20, 30, 300


def write(
    folder: Path | str,
    evaluation: "Evaluation",
    *,
    title: str = "",
    facts: Sequence[str] = (),
    train: LabeledImages | None = None,
    inspection: Inspection | None = None,
    history: Sequence[Mapping[str, float]] = (),
    left_out: Sequence[tuple[str, str]] = (),
) -> Path:
    """Write ``report.html`` and return its path.

    Args:
        folder: Where it is written.
        evaluation: What the classifier says of the held-out images.
        title: The title of the page, by default "Classifier".
        facts: What is shown below it, such as which images did what.
        train: The training images, for their number by class.
        inspection: What is wrong with the images.
        history: A row for each epoch of a fine-tuning: "epoch", "loss", and "validation" (a score)
            or "validation_loss".
        left_out: (name, reason) of the files that were not used.
    """
    shown = [
        Section("scores", _("Scores"), _show_scores(evaluation)),
        Section("classes", _("Classes"), [_show_classes(evaluation, train)]),
        Section("confusions", _("Confusions"), _show_confusions(evaluation)),
        Section("mistakes", _("Most confident mistakes"), _show_mistakes(evaluation)),
        Section("uncertain", _("Least certain"), _show_uncertain(evaluation)),
        Section("curves", _("Curves"), _show_curves(evaluation, history)),
    ]
    findings, warnings = _summarize(evaluation), list(evaluation.remarks)
    files = list(left_out)
    if inspection is not None:
        shown += inspection_page.make_sections(inspection)
        findings += inspection_page.list_findings(inspection)
        warnings = inspection_page.list_warnings(inspection) + warnings
        known = {name for name, _reason in files}
        files += [(e.name, e.reason) for e in inspection.unreadable if e.name not in known]
    shown.append(inspection_page.make_left_out_section(files))
    page = Page(title or _("Classifier"), list(facts), shown, findings, warnings)
    return sections.write(page, Path(folder) / REPORT)


def _summarize(evaluation: "Evaluation") -> list[tuple[str, str]]:
    name, best = next(iter(evaluation.scores.items()))
    found = [(f"{score_label(name)}: {_write(name, best)}", "scores")]
    wrong = int(_is_wrong(evaluation).any(axis=1).sum())
    text = _("Mistakes: {wrong} of {total} {total:image|images}")
    found.append((text.format(wrong=wrong, total=len(evaluation)), "mistakes"))
    if pairs := _list_pairs(evaluation)[:1]:
        label, predicted, count, _share = pairs[0]
        text = _("Most frequent confusion: {label} predicted as {predicted} ({count})")
        sentence = text.format(label=label, predicted=predicted, count=count)
        found.append((sentence, "confusions"))
    weak = [
        (scores["f1"].value, each)
        for each, scores in evaluation.class_scores.items()
        if "f1" in scores and np.isfinite(scores["f1"].value)
    ]
    if len(weak) > 1:
        lowest, each = min(weak)
        text = _("Weakest class: {name} (F1 {f1})")
        found.append(
            (text.format(name=each, f1=localize_number(f"{100 * lowest:.1f} %")), "classes")
        )
    return found


def _write(name: str, score: Interval) -> str:
    if not np.isfinite(score.value):
        return "—"
    text = format_score(name, score.value)
    if not np.isfinite([score.low, score.high]).all():
        return text
    low, high = format_score(name, score.low), format_score(name, score.high)
    return f"{text} [{low.removesuffix(' %')}, {high}]"


def _show_scores(evaluation: "Evaluation") -> list[Block]:
    rows = [
        (score_label(name), _write(name, score), score.signature)
        for name, score in evaluation.scores.items()
    ]
    columns = (_("score"), _("value and 95 % interval"), _("recipe"))
    return [Table(columns, rows, numbers=(1,))]


def _show_classes(evaluation: "Evaluation", train: LabeledImages | None) -> Block:
    """Show the scores of each class, the lowest F1 first."""
    judged = (evaluation.truth == PRESENT).sum(axis=0)
    trained = dict.fromkeys(evaluation.classes, 0)
    if train is not None:
        counts = (train.labels == PRESENT).sum(axis=0)
        trained |= dict(zip(train.classes, map(int, counts), strict=True))
    names = list(next(iter(evaluation.class_scores.values()), {}))

    def weakness(k: int) -> float:
        f1 = evaluation.class_scores.get(evaluation.classes[k], {}).get("f1")
        return f1.value if f1 is not None and np.isfinite(f1.value) else 2.0

    rows = []
    for k in sorted(range(len(evaluation.classes)), key=weakness)[:_MOST_ROWS]:
        name = evaluation.classes[k]
        scores = evaluation.class_scores.get(name, {})
        own = [trained[name]] if train is not None else []
        cells = [_make_range(scores[each]) if each in scores else "—" for each in names]
        rows.append((name, *map(str, own), str(judged[k]), *cells))
    counted = [*([_("training images")] if train is not None else []), _("test images")]
    heads = {"f1": "F1", "precision": _("precision"), "recall": _("recall")}
    heads["average_precision"] = _("average precision")
    columns = (_("class"), *counted, *(heads.get(each, each) for each in names))
    caption = _("Scores by class with their 95 % intervals, the weakest class first")
    return Table(columns, rows, caption, tuple(range(1, len(columns))))


def _make_range(score: Interval) -> str | Range:
    if not np.isfinite(score.value):
        return "—"
    text = localize_number(f"{100 * score.value:.1f} %")
    if not np.isfinite([score.low, score.high]).all():
        return Range(text, score.value, score.value, score.value)
    text += f" [{100 * score.low:.0f}, {100 * score.high:.0f}]"
    return Range(text, score.value, score.low, score.high)


def _is_wrong(evaluation: "Evaluation") -> np.ndarray:
    """Return (N, K): where a decision is wrong; a difficult label cannot be."""
    is_known = evaluation.truth != 0
    return (evaluation.decisions != (evaluation.truth == PRESENT)) & is_known


def _list_pairs(evaluation: "Evaluation") -> list[tuple[str, str, int, float]]:
    """Return (label, predicted, count, share of the label), the most frequent first.

    Of several labels, a pair is a label that an image lacks in the prediction and one too many.
    """
    is_missed = _is_wrong(evaluation) & (evaluation.truth == PRESENT)
    is_extra = _is_wrong(evaluation) & (evaluation.truth != PRESENT)
    counts = is_missed.T.astype(int) @ is_extra.astype(int)
    totals = np.maximum((evaluation.truth == PRESENT).sum(axis=0), 1)
    cells = np.argwhere(counts > 0)
    order = np.argsort(-counts[tuple(cells.T)], kind="stable")[:_MOST_PAIRS]
    return [
        (
            evaluation.classes[i],
            evaluation.classes[j],
            int(counts[i, j]),
            float(counts[i, j] / totals[i]),
        )
        for i, j in cells[order]
    ]


def _show_confusions(evaluation: "Evaluation") -> list[Block]:
    pairs = _list_pairs(evaluation)
    blocks: list[Block] = []
    if evaluation.task == "single" and len(evaluation.classes) <= _MOST_IN_MATRIX:
        text = _(
            "Each row shows how the images of a class were predicted. Mistakes are red, the darker "
            "the larger their share of the class."
        )
        counts = evaluation.confusion.tolist()
        blocks += [Note(text), Matrix(evaluation.classes, counts)]
    if not pairs:
        return [*blocks, Note(_("No class was confused with another."))]
    rows = [(a, b, str(n), localize_number(f"{100 * share:.1f} %")) for a, b, n, share in pairs]
    columns = (_("label"), _("predicted"), _("images"), _("share of the class"))
    if evaluation.task == "multi":
        columns = (_("missing label"), _("predicted instead"), *columns[2:])
    return [*blocks, Table(columns, rows, _("The most frequent confusions"), (2, 3))]


def _show_mistakes(evaluation: "Evaluation") -> list[Block]:
    """Show the mistakes that the classifier was most certain of."""
    doubt = _measure_doubt(evaluation)
    wrong = np.flatnonzero(_is_wrong(evaluation).any(axis=1))
    if not len(wrong):
        return [Note(_("There is no mistake."))]
    order = wrong[np.argsort(-doubt[wrong], kind="stable")]
    text = _("The most confident mistakes first: {shown} of {total}.")
    shown = order[:_MOST_TILES]
    caption = text.format(shown=len(shown), total=len(wrong))
    return [Gallery([_show_image(evaluation, row) for row in shown], caption)]


def _measure_doubt(evaluation: "Evaluation") -> np.ndarray:
    """Return (N,) how far the probabilities contradict the labels; the higher, the worse.

    The highest probability minus that of the label; of several labels, the largest distance of a
    wrong probability from its threshold.
    """
    if evaluation.task == "single":
        rows = np.arange(len(evaluation))
        own = evaluation.probabilities[rows, evaluation.truth.argmax(axis=1)]
        return evaluation.probabilities.max(axis=1) - own
    distances = np.abs(evaluation.probabilities - evaluation.thresholds)
    return np.where(_is_wrong(evaluation), distances, -1).max(axis=1)


def _show_uncertain(evaluation: "Evaluation") -> list[Block]:
    """Show the images whose decision was closest."""
    if evaluation.task == "single":
        ranked = np.sort(evaluation.probabilities, axis=1)
        margins = ranked[:, -1] - ranked[:, -2] if ranked.shape[1] > 1 else ranked[:, -1]
        text = _("Images whose two most probable classes are closest.")
    else:
        margins = np.abs(evaluation.probabilities - evaluation.thresholds).min(axis=1)
        text = _("Images with a probability closest to its threshold.")
    order = np.argsort(margins, kind="stable")[:_MOST_TILES]
    return [Gallery([_show_image(evaluation, row) for row in order], text)]


def _show_image(evaluation: "Evaluation", row: int) -> Tile:
    """Show an image with its labels and its most probable classes."""
    as_images = LabeledImages(
        (evaluation.names[row],),
        (evaluation.paths[row],),
        evaluation.classes,
        np.array(evaluation.truth[row : row + 1], np.int8),
    )
    label = inspection_page.describe_labels(as_images, 0)
    chosen = np.flatnonzero(evaluation.decisions[row])
    predicted = ", ".join(evaluation.classes[k] for k in chosen) or _("no label")
    best = np.argsort(-evaluation.probabilities[row], kind="stable")[:3]
    listed = ", ".join(
        f"{evaluation.classes[k]} {100 * evaluation.probabilities[row, k]:.0f} %" for k in best
    )
    lines = (
        _("predicted {predicted}").format(predicted=predicted),
        _("label {label}").format(label=label),
        listed,
        evaluation.names[row],
    )
    is_wrong = bool(_is_wrong(evaluation)[row].any())
    return Tile([inspection_page.thumbnail(as_images, 0)], lines, is_wrong)


def _show_curves(evaluation: "Evaluation", history: Sequence[Mapping[str, float]]) -> list[Block]:
    blocks: list[Block] = []
    if len(history) > 1:  # one epoch is no curve
        labels = {
            "loss": _("training loss"),
            "validation": _("validation score"),
            "validation_loss": _("validation loss"),
        }
        for key, label in labels.items():
            if any(key in row for row in history):
                axes = plot_learning_curves(history, {key: label}, y_label=label)
                blocks.append(_draw(axes, label))
    measured = [
        k for k in range(len(evaluation.classes)) if (evaluation.truth[:, k] == PRESENT).any()
    ]
    if measured:
        chosen = _choose_curves(evaluation, measured)
        text = _("The classes with the lowest average precision.") * (len(chosen) < len(measured))
        curves = {
            evaluation.classes[k]: compute_precision_recall(
                evaluation.truth[:, k], evaluation.probabilities[:, k]
            )
            for k in chosen
        }
        blocks.append(_draw(plot_precision_recall(curves), _("Precision and recall"), text))
    blocks.append(_draw(plot_reliability(*_bin(evaluation)), _("Calibration"), _explain_bins()))
    return blocks


def _explain_bins() -> str:
    return _(
        "A calibrated classifier is on the diagonal: of the predictions with 80 %, 80 % are "
        "correct. Below it, the classifier is too confident. Numbers count predictions."
    )


def _choose_curves(evaluation: "Evaluation", measured: Sequence[int]) -> list[int]:
    """Return the classes with the lowest average precision, in the order of the classes."""

    def score(k: int) -> float:
        found = evaluation.class_scores.get(evaluation.classes[k], {}).get("average_precision")
        return found.value if found is not None else 0.0

    return sorted(sorted(measured, key=score)[:_MOST_CURVES])


def _bin(evaluation: "Evaluation") -> tuple[list[float], list[float], list[int]]:
    """Return mean probability, share that is correct, and count, of the bins that are not empty.

    Of exclusive classes, the predictions are the most probable ones; of several labels, all.
    """
    if evaluation.task == "single":
        confidence = evaluation.probabilities.max(axis=1)
        is_right = ~_is_wrong(evaluation).any(axis=1)
    else:
        is_known = evaluation.truth != 0
        confidence = evaluation.probabilities[is_known]
        is_right = evaluation.truth[is_known] == PRESENT
    bins = calibration_bins(confidence, 10)
    counts = np.bincount(bins, minlength=10)
    filled = np.flatnonzero(counts)
    means, shares = (
        (np.bincount(bins, weights=each, minlength=10)[filled] / counts[filled]).tolist()
        for each in (confidence, is_right.astype(float))
    )
    return means, shares, counts[filled].tolist()


def _draw(axes: "Axes", title: str, caption: str = "") -> Figure:
    import warnings

    stream = io.BytesIO()
    with warnings.catch_warnings():
        # a class name in a script that the font lacks: the table of classes shows it
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        save_figure(axes.figure, stream)  # type: ignore[arg-type]
    return Figure(title, sections.embed_svg(stream.getvalue()), caption)
