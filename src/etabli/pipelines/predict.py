"""Class probabilities of your images, by a saved classifier or MobileNetV2 (ImageNet classes)."""

import csv
import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from etabli.core.atomic_files import atomic_write
from etabli.core.errors import BadSetting, MissingExtra
from etabli.core.i18n import _
from etabli.core.progress import Reporter, Silent
from etabli.features.cluster_outputs import ClusterPlace, compute_outputs
from etabli.features.engines import get_batch_size, open_engine, truncate_model
from etabli.features.extraction import name_images
from etabli.features.imagenet import ImageNetHead
from etabli.features.inputs import find_images, find_weights
from etabli.features.pipeline import NamedImage, Unreadable, make_reader, stream_features
from etabli.models.vision import backbones
from etabli.pipelines._output import refuse_existing_file
from etabli.report import notebook
from etabli.saved_models import classifier
from etabli.saved_models.classifier import ImageClassifier
from etabli.saved_models.exported import load_classifier

if TYPE_CHECKING:
    import pandas as pd


FEW = 64  # below it, compiling the model for OpenVINO takes longer than OpenVINO saves
SUFFIXES = (".csv", ".jsonl", ".parquet")
_FIRST_COLUMNS = ("file_name", "label", "score")


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a classifier says of N images, in order.

    Attributes:
        names: The images.
        labels: ``labels[i]`` is the most probable class; of a classifier of several labels, those
            whose probability reaches their threshold.
        probabilities: (N, K), the columns in the order of ``classes``.
        classes: The K names.
        unreadable: The images that could not be read, each with a reason.
        ranked: For the ImageNet classes, the most probable ones of each image, and no
            ``probabilities``.
    """

    names: list[str]
    labels: list[tuple[str, ...]]
    probabilities: np.ndarray
    classes: tuple[str, ...]
    unreadable: list[Unreadable]
    ranked: tuple[tuple[tuple[str, float], ...], ...] = ()

    def __len__(self) -> int:
        return len(self.names)

    @property
    def scores(self) -> list[float]:
        """The probability of the label of each image, of several the highest.

        Without a label it is the highest probability of all classes.
        """
        if self.ranked or not len(self):
            return [row[0][1] for row in self.ranked]
        columns = {name: k for k, name in enumerate(self.classes)}
        chosen = np.full(self.probabilities.shape, -np.inf)
        for row, labels in enumerate(self.labels):
            shown = [columns[name] for name in labels] or slice(None)
            chosen[row, shown] = self.probabilities[row, shown]
        return [round(float(each), 6) for each in chosen.max(axis=1)]

    def rank(self, row: int, count: int) -> list[tuple[str, float]]:
        """Return the most probable classes of an image, the best first, with probabilities."""
        if self.ranked:
            return list(self.ranked[row][:count])
        values = self.probabilities[row]
        order = np.argsort(-values, kind="stable")[:count]
        return [(self.classes[k], round(float(values[k]), 6)) for k in order]

    def columns(self) -> dict[str, list[Any]]:
        """Return a table by column: ``file_name``, ``label``, ``score``, then the classes.

        Several labels are joined by ``;``. For the ImageNet classes, ``top1`` and following are
        their names, ``score1`` and following their probabilities.
        """
        table: dict[str, list[Any]] = {
            "file_name": self.names,
            "label": [";".join(each) for each in self.labels],
            "score": self.scores,
        }
        if self.ranked:
            for place in range(len(self.ranked[0])):
                table[f"top{place + 1}"] = [row[place][0] for row in self.ranked]
                table[f"score{place + 1}"] = [row[place][1] for row in self.ranked]
            return table
        for k, name in enumerate(self.classes):
            key = f"class {name}" if name in _FIRST_COLUMNS else name
            table[key] = [round(float(each), 6) for each in self.probabilities[:, k]]
        return table

    def records(self) -> list[dict[str, Any]]:
        """Return the table of ``columns`` by row."""
        table = self.columns()
        return [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]

    def to_pandas(self) -> "pd.DataFrame":
        """Return the table of ``columns``: a row an image."""
        return notebook.make_data_frame(self.columns())

    def _repr_html_(self) -> str:
        rows = [
            (name, ", ".join(labels) or "—", f"{score:.3f}")
            for name, labels, score in zip(self.names, self.labels, self.scores, strict=True)
        ]
        return notebook.format_table(("image", "label", "highest probability"), rows)


def predict(
    images: Path | str | Sequence[Path | str],
    model: ImageClassifier | Path | str | None,
    *,
    engine: str | None = None,
    precision: str = "f32",
    top: int = 5,
    endpoint: str | None = None,
    cluster: str | None = None,
    out: Path | str | None = None,
    reporter: Reporter | None = None,
) -> Predictions:
    """Predict the classes of images.

    Args:
        images: Image files, or one location as ``find_images`` takes it.
        model: A classifier, its folder, or the file that it was exported to; None for the
            ImageNet classes.
        engine: "openvino" or "keras"; None takes the faster.
        precision: "f32" or "bf16".
        top: How many ImageNet classes each image gets.
        endpoint: The address of an S3 storage that is not Amazon's.
        cluster: The address of a Ray cluster, or "auto"; the answers are the same there.
        out: The file that ``write_predictions`` will write. What a cluster has finished is kept
            next to it until then, and a second call continues; without it, it is not kept.
        reporter: Shows the progress.

    Raises:
        DataMissing: There are no images, no model or no weights.
    """
    if isinstance(images, str | Path):
        sources = name_images(*find_images(images, endpoint, reporter))
    else:
        sources = name_images(images)
    with _open_place(cluster, out) as place:
        if model is None:
            return _predict_imagenet(sources, engine, precision, top, reporter, place)
        loaded = model if isinstance(model, ImageClassifier) else load_classifier(model)
        names, rows, unreadable = _run(
            loaded.net, loaded.card.input_size, sources, engine, precision, reporter, place
        )
    rows = rows.reshape(len(names), len(loaded.card.classes))
    labels = [tuple(each) for each in classifier.decide_labels(rows, loaded.card)]
    return Predictions(names, labels, rows, loaded.card.classes, unreadable)


def predict_probabilities(
    model: ImageClassifier,
    paths: Sequence[Path],
    names: Sequence[str],
    engine: str | None = None,
    reporter: Reporter | None = None,
) -> tuple[list[int], np.ndarray, list[Unreadable]]:
    """Return the indices of the images that can be read, their probabilities, and the others."""
    sources = name_images(paths, names)
    found, rows, unreadable = _run(
        model.net, model.card.input_size, sources, engine, "f32", reporter
    )
    index = {name: row for row, name in enumerate(names)}
    rows = rows.reshape(len(found), len(model.card.classes))
    return [index[name] for name in found], rows, unreadable


@contextmanager
def _open_place(cluster: str | None, out: Path | str | None) -> Iterator[ClusterPlace | None]:
    """Yield the cluster and the folder of its shards, which stays only where ``out`` is named."""
    if cluster is None:
        yield None
    elif out is not None:
        yield ClusterPlace(cluster, get_shards_folder(Path(out)))
    else:
        with tempfile.TemporaryDirectory(prefix="etabli-predict-") as folder:
            yield ClusterPlace(cluster, Path(folder))


def get_shards_folder(out: Path) -> Path:
    """Return where what a cluster has finished is kept until predictions are written to a file."""
    return out.with_name(f"{out.name}.shards")


def _run(
    net: Any,
    size: tuple[int, int],
    sources: Sequence[NamedImage],
    engine: str | None,
    precision: str,
    reporter: Reporter | None,
    place: ClusterPlace | None = None,
) -> tuple[list[str], np.ndarray, list[Unreadable]]:
    """Return the names of the images that can be read, the rows of the net, and the others."""
    if engine is None and len(sources) < FEW:
        engine = None if hasattr(net, "head") else "keras"
    batch_size = min(get_batch_size("keras"), len(sources)) if engine == "keras" else None
    chosen = None if engine == "keras" else precision
    reporter = reporter or Silent()
    if place:
        with reporter.task(_("predicting"), len(sources)) as step:
            found = compute_outputs(
                net, size, sources, place, engine=engine, precision=chosen,
                batch_size=batch_size, progress=step, print_line=reporter.print_line,
            )  # fmt: skip
        return found.names, found.array(), found.unreadable
    run = open_engine(net, batch_size, engine, chosen)
    starts = range(0, len(sources), run.batch_size)
    batches = (sources[start : start + run.batch_size] for start in starts)
    names: list[str] = []
    parts: list[np.ndarray] = []
    unreadable: list[Unreadable] = []
    with reporter.task(_("predicting"), len(sources)) as step:
        for batch in stream_features(batches, run, make_reader("plain", size)):
            step(len(batch.names) + len(batch.unreadable))
            unreadable += batch.unreadable
            if batch.names:
                names += batch.names
                parts.append(batch.features)
    return names, np.concatenate(parts) if parts else np.empty(0, np.float32), unreadable


def _predict_imagenet(
    sources: Sequence[NamedImage],
    engine: str | None,
    precision: str,
    top: int,
    reporter: Reporter | None,
    place: ClusterPlace | None,
) -> Predictions:
    net = backbones.get_backbone("mobilenet_v2")
    model = net.build(find_weights(net.name))
    head = ImageNetHead.load()
    pooled = truncate_model(model, net.map_layer, True)
    names, rows, unreadable = _run(
        pooled, net.input_size, sources, engine, precision, reporter, place
    )
    ranked = []
    for start in range(0, len(names), 1024):
        for row in head.probabilities(rows[start : start + 1024]):
            best = np.argsort(-row, kind="stable")[:top]
            ranked.append(tuple((head.names[k], round(float(row[k]), 6)) for k in best))
    labels: list[tuple[str, ...]] = [(row[0][0],) for row in ranked]
    return Predictions(
        names, labels, np.empty((len(names), 0)), head.names, unreadable, tuple(ranked)
    )


def check_output(path: Path, overwrite: bool) -> None:
    """Raise ``BadSetting`` for a file that cannot be written, or that exists and must stay."""
    check_suffix(path)
    refuse_existing_file(path, overwrite)


def check_suffix(path: Path) -> None:
    """Raise ``BadSetting`` or ``MissingExtra`` where ``write_predictions`` cannot write a file."""
    if path.suffix.lower() not in SUFFIXES:
        raise BadSetting(_("predictions are written as .csv, .jsonl or .parquet"), got=path.name)
    if path.suffix.lower() == ".parquet":
        _import_pyarrow()


def _import_pyarrow() -> Any:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtra("pyarrow", "parquet", _("the .parquet format")) from error
    return pyarrow


def write_predictions(path: Path | str, predictions: Predictions) -> None:
    """Write the table of ``Predictions.columns`` as .csv, .jsonl or .parquet.

    What a cluster has kept next to the file until then is removed.
    """
    path = Path(path)
    check_suffix(path)
    _write_table(path, predictions)
    if (get_shards_folder(path) / "recipe.json").is_file():
        shutil.rmtree(get_shards_folder(path), ignore_errors=True)


def _write_table(path: Path, predictions: Predictions) -> None:
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        pyarrow = _import_pyarrow()
        with atomic_write(path, "wb") as stream:
            pyarrow.parquet.write_table(pyarrow.table(predictions.columns()), stream)
        return
    with atomic_write(path, newline="" if suffix == ".csv" else None) as stream:
        if suffix == ".jsonl":
            records = predictions.records()
            stream.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in records)
            return
        table, writer = predictions.columns(), csv.writer(stream)
        writer.writerow(map(_clean_cell, table))
        for row in zip(*table.values(), strict=True):
            writer.writerow([_clean_cell(each) if isinstance(each, str) else each for each in row])


def _clean_cell(text: str) -> str:
    """Put an apostrophe before what a spreadsheet would take for a formula."""
    return f"'{text}" if text[:1] in "=+-@\t\r" else text
