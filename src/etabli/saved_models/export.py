"""A Keras model as an OpenVINO IR or an ONNX file, checked to give the same numbers."""

import os
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from etabli.core.atomic_files import atomic_write
from etabli.core.errors import EtabliError, MissingExtra
from etabli.core.i18n import _
from etabli.training import keras_io

__all__ = ["checked", "have_openvino", "import_openvino", "same_numbers", "to_openvino"]

_IN_ANOTHER_PROCESS = """
import sys
sys.modules["openvino_telemetry"] = None
import keras
model = keras.saving.load_model(sys.argv[1], compile=False, safe_mode=True)
model.export(sys.argv[2], format="openvino", verbose=False)
"""


def have_openvino() -> bool:
    """Whether OpenVINO is installed (it is not imported for the answer)."""
    return find_spec("openvino") is not None


def import_openvino(purpose: str):
    """The OpenVINO module, without its telemetry: importing it would otherwise report to its makers."""
    sys.modules.setdefault("openvino_telemetry", None)
    try:
        import openvino
    except ImportError as error:
        raise MissingExtra("openvino", "openvino", purpose) from error
    return openvino


def to_openvino(model, path: Path | str) -> Path:
    """Write ``path`` (.xml) and its weights (.bin), each in one step.

    Keras exports an IR only from its own OpenVINO backend, and a process has one backend: the model goes
    through a file to a process of its own.
    """
    path = Path(path).with_suffix(".xml")
    if not have_openvino():
        raise MissingExtra("openvino", "openvino", _("the export to an OpenVINO IR"))
    with tempfile.TemporaryDirectory(prefix="etabli-export-") as folder:
        archive, made = (
            keras_io.save(model, Path(folder) / "model.keras"),
            Path(folder) / "model.xml",
        )
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


def checked(model, path: Path, pictures: np.ndarray, tolerance: float = 1e-4) -> float | None:
    """The largest difference between a Keras model and what was exported from it, on some pictures, in float32.

    OpenVINO runs both forms (IR and ONNX); without it nothing is checked and the answer is ``None``.
    """
    if not have_openvino():
        return None
    core = import_openvino(_("the check of an exported model")).Core()
    compiled = core.compile_model(core.read_model(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    got = np.array(compiled([pictures.astype(np.float32)])[0])
    return same_numbers(
        np.asarray(model.predict_on_batch(pictures.astype(np.float32))), got, tolerance
    )


def same_numbers(expected: np.ndarray, got: np.ndarray, tolerance: float) -> float:
    """The largest absolute difference between two outputs; a ``Refusal`` where it passes ``tolerance``."""
    difference = float(
        np.max(np.abs(expected.astype(np.float64) - got.astype(np.float64)), initial=0.0)
    )
    if not difference <= tolerance:
        raise EtabliError(
            _("the exported model does not give the numbers of the original"),
            expected=_("a difference of at most {tolerance:g}").format(tolerance=tolerance),
            got=f"{difference:g}",
        )
    return difference
