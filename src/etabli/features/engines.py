"""Inference engines: OpenVINO where it is installed (several times faster on a CPU), else Keras."""

import contextlib
import copy
import shutil
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from etabli.core.errors import BadSetting, EtabliError, UnknownName
from etabli.core.i18n import _
from etabli.core.paths import user_cache
from etabli.features import quantization
from etabli.features.quantization import Ranges
from etabli.models.vision import openvino_net
from etabli.models.vision.keras_backbone import zero_initialization
from etabli.models.vision.openvino_net import OpenVinoNet
from etabli.saved_models import export, onnx
from etabli.training.devices import Device, find_device, plan_work

if TYPE_CHECKING:
    import keras


ENGINES = ("openvino", "keras")
PRECISIONS = ("bf16", "f32", "int8")
# An OpenVINO request has a core to itself, and a small batch fits that core's cache
# (benchmarks/feature_extraction.py; ResNet-50 in float32: 37 images per second in batches of two,
# 34 in batches of eight).
_OPENVINO_BATCH_SIZE = 2


def get_batch_size(engine: str) -> int:
    """Return the default batch size of an engine, on the device that it computes on."""
    return plan_work(find_device()).batch_size if engine == "keras" else _OPENVINO_BATCH_SIZE


class Engine(Protocol):
    """A function from images (N, height, width, 3) uint8 to features (N, ...), N <= ``batch_size``.

    It may be called from ``parallel`` threads at once. ``decodes_in_processes`` says that it is
    too fast for images that threads decode.
    """

    name: str
    precision: str
    batch_size: int
    parallel: int
    decodes_in_processes: bool

    def in_float32(self) -> "Engine":
        """Return the same net computing in float32, to compare with."""

    def __call__(self, images: np.ndarray) -> np.ndarray: ...


def truncate_model(model: Any, layer: str, pooled: bool) -> Any:
    """Return the model up to ``layer``, with global average pooling where ``pooled``."""
    if isinstance(model, OpenVinoNet):
        return openvino_net.pool(model, layer, pooled)
    import keras

    names = [each.name for each in model.layers]
    if layer not in names:
        raise UnknownName(_("layer"), layer, names)
    output = model.get_layer(layer).output
    if pooled:
        output = keras.layers.GlobalAveragePooling2D(name="pool")(output)
    return keras.Model(model.inputs[0], output, name=model.name)


def open_engine(
    model: "keras.Model | OpenVinoNet",
    batch_size: int | None = None,
    engine: str | None = None,
    precision: str | None = None,
    cache_key: str = "",
    threads: int | None = None,
    calibration: np.ndarray | Ranges | None = None,
) -> Engine:
    """Return an engine for a model.

    Args:
        model: The model; OpenVINO runs one in a file of its own format.
        batch_size: None is the default of the engine.
        engine: "openvino" or "keras"; None takes the faster.
        precision: "f32", "bf16" or, with OpenVINO, "int8"; None is bf16 where the engine and its
            device are made for it.
        cache_key: Identifies the model and its weights; the OpenVINO IR is cached under it.
        threads: A bound on OpenVINO's threads.
        calibration: For "int8": images (N, height, width, 3) uint8 that show which values occur,
            or the ``ranges`` of another engine of this model.
    """
    if isinstance(model, OpenVinoNet):
        if engine == "keras":
            raise BadSetting(
                _("the Keras engine cannot run {path}").format(path=model.path.name),
                fix=_("Choose --engine openvino."),
            )
        engine = "openvino"
    name = engine or (
        "openvino"
        if export.is_openvino_installed() and not find_device().is_accelerator
        else "keras"
    )
    if precision == "int8" and name != "openvino":
        if engine is None and export.is_openvino_installed():
            name = "openvino"  # the device is a GPU
        else:
            raise BadSetting(
                _("only the OpenVINO engine computes in int8"),
                fix=_("Choose --engine openvino, or --precision bf16 or f32."),
            )
    if name not in ENGINES:
        raise UnknownName(_("engine"), name, ENGINES)
    if precision not in (None, *PRECISIONS):
        raise UnknownName(_("precision"), str(precision), PRECISIONS)
    batch_size = batch_size or get_batch_size(name)
    if name == "keras" and not isinstance(model, OpenVinoNet):
        return open_keras_engine(model, batch_size, precision, find_device())
    return OpenVinoEngine(model, batch_size, precision, cache_key, threads, calibration)


def open_keras_engine(
    model: "keras.Model", batch_size: int, precision: str | None, device: Device
) -> "KerasEngine":
    """Return the Keras engine, arranged as its device wants it.

    Args:
        model: The model.
        batch_size: Images per batch.
        precision: "f32" or "bf16"; None is the device's.
        device: The device that Keras computes on.
    """
    work = plan_work(device)
    kind = DeviceEngine if device.is_accelerator else KerasEngine
    engine = kind(model, batch_size, precision or work.precision)
    engine.parallel, engine.decodes_in_processes = work.parallel, work.decodes_in_processes
    return engine


class KerasEngine:
    """The model run by Keras, compiled for one batch size."""

    name, parallel, decodes_in_processes = "keras", 1, False

    def __init__(self, model: "keras.Model", batch_size: int, precision: str = "f32") -> None:
        self._original = model
        self.model = _round_to_bfloat16(model) if precision == "bf16" else model
        self.batch_size, self.precision = batch_size, precision

    def in_float32(self) -> "KerasEngine":
        """Return the same net computing in float32, to compare with."""
        return type(self)(self._original, self.batch_size)

    def __call__(self, images: np.ndarray) -> np.ndarray:
        whole = _pad_batch(images, self.batch_size).astype(np.float32)
        return np.asarray(self.model.predict_on_batch(whole), dtype=np.float32)[: len(images)]


class DeviceEngine(KerasEngine):
    """The model on a GPU or TPU: bytes are copied to the device, and become numbers there."""

    def __init__(self, model: "keras.Model", batch_size: int, precision: str = "f32") -> None:
        import jax

        super().__init__(model, batch_size, precision)
        groups = (self.model.trainable_variables, self.model.non_trainable_variables)
        self._weights = jax.device_put([[each.value for each in group] for group in groups])
        self._forward = jax.jit(self._compute)

    def _compute(self, weights: list, images: Any) -> Any:
        outputs, _fixed = self.model.stateless_call(
            *weights, images.astype(np.float32), training=False
        )
        return outputs.astype(np.float32)

    def __call__(self, images: np.ndarray) -> np.ndarray:
        whole = _pad_batch(images, self.batch_size)
        return np.asarray(self._forward(self._weights, whole))[: len(images)]


def _round_to_bfloat16(model: "keras.Model") -> "keras.Model":
    """Return the model with products in bfloat16 of its weights.

    Preprocessing and the mean over the locations stay in float32.
    """
    import keras

    def replace(layer: Any) -> Any:
        config = layer.get_config()
        if isinstance(layer, keras.Layer) and layer.name not in ("preprocessing", "pool"):
            config["dtype"] = "mixed_bfloat16"
        return layer.__class__.from_config(config)

    with zero_initialization():
        rounded = keras.models.clone_model(model, clone_function=replace)
    rounded.set_weights(model.get_weights())
    return rounded


class OpenVinoEngine:
    """The model as an OpenVINO network, with one request per core, for the highest throughput."""

    name, decodes_in_processes = "openvino", False
    _has_run = False

    def __init__(
        self,
        model: "keras.Model | OpenVinoNet",
        batch_size: int,
        precision: str | None = None,
        cache_key: str = "",
        threads: int | None = None,
        calibration: np.ndarray | Ranges | None = None,
    ) -> None:
        openvino = export.import_openvino(_("the OpenVINO engine"))
        self._core, self._threads = openvino.Core(), threads
        self._finish: Callable[[np.ndarray], np.ndarray] = lambda rows: rows
        self._output = 0
        if isinstance(model, OpenVinoNet):
            batch_size = model.fixed_batch or batch_size
            self._network = model.read(self._core, batch_size)
            self._finish, self._output = model.finish, model.output_index
        else:
            self._network = _read_ir(openvino, self._core, model, batch_size, cache_key)
        if precision == "int8" and isinstance(calibration, np.ndarray):
            calibration = quantization.measure_ranges(self._core, self._network, calibration)
        self.ranges: Ranges = [] if isinstance(calibration, np.ndarray) else calibration or []
        self._compile(batch_size, precision or _native_precision(self._core))

    def in_float32(self) -> "OpenVinoEngine":
        """Return the same net computing in float32, to compare with."""
        twin = copy.copy(self)
        twin._compile(self.batch_size, "f32")
        return twin

    def _compile(self, batch_size: int, precision: str) -> None:
        network, others = self._network, precision
        if precision == "int8":
            network = quantization.quantize(network, self.ranges)
            others = _native_precision(self._core)
        options: dict[str, object] = {
            "INFERENCE_PRECISION_HINT": others,
            "PERFORMANCE_HINT": "THROUGHPUT",
        }
        if self._threads:
            options["INFERENCE_NUM_THREADS"] = self._threads
        self._compiled = self._core.compile_model(network, "CPU", options)
        self.batch_size, self.precision = batch_size, precision
        self.parallel = int(self._compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))
        self._thread = threading.local()
        if not OpenVinoEngine._has_run:
            # OpenVINO's bindings initialize themselves in the first inference of a process: two
            # threads that begin with one at the same time wait for each other forever.
            self(np.zeros(tuple(self._compiled.input(0).shape), np.uint8))
            OpenVinoEngine._has_run = True

    def __call__(self, images: np.ndarray) -> np.ndarray:
        if not hasattr(self._thread, "request"):
            self._thread.request = self._compiled.create_infer_request()
        result = self._thread.request.infer([_pad_batch(images, self.batch_size)])
        return self._finish(np.array(result[self._output][: len(images)], dtype=np.float32))


def _read_ir(
    openvino: ModuleType, core: Any, model: "keras.Model", batch_size: int, cache_key: str
) -> Any:
    """Return the OpenVINO network of a Keras model, exported once for each ``cache_key``."""
    with tempfile.TemporaryDirectory(prefix="etabli-ir-") as folder:
        # "-nchw": folders without it hold the slower IR of former versions.
        ir_folder = user_cache() / "ir" / f"{cache_key}-nchw" if cache_key else Path(folder) / "ir"
        network = core.read_model(_export_once(model, ir_folder))
        network.reshape([batch_size, *model.input_shape[1:]])
        return _accept_bytes(openvino, network)


def _export_once(model: "keras.Model", folder: Path) -> Path:
    """Return the IR in ``folder``; export it in one step where it is not there."""
    if not (folder / "model.xml").exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".", suffix=".part"))
        try:
            _export_fused(model, unfinished / "model.xml")
            with contextlib.suppress(OSError):  # another process was faster
                unfinished.rename(folder)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    return folder / "model.xml"


def _export_fused(model: "keras.Model", path: Path) -> None:
    """Write an IR by way of ONNX, or where that is not installed, by Keras.

    Keras transposes the maps before and after each convolution, so that OpenVINO cannot fuse what
    follows it: ResNet-50 takes twice as long in bfloat16, MobileNetV2 five times (decision 0025).
    """
    try:
        made = onnx.export_onnx(model, path.with_suffix(".onnx"))
    except EtabliError:  # MissingExtra, or a layer that ONNX does not have
        export.export_openvino(model, path)
        return
    openvino = export.import_openvino(_("the OpenVINO engine"))
    openvino.save_model(openvino.Core().read_model(made), path, compress_to_fp16=False)
    made.unlink()


def _native_precision(core: Any) -> str:
    return "bf16" if "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES") else "f32"


def _accept_bytes(openvino: ModuleType, network: Any) -> Any:
    """Return the network with a uint8 input, so that four times fewer bytes are copied."""
    steps = openvino.preprocess.PrePostProcessor(network)
    steps.input().tensor().set_element_type(openvino.Type.u8)
    steps.input().preprocess().convert_element_type(openvino.Type.f32)
    return steps.build()


def _pad_batch(images: np.ndarray, batch_size: int) -> np.ndarray:
    """Pad the last, smaller batch with black images: one compiled shape serves every batch."""
    if len(images) > batch_size:
        raise BadSetting(
            _("a batch is larger than the engine's"), expected=batch_size, got=len(images)
        )
    if len(images) == batch_size:
        return np.ascontiguousarray(images)
    whole = np.zeros((batch_size, *images.shape[1:]), dtype=images.dtype)
    whole[: len(images)] = images
    return whole
