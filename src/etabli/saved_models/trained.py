"""A trained net that is no classifier of images: of a run, of ``poetry train``, or in a file."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from etabli.core.errors import BadSetting, CorruptFile, DataMissing
from etabli.core.i18n import _
from etabli.saved_models import text
from etabli.saved_models.card import CARD, read_card
from etabli.training import keras_io

if TYPE_CHECKING:
    import keras

    from etabli.models.estimators.base_network import NetworkClassifier

__all__ = ["TrainedNet", "find_net", "load_net"]

_FILES = ("model.keras", "mlp.safetensors", "softmax_regression.safetensors")
_MOST_LISTED = 5


@dataclass(frozen=True)
class TrainedNet:
    """A net as a Keras model, what it says of itself, and its outputs for an array of inputs."""

    model: "keras.Model"
    predict: Callable[[np.ndarray], Any]
    metadata: Mapping[str, str]
    classes: tuple[str, ...] = ()


def find_net(path: Path) -> Path | None:
    """Return the file of the net in a folder; None where it may be a classifier of images.

    The folder is of a model of ``etabli poetry train``, of a seed run, or one with a single seed
    run that has a net; a file .keras or .safetensors is returned as it is.

    Raises:
        BadSetting: The model is no net, or a net of several parts.
        DataMissing: Several seed runs have a net.
    """
    if path.is_file():
        return path if path.suffix in (".keras", ".safetensors") else None
    if (path / CARD).is_file():
        return _find_saved(path)
    found = [
        each for start in ("", "*/", "*/*/") for name in _FILES for each in path.glob(start + name)
    ]
    nets = sorted(each for each in found if not (each.parent / CARD).is_file())
    if len(nets) > 1:
        names = ", ".join(str(each.parent) for each in nets[:_MOST_LISTED])
        raise DataMissing(
            _("{folder} has {n} trained nets").format(folder=path, n=len(nets)),
            fix=_("Name the folder of one: {names}").format(names=names),
        )
    return nets[0] if nets else None


def _find_saved(folder: Path) -> Path | None:
    kind = read_card(folder)["kind"]
    if kind == "classifier":
        return None
    if kind == "text" and text.read(folder).architecture != "ngram":
        return folder / text.MODEL
    raise BadSetting(
        _("the model in {folder} cannot be exported").format(folder=folder),
        expected=_("an image classifier, a SimpleRNN, an LSTM, or a net of practical 1 or 2"),
        got=_("n-gram counts") if kind == "text" else kind,
    )


def load_net(path: Path, vocabulary: tuple[str, ...] = ()) -> TrainedNet:
    """Load the net in a file; a vocabulary is that of a text, by the codes of its characters.

    Raises ``DataMissing``, ``CorruptFile``, or ``UnsafeArchive`` for a file that Keras would run.
    """
    if path.suffix == ".safetensors":
        return _load_estimator(path)
    model, metadata = keras_io.load(path), dict[str, str]()
    if (path.parent / CARD).is_file():
        card = text.read(path.parent)
        vocabulary = tuple(card.vocabulary)
        metadata["sequence_length"] = str(card.sequence_length)
    if vocabulary:
        metadata |= {"task": "next character"}
        metadata["vocabulary"] = json.dumps(vocabulary, ensure_ascii=False)
    return TrainedNet(model, model.predict_on_batch, metadata)


def _load_estimator(path: Path) -> TrainedNet:
    from etabli.models.estimators.mlp import MLP
    from etabli.models.estimators.softmax_regression import SoftmaxRegression

    found: NetworkClassifier
    try:
        found = MLP.load(path)
    except CorruptFile:
        found = SoftmaxRegression.load(path)
    classes = tuple(map(str, found.classes_.tolist()))
    metadata = {"task": "classes", "classes": json.dumps(classes, ensure_ascii=False)}
    return TrainedNet(
        _to_keras(found), lambda x: found.predict_proba(x.astype(found.dtype)), metadata, classes
    )


def _to_keras(found: "NetworkClassifier") -> "keras.Model":
    from keras import Input, Sequential, layers

    inputs = Input((found.n_features_in_,), name="features")
    parts: list[Any] = []
    if found.mean_ is not None:
        parts.append(layers.Rescaling(1.0, offset=(-found.mean_).tolist(), name="center"))
    for name, bias in zip(found.layer_names, found.parameters_[1::2], strict=True):
        activation = "softmax" if name == "output" else found._activation()
        parts.append(layers.Dense(len(bias), activation=activation, name=name))
    model = Sequential([inputs, *parts])
    model.set_weights(found.parameters_)
    return model
