"""Class probabilities of your images, by a saved classifier or MobileNetV2 (ImageNet classes)."""

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from etabli.core.atomic_files import atomic_write
from etabli.core.errors import BadSetting
from etabli.core.i18n import _
from etabli.core.progress import Reporter, Silent
from etabli.data.catalog.source import Source
from etabli.features.engines import DEFAULT_BATCH_SIZES, open_engine, truncate_model
from etabli.features.extraction import name_images
from etabli.features.inputs import find_images, find_weights
from etabli.features.pipeline import Unreadable, make_reader, stream_features
from etabli.models.vision import backbones
from etabli.saved_models import classifier
from etabli.saved_models.classifier import ImageClassifier

if TYPE_CHECKING:
    import keras

FEW = 64  # below it, compiling the model for OpenVINO takes longer than OpenVINO saves
SUFFIXES = (".csv", ".jsonl")
_Decide = Callable[[np.ndarray], Iterator[tuple[list[str], dict[str, float]]]]


@dataclass(frozen=True)
class Prediction:
    """The labels of an image (probabilities above their thresholds) and its probabilities."""

    file: str
    labels: list[str]
    probabilities: dict[str, float]


@dataclass
class Predictions:
    """The predictions of all images that could be read, in order, and the images that could not."""

    rows: list[Prediction] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)


def predict(
    images: Path | str | Sequence[Path | str],
    model: ImageClassifier | Path | str | None,
    *,
    engine: str | None = None,
    precision: str = "f32",
    top: int = 5,
    reporter: Reporter | None = None,
) -> Predictions:
    """Predict the classes of images.

    Args:
        images: Image files, or one location as ``find_images`` takes it.
        model: A classifier or its folder; None for the ImageNet classes.
        engine: "openvino" or "keras"; None takes the faster.
        precision: "f32" or "bf16".
        top: How many ImageNet classes each image gets.
        reporter: Shows the progress.

    Raises:
        DataMissing: There are no images, no model or no weights.
    """
    if isinstance(images, str | Path):
        sources = name_images(*find_images(images))
    else:
        sources = name_images(images)
    net, size, decide = _open_imagenet(top) if model is None else _open_classifier(model)
    if engine is None and len(sources) < FEW:
        engine = "keras"
    batch_size = min(DEFAULT_BATCH_SIZES["keras"], len(sources)) if engine == "keras" else None
    run = open_engine(net, batch_size, engine, None if engine == "keras" else precision)
    starts = range(0, len(sources), run.batch_size)
    batches = (sources[start : start + run.batch_size] for start in starts)
    found = Predictions()
    with (reporter or Silent()).task(_("predicting"), len(sources)) as step:
        for batch in stream_features(batches, run, make_reader("plain", size)):
            step(len(batch.names) + len(batch.unreadable))
            found.unreadable += batch.unreadable
            decided = decide(batch.features) if batch.names else ()
            for name, (labels, probabilities) in zip(batch.names, decided, strict=True):
                found.rows.append(Prediction(name, labels, probabilities))
    return found


def _open_classifier(
    model: ImageClassifier | Path | str,
) -> tuple["keras.Model", tuple[int, int], _Decide]:
    net, card = model if isinstance(model, ImageClassifier) else classifier.load(model)

    def decide(rows: np.ndarray) -> Iterator[tuple[list[str], dict[str, float]]]:
        for labels, row in zip(classifier.decide_labels(rows, card), rows, strict=True):
            yield labels, _round(card.classes, row)

    return net, card.input_size, decide


def _open_imagenet(top: int) -> tuple["keras.Model", tuple[int, int], _Decide]:
    source, net = Source.full(), backbones.get_backbone("mobilenet_v2")
    model = net.build(find_weights(net.name))
    names = source.file("weights", "imagenet_labels.txt").read_text(encoding="utf-8").splitlines()
    path = source.file("weights", "mobilenet_v2_imagenet_head.npz")
    with np.load(path, allow_pickle=False) as stored:
        head = backbones.build_imagenet_head(stored["kernel"], stored["bias"])

    def decide(features: np.ndarray) -> Iterator[tuple[list[str], dict[str, float]]]:
        for row in head(features):
            best = np.argsort(-row, kind="stable")[:top]
            yield [names[best[0]]], _round([names[k] for k in best], row[best])

    return truncate_model(model, net.map_layer, True), net.input_size, decide


def _round(names: Sequence[str], values: np.ndarray) -> dict[str, float]:
    return {name: round(float(value), 6) for name, value in zip(names, values, strict=True)}


def check_suffix(path: Path) -> None:
    """Raise ``BadSetting`` for a file that ``write_predictions`` cannot write."""
    if path.suffix.lower() not in SUFFIXES:
        raise BadSetting(_("predictions are written as .csv or .jsonl"), got=path.name)


def write_predictions(path: Path | str, rows: Sequence[Prediction]) -> None:
    """Write predictions as .csv, a column per class, or as .jsonl, a JSON object per line."""
    path = Path(path)
    check_suffix(path)
    is_csv = path.suffix.lower() == ".csv"
    with atomic_write(path, newline="" if is_csv else None) as stream:
        if not is_csv:
            stream.writelines(json.dumps(asdict(row), ensure_ascii=False) + "\n" for row in rows)
            return
        classes = list(dict.fromkeys(name for row in rows for name in row.probabilities))
        writer = csv.writer(stream)
        writer.writerow(["file_name", "labels", *classes])
        for row in rows:
            labels = ";".join(map(_clean_cell, row.labels))
            values = [row.probabilities.get(name, "") for name in classes]
            writer.writerow([_clean_cell(row.file), labels, *values])


def _clean_cell(text: str) -> str:
    """Put an apostrophe before what a spreadsheet would take for a formula."""
    return f"'{text}" if text[:1] in "=+-@\t\r" else text
