"""A trained multi-label net as a folder: ``model.keras`` from pictures to probabilities, and ``card.json``.

The card says what the net must not be used without: its classes, their thresholds, what it was trained on and under
which licence, and its scores with their recipes. The preprocessing is inside the net.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from etabli.core.atomic_files import atomic_write, parse_json
from etabli.core.errors import BadArray, CorruptFile, DataMissing
from etabli.core.i18n import _
from etabli.training import keras_io

__all__ = ["Card", "decisions", "load", "read_card", "save"]


@dataclass(frozen=True)
class Card:
    """What one must know of a trained net. ``scores`` maps a name to (value, signature)."""

    title: str
    backbone: str
    input_size: tuple[int, int]
    preprocessing: str
    classes: tuple[str, ...]
    thresholds: tuple[float, ...]
    data: str
    licence: str
    training: str
    weights: str = ""
    scores: dict[str, tuple[float, str]] = field(default_factory=dict)
    made_with: str = ""


def save(folder: Path | str, model, card: Card) -> Path:
    """Write the net and its card, each in one step, the card last."""
    folder = Path(folder)
    if model.output_shape[-1] != len(card.classes) or len(card.thresholds) != len(card.classes):
        raise BadArray(
            _("the card does not fit the net"),
            expected=model.output_shape[-1],
            got=len(card.classes),
        )
    keras_io.save(model, folder / "model.keras")
    with atomic_write(folder / "card.json") as stream:
        json.dump(asdict(card), stream, indent=1, ensure_ascii=False)
    return folder


def read_card(folder: Path | str) -> Card:
    """The card of a trained net. Raises ``DataMissing`` or ``CorruptFile``."""
    path = Path(folder) / "card.json"
    try:
        held = parse_json(path.read_text(encoding="utf-8"))
        lists = {key: tuple(held[key]) for key in ("input_size", "classes", "thresholds")}
        scores = {
            name: (float(value), str(signature))
            for name, (value, signature) in held["scores"].items()
        }
        return Card(**{**held, **lists, "scores": scores})
    except FileNotFoundError as error:
        raise DataMissing(
            _("there is no trained model in {folder}").format(folder=folder),
            fix=_("Train one with 'etabli transfer' or 'etabli finetune'."),
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorruptFile(
            _("{path} is not the card of a trained model").format(path=path)
        ) from error


def load(folder: Path | str):
    """The net and its card; no code of a model file is run."""
    card, path = read_card(folder), Path(folder) / "model.keras"
    model = keras_io.load(path)
    if model.output_shape[-1] != len(card.classes):
        raise CorruptFile(
            _("{path} does not fit its card").format(path=path),
            expected=len(card.classes),
            got=model.output_shape[-1],
        )
    return model, card


def decisions(probabilities: np.ndarray, card: Card) -> list[list[str]]:
    """For each image the classes whose probability reaches their threshold."""
    reached = probabilities >= np.asarray(card.thresholds)
    return [[name for name, yes in zip(card.classes, row, strict=True) if yes] for row in reached]
