"""A Keras model as an OpenVINO IR or an ONNX file, checked to give the same numbers."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from etabli.core.atomic_files import atomic_write
from etabli.core.errors import BadSetting, EtabliError, MissingExtra
from etabli.core.i18n import _
from etabli.saved_models import classifier, onnx
from etabli.training import keras_io
from etabli.training.openvino import import_openvino, is_openvino_installed

if TYPE_CHECKING:
    import keras


_IN_ANOTHER_PROCESS = """
import sys
sys.modules["openvino_telemetry"] = None
import keras
model = keras.saving.load_model(sys.argv[1], compile=False, safe_mode=True)
model.export(sys.argv[2], format="openvino", verbose=False)
"""


def export_model(
    folder: Path | str, path: Path | str
) -> tuple[Path, float | None, classifier.ModelCard]:
    """Export a saved classifier by the suffix of ``path``; check it on two random images.

    Returns:
        The file, the largest difference between both outputs (None without OpenVINO), the card.

    Raises:
        BadSetting: The suffix is neither .xml (OpenVINO) nor .onnx.
    """
    writers = {".xml": export_openvino, ".onnx": onnx.export_onnx}
    path = Path(path)
    if path.suffix.lower() not in writers:
        raise BadSetting(_("a model is exported as .xml or .onnx"), got=path.name)
    net, card = classifier.load(folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    written = writers[path.suffix.lower()](net, path)
    images = np.random.default_rng(0).integers(0, 256, (2, *card.input_size, 3))
    return written, check_export(net, written, images), card


def export_openvino(model: "keras.Model", path: Path | str) -> Path:
    """Write ``path`` (.xml) and its weights (.bin), each in one step.

    Keras exports an IR only from its OpenVINO backend, and a process has one backend: another
    process converts a file of the model.
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
        for suffix in (".bin", ".xml"):
            written = atomic_write(path.with_suffix(suffix), "wb")
            with made.with_suffix(suffix).open("rb") as content, written as stream:
                shutil.copyfileobj(content, stream)
    return path


def check_export(
    model: "keras.Model", path: Path, images: np.ndarray, tolerance: float = 1e-4
) -> float | None:
    """Return the largest difference of outputs between a Keras model and its export, in float32.

    OpenVINO runs both formats (IR and ONNX); without it nothing is checked, and None is returned.
    """
    if not is_openvino_installed():
        return None
    images = images.astype(np.float32)
    core = import_openvino(_("the check of an exported model")).Core()
    compiled = core.compile_model(core.read_model(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    expected = np.asarray(model.predict_on_batch(images))
    return check_same_numbers(expected, np.array(compiled([images])[0]), tolerance)


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
