"""A Keras model as an OpenVINO IR or an ONNX file, checked to give the same numbers."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from etabli.core.atomic_files import atomic_write
from etabli.core.errors import BadSetting, EtabliError, MissingExtra
from etabli.core.i18n import _
from etabli.models.vision.openvino_net import SUFFIXES, OpenVinoNet
from etabli.saved_models import classifier, exported, onnx, openvino_files
from etabli.saved_models.trained import TrainedNet
from etabli.training import keras_io
from etabli.training.openvino import import_openvino, is_openvino_installed

if TYPE_CHECKING:
    import keras


_IN_ANOTHER_PROCESS = """
import sys
sys.modules["openvino_telemetry"] = None
import keras
reshape = keras.layers.Reshape.call
def call(self, x):  # Keras fixes the number of images in a reshape
    is_row = len(x.shape) == 2 and tuple(self.target_shape[:-1]) == (1, 1)
    return keras.ops.expand_dims(x, (1, 2)) if is_row else reshape(self, x)
keras.layers.Reshape.call = call
model = keras.saving.load_model(sys.argv[1], compile=False, safe_mode=True)
model.export(sys.argv[2], format="openvino", verbose=False)
"""


def export_model(
    folder: Path | str, path: Path | str, *, overwrite: bool = False
) -> tuple[Path, float | None, classifier.ModelCard]:
    """Export a saved classifier by the suffix of ``path``; check it on two random images.

    The file carries the classes, the thresholds, the task and what the pixels must be;
    ``labels.txt`` next to it lists the classes.

    Args:
        folder: The folder of the classifier.
        path: The file to write.
        overwrite: Replace this file and ``labels.txt``.

    Returns:
        The file, the largest difference between both outputs (None without OpenVINO), the card.

    Raises:
        BadSetting: The suffix is neither .xml (OpenVINO) nor .onnx, or there are such files.
    """
    path = _check_suffix(path)
    net, card = classifier.load(folder)
    _check_free(path, card.classes, overwrite)
    metadata = exported.make_metadata(card)
    if isinstance(net, OpenVinoNet):
        written = _export_net(net, path, metadata)
    elif path.suffix.lower() == ".onnx":
        written = onnx.export_onnx(net, path, metadata)
    else:
        written = export_openvino(net, path, metadata)
    exported.write_labels(written, card.classes)
    images = np.random.default_rng(0).integers(0, 256, (2, *card.input_size, 3))
    return written, check_export(net, written, images), card


def export_net(
    net: TrainedNet, path: Path | str, *, overwrite: bool = False
) -> tuple[Path, float | None]:
    """Export another net than a classifier of images; check it to 1e-5 on two random inputs.

    Args:
        net: The net.
        path: The file to write. OpenVINO makes an .xml of the ONNX file.
        overwrite: Replace this file, and ``labels.txt`` where the net has classes.

    Returns:
        The file, and the largest difference between both outputs (None without OpenVINO).

    Raises:
        BadSetting: The suffix is neither .xml (OpenVINO) nor .onnx, or there are such files.
        EtabliError: A layer has no counterpart in ONNX.
    """
    path = _check_suffix(path)
    _check_free(path, net.classes, overwrite)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix.lower() == ".onnx":
        written = onnx.export_onnx(net.model, path, net.metadata)
    else:
        network = import_openvino(_("the export to an OpenVINO IR"))
        with tempfile.TemporaryDirectory(prefix="etabli-export-") as folder:
            made = onnx.export_onnx(net.model, Path(folder) / "net.onnx")
            network = network.Core().read_model(made)
            _save_ir(network, made.with_suffix(".xml"), net.metadata)
            written = _copy_ir(made.with_suffix(".xml"), path)
    if net.classes:
        exported.write_labels(written, net.classes)
    inputs = _draw_inputs(net.model)
    return written, _compare(net.predict, written, inputs, tolerance=1e-5)


def _draw_inputs(model: "keras.Model") -> np.ndarray:
    """Draw two inputs of a net: codes of its embedding, or numbers from 0 to 1."""
    generator = np.random.default_rng(0)
    shape = [12 if size is None else size for size in (2, *model.input_shape[1:])]
    if not onnx.reads_codes(model):
        return generator.random(shape, np.float32)
    count = next(each.input_dim for each in model.layers if hasattr(each, "input_dim"))
    return generator.integers(0, count, shape)


def _check_suffix(path: Path | str) -> Path:
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise BadSetting(_("a model is exported as .xml or .onnx"), got=path.name)
    return path


def _check_free(path: Path, classes: tuple[str, ...], overwrite: bool) -> None:
    """Raise ``BadSetting`` where the file, or another ``labels.txt``, is already there."""
    labels, wanted = path.with_name(exported.LABELS), "".join(f"{each}\n" for each in classes)
    is_other = bool(classes) and labels.exists() and labels.read_bytes() != wanted.encode()
    for there in [path] * path.exists() + [labels] * is_other:
        if not overwrite:
            raise BadSetting(
                _("{path} already exists").format(path=there),
                fix=_("Choose another folder with --out, or replace it with --overwrite."),
            )


def _export_net(net: OpenVinoNet, path: Path, metadata: Mapping[str, str]) -> Path:
    """Write a classifier on a net in a file as one file: its input, the net, its head."""
    if path.suffix.lower() == ".onnx":
        return openvino_files.export_onnx(net, path, metadata)
    with tempfile.TemporaryDirectory(prefix="etabli-export-") as folder:
        made = Path(folder) / "model.xml"
        _save_ir(net.with_head_inside(), made, metadata)
        return _copy_ir(made, path)


def export_openvino(
    model: "keras.Model", path: Path | str, metadata: Mapping[str, str] | None = None
) -> Path:
    """Write ``path`` (.xml) and its weights (.bin), each in one step.

    Keras exports an IR only from its OpenVINO backend, and a process has one backend: another
    process converts a file of the model.

    Args:
        model: The model.
        path: The file.
        metadata: The texts that the IR carries (``exported``).
    """
    path = Path(path).with_suffix(".xml")
    if not is_openvino_installed():
        raise MissingExtra("openvino", "openvino", _("the export to an OpenVINO IR"))
    with tempfile.TemporaryDirectory(prefix="etabli-export-") as folder:
        archive = keras_io.save(model, Path(folder) / "model.keras")
        made = Path(folder) / "model.xml"
        command = [sys.executable, "-c", _IN_ANOTHER_PROCESS, str(archive), str(made)]
        environment = {**os.environ, "KERAS_BACKEND": "openvino"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["?"])[-1]
            raise EtabliError(
                _("the model could not be exported to {path}").format(path=path), got=last
            )
        if metadata:
            network = import_openvino(_("the export to an OpenVINO IR")).Core().read_model(made)
            made = made.with_name("with-metadata.xml")
            _save_ir(network, made, metadata)
        return _copy_ir(made, path)


def _save_ir(network: Any, path: Path, metadata: Mapping[str, str]) -> None:
    exported.set_metadata(network, metadata)
    openvino = import_openvino(_("the export to an OpenVINO IR"))
    openvino.save_model(network, path, compress_to_fp16=False)


def _copy_ir(made: Path, path: Path) -> Path:
    """Copy an IR to its place, the weights first."""
    for suffix in (".bin", ".xml"):
        written = atomic_write(path.with_suffix(suffix), "wb")
        with made.with_suffix(suffix).open("rb") as content, written as stream:
            shutil.copyfileobj(content, stream)
    return path


def check_export(
    model: "keras.Model | OpenVinoNet", path: Path, images: np.ndarray, tolerance: float = 1e-4
) -> float | None:
    """Return the largest difference of outputs between a model and its export, in float32.

    OpenVINO runs both formats (IR and ONNX); without it nothing is checked, and None is returned.
    """
    images = images.astype(np.uint8 if isinstance(model, OpenVinoNet) else np.float32)
    return _compare(model.predict_on_batch, path, images, tolerance)


def _compare(
    predict: Callable[[np.ndarray], Any], path: Path, inputs: np.ndarray, tolerance: float
) -> float | None:
    if not is_openvino_installed():
        return None
    core = import_openvino(_("the check of an exported model")).Core()
    compiled = core.compile_model(core.read_model(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    expected = np.asarray(predict(inputs))
    return check_same_numbers(expected, np.array(compiled([inputs])[0]), tolerance)


def check_same_numbers(expected: np.ndarray, got: np.ndarray, tolerance: float) -> float:
    """Return the largest difference of two outputs; ``EtabliError`` above ``tolerance``."""
    difference = float(np.max(np.abs(expected.astype(np.float64) - got), initial=0.0))
    if not difference <= tolerance:
        raise EtabliError(
            _("the exported model does not give the outputs of the original"),
            expected=_("a difference of at most {tolerance:g}").format(tolerance=tolerance),
            got=f"{difference:g}",
        )
    return difference
