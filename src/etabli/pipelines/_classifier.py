"""What `transfer`, `finetune` and `evaluate` share: evaluations, results, the card of a model."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from etabli.core.i18n import _
from etabli.core.progress import Reporter
from etabli.core.seeding import make_generator
from etabli.core.version import __version__
from etabli.data.formats.image_source import ImageSource
from etabli.data.formats.labeled_images import DIFFICULT, PRESENT, LabeledImages
from etabli.features.explanation import pack_training_images
from etabli.features.inspection import align_features, inspect
from etabli.features.looks import Looks
from etabli.features.store import Features
from etabli.metrics import average_precision as ap
from etabli.metrics.classification import score_exclusive, score_labels
from etabli.metrics.score import Interval
from etabli.models.vision.backbones import Backbone
from etabli.models.vision.streamed_rows import StreamedRows
from etabli.pipelines._output import is_finished, is_interrupted
from etabli.pipelines._splits import FEW, Parts
from etabli.pipelines.pages import classifier as pages
from etabli.report import notebook
from etabli.report.numbers import format_score, score_label
from etabli.saved_models import training_images
from etabli.saved_models.classifier import ModelCard, Task

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a classifier says of N labeled images, and how well that fits their labels.

    Attributes:
        names: The names of the images in their source.
        paths: Their files.
        classes: The K classes of the model.
        task: "single" (softmax, one label an image) or "multi" (sigmoids, several labels).
        truth: (N, K), 1 present, 0 difficult, -1 absent.
        probabilities: (N, K).
        thresholds: (K,), the probability from which a class is predicted; 0.5 where the task is
            "single", which does not use them.
        scores: Scores of all classes by name, the most important first.
        class_scores: By class: "precision", "recall", "f1" and "average_precision".
        remarks: One sentence each on what limits the scores: few images, classes left out.
    """

    names: tuple[str, ...]
    paths: tuple[Path, ...]
    classes: tuple[str, ...]
    task: Task
    truth: np.ndarray
    probabilities: np.ndarray
    thresholds: np.ndarray
    scores: Mapping[str, Interval]
    class_scores: Mapping[str, Mapping[str, Interval]] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.names)

    @property
    def unscored(self) -> tuple[str, ...]:
        """The classes that no image judges."""
        absent = ~(self.truth == PRESENT).any(axis=0)
        return tuple(name for name, is_so in zip(self.classes, absent, strict=True) if is_so)

    @property
    def decisions(self) -> np.ndarray:
        """Return (N, K) bool: the most probable class, or every class at its threshold or above."""
        if self.task == "multi":
            return self.probabilities >= self.thresholds
        best = self.probabilities.argmax(axis=1)
        return best[:, None] == np.arange(len(self.classes))

    @property
    def labels(self) -> list[tuple[str, ...]]:
        """The predicted classes of each image."""
        return _name_classes(self.decisions, self.classes)

    def columns(self) -> dict[str, list[Any]]:
        """Return a table by column, a row an image: its name, label, truth and probabilities."""
        table: dict[str, list[Any]] = {
            "file_name": list(self.names),
            "label": [";".join(each) for each in self.labels],
            "truth": [
                ";".join(each) for each in _name_classes(self.truth == PRESENT, self.classes)
            ],
        }
        for k, name in enumerate(self.classes):
            key = f"class {name}" if name in table else name
            table[key] = [round(float(each), 6) for each in self.probabilities[:, k]]
        return table

    def to_pandas(self) -> "pd.DataFrame":
        """Return the table of ``columns``."""
        return notebook.make_data_frame(self.columns())

    def _repr_html_(self) -> str:
        rows = [
            (score_label(name), *(format_score(name, x) for x in (each.value, each.low, each.high)))
            for name, each in self.scores.items()
        ]
        return notebook.format_table(("score", "value", "from", "to"), rows)

    @property
    def confusion(self) -> np.ndarray:
        """Return (K, K) counts where the task is "single": rows are labels, columns predictions."""
        cells = self.truth.argmax(axis=1) * len(self.classes) + self.probabilities.argmax(axis=1)
        return np.bincount(cells, minlength=len(self.classes) ** 2).reshape(
            len(self.classes), len(self.classes)
        )


def _name_classes(chosen: np.ndarray, classes: Sequence[str]) -> list[tuple[str, ...]]:
    """Return for each row (N, K) of a mask the names of its classes."""
    return [tuple(classes[int(k)] for k in np.flatnonzero(row)) for row in chosen]


def score(
    images: LabeledImages,
    probabilities: np.ndarray,
    task: Task,
    thresholds: np.ndarray | Sequence[float],
    *,
    seed: int = 0,
    ranks: np.ndarray | None = None,
    remarks: Sequence[str] = (),
) -> Evaluation:
    """Score the probabilities of labeled images.

    Args:
        images: N images with labels in K classes.
        probabilities: (N, K).
        task: What the probabilities are; a "single" image has exactly one class.
        thresholds: (K,), from which a class is predicted; unused where the task is "single".
        seed: Seed of the resamples that give the intervals.
        ranks: (N, K) logits that rank as the probabilities do, without saturation.
        remarks: Sentences that come before those on classes with few images.
    """
    generator, truth = make_generator(seed, "bootstrap"), images.labels
    limits = np.asarray(thresholds, float) if task == "multi" else np.full(truth.shape[1], 0.5)
    if task == "single":
        scores, by_class = score_exclusive(
            truth.argmax(axis=1), probabilities, images.classes, generator
        )
    else:
        scores, by_class = score_labels(
            truth, probabilities, limits, images.classes, generator, ranks=ranks
        )
        if images.groups or (truth == DIFFICULT).any():
            scores |= _score_as_voc(images, probabilities if ranks is None else ranks)
    return Evaluation(
        images.names,
        images.paths,
        images.classes,
        task,
        truth,
        probabilities,
        limits,
        scores,
        by_class,
        (*remarks, *_remark_few(images)),
    )


def _score_as_voc(images: LabeledImages, ranks: np.ndarray) -> dict[str, Interval]:
    """Return the mAP by the other rules of VOC, without intervals."""
    found = ap.compute_scores(images.labels, ranks, images.classes)
    return {
        name: Interval(each.value, np.nan, np.nan, each.recipe)
        for name, each in found.items()
        if name.startswith("mean_average_precision_")
    }


def _remark_few(images: LabeledImages) -> list[str]:
    """Return remarks on classes that no image, or fewer than ten, judge."""
    counts = dict(zip(images.classes, (images.labels == PRESENT).sum(axis=0), strict=True))
    few = [f"{name} {count}" for name, count in counts.items() if 0 < count < FEW]
    none = [name for name, count in counts.items() if not count]
    found = []
    if none:
        text = _("Not in the means, because they have no test images: {names}.")
        found.append(text.format(names=", ".join(none)))
    if few:
        text = _("Fewer than ten test images, so the intervals are wide: {names}.")
        found.append(text.format(names=", ".join(few)))
    return found


@dataclass(frozen=True)
class ClassifierResult:
    """A trained classifier: its folder, its card, and the evaluation on the images that judged it.

    ``unscored`` are classes with no such image, which the mean scores leave out; ``skipped`` says
    why images could not be read; ``settings`` are those that training chose; ``report`` is a page.
    """

    folder: Path
    card: ModelCard
    unscored: tuple[str, ...]
    settings: Mapping[str, object]
    skipped: tuple[str, ...] = ()
    evaluation: Evaluation | None = None
    report: Path | None = None


def name_output(source: Path | str, suffix: str = "model") -> Path:
    """Return ``NAME-model`` for a source NAME, in the current folder; a number where it exists."""
    return next(each for each in _list_names(source, suffix) if not each.exists())


def name_training(source: Path | str, *, resume: bool = False) -> Path:
    """Return the folder that a training of ``source`` writes to, where none was given.

    It is the one in which a training was interrupted, or else a new one; with ``resume`` the newest
    one with a model.
    """
    names = _list_names(source, "model")
    taken = list(itertools.takewhile(Path.exists, names))
    if resume:
        first = next(_list_names(source, "model"))
        return next((each for each in reversed(taken) if is_finished(each)), first)
    return next((each for each in taken if is_interrupted(each)), name_output(source))


def _list_names(source: Path | str, suffix: str) -> Iterator[Path]:
    path = Path(source).absolute()
    name = f"{(path.stem if path.is_file() else path.name) or 'images'}-{suffix}"
    return (Path(name if number == 1 else f"{name}-{number}") for number in itertools.count(1))


def write_report(
    folder: Path,
    evaluation: Evaluation,
    source: ImageSource,
    *,
    parts: Parts | None = None,
    features: Features | None = None,
    looks: Looks | None = None,
    history: Mapping[str, Sequence[float]] | None = None,
    title: str = "",
    inspected: LabeledImages | None = None,
    reporter: Reporter | None = None,
) -> Path:
    """Write ``report.html`` into a folder: scores, mistakes, and what is wrong with the images.

    Args:
        folder: Where it is written.
        evaluation: The scores and answers on held-out images.
        source: The images, and what was left out.
        parts: The images by role.
        features: Pooled features of the images; without, only duplicates are looked for.
        looks: What the images look like, where that is known already.
        history: Columns with a number for each epoch.
        title: What the model is.
        inspected: The images that are inspected; None is all of them.
        reporter: Shows the progress.
    """
    images = source.images if inspected is None else inspected
    if inspected is not None:
        text = _("Inspected for duplicates and label errors: {shown} of {total} images, at random.")
        text = text.format(shown=len(images), total=len(source.images))
        source = replace(source, remarks=(*source.remarks, text))
    if parts is not None:
        roles = {"train": parts.train, "validation": parts.validation, "test": parts.test}
        role_of = {n: role for role, part in roles.items() if part for n in part.names}
        images = replace(images, splits=tuple(role_of.get(name, "") for name in images.names))
    rows = None if features is None else align_features(features, images.names)
    columns = dict(history or {})
    length = max(map(len, columns.values()), default=0)
    return pages.write(
        folder,
        evaluation,
        title=title,
        facts=[
            source.summary(),
            *source.remarks,
            *([parts.describe()] if parts is not None else []),
        ],
        train=parts.train if parts is not None else None,
        inspection=inspect(images, rows, looks=looks, reporter=reporter),
        history=[
            {"epoch": epoch + 1} | {name: each[epoch] for name, each in columns.items()}
            for epoch in range(length)
        ],
        left_out=source.left_out.files,
    )


def store_training_images(
    folder: Path, images: LabeledImages, features: np.ndarray | StreamedRows, seed: int
) -> None:
    """Keep the features of the training images with the model, to show the nearest ones."""
    chosen = pack_training_images(images, features, make_generator(seed, "training images"))
    training_images.save(folder, chosen)


def make_card(
    net: Backbone,
    input_size: tuple[int, int],
    parts: Parts,
    evaluation: Evaluation,
    *,
    title: str,
    training: str,
    chosen: str,
    features: Mapping[str, object] | None = None,
) -> ModelCard:
    """Return the card of a classifier with the scores of its evaluation.

    Args:
        net: The backbone.
        input_size: Height and width of the images that the model takes.
        parts: The images by role.
        evaluation: The scores and answers on held-out images.
        title: What the model is.
        training: How it was trained.
        chosen: What was chosen on which images.
        features: Where the features of a linear classifier are, and their recipe.
    """
    scores = {**evaluation.scores, **_flatten(evaluation)}
    return ModelCard(
        title=title,
        backbone=net.name,
        input_size=input_size,
        preprocessing=f"inside the model ({net.preprocessing}); it takes RGB values from 0 to 255",
        classes=evaluation.classes,
        thresholds=tuple(map(float, evaluation.thresholds)),
        data=f"{parts.train.title}: {parts.describe()}",
        license="that of your images",
        training=training,
        weights=f"{net.weights.citation} ({net.weights.license})",
        scores={name: (score.value, score.signature) for name, score in scores.items()},
        made_with=f"etabli {__version__}",
        task=evaluation.task,
        intervals={
            name: (score.low, score.high)
            for name, score in scores.items()
            if np.isfinite([score.low, score.high]).all()
        },
        splits=parts.splits,
        chosen=chosen,
        remarks=tuple(map(str, evaluation.remarks)),
        features=dict(features or {}),
    )


def _flatten(evaluation: Evaluation) -> dict[str, Interval]:
    """Return scores of single classes by names such as ``average_precision_cat``."""
    shown = ("average_precision",) if evaluation.task == "multi" else ("recall", "precision")
    return {
        f"{name}_{each.replace(' ', '_')}": scores[name]
        for name in shown
        for each, scores in evaluation.class_scores.items()
        if not np.isnan(scores[name].value)
    }
