"""A trained multi-label net as a folder: ``model.keras`` from pictures to probabilities, and ``card.json``.

The card says what the net must not be used without: its classes, their thresholds, what it was trained on and under
which licence, and its scores with their recipes. The preprocessing is inside the net.
"""

import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from etabli.errors import BadArray, CorruptFile, DataMissing
from etabli.files import atomic_write, parse_json
from etabli.i18n import _
from etabli.models import keras_file
from etabli.models.multilabel import LinearSigmoids

__all__ = ["Card", "by_place", "decisions", "load", "pooled", "read_card", "save", "with_head"]


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


def pooled(maps, roots: bool = False):
    """p, the mean over the picture of the D last maps; with ``roots`` sqrt(p) at length sqrt(D), as ``unit_roots``.

    So a few large activations of an image do not outvote all the others. The maps must not be negative.
    """
    import keras

    mean = keras.layers.GlobalAveragePooling2D(name="pool")(maps)
    return _unit_roots(mean) if roots else mean


def by_place(maps, roots: bool = False):
    """What ``pooled`` makes of the mean, made of every place of the maps: (N, height, width, D)."""
    return _unit_roots(maps, "_by_place") if roots else maps


def _unit_roots(x, where: str = ""):
    import keras

    moved = keras.layers.Rescaling(1.0, offset=1e-6, name=f"above_zero{where}")(x)  # a root has no slope at zero
    unit = keras.layers.UnitNormalization(name=f"unit_roots{where}")(keras.ops.sqrt(moved))
    return keras.layers.Rescaling(float(np.sqrt(x.shape[-1])), name=f"roots{where}")(unit)


def with_head(model, head: LinearSigmoids, roots: bool = False, attention: float = 0.0):
    """``model`` from pictures to maps, then ``pooled``, then sigmoids: pictures to (N, K).

    With ``attention`` a, a class's logit is (1 - a) of the mean's plus a of log mean exp of those of all places.
    """
    import keras

    maps, layers, classes = model.outputs[0], keras.layers, len(head.bias)
    whole = layers.Dense(classes, name="classes", kernel_initializer="zeros")
    logits, given = whole(pooled(maps, roots)), [(whole, head.kernel)]
    if attention:
        place = layers.Conv2D(classes, 1, name="classes_by_place", kernel_initializer="zeros")
        looked = keras.ops.logsumexp(place(by_place(maps, roots)), axis=(1, 2))
        of_all = -attention * math.log(maps.shape[1] * maps.shape[2])
        logits = layers.Rescaling(1 - attention, name="of_the_mean")(logits)
        looked = layers.Rescaling(attention, offset=of_all, name="of_the_places")(looked)
        logits = layers.Add(name="attended")([logits, looked])
        given.append((place, head.kernel[None, None]))
    probabilities = layers.Activation("sigmoid", name="probabilities")(logits)
    net = keras.Model(model.inputs[0], probabilities, name=f"{model.name}_multilabel")
    for layer, kernel in given:
        layer.set_weights([kernel, head.bias])
    return net


def save(folder: Path | str, model, card: Card) -> Path:
    """Write the net and its card, each in one step, the card last."""
    folder = Path(folder)
    if model.output_shape[-1] != len(card.classes) or len(card.thresholds) != len(card.classes):
        raise BadArray(_("the card does not fit the net"), expected=model.output_shape[-1], got=len(card.classes))
    keras_file.save(model, folder / "model.keras")
    with atomic_write(folder / "card.json") as stream:
        json.dump(asdict(card), stream, indent=1, ensure_ascii=False)
    return folder


def read_card(folder: Path | str) -> Card:
    """The card of a trained net. Raises ``DataMissing`` or ``CorruptFile``."""
    path = Path(folder) / "card.json"
    try:
        held = parse_json(path.read_text(encoding="utf-8"))
        lists = {key: tuple(held[key]) for key in ("input_size", "classes", "thresholds")}
        scores = {name: (float(value), str(signature)) for name, (value, signature) in held["scores"].items()}
        return Card(**{**held, **lists, "scores": scores})
    except FileNotFoundError as error:
        raise DataMissing(
            _("there is no trained model in {folder}").format(folder=folder),
            fix=_("Train one with 'etabli transfer' or 'etabli finetune'."),
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorruptFile(_("{path} is not the card of a trained model").format(path=path)) from error


def load(folder: Path | str):
    """The net and its card; no code of a model file is run."""
    card, path = read_card(folder), Path(folder) / "model.keras"
    model = keras_file.load(path)
    if model.output_shape[-1] != len(card.classes):
        raise CorruptFile(
            _("{path} does not fit its card").format(path=path), expected=len(card.classes), got=model.output_shape[-1]
        )
    return model, card


def decisions(probabilities: np.ndarray, card: Card) -> list[list[str]]:
    """For each image the classes whose probability reaches their threshold."""
    reached = probabilities >= np.asarray(card.thresholds)
    return [[name for name, yes in zip(card.classes, row, strict=True) if yes] for row in reached]
