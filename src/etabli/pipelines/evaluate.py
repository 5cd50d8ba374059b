"""How well a saved classifier does on labeled images, with a report on what it gets wrong."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from etabli.core.errors import BadSetting, DataMissing
from etabli.core.i18n import _
from etabli.core.progress import Reporter, Silent
from etabli.data.formats import image_source
from etabli.data.formats.image_source import ImageSource
from etabli.data.formats.labeled_images import ABSENT, PRESENT, LabeledImages
from etabli.features.looks import load_looks
from etabli.features.store import Features
from etabli.models.vision.openvino_net import Head, OpenVinoNet
from etabli.pipelines import _splits, extract
from etabli.pipelines._classifier import Evaluation, Task, score, write_report
from etabli.pipelines._output import refuse_existing_file
from etabli.pipelines.predict import Predictions, predict_probabilities, write_predictions
from etabli.saved_models import classifier
from etabli.saved_models.classifier import ImageClassifier, ModelCard
from etabli.saved_models.exported import is_exported, load_classifier

__all__ = ["Evaluation", "Task", "evaluate", "evaluate_and_report", "score"]


def evaluate(
    images: Path | str,
    model: ImageClassifier | Path | str,
    *,
    split: str | None = None,
    engine: str | None = None,
    seed: int = 0,
    reporter: Reporter | None = None,
    **source_options: str | Path | None,
) -> Evaluation:
    """Evaluate a classifier on labeled images; those that trained it are left out.

    Args:
        images: Labeled images as ``image_source.read`` takes them, or a folder of features.
        model: A classifier, its folder, or the file that it was exported to.
        split: "train", "validation", "test" or "all"; by default "test" where the source has it,
            otherwise "validation", otherwise all.
        engine: "openvino" or "keras"; None takes the faster.
        seed: Seed of the resamples that give the intervals.
        reporter: Shows the progress.
        source_options: Further arguments of ``image_source.read``.

    Raises:
        DataMissing: There is no image to evaluate on, or none of a class of the model.
        BadSetting: An image does not have exactly one label, as the model needs.
    """
    return _evaluate(images, model, split, engine, seed, reporter, source_options)[0]


def evaluate_and_report(
    images: Path | str,
    model: Path | str,
    out: Path | str | None = None,
    *,
    split: str | None = None,
    engine: str | None = None,
    seed: int = 0,
    overwrite: bool = False,
    reporter: Reporter | None = None,
    **source_options: str | Path | None,
) -> tuple[Evaluation, Path | None]:
    """Evaluate a classifier, and write ``report.html`` and ``predictions.csv`` into a folder.

    Args:
        images: As in ``evaluate``, as are those that follow.
        model: The folder of a classifier.
        out: The folder to write to; None writes nothing.
        split: Which images are evaluated.
        engine: What runs the net.
        seed: Seed of the intervals.
        overwrite: Whether a report in ``out`` may be replaced.
        reporter: Shows the progress.
        source_options: Further arguments of ``image_source.read``.

    Returns:
        The evaluation, and the path of the report.

    Raises:
        BadSetting: ``out`` holds a report already.
    """
    if out is not None:
        refuse_existing_file(Path(out) / "report.html", overwrite)
    found, source, stored, labels = _evaluate(
        images, model, split, engine, seed, reporter, source_options
    )
    if out is None:
        return found, None
    write_predictions(Path(out) / "predictions.csv", labels)
    looks = load_looks(stored, source.images.names)
    return found, write_report(Path(out), found, source, looks=looks, reporter=reporter)


def _evaluate(
    images: Path | str,
    model: ImageClassifier | Path | str,
    split: str | None,
    engine: str | None,
    seed: int,
    reporter: Reporter | None,
    source_options: dict[str, Any],
) -> tuple[Evaluation, ImageSource, Features | None, Predictions]:
    reporter = reporter or Silent()
    place = Path(images)
    features = Features(place) if extract.is_features(place) else None
    if features is not None:
        if features.source is None:
            raise DataMissing(
                _("{folder} does not say where its images are").format(folder=place),
                fix=_("Give the labeled images instead of their features."),
            )
        place = features.source
    card = _read_card(model)
    source = image_source.read(
        place, task=card.task, known=features.names if features else None, **source_options
    )
    source.report(reporter.print_line)
    folder = None if isinstance(model, ImageClassifier) else Path(model)
    chosen, remarks = _choose(source.images, split, folder)
    judged, more = _match_classes(chosen, card)
    stored = features or _find_stored(card, place, judged)
    head = _find_head(model) if stored is not None and _fits(stored, card) else None
    if stored is not None and head is not None:
        remarks += _remark_precision(stored, card)
        probabilities = head.probabilities(stored.array(judged.names, "float32"))
    else:
        loaded = model if isinstance(model, ImageClassifier) else load_classifier(model)
        kept, probabilities, unreadable = predict_probabilities(
            loaded, judged.paths, judged.names, engine, reporter
        )
        remarks += [f"{each.name}: {each.reason}" for each in unreadable]
        judged = judged.select(kept)
    found = score(
        judged,
        probabilities,
        card.task,
        card.thresholds,
        seed=seed,
        remarks=[*remarks, *more],
    )
    labels = [tuple(each) for each in classifier.decide_labels(probabilities, card)]
    predictions = Predictions(list(judged.names), labels, probabilities, card.classes, [])
    return found, source, stored, predictions


def _read_card(model: ImageClassifier | Path | str) -> ModelCard:
    if isinstance(model, ImageClassifier):
        return model.card
    return load_classifier(model).card if is_exported(model) else classifier.load_card(model)


def _find_head(model: ImageClassifier | Path | str) -> Head | None:
    """Return the linear head of a classifier; None for an exported one, whose head is inside."""
    if not isinstance(model, ImageClassifier):
        return None if is_exported(model) else classifier.load_head(model)
    if isinstance(model.net, OpenVinoNet):
        return model.net.head
    kernel, bias = model.net.get_layer("classes").get_weights()
    return Head(kernel, bias, model.card.activation)


def _choose(
    images: LabeledImages, split: str | None, folder: Path | None
) -> tuple[LabeledImages, list[str]]:
    """Return the images to evaluate on, and remarks on which they are."""
    remarks = []
    if split is None and images.splits:
        split = next((each for each in ("test", "validation") if each in images.splits), "all")
        remarks.append(_("Evaluated on the {split} split.").format(split=split))
    if split not in (None, "all"):
        images = images.select_split(split) if images.splits else images.select([])
        if not len(images):
            raise DataMissing(_("there is no image in the split {split}").format(split=split))
    if folder is not None and folder.is_file():
        remarks.append(
            _("An exported model does not say which images trained it: none of them is left out.")
        )
    trained = _splits.read_trained_digests(folder) if folder else frozenset()
    if trained:
        new = [
            row for row, path in enumerate(images.paths) if _splits.digest_file(path) not in trained
        ]
        if not new:
            remarks.append(
                _(
                    "All these images trained the model: "
                    "the scores say nothing about images that it has not seen."
                )
            )
        elif len(new) < len(images):
            text = _(
                "Left out, because they trained the model: {count} of {total} {total:image|images}."
            )
            remarks.append(text.format(count=len(images) - len(new), total=len(images)))
            images = images.select(new)
    return images, remarks


def _match_classes(images: LabeledImages, card: ModelCard) -> tuple[LabeledImages, list[str]]:
    """Return the images with the model's classes in its order, and remarks on other classes.

    Where an image has one label, one of a class that the model does not know is left out.
    """
    columns = {name: column for column, name in enumerate(images.classes)}
    folded = {name.casefold().strip(): column for name, column in columns.items()}
    labels = np.full((len(images), len(card.classes)), ABSENT, np.int8)
    found = set()
    for k, name in enumerate(card.classes):
        column = columns.get(name, folded.get(name.casefold().strip()))
        if column is not None:
            labels[:, k] = images.labels[:, column]
            found.add(column)
    unknown = [name for name, column in columns.items() if column not in found]
    remarks = []
    if unknown:
        text = _("Classes that the model does not know: {names}.")
        remarks.append(text.format(names=", ".join(unknown[:8])))
    if not found:
        raise DataMissing(
            _("no image is of a class of the model"),
            expected=", ".join(card.classes[:8]),
            got=", ".join(images.classes[:8]),
        )
    matched = replace(images, classes=card.classes, labels=labels, groups=images.groups)
    if card.task == "single":
        count = (labels == PRESENT).sum(axis=1)
        if (count > 1).any():
            raise BadSetting(
                _("the model gives each image one label, and some images have several"),
                got=images.names[int(np.argmax(count > 1))],
            )
        kept = np.flatnonzero(count == 1)
        if len(kept) < len(images):
            text = _(
                "Left out, because the model does not know their class: {count} "
                "{count:image|images}."
            )
            remarks.append(text.format(count=len(images) - len(kept)))
        matched = matched.select(kept)
    present = matched.labels == PRESENT
    if not present.any():
        raise DataMissing(_("no image is of a class of the model"))
    if present.any(axis=0).sum() == 1:
        name = card.classes[int(present.any(axis=0).argmax())]
        if card.task == "multi" and present.any(axis=1).all():
            raise DataMissing(
                _("there is nothing to evaluate: every image shows {name}").format(name=name),
                expected=_("images of at least two classes"),
            )
        remarks.append(_("All these images are of one class: {name}.").format(name=name))
    return matched, remarks


def _find_stored(card: ModelCard, place: Path, images: LabeledImages) -> Features | None:
    """Return the features that trained the model, where they are of these images, unchanged."""
    folder = Path(str(card.features.get("folder", "")))
    if not card.features or not (folder / "index.json").is_file():
        return None
    try:
        stored = Features(folder)
        written = (folder / "index.json").stat().st_mtime
        is_same = stored.source == place.absolute() and set(images.names) <= set(stored.names)
        return (
            stored if is_same and all(p.stat().st_mtime < written for p in images.paths) else None
        )
    except (DataMissing, OSError):
        return None


def _remark_precision(features: Features, card: ModelCard) -> list[str]:
    """Return a remark where the features are in int8 and those of the training were not."""
    given, trained = features.recipe["precision"], card.features.get("precision")
    if given == trained or trained is None or "int8" not in (given, trained):
        return []
    text = _("The features are in {given}, but the model was trained on features in {trained}.")
    return [text.format(given=given, trained=trained)]


def _fits(features: Features, card: ModelCard) -> bool:
    """Return whether the features are those that the classifier was trained on."""
    keys = ("backbone", "weights", "layer", "size")
    return bool(card.features) and all(features.recipe[k] == card.features.get(k) for k in keys)
