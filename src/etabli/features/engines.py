"""What runs a net forward: OpenVINO where it is installed (on a CPU several times faster), else Keras.

An engine takes pictures (N, height, width, 3) uint8, at most ``batch_size`` of them, and returns their
features. It may be called from ``parallel`` threads at once.
"""

import contextlib
import copy
import shutil
import tempfile
import threading
from pathlib import Path

import numpy as np

from etabli.core.errors import BadSetting, UnknownName
from etabli.core.i18n import _
from etabli.core.paths import user_cache
from etabli.saved_models import export
from etabli.training.backend import is_jax_backend

__all__ = ["BATCH", "ENGINES", "KerasEngine", "OpenVinoEngine", "cut", "open_engine"]

ENGINES = ("openvino", "keras")
PRECISIONS = ("bf16", "f32")
# Pictures in a batch. An OpenVINO request has a core to itself, and a small batch stays in that core's cache
# (benchmarks/feature_extraction.py; ResNet-50 in float32: 37 pictures a second by twos, 34 by eights).
BATCH = {"openvino": 2, "keras": 8}


def cut(model, layer: str, pooled: bool):
    """The model up to ``layer``, its map averaged over the picture where ``pooled``."""
    import keras

    names = [each.name for each in model.layers]
    if layer not in names:
        raise UnknownName(_("layer"), layer, names)
    output = model.get_layer(layer).output
    if pooled:
        output = keras.layers.GlobalAveragePooling2D(name="pool")(output)
    return keras.Model(model.inputs[0], output, name=model.name)


def open_engine(
    model,
    batch_size: int | None = None,
    engine: str | None = None,
    precision: str | None = None,
    mark: str = "",
    threads: int | None = None,
):
    """The engine for a model: the fastest that is installed, in bf16 where the processor computes in it.

    ``batch_size`` None leaves it to the engine. ``precision`` "f32" computes in float32; the Keras engine knows no
    other. Under a ``mark``, which must stand for the model and its weights, its OpenVINO form is kept in the user's
    cache. ``threads`` bounds OpenVINO's.
    """
    name = engine or ("openvino" if export.have_openvino() and not _on_accelerator() else "keras")
    if name not in ENGINES:
        raise UnknownName(_("engine"), name, ENGINES)
    if precision not in (None, *PRECISIONS):
        raise UnknownName(_("precision"), str(precision), PRECISIONS)
    batch_size = batch_size or BATCH[name]
    if name == "keras":
        if precision == "bf16":
            raise BadSetting(
                _("the Keras engine computes in float32"), fix=_("Choose --precision f32.")
            )
        return KerasEngine(model, batch_size)
    return OpenVinoEngine(model, batch_size, precision, mark, threads)


def _on_accelerator() -> bool:
    """Whether Keras computes on a GPU or a TPU here: then it is the fastest engine that there is."""
    if not is_jax_backend():
        return False
    import jax

    return jax.default_backend() != "cpu"


class KerasEngine:
    """The model as Keras runs it, compiled for one batch size."""

    name, precision, parallel = "keras", "f32", 1

    def __init__(self, model, batch_size: int) -> None:
        self.model, self.batch_size = model, batch_size

    def __call__(self, pictures: np.ndarray) -> np.ndarray:
        whole = _filled(pictures, self.batch_size).astype(np.float32)
        return np.asarray(self.model.predict_on_batch(whole), dtype=np.float32)[: len(pictures)]


class OpenVinoEngine:
    """The model as an OpenVINO IR, a request to each core: the way to most pictures a second."""

    name = "openvino"

    def __init__(
        self,
        model,
        batch_size: int,
        precision: str | None = None,
        mark: str = "",
        threads: int | None = None,
    ) -> None:
        openvino = export.import_openvino(_("the OpenVINO engine"))
        self._core, self._threads = openvino.Core(), threads
        with tempfile.TemporaryDirectory(prefix="etabli-ir-") as folder:
            place = user_cache() / "ir" / mark if mark else Path(folder) / "ir"
            network = self._core.read_model(_exported(model, place))
            network.reshape([batch_size, *model.input_shape[1:]])
            self._network = _taking_bytes(openvino, network)
            self._compile(batch_size, precision or _native_precision(self._core))

    def in_float32(self) -> "OpenVinoEngine":
        """The same net once more, computing in float32: what bf16 is measured against."""
        twin = copy.copy(self)
        twin._compile(self.batch_size, "f32")
        return twin

    def _compile(self, batch_size: int, precision: str) -> None:
        options = {"INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "THROUGHPUT"}
        if self._threads:
            options["INFERENCE_NUM_THREADS"] = self._threads
        self._compiled = self._core.compile_model(self._network, "CPU", options)
        self.batch_size, self.precision = batch_size, precision
        self.parallel = int(self._compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))
        self._own = threading.local()

    def __call__(self, pictures: np.ndarray) -> np.ndarray:
        if not hasattr(self._own, "request"):
            self._own.request = self._compiled.create_infer_request()
        result = self._own.request.infer([_filled(pictures, self.batch_size)])
        return np.array(result[0][: len(pictures)], dtype=np.float32)


def _exported(model, place: Path) -> Path:
    """The IR in ``place``, exported now where it is not there; the folder takes its name when it is whole."""
    if not (place / "model.xml").exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(dir=place.parent, prefix=".", suffix=".part"))
        try:
            export.to_openvino(model, unfinished / "model.xml")
            with contextlib.suppress(OSError):  # another process was first
                unfinished.rename(place)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    return place / "model.xml"


def _native_precision(core) -> str:
    return "bf16" if "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES") else "f32"


def _taking_bytes(openvino, network):
    """The network with uint8 at its input, so that four times fewer bytes are copied."""
    steps = openvino.preprocess.PrePostProcessor(network)
    steps.input().tensor().set_element_type(openvino.Type.u8)
    steps.input().preprocess().convert_element_type(openvino.Type.f32)
    return steps.build()


def _filled(pictures: np.ndarray, batch_size: int) -> np.ndarray:
    """The last, smaller batch filled up with black pictures: one compiled shape serves every batch."""
    if len(pictures) > batch_size:
        raise BadSetting(
            _("a batch is larger than the engine's"), expected=batch_size, got=len(pictures)
        )
    if len(pictures) == batch_size:
        return np.ascontiguousarray(pictures)
    whole = np.zeros((batch_size, *pictures.shape[1:]), dtype=pictures.dtype)
    whole[: len(pictures)] = pictures
    return whole
