"""Safe loading and atomic saving of ``.keras`` files.

Only the model is saved, nothing of its training: two models of the same layers and weights are the
same bytes, whether just trained, resumed from a checkpoint or loaded from such a file.

A ``.keras`` file names classes and functions by module, and Keras imports what it names. So before
Keras reads the configuration it is compared with a list of known layers; a Lambda layer, a custom
object, a function of some module or a nested compilation is refused. The members of the archive and
their sizes are checked too.
"""

import io
import json
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from etabli.core.atomic_files import SAVING, explain_os_error, parse_json
from etabli.core.errors import CorruptFile, DataMissing, UnsafeArchive
from etabli.core.i18n import _

if TYPE_CHECKING:
    import keras
    import numpy as np

__all__ = ["check_archive", "load", "read_dense", "save", "save_weights"]

_LAYERS = (
    "Activation", "Add", "AveragePooling2D", "BatchNormalization", "Concatenate", "Conv2D",
    "Cropping2D", "Dense", "DepthwiseConv2D", "Dropout", "Embedding", "Flatten",
    "GRU", "GlobalAveragePooling2D", "InputLayer", "LSTM", "LayerNormalization", "Masking",
    "MaxPooling2D", "Multiply", "Normalization", "ReLU", "Rescaling", "Reshape", "SeparableConv2D",
    "SimpleRNN", "UnitNormalization", "ZeroPadding2D",
)  # fmt: skip
_INITIALIZERS = (
    "Constant", "GlorotUniform", "HeNormal", "Ones", "Orthogonal", "RandomUniform",
    "VarianceScaling", "Zeros",
)  # fmt: skip
_KNOWN = {
    *(("keras.layers", name) for name in _LAYERS),
    *(("keras.initializers", name) for name in _INITIALIZERS),
    ("keras", "DTypePolicy"),
    ("keras", "Sequential"),
    ("keras.src.applications.convnext", "LayerScale"),
    ("keras.src.applications.inception_resnet_v2", "CustomScaleLayer"),
    ("keras.src.models.functional", "Functional"),
    ("keras.src.ops.math", "Logsumexp"),
    ("keras.src.ops.numpy", "Add"),
    ("keras.src.ops.numpy", "Flip"),
    ("keras.src.ops.numpy", "Multiply"),
    ("keras.src.ops.numpy", "Sqrt"),
}
_CONFIG, _METADATA, _WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
_MEMBERS = {_CONFIG, _METADATA, _WEIGHTS}
_MAX_JSON_BYTES = 16 * 2**20
_MAX_RATIO = 20  # Keras does not compress: more than this is a decompression bomb


def save(model: "keras.Model", path: Path | str) -> Path:
    """Write the model (.keras) in one step, without the optimizer and the loss of its training.

    A failure or an interruption leaves the former file.
    """
    return _save_atomically(model, path, partial(_write_model, model))


def save_weights(model: "keras.Model", path: Path | str) -> Path:
    """Write the weights alone (``.weights.h5``) in one step, as ``keras.Model.load_weights`` reads
    them.

    Keras' own ``save_weights`` lets h5py write to the disk, which crashes the process where the
    disk is full.
    """
    return _save_atomically(model, path, _write_weights)


def _save_atomically(
    model: "keras.Model", path: Path | str, write: Callable[[Path, Path], None]
) -> Path:
    """Save by Keras, let ``write`` convert that file into another, and rename the latter to
    ``path``."""
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=SAVING) as folder:
            by_keras, made = Path(folder) / "by-keras.keras", Path(folder) / "made"
            model.save(by_keras)
            write(by_keras, made)
            made.replace(path)
    except OSError as error:
        raise explain_os_error(error, path) from error
    return path


def _write_weights(by_keras: Path, made: Path) -> None:
    with zipfile.ZipFile(by_keras) as archive:
        made.write_bytes(_remove_optimizer(archive.read(_WEIGHTS)))


def _write_model(model: "keras.Model", by_keras: Path, made: Path) -> None:
    """Copy the file of Keras without date, training, and the ``id()`` of shared objects."""
    import keras

    description: Any = keras.saving.serialize_keras_object(model)
    description["compile_config"] = {}
    with zipfile.ZipFile(by_keras) as before, zipfile.ZipFile(made, "w") as after:
        version = {"keras_version": parse_json(before.read(_METADATA))["keras_version"]}
        after.writestr(zipfile.ZipInfo(_METADATA), json.dumps(version))
        after.writestr(zipfile.ZipInfo(_CONFIG), json.dumps(description))
        after.writestr(zipfile.ZipInfo(_WEIGHTS), _remove_optimizer(before.read(_WEIGHTS)))


def _remove_optimizer(weights: bytes) -> bytes:
    """HDF5 without the group ``optimizer``, in memory: h5py can crash where the disk is full."""
    import h5py

    buffer = io.BytesIO()
    with h5py.File(io.BytesIO(weights), "r") as before, h5py.File(buffer, "w") as after:
        for name in before:
            if name != "optimizer":
                before.copy(name, after)
    return buffer.getvalue()


def load(path: Path | str) -> "keras.Model":
    """Load the model of a ``.keras`` file, not compiled.

    Raises:
        DataMissing: Where there is no file.
        UnsafeArchive: Where it holds anything but known layers.
        CorruptFile: Where Keras cannot load it.
    """
    import keras

    path = Path(path)
    try:
        check_archive(path)
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except FileNotFoundError as error:
        raise DataMissing(_("there is no trained model {path}").format(path=path)) from error
    except UnsafeArchive:
        raise
    except Exception as error:  # Keras raises errors of many kinds
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise CorruptFile(
            _("{path} is not a model that can be loaded").format(path=path), got=reason
        ) from error


def read_dense(path: Path | str, name: str) -> tuple["np.ndarray", "np.ndarray"]:
    """Return kernel and bias of a Dense layer of a ``.keras`` file, without Keras.

    Keras stores the layers of a class under numbers, in the order of the configuration.

    Raises:
        DataMissing: Where there is no file.
        UnsafeArchive: Where it holds anything but known layers.
        CorruptFile: Where it holds no such layer.
    """
    import h5py

    path = Path(path)
    try:
        check_archive(path)
        with zipfile.ZipFile(path) as archive:
            layers = parse_json(archive.read(_CONFIG))["config"]["layers"]
            dense = [each["config"]["name"] for each in layers if each["class_name"] == "Dense"]
            number = dense.index(name)
            with h5py.File(io.BytesIO(archive.read(_WEIGHTS)), "r") as weights:
                stored = weights[f"layers/dense{f'_{number}' if number else ''}/vars"]
                return stored["0"][()], stored["1"][()]
    except FileNotFoundError as error:
        raise DataMissing(_("there is no trained model {path}").format(path=path)) from error
    except (OSError, zipfile.BadZipFile, ValueError, KeyError, TypeError) as error:
        raise CorruptFile(
            _("{path} is not a model that can be loaded").format(path=path)
        ) from error


def check_archive(path: Path) -> None:
    """Raise ``UnsafeArchive`` where a file holds more than a model of known layers."""
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if member.filename not in _MEMBERS:
                raise _unsafe(path, _("the member {name}").format(name=member.filename[:80]))
            is_json = member.filename != _WEIGHTS
            ratio_limit = _MAX_RATIO * max(member.compress_size, 2**20)
            if member.file_size > (_MAX_JSON_BYTES if is_json else ratio_limit):
                raise _unsafe(
                    path, _("a member that unpacks to {n} bytes").format(n=member.file_size)
                )
        document = parse_json(archive.read(_CONFIG))
    if not isinstance(document, dict):
        raise ValueError("no configuration")
    document.pop("compile_config", None)  # not read: the model is not compiled
    for what in _find_unknown(document):
        raise _unsafe(path, what)


def _find_unknown(part: object) -> Iterator[str]:
    """The objects in a configuration that are not known."""
    if isinstance(part, list):
        for each in part:
            yield from _find_unknown(each)
    if not isinstance(part, dict):
        return
    if part.get("compile_config"):
        yield "compile_config"
    name = part.get("class_name")
    is_tensor = name == "__keras_tensor__"
    if name is not None and not is_tensor and (part.get("module"), name) not in _KNOWN:
        yield f"{part.get('module')}.{name}"[:120]
    if part.get("registered_name") not in (None, name):
        yield f"{part['registered_name']}"[:120]
    if name is None and "module" in part:
        yield f"{part['module']}"[:120]
    for each in part.values():
        yield from _find_unknown(each)


def _unsafe(path: Path, what: str) -> UnsafeArchive:
    return UnsafeArchive(
        _("{path} was not loaded").format(path=path),
        expected=_("a network of layers that Établi uses"),
        got=what,
        fix=_("Loading it could run code of the file. Use a model that Établi trained."),
    )
