"""The Python interface of ``import etabli``. Heavy libraries are imported at the first call."""

import html
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from etabli.report import notebook

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from etabli.nn.grading import Finding
    from etabli.pipelines._classifier import ClassifierResult
    from etabli.pipelines.evaluate import Evaluation
    from etabli.pipelines.export import ExportResult, export
    from etabli.pipelines.finetune import finetune
    from etabli.pipelines.inspect import InspectionResult, inspect
    from etabli.pipelines.predict import Predictions
    from etabli.pipelines.transfer import transfer
    from etabli.pipelines.untangle import PlacedPoints
    from etabli.pipelines.verify import Verification, verify
    from etabli.saved_models.folder import SavedModel
    from etabli.web.publishing import PublishedSite, publish

__all__ = [
    "Captions",
    "CheckedFunctions",
    "ClassifierResult",
    "Evaluation",
    "ExportResult",
    "FeatureTable",
    "InspectionResult",
    "Model",
    "PlacedPoints",
    "Predictions",
    "PublishedSite",
    "RunResult",
    "Scores",
    "Verification",
    "caption",
    "check",
    "evaluate",
    "export",
    "extract_features",
    "finetune",
    "generate",
    "inspect",
    "load",
    "place",
    "publish",
    "run",
    "transfer",
    "untangle",
    "verify",
]

_LAZY = {
    "ClassifierResult": "etabli.pipelines._classifier",
    "Evaluation": "etabli.pipelines.evaluate",
    "ExportResult": "etabli.pipelines.export",
    "InspectionResult": "etabli.pipelines.inspect",
    "Predictions": "etabli.pipelines.predict",
    "PublishedSite": "etabli.web.publishing",
    "export": "etabli.pipelines.export",
    "finetune": "etabli.pipelines.finetune",
    "inspect": "etabli.pipelines.inspect",
    "publish": "etabli.web.publishing",
    "PlacedPoints": "etabli.pipelines.untangle",
    "transfer": "etabli.pipelines.transfer",
    "Verification": "etabli.pipelines.verify",
    "verify": "etabli.pipelines.verify",
}
Paths = str | Path | Sequence[str | Path]
"""A folder, a table or another source of images, one image file, or several."""


def __getattr__(name: str) -> object:
    """Import a name of a pipeline when it is first used (PEP 562)."""
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'etabli.api' has no attribute {name!r}")


class Scores(Mapping[str, float]):
    """Scores by name, each with the recipe of how it was computed (``scores.recipes[name]``)."""

    def __init__(self, values: Mapping[str, float], recipes: Mapping[str, str]) -> None:
        self._values, self.recipes = dict(values), dict(recipes)

    def __getitem__(self, name: str) -> float:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Scores({self._values!r})"

    def _repr_html_(self) -> str:
        from etabli.report.numbers import format_score

        rows = [
            (name, format_score(name, value), self.recipes.get(name, ""))
            for name, value in self.items()
        ]
        return notebook.format_table(("score", "value", "recipe"), rows, limit=200)


@dataclass(frozen=True)
class RunResult:
    """A finished run: its folder, the path of its report, its scores (means over the seeds).

    Of several experiments a score has the name ``experiment/score``.
    """

    folder: Path
    report: Path
    scores: Scores

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(str(self.report))}</p>{self.scores._repr_html_()}"


@dataclass(frozen=True, eq=False)
class FeatureTable:
    """Features of N images: ``features`` (N, D) float32, row i of the image ``names[i]``."""

    names: list[str]
    features: "np.ndarray"
    unreadable: list[str]

    def __len__(self) -> int:
        return len(self.names)

    def to_pandas(self) -> "pd.DataFrame":
        """Return one row an image, its name as the index."""
        frame = notebook.make_data_frame(
            {str(d): self.features[:, d] for d in range(self.features.shape[1])}
        )
        frame.index = self.names
        return frame

    def _repr_html_(self) -> str:
        return f"<p>{len(self)} images, {self.features.shape[1]} features each</p>"


@dataclass(frozen=True)
class Captions:
    """Captions of N images: ``captions[i]`` of the image ``names[i]``, the best first."""

    names: list[str]
    captions: list[tuple[str, ...]]

    def __len__(self) -> int:
        return len(self.names)

    @property
    def best(self) -> list[str]:
        """The best caption of each image."""
        return [each[0] for each in self.captions]

    def to_pandas(self) -> "pd.DataFrame":
        """Return one row an image: its name and its best caption."""
        return notebook.make_data_frame({"image": self.names, "caption": self.best})

    def _repr_html_(self) -> str:
        return notebook.format_table(
            ("image", "caption"), list(zip(self.names, self.best, strict=True))
        )


class Model:
    """A saved model: ``predict`` classifies images, ``caption`` captions them, ``generate`` writes.

    ``kind`` is "classifier", "captioner" or "text"; ``card`` states what the model was trained on.
    """

    def __init__(self, folder: str | Path) -> None:
        from dataclasses import asdict

        from etabli.saved_models import folder as saved_models
        from etabli.saved_models.card import read_card
        from etabli.saved_models.classifier import ModelCard
        from etabli.saved_models.exported import is_exported

        self.folder = Path(folder)
        self.saved: SavedModel = saved_models.load(self.folder)
        card = self.saved.card
        self.card: dict[str, Any] = (
            {"kind": "classifier", **asdict(card)}
            if is_exported(self.folder) and isinstance(card, ModelCard)
            else read_card(self.folder)
        )
        self.kind: str = self.card["kind"]

    def predict(self, images: Paths) -> "Predictions":
        """Return the labels and the class probabilities of images."""
        from etabli.pipelines.predict import predict

        return predict(images, self._require("classifier"))

    def caption(self, images: Paths) -> Captions:
        """Return several captions of each image, the best first."""
        from etabli.pipelines.caption_write import caption_images

        captioner = self._require("captioner")
        paths, names = _list_images(images)
        found = caption_images(captioner, paths)
        return Captions(names, [each.captions for each in found])

    def generate(
        self,
        prompt: str | None = None,
        *,
        length: int = 400,
        temperature: float = 0.5,
        seed: int = 0,
    ) -> str:
        """Return the prompt and ``length`` characters that continue it."""
        from etabli.pipelines import poetry

        model = self._require("text")
        (text,) = poetry.generate(
            model, prompt=prompt, length=length, temperature=temperature, seed=seed
        )
        return text

    def _require(self, kind: str) -> Any:
        """Return the saved model where it is of this kind; raise ``BadSetting`` otherwise."""
        from etabli.core.errors import BadSetting
        from etabli.core.i18n import _

        methods = {"classifier": "predict", "captioner": "caption", "text": "generate"}
        if self.kind != kind:
            raise BadSetting(
                _("the model in {folder} has no {method}()").format(
                    folder=self.folder, method=methods[kind]
                ),
                fix=_("Call its {method}().").format(method=methods[self.kind]),
            )
        return self.saved

    def __repr__(self) -> str:
        return f"Model({str(self.folder)!r}, kind={self.kind!r})"


@dataclass(frozen=True)
class CheckedFunctions:
    """What ``check`` found of functions: a table in a notebook."""

    findings: "tuple[Finding, ...]"

    @property
    def is_right(self) -> bool:
        return all(finding.right for finding in self.findings)

    def _list_rows(self) -> list[tuple[str, str, str, str]]:
        signs = {"right": "✓", "advice": "✓", "wrong": "✗", "todo": "…"}
        return [
            (each.function, each.value, signs[each.status], each.says) for each in self.findings
        ]

    def __repr__(self) -> str:
        return "\n".join("  ".join(row) for row in self._list_rows())

    def _repr_html_(self) -> str:
        from etabli.core.i18n import _

        columns = (_("function"), _("value"), "", _("finding"))
        return notebook.format_table(columns, self._list_rows(), limit=200)


def check(*functions: Callable, exercise: str | None = None) -> CheckedFunctions:
    """Check functions that a notebook defines: which value is wrong, and how.

    They run in this process; ``etabli check FILE`` runs a file in one of its own.

    Args:
        *functions: Those of an exercise, or ``forward`` and ``backward`` of softmax regression or
            of the perceptron; they are recognized by their names.
        exercise: The exercise; by default the notebook declares it (``EXERCISE = "tp1.softmax"``),
            or the functions have the names of its functions.

    Returns:
        The findings, which a notebook shows as a table.

    Raises:
        BadSetting: Something is no function, or no function has a known name.
    """
    from etabli.pipelines.check import check_functions

    return CheckedFunctions(tuple(check_functions(functions, exercise)))


def load(folder: str | Path) -> Model:
    """Load the model that transfer, finetune, caption train, poetry train or export wrote.

    It is in a folder, or in the file .onnx or .xml of an export.
    Raises ``DataMissing`` where there is none, ``CorruptFile`` where its files are damaged.
    """
    return Model(folder)


def generate(
    folder: str | Path,
    prompt: str | None = None,
    *,
    length: int = 400,
    temperature: float = 0.5,
    seed: int = 0,
) -> str:
    """Continue a prompt with the text model of a folder.

    Args:
        folder: What ``etabli poetry train`` wrote.
        prompt: How the text begins; by default as the training text did.
        length: Characters to write.
        temperature: Below 1 likely characters become likelier; above 1 all become more equally
            likely.
        seed: The same seed writes the same text.

    Returns:
        The prompt and its continuation.
    """
    return load(folder).generate(prompt, length=length, temperature=temperature, seed=seed)


def caption(folder: str | Path, images: Paths) -> Captions:
    """Caption images with the captioner of a folder; several captions each, the best first."""
    return load(folder).caption(images)


def evaluate(
    images: str | Path,
    model: str | Path | Model,
    *,
    split: str | None = None,
    seed: int = 0,
    **source_options: Any,
) -> "Evaluation":
    """Evaluate a classifier on labeled images, as ``etabli evaluate`` does; write nothing.

    Images that trained the model are left out.

    Args:
        images: A folder per class, a VOC tree, a table of files and labels, or the folder of their
            features.
        model: The folder of a classifier, or what ``load`` returned.
        split: "train", "validation", "test" or "all"; by default the test split, else validation.
        seed: Seed of the 95 % bootstrap intervals.
        source_options: How the source is read: ``split_column``, ``label_separator``, ``train``,
            ``validation``, ``test`` (lists of images, or folders).

    Returns:
        Scores with intervals, overall and by class, and the probabilities of every image.

    Raises:
        DataMissing: There is no image to evaluate on, or none of a class of the model.
        BadSetting: The model gives each image one label, and some images have several.
    """
    from etabli.pipelines import evaluate as pipeline

    folder = model.folder if isinstance(model, Model) else model
    return pipeline.evaluate(images, folder, split=split, seed=seed, **source_options)


def run(
    experiments: str | Sequence[str],
    *,
    data: Literal["sample", "full"] = "sample",
    dataset: str | Path | None = None,
    seeds: int = 1,
    seed: int = 0,
    settings: Mapping[str, object] | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
) -> RunResult:
    """Run experiments or whole practicals, as ``etabli run`` does; write their report.

    Args:
        experiments: Names (``"tp1.logistic"``, ``"tp1"``), or the path of an experiment's file.
        data: ``"sample"`` (made by the project) or ``"full"`` (downloaded, or ``ETABLI_DATA``).
        dataset: Full data in the place of MNIST: ``"fashion-mnist"``, ``"kmnist"``, ``"qmnist"``,
            ``"emnist-letters"``, or a folder of idx files (a path).
        seeds: How many seeds; scores are means over them.
        seed: The first seed.
        settings: Settings that differ from the defaults, by name.
        out: The run folder; by default a new one under ``runs/``. A run in it is resumed.
        overwrite: Replace a run in ``out`` instead.

    Returns:
        The scores with their recipes, the folder and the report.

    Raises:
        EtabliError: A name, a setting or a data set that does not exist, an output that is in use.
    """
    from etabli.pipelines import run as pipeline

    plan = pipeline.plan(
        [experiments] if isinstance(experiments, str) else list(experiments),
        data=data,
        dataset=None if dataset is None else str(dataset),
        seed=seed,
        seeds=seeds,
        changes=dict(settings or {}),
        out=out,
    )
    page = pipeline.execute(plan, overwrite=overwrite)
    assert page is not None  # a run that ends has a report
    return _run_result(plan.folder, page, [spec.name for spec in plan.specs])


def untangle(
    points: Any,
    labels: Any = None,
    *,
    label_column: str | None = None,
    bins: int | None = None,
    missing: Literal["refuse", "drop", "mean"] = "refuse",
    k: int = 6,
    perplexity: float = 30.0,
    max_points: int = 20_000,
    projection: Literal["tsne", "umap", "pca"] = "tsne",
    score_points: int | None = None,
    seed: int = 0,
    out: str | Path | None = None,
    overwrite: bool = False,
) -> RunResult:
    """Measure how well classes are separated, in all dimensions and in the planes of t-SNE and PCA.

    Args:
        points: (N, D) numbers, or (N, ...) which are flattened; a sparse matrix, a frame of pandas
            or polars, an AnnData; or the path of what ``etabli untangle`` reads.
        labels: N labels, numbers or text, or the path of a file; by default a column of the points.
        label_column: The column of the labels: its name or number, "first" or "last".
        bins: Group a numeric label into this many quantiles.
        missing: What becomes of rows with missing values: an error, left out, or their column's
            mean.
        k: Neighbors of the neighborhood hit.
        perplexity: Effective number of neighbors of t-SNE (van der Maaten, Hinton 2008).
        max_points: Points that are projected; of more, a random part, on whose planes the others
            are placed.
        projection: The plane next to that of PCA: "tsne", "umap" (with its extra), or "pca" alone.
        score_points: Points whose neighbors are counted, among all; by default every point.
        seed: Seed of t-SNE and of random parts.
        out: The run folder; by default a new one under ``runs/``.
        overwrite: Replace a run in ``out``.

    Returns:
        Neighborhood hit, hulls and ellipses, with a report and an explorer in the folder.

    Raises:
        BadArray: Points that are not finite, another number of labels than of points, or labels
            that are no classes.
    """
    from etabli.data.formats.tabular import Options
    from etabli.pipelines import untangle as pipeline

    done = pipeline.untangle(
        points,
        labels,
        options=Options(label_column=label_column, bins=bins, missing=missing),
        settings={
            "k": k,
            "perplexity": perplexity,
            "max_points": max_points,
            "projection": projection,
            "score_points": score_points,
        },
        seed=seed,
        out=None if out is None else Path(out),
        overwrite=overwrite,
    )
    return _run_result(done.folder, done.report, [done.name])


def place(
    points: Any,
    onto: str | Path | RunResult,
    labels: Any = None,
    *,
    label_column: str | None = None,
    missing: Literal["refuse", "drop", "mean"] = "refuse",
    out: str | Path | None = None,
    overwrite: bool = False,
) -> "PlacedPoints":
    """Place new points on the planes of an earlier ``untangle``, whose points do not move.

    Args:
        points: As ``untangle`` takes them, in the columns or dimensions of the map.
        onto: What ``untangle`` returned, or its folder.
        labels: M labels, or the path of a file; they may be missing.
        label_column: The column of the labels: its name or number, "first" or "last".
        missing: What becomes of rows with missing values: an error, left out, or their column's
            mean.
        out: A folder for an explorer and a table; by default nothing is written.
        overwrite: Replace those in ``out``.

    Returns:
        Positions on each plane, distances to the old points, and which points are unlike them.

    Raises:
        BadArray: The points have other columns or dimensions than the map.
        DataMissing: There is no map.
    """
    from etabli.data.formats.tabular import Options
    from etabli.pipelines import untangle as pipeline

    return pipeline.place(
        points,
        onto.folder if isinstance(onto, RunResult) else onto,
        labels,
        options=Options(label_column=label_column, missing=missing),
        out=None if out is None else Path(out),
        overwrite=overwrite,
    )


def extract_features(
    images: Paths,
    backbone: str | None = None,
    *,
    layer: str = "pool",
    weights: str | Path = "imagenet",
    precision: str | None = None,
    out: str | Path | None = None,
) -> FeatureTable:
    """Extract deep features of images with a pretrained backbone.

    Args:
        images: A folder, or the paths of images.
        backbone: A net of keras.applications, such as ``"mobilenet_v2"``, or an ONNX file; by
            default the best whose weights are here.
        layer: ``"pool"`` (the last feature map averaged), a stage, or the name of a Keras layer.
        weights: "imagenet" (of the catalog), a weights file, or "none" (random weights).
        precision: "f32", "bf16" or, with OpenVINO, "int8"; by default "bf16" on devices with
            hardware for it.
        out: A folder to keep them in, which a second call reads; by default the user's cache.

    Returns:
        Names and features (N, D), in the order of the images.

    Raises:
        DataMissing: No image, or no weights.
    """
    from etabli.pipelines.extract import extract_listed

    found = extract_listed(
        images, backbone, layer=layer, weights=weights, precision=precision, out=out
    )
    rows = found.array(dtype="float32")
    return FeatureTable(
        found.names, rows.reshape(len(rows), -1), [each.name for each in found.unreadable]
    )


def _run_result(folder: Path, report: Path, names: Sequence[str]) -> RunResult:
    from etabli.report.run_folder import summarize_scores

    summaries = [each for each in summarize_scores(folder) if each.experiment in names]
    keys = [
        each.score if len(names) == 1 else f"{each.experiment}/{each.score}" for each in summaries
    ]
    found = (math.nan if each.value is None else each.value for each in summaries)  # undefined
    values = dict(zip(keys, found, strict=True))
    recipes = dict(zip(keys, (each.signature for each in summaries), strict=True))
    return RunResult(folder, report, Scores(values, recipes))


def _list_images(images: Paths) -> tuple[list[Any], list[str]]:
    """Return the images of one location, or those listed, with their names."""
    from etabli.data.formats.images import get_display_name
    from etabli.features.inputs import find_images

    if isinstance(images, str | Path):
        return find_images(images)
    paths = [Path(each) for each in images]
    return paths, [get_display_name(each) for each in paths]
