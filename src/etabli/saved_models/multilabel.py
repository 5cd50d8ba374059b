"""A multi-label image classifier in a folder: ``model.keras`` and its card.

The card holds what the model must not be used without: classes, thresholds, training data and its
license, scores and how they were computed. The preprocessing is part of the model.
"""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from etabli.core.errors import BadArray
from etabli.core.i18n import _
from etabli.saved_models.card import check_card, mismatch, read_card, write_card
from etabli.training import keras_io

if TYPE_CHECKING:
    import keras


KIND, MODEL = "multilabel", "model.keras"


@dataclass(frozen=True)
class ModelCard:
    """What a classifier is and how well it does. ``scores`` maps a name to (value, recipe)."""

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


class MultilabelModel(NamedTuple):
    """A model from images (N, height, width, 3) in 0..255 to probabilities (N, K); its card."""

    net: "keras.Model"
    card: ModelCard


def save(folder: Path | str, model: "keras.Model", card: ModelCard) -> Path:
    """Write the model and its card, each in one step, the card last."""
    folder = Path(folder)
    if model.output_shape[-1] != len(card.classes) or len(card.thresholds) != len(card.classes):
        raise BadArray(
            _("the card does not fit the model"),
            expected=model.output_shape[-1],
            got=len(card.classes),
        )
    keras_io.save(model, folder / MODEL)
    write_card(folder, KIND, asdict(card))
    return folder


def load_card(folder: Path | str) -> ModelCard:
    """Return the card of a classifier. Raises ``DataMissing`` or ``CorruptFile``."""
    held = read_card(folder, KIND)
    with check_card(folder):
        del held["kind"]
        if "licence" in held:  # as version 0.1 wrote it
            held["license"] = held.pop("licence")
        for key in ("input_size", "classes", "thresholds"):
            held[key] = tuple(held[key])
        held["scores"] = {
            name: (float(value), str(recipe)) for name, (value, recipe) in held["scores"].items()
        }
        return ModelCard(**held)


def load(folder: Path | str) -> MultilabelModel:
    """Load a classifier; no code of its file runs. Raises ``DataMissing`` or ``CorruptFile``."""
    card = load_card(folder)
    net = keras_io.load(Path(folder) / MODEL)
    if net.output_shape[-1] != len(card.classes):
        raise mismatch(folder, KIND)
    return MultilabelModel(net, card)


def decide_labels(probabilities: np.ndarray, card: ModelCard) -> list[list[str]]:
    """Return for each image the classes whose probability reaches their threshold."""
    reached = probabilities >= np.asarray(card.thresholds)
    return [[name for name, yes in zip(card.classes, row, strict=True) if yes] for row in reached]
