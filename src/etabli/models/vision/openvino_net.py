"""A net in a file that OpenVINO runs (.onnx, .xml), as a function from images to rows."""

import math
import zlib
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import expit, softmax

from etabli.core.errors import BadSetting, CorruptFile, DataMissing, UnknownName
from etabli.core.i18n import _
from etabli.models.vision.pixel_format import PixelFormat
from etabli.training.openvino import import_openvino

SUFFIXES = (".onnx", ".xml")
_FIRST_BYTES = [bytes([field]) for field in b"\x08\x12\x1a\x22\x28\x32\x3a\x42\x72"]


@dataclass(frozen=True)
class Head:
    """A linear classifier (D, K) on the features of a net, with "sigmoid" or "softmax"."""

    kernel: np.ndarray
    bias: np.ndarray
    activation: str = "sigmoid"

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        """Return (N, K) between 0 and 1."""
        logits = features.astype(np.float32) @ self.kernel + self.bias
        return softmax(logits, axis=1) if self.activation == "softmax" else expit(logits)


@dataclass(frozen=True)
class OpenVinoNet:
    """The net in a file, from images (N, height, width, 3) uint8 to the rows of one output.

    ``layer`` is "pool" (a row for each image) or "map" (all locations or tokens).
    """

    path: Path
    size: tuple[int, int]
    format: PixelFormat
    layer: str = "pool"
    head: Head | None = field(default=None, compare=False)
    name: str = ""

    @property
    def input_shape(self) -> tuple[None, int, int, int]:
        return (None, *self.size, 3)

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        """Return the shape of the result, as that of a Keras model."""
        return (None, *self.finish(np.zeros((1, *self.raw_shape), np.float32)).shape[1:])

    @cached_property
    def raw_shape(self) -> tuple[int, ...]:
        """Return the shape of the output that is read, without the number of images."""
        network = self.read(_core(), 1)
        shape = network.output(self.output_index).get_partial_shape()
        if shape.rank.is_dynamic or any(dim.is_dynamic for dim in list(shape)[1:]):
            raise BadSetting(
                _("the output of {path} has no fixed size").format(path=self.path.name),
                got=str(shape),
            )
        return tuple(dim.get_length() for dim in list(shape)[1:])

    @cached_property
    def output_index(self) -> int:
        """Return which output is read: the one named, else the first of rank 2, else the first."""
        outputs = read_network(self.path).outputs
        if self.format.output is not None:
            names = [sorted(each.get_names()) for each in outputs]
            for index, known in enumerate(names):
                if self.format.output in known:
                    return index
            raise UnknownName(_("output"), self.format.output, [n for each in names for n in each])
        ranks = [each.get_partial_shape().rank for each in outputs]
        rows = [i for i, rank in enumerate(ranks) if rank.is_static and rank.get_length() == 2]
        return (rows or [0])[0]

    def read(self, core: Any, batch_size: int) -> Any:
        """Return the OpenVINO model with an input of bytes (N, height, width, 3) in RGB."""
        openvino = import_openvino(_("a net in a file"))
        network = core.read_model(self.path)
        images, layout = network.inputs[0], self.layout
        sides = [*self.size, 3] if layout == "NHWC" else [3, *self.size]
        network.reshape({images: [self.fixed_batch or batch_size, *sides]})
        steps = openvino.preprocess.PrePostProcessor(network)
        steps.input().tensor().set_element_type(openvino.Type.u8)
        steps.input().tensor().set_layout(openvino.Layout("NHWC"))
        steps.input().model().set_layout(openvino.Layout(layout))
        change = steps.input().preprocess()
        if images.get_element_type().is_real():
            change.convert_element_type(openvino.Type.f32)
        if self.format.channels == "BGR":
            change.reverse_channels()
        mean, std = (np.array(each) for each in (self.format.mean, self.format.std))
        if images.get_element_type().is_real() and (mean.any() or (std != self.format.scale).any()):
            change.mean((mean / self.format.scale).tolist())
            change.scale((std / self.format.scale).tolist())
        return steps.build()

    @cached_property
    def layout(self) -> str:
        """Return "NCHW" or "NHWC", by the dimension that is 3 where nobody says."""
        shape = list(read_network(self.path).inputs[0].get_partial_shape())
        is_last = shape[3].is_static and shape[3].get_length() == 3
        return self.format.layout or ("NHWC" if is_last else "NCHW")

    @cached_property
    def fixed_batch(self) -> int | None:
        """Return the number of images that the file takes at once; None for any."""
        first = next(iter(read_network(self.path).inputs[0].get_partial_shape()))
        return first.get_length() if first.is_static else None

    def finish(self, rows: np.ndarray) -> np.ndarray:
        """Return the features, or the probabilities of the head, of an output of the net."""
        if rows.ndim == 4 and self.has_channels_first(rows.shape[1:]):
            rows = rows.transpose(0, 2, 3, 1)
        if self.layer == "map":
            if rows.ndim == 2:
                raise BadSetting(
                    _("{path} has no map: its output is one row per image").format(
                        path=self.path.name
                    ),
                    fix=_("Choose --layer pool."),
                )
            return np.ascontiguousarray(rows, np.float32)
        if rows.ndim == 4:
            rows = rows.mean(axis=(1, 2))
        elif rows.ndim == 3:
            rows = rows[:, 0] if self.token_pooling(rows.shape[1]) == "first" else rows.mean(axis=1)
        rows = np.asarray(rows, np.float32)
        return self.head.probabilities(rows) if self.head else rows

    def has_channels_first(self, shape: tuple[int, ...]) -> bool:
        """Return whether a map (C, height, width) or (height, width, C) has its channels first."""
        if (shape[0] == shape[1]) != (shape[1] == shape[2]):
            return shape[1] == shape[2]
        return self.layout == "NCHW"

    def token_pooling(self, tokens: int) -> str:
        """Return "first" or "mean": a square number of tokens has no class token among them."""
        is_square = math.isqrt(tokens) ** 2 == tokens
        return self.format.pooling or ("mean" if is_square else "first")

    def with_head_inside(self) -> Any:
        """Return one OpenVINO network, from bytes (N, height, width, 3) to probabilities."""
        openvino = import_openvino(_("a net in a file"))
        ops, network = openvino.opset13, self.read(_core(), self.fixed_batch or -1)
        rows = network.output(self.output_index).get_node().input_value(0)
        if len(self.raw_shape) == 3:
            first = self.has_channels_first(self.raw_shape)
            rows = ops.reduce_mean(rows, np.array([2, 3] if first else [1, 2])).output(0)
        elif len(self.raw_shape) == 2:
            if self.token_pooling(self.raw_shape[0]) == "first":
                rows = ops.gather(rows, np.array(0), np.array(1)).output(0)
            else:
                rows = ops.reduce_mean(rows, np.array([1])).output(0)
        if self.head is not None:
            kernel, bias = (ops.constant(x) for x in (self.head.kernel, self.head.bias[None]))
            logits = ops.add(ops.matmul(rows, kernel, False, False), bias)
            is_single = self.head.activation == "softmax"
            rows = (ops.softmax(logits, 1) if is_single else ops.sigmoid(logits)).output(0)
        return openvino.Model([rows], network.get_parameters(), self.name or "classifier")

    def predict_on_batch(self, images: np.ndarray) -> np.ndarray:
        """Return the result for images (N, height, width, 3), as a Keras model does."""
        batch = self.fixed_batch or len(images)
        options = {"INFERENCE_PRECISION_HINT": "f32"}
        compiled = _core().compile_model(self.read(_core(), batch), "CPU", options)
        parts = []
        for start in range(0, len(images), batch):
            part = np.asarray(images[start : start + batch]).round().astype(np.uint8)
            whole = np.zeros((batch, *part.shape[1:]), np.uint8)
            whole[: len(part)] = part
            parts.append(np.array(compiled([whole])[self.output_index])[: len(part)])
        return self.finish(np.concatenate(parts))

    def compute_digest(self) -> str:
        """Return a CRC-32 of the files, eight hexadecimal digits."""
        total = 0
        for path in list_files(self.path):
            with path.open("rb") as stream:
                while block := stream.read(2**20):
                    total = zlib.crc32(block, total)
        return f"{total:08x}"


def list_files(path: Path) -> list[Path]:
    """Return the files of a net: the weights may be stored next to it."""
    if path.suffix.lower() == ".xml":
        return [path, path.with_suffix(".bin")]
    others = [path.with_name(f"{path.name}{end}") for end in (".data", "_data")]
    return [path, *(each for each in others if each.is_file())]


def _core() -> Any:
    return import_openvino(_("a net in a file")).Core()


def read_network(path: Path) -> Any:
    """Return the OpenVINO network of a file.

    Raises:
        DataMissing: There is no such file.
        CorruptFile: OpenVINO cannot read it.
    """
    if not path.is_file():
        raise DataMissing(_("there is no net {path}").format(path=path))
    stat = path.stat()
    return _read_once(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=1)
def _read_once(path: Path, _size: int, _time: int) -> Any:
    core = _core()
    try:
        _check_start(path)
        return core.read_model(path)
    except (RuntimeError, ValueError) as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        raise CorruptFile(
            _("{path} is not a net that OpenVINO can read").format(path=path),
            expected=", ".join(SUFFIXES),
            got=(lines or ["?"])[-1][:200],
        ) from error


def _check_start(path: Path) -> None:
    """Raise ``ValueError`` for a file of another kind, which OpenVINO would try as each of its own.

    An ONNX file begins with a field of its protocol buffer, usually its version.
    """
    with path.open("rb") as stream:
        start = stream.read(16)
    if path.suffix.lower() == ".xml":
        is_known = start.lstrip(b"\xef\xbb\xbf \r\n").startswith(b"<")
    else:
        is_known = start[:1] in _FIRST_BYTES
    if not is_known:
        raise ValueError(repr(start))


def pool(net: OpenVinoNet, layer: str, pooled: bool) -> OpenVinoNet:
    """Return the net up to "pool" or "map" (``pooled`` or not); ``UnknownName`` for a layer."""
    if layer not in ("map", "pool"):
        raise UnknownName(_("layer"), layer, ("map", "pool"))
    return replace(net, layer="pool" if pooled else "map")
