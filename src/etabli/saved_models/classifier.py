"""An image classifier in a folder: ``model.keras`` and its card.

Where the backbone is an ONNX or OpenVINO file, ``openvino_files`` stands for ``model.keras``.

The card holds what the model must not be used without: its task (one label an image, by softmax, or
several, by sigmoids), classes, thresholds, training data and its license, scores and how they were
computed. The preprocessing is part of the model.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from etabli.core.errors import BadArray
from etabli.core.i18n import _
from etabli.models.vision.openvino_net import Head, OpenVinoNet
from etabli.saved_models import openvino_files
from etabli.saved_models.card import check_card, mismatch, read_card, write_card
from etabli.training import keras_io

if TYPE_CHECKING:
    import keras


KIND, MODEL = "classifier", "model.keras"
Task = Literal["single", "multi"]
TASKS: tuple[Task, ...] = ("single", "multi")


@dataclass(frozen=True)
class ModelCard:
    """What a classifier is and how well it does.

    ``scores`` maps a name to (value, recipe), ``intervals`` to the ends of its 95 % interval.
    ``thresholds`` decide where the ``task`` is "multi"; where it is "single", the most probable
    class does. ``splits`` says how many images had which role, and ``chosen`` what validation or
    cross-validation chose.
    ``features`` says where those of a linear classifier are stored, and their recipe.
    """

    title: str
    backbone: str
    input_size: tuple[int, int]
    preprocessing: str
    classes: tuple[str, ...]
    thresholds: tuple[float, ...]
    data: str
    license: str
    training: str
    weights: str = ""
    scores: dict[str, tuple[float, str]] = field(default_factory=dict)
    made_with: str = ""
    task: Task = "multi"
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)
    splits: dict[str, int] = field(default_factory=dict)
    chosen: str = ""
    remarks: tuple[str, ...] = ()
    features: dict[str, Any] = field(default_factory=dict)

    @property
    def activation(self) -> str:
        """The last function of the model: "softmax" where an image has one label."""
        return "softmax" if self.task == "single" else "sigmoid"


class ImageClassifier(NamedTuple):
    """A model from images (N, height, width, 3) in 0..255 to probabilities (N, K); its card."""

    net: "keras.Model | OpenVinoNet"
    card: ModelCard


def save(folder: Path | str, model: "keras.Model | OpenVinoNet", card: ModelCard) -> Path:
    """Write the model and its card, each in one step, the card last."""
    folder = Path(folder)
    if model.output_shape[-1] != len(card.classes) or len(card.thresholds) != len(card.classes):
        raise BadArray(
            _("the card does not fit the model"),
            expected=model.output_shape[-1],
            got=len(card.classes),
        )
    if isinstance(model, OpenVinoNet):
        openvino_files.save(folder, model)
    else:
        keras_io.save(model, folder / MODEL)
    write_card(folder, KIND, asdict(card))
    return folder


def load_card(folder: Path | str) -> ModelCard:
    """Return the card of a classifier. Raises ``DataMissing`` or ``CorruptFile``."""
    held = read_card(folder, KIND)
    with check_card(folder):
        return parse_card(held)


def parse_card(fields: Mapping[str, Any]) -> ModelCard:
    """Return the card with these fields; ``ValueError`` and the like for invalid ones."""
    held = {name: value for name, value in fields.items() if name != "kind"}
    if "licence" in held:  # as version 0.1 wrote it
        held["license"] = held.pop("licence")
    for key in ("input_size", "classes", "thresholds", "remarks"):
        held[key] = tuple(held.get(key, ()))
    if held.get("task", "multi") not in TASKS:
        raise ValueError(held["task"])
    held["scores"] = {
        name: (float(value), str(recipe)) for name, (value, recipe) in held["scores"].items()
    }
    held["intervals"] = {
        name: (float(low), float(high)) for name, (low, high) in held.get("intervals", {}).items()
    }
    return ModelCard(**held)


def load(folder: Path | str) -> ImageClassifier:
    """Load a classifier; no code of its file runs. Raises ``DataMissing`` or ``CorruptFile``."""
    card = load_card(folder)
    is_keras = not (Path(folder) / openvino_files.HEAD).is_file()
    net = keras_io.load(Path(folder) / MODEL) if is_keras else openvino_files.load(Path(folder))
    if net.output_shape[-1] != len(card.classes):
        raise mismatch(folder, KIND)
    return ImageClassifier(net, card)


def load_head(folder: Path | str) -> Head:
    """Load the linear head of a classifier without its net, which takes seconds."""
    folder = Path(folder)
    if (folder / openvino_files.HEAD).is_file():
        head = openvino_files.load(folder).head
        assert head is not None
        return head
    kernel, bias = keras_io.read_dense(folder / MODEL, "classes")
    return Head(kernel, bias, load_card(folder).activation)


def decide_labels(probabilities: np.ndarray, card: ModelCard) -> list[list[str]]:
    """Return for each image its most probable class, or those that reach their threshold."""
    if card.task == "single":
        return [[card.classes[best]] for best in probabilities.argmax(axis=1)]
    reached = probabilities >= np.asarray(card.thresholds)
    return [[name for name, yes in zip(card.classes, row, strict=True) if yes] for row in reached]
