"""The one door through which ``.keras`` files come and go: written in one step, read without running their code.

What is written is the net and nothing of its training, so two nets of the same layers and weights are the same bytes,
whether they were just trained, taken up after a kill, or loaded from such a file.

A ``.keras`` file names classes and functions by module, and Keras imports what it names. So the description is held
against a list of what the nets of the house are made of before Keras sees it; a Lambda layer, a custom object, a
function of some module, a nested compilation is refused. The members of the archive and their sizes are checked too.
"""

import io
import json
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from etabli.core.atomic_files import SAVING, explain_os_error, parse_json
from etabli.core.errors import CorruptFile, DataMissing, UnsafeArchive
from etabli.core.i18n import _

if TYPE_CHECKING:
    import keras

__all__ = ["load", "save", "save_weights"]

_LAYERS = (
    "Activation", "Add", "BatchNormalization", "Conv2D", "Dense", "DepthwiseConv2D", "Dropout", "Embedding", "Flatten",
    "GlobalAveragePooling2D", "InputLayer", "LSTM", "Masking", "MaxPooling2D", "Multiply", "ReLU", "Rescaling",
    "SimpleRNN", "UnitNormalization", "ZeroPadding2D",
)  # fmt: skip
_INITIALIZERS = ("Constant", "GlorotUniform", "Ones", "Orthogonal", "RandomUniform", "Zeros")
KNOWN = {
    *(("keras.layers", name) for name in _LAYERS),
    *(("keras.initializers", name) for name in _INITIALIZERS),
    ("keras", "DTypePolicy"),
    ("keras", "Sequential"),
    ("keras.src.models.functional", "Functional"),
    ("keras.src.ops.math", "Logsumexp"),
    ("keras.src.ops.numpy", "Flip"),
    ("keras.src.ops.numpy", "Sqrt"),
}
_CONFIG, _METADATA, _WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
MEMBERS = {_CONFIG, _METADATA, _WEIGHTS}
LARGEST_TEXT = 16 * 2**20
RATIO = 20  # Keras stores; what unpacks to more than this many times its size is a bomb


def save(model: "keras.Model", path: Path | str) -> Path:
    """Write the net to ``path`` (.keras) in one step, without the optimizer, the loss and the metrics of its training.

    A failure or an interruption leaves the former file.
    """
    return _in_one_step(model, path, lambda by_keras, made: _settle(model, by_keras, made))


def save_weights(model: "keras.Model", path: Path | str) -> Path:
    """Write the weights alone (``.weights.h5``), as ``keras.Model.load_weights`` reads them; in one step, as ``save``.

    Keras itself would write them by h5py onto the disk, which ends the process by a fault where the disk is full.
    """

    def take_out(by_keras: Path, made: Path) -> None:
        with zipfile.ZipFile(by_keras) as archive:
            made.write_bytes(_without_optimizer(archive.read(_WEIGHTS)))

    return _in_one_step(model, path, take_out)


def _in_one_step(
    model: "keras.Model", path: Path | str, make: Callable[[Path, Path], None]
) -> Path:
    """``make`` writes a file out of the one that Keras wrote; it then takes the name ``path``."""
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=SAVING) as folder:
            by_keras, made = Path(folder) / "by-keras.keras", Path(folder) / "made"
            model.save(by_keras)
            make(by_keras, made)
            made.replace(path)
    except OSError as error:
        raise explain_os_error(error, path) from error
    return path


def _settle(model: "keras.Model", by_keras: Path, made: Path) -> None:
    """The file that Keras wrote, without its date, the training of the net, and the addresses of objects in memory."""
    import keras

    description = keras.saving.serialize_keras_object(
        model
    )  # Keras itself adds ``id()`` of what two layers share
    description["compile_config"] = {}
    with zipfile.ZipFile(by_keras) as before, zipfile.ZipFile(made, "w") as after:
        version = {"keras_version": parse_json(before.read(_METADATA))["keras_version"]}
        after.writestr(zipfile.ZipInfo(_METADATA), json.dumps(version))
        after.writestr(zipfile.ZipInfo(_CONFIG), json.dumps(description))
        after.writestr(zipfile.ZipInfo(_WEIGHTS), _without_optimizer(before.read(_WEIGHTS)))


def _without_optimizer(weights: bytes) -> bytes:
    """HDF5 without the group ``optimizer``, in memory: h5py can crash where the disk is full."""
    import h5py

    lasting = io.BytesIO()
    with h5py.File(io.BytesIO(weights), "r") as before, h5py.File(lasting, "w") as after:
        for name in before:
            if name != "optimizer":
                before.copy(name, after)
    return lasting.getvalue()


def load(path: Path | str) -> "keras.Model":
    """The net of a ``.keras`` file, not compiled.

    Raises ``DataMissing``, ``UnsafeArchive`` for what the nets of the house are not made of, ``CorruptFile``.
    """
    import keras

    path = Path(path)
    try:
        check(path)
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except FileNotFoundError as error:
        raise DataMissing(_("there is no trained model {path}").format(path=path)) from error
    except UnsafeArchive:
        raise
    except Exception as error:  # Keras tells a wrong file in many ways
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise CorruptFile(
            _("{path} is not a model that can be loaded").format(path=path), got=reason
        ) from error


def check(path: Path) -> None:
    """Refuse a file that holds more than a net of known layers."""
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if member.filename not in MEMBERS:
                raise _unsafe(path, _("the member {name}").format(name=member.filename[:80]))
            text = member.filename != _WEIGHTS
            most = LARGEST_TEXT if text else RATIO * max(member.compress_size, 2**20)
            if member.file_size > most:
                raise _unsafe(
                    path, _("a member that unpacks to {n} bytes").format(n=member.file_size)
                )
        document = parse_json(archive.read(_CONFIG))
    if not isinstance(document, dict):
        raise ValueError("no description")
    document.pop("compile_config", None)  # not read: the net is not compiled
    for what in _strange(document):
        raise _unsafe(path, what)


def _strange(part: object) -> Iterator[str]:
    """Whatever in a description is none of the parts that are known."""
    if isinstance(part, list):
        for each in part:
            yield from _strange(each)
    if not isinstance(part, dict):
        return
    if part.get("compile_config"):
        yield "compile_config"
    name = part.get("class_name")
    tensor = name == "__keras_tensor__"
    if name is not None and not tensor and (part.get("module"), name) not in KNOWN:
        yield f"{part.get('module')}.{name}"[:120]
    if part.get("registered_name") not in (None, name):
        yield f"{part['registered_name']}"[:120]
    if name is None and "module" in part:
        yield f"{part['module']}"[:120]
    for each in part.values():
        yield from _strange(each)


def _unsafe(path: Path, what: str) -> UnsafeArchive:
    return UnsafeArchive(
        _("{path} was not loaded").format(path=path),
        expected=_("a net made of the layers that Établi uses"),
        got=what,
        fix=_("A file can make Keras run code that way. Use a model that Établi trained."),
    )
