"""NumPy estimators as safetensors files: arrays as tensors, settings and classes as metadata."""

import json
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes

from etabli.core.atomic_files import atomic_write, parse_json
from etabli.core.errors import CorruptFile, DataMissing
from etabli.core.i18n import _
from etabli.models.estimators.fast_training import Parameters

if TYPE_CHECKING:
    from etabli.models.estimators.base_network import NetworkClassifier

Model = TypeVar("Model", bound="NetworkClassifier")
_FORMAT = 1


def save(model: "NetworkClassifier", path: Path) -> Path:
    """Write a fitted model to ``path`` atomically."""
    tensors = dict(
        zip(_tensor_names(model), map(np.ascontiguousarray, model.parameters_), strict=True)
    )
    if model.mean_ is not None:
        tensors["mean"] = model.mean_
    settings = model.get_params()
    seed = settings["random_state"]
    # A generator cannot be saved.
    settings["random_state"] = int(seed) if isinstance(seed, Integral) else None
    record = {
        "format": _FORMAT,
        "model": type(model).__name__,
        "settings": settings,
        "features": model.n_features_in_,
        "classes": model.classes_.tolist(),
        "classes_dtype": model.classes_.dtype.str,
        "feature_names": getattr(model, "feature_names_in_", np.array([])).tolist() or None,
        "history": model.history_,
    }
    with atomic_write(path, "wb") as stream:
        stream.write(to_bytes(tensors, metadata={"etabli": json.dumps(record)}))
    return path


def load(kind: "type[Model]", path: Path) -> "Model":
    """Load the model of class ``kind`` that ``save`` wrote to ``path``."""
    record, tensors = _read(kind, path)
    model = kind(**record["settings"])
    model.classes_ = np.array(record["classes"], record["classes_dtype"])
    model.history_ = record["history"]
    model.mean_ = tensors.get("mean")
    if record["feature_names"]:
        model.feature_names_in_ = np.array(record["feature_names"], object)
    model.n_features_in_ = record["features"]
    model._parameters = Parameters(model._widths(), model.dtype)
    for array, name in zip(model.parameters_, _tensor_names(model), strict=True):
        if name not in tensors or tensors[name].shape != array.shape:
            raise CorruptFile(
                _("{path} does not contain the weights that it describes").format(path=path),
                expected=f"{name} {array.shape}",
                got=tensors[name].shape if name in tensors else _("nothing"),
            )
        array[...] = tensors[name]
    return model


def _tensor_names(model: "NetworkClassifier") -> list[str]:
    return [f"{layer}.{part}" for layer in model.layer_names for part in ("weight", "bias")]


def _read(kind: type, path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    if not path.is_file():
        raise DataMissing(_("there is no model file {path}").format(path=path))
    try:
        with safe_open(path, framework="numpy") as file:
            record = parse_json((file.metadata() or {}).get("etabli", "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, OSError, ValueError) as error:
        raise CorruptFile(
            _("{path} cannot be read as a model").format(path=path),
            expected=_("a safetensors file"),
            got=error,
        ) from error
    if (record.get("format"), record.get("model")) != (_FORMAT, kind.__name__):
        raise CorruptFile(
            _("{path} contains another kind of model").format(path=path),
            expected=kind.__name__,
            got=record.get("model", _("no description")),
        )
    return record, tensors
