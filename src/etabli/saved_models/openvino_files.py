"""A classifier on a net in an ONNX or OpenVINO file: a copy of that file, and the linear head.

backbone/            the files of the net, under the names that they had
head.safetensors     ``kernel`` and ``bias``; how the net takes its images is in the metadata
"""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes

from etabli.core.atomic_files import atomic_write, parse_json
from etabli.core.errors import BadSetting, CorruptFile, MissingExtra
from etabli.core.i18n import _
from etabli.models.vision.openvino_net import Head, OpenVinoNet, list_files
from etabli.models.vision.pixel_format import PixelFormat

BACKBONE, HEAD = "backbone", "head.safetensors"


def save(folder: Path, net: OpenVinoNet) -> None:
    """Copy the files of the net and write its head, each in one step, the head last."""
    if net.head is None:
        raise ValueError("a net without a head is no classifier")
    for path in list_files(net.path):
        copied = folder / BACKBONE / path.name
        if path.resolve() == copied.resolve():
            continue
        with path.open("rb") as content, atomic_write(copied, "wb") as stream:
            shutil.copyfileobj(content, stream)
    about = {
        "file": net.path.name,
        "size": list(net.size),
        "format": net.format.to_json(),
        "activation": net.head.activation,
        "digest": net.compute_digest(),
    }
    arrays = {"kernel": net.head.kernel, "bias": net.head.bias}
    with atomic_write(folder / HEAD, "wb") as stream:
        stream.write(to_bytes(arrays, {"net": json.dumps(about)}))


def load(folder: Path) -> OpenVinoNet:
    """Load the classifier in a folder; ``CorruptFile`` where its files do not belong together."""
    path = folder / HEAD
    try:
        with safe_open(path, framework="numpy") as stored:
            about = parse_json((stored.metadata() or {})["net"])
            head = Head(stored.get_tensor("kernel"), stored.get_tensor("bias"), about["activation"])
        net = OpenVinoNet(
            folder / BACKBONE / Path(about["file"]).name,
            (int(about["size"][0]), int(about["size"][1])),
            PixelFormat.parse(about["format"]),
            head=head,
        )
    except (OSError, SafetensorError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise CorruptFile(_("{path} is not the head of a classifier").format(path=path)) from error
    if not net.path.is_file() or net.compute_digest() != about["digest"]:
        raise CorruptFile(
            _("{path} is not the net that the classifier was trained on").format(path=net.path),
            fix=_("Copy the file that the features were extracted with to this place."),
        )
    return net


def export_onnx(net: OpenVinoNet, path: Path, metadata: Mapping[str, str]) -> Path:
    """Write an ONNX file of the whole classifier: its pixels, the net, the pooling, the head.

    Raises:
        BadSetting: The net is no ONNX file.
        MissingExtra: The package ``onnx`` is not installed.
    """
    if net.path.suffix.lower() != ".onnx" or net.head is None:
        raise BadSetting(
            _("a classifier on {net} is exported to OpenVINO only").format(net=net.path.name),
            fix=_("Choose --out {path}.").format(path=path.with_suffix(".xml")),
        )
    try:
        import onnx
    except ImportError as error:
        raise MissingExtra("onnx", "onnx", _("the export to ONNX")) from error
    model = onnx.load(net.path)
    graph = model.graph
    held = {each.name for each in graph.initializer}
    images = next(each for each in graph.input if each.name not in held)
    before, after = _Nodes(onnx, "pixels"), _Nodes(onnx, "head")
    _add_pixels(before, net, images)
    last = after.add("Cast", [graph.output[net.output_index].name], to=onnx.TensorProto.FLOAT)
    last = _add_pooling(after, net, last)
    logits = after.add("Gemm", [last, after.array(net.head.kernel), after.array(net.head.bias)])
    kind = "Softmax" if net.head.activation == "softmax" else "Sigmoid"
    after.add(kind, [logits], "probabilities", **({"axis": 1} if kind == "Softmax" else {}))
    nodes = [*before.nodes, *graph.node, *after.nodes]
    del graph.node[:], graph.output[:]
    graph.node.extend(nodes)
    graph.initializer.extend([*before.arrays, *after.arrays])
    graph.input.remove(images)
    make, number = onnx.helper.make_tensor_value_info, onnx.TensorProto
    batch = net.fixed_batch or "N"
    graph.input.insert(0, make("pixels", number.UINT8, [batch, *net.size, 3]))
    graph.output.append(make("probabilities", number.FLOAT, [batch, len(net.head.bias)]))
    onnx.helper.set_model_props(model, dict(metadata))
    with atomic_write(path, "wb") as stream:
        stream.write(model.SerializeToString())
    return path


class _Nodes:
    """Nodes and constants under construction, with names that no other program gives."""

    def __init__(self, onnx: Any, part: str) -> None:
        self.onnx, self.part = onnx, f"etabli/{part}"
        self.nodes, self.arrays = list[Any](), list[Any]()

    def add(self, kind: str, inputs: list[str], name: str = "", **attributes: object) -> str:
        name = name or f"{self.part}/{len(self.nodes)}"
        self.nodes.append(self.onnx.helper.make_node(kind, inputs, [name], **attributes))
        return name

    def array(self, value: Any, dtype: str = "float32") -> str:
        name = f"{self.part}/array/{len(self.arrays)}"
        self.arrays.append(
            self.onnx.numpy_helper.from_array(np.ascontiguousarray(value, dtype=dtype), name)
        )
        return name


def _add_pixels(nodes: _Nodes, net: OpenVinoNet, images: Any) -> None:
    """Add what turns bytes (N, height, width, 3) in RGB into the input of the net."""
    last = nodes.add("Cast", ["pixels"], to=nodes.onnx.TensorProto.FLOAT)
    if net.format.channels == "BGR":
        last = nodes.add("Gather", [last, nodes.array([2, 1, 0], "int64")], axis=3)
    mean, std = np.array(net.format.mean), np.array(net.format.std)
    last = nodes.add("Mul", [last, nodes.array(net.format.scale / std)])
    last = nodes.add("Sub", [last, nodes.array(mean / std)])
    if net.layout == "NCHW":
        last = nodes.add("Transpose", [last], perm=[0, 3, 1, 2])
    nodes.add("Cast", [last], images.name, to=images.type.tensor_type.elem_type)


def _add_pooling(nodes: _Nodes, net: OpenVinoNet, last: str) -> str:
    """Add the pooling of maps or tokens into one row, and return its name."""
    shape = net.raw_shape
    if len(shape) == 1:
        return last
    if len(shape) == 2 and net.token_pooling(shape[0]) == "first":
        return nodes.add("Gather", [last, nodes.array(0, "int64")], axis=1)
    if len(shape) == 2:
        last = nodes.add("Transpose", [last], perm=[0, 2, 1])
    elif not net.has_channels_first(shape):
        last = nodes.add("Transpose", [last], perm=[0, 3, 1, 2])
    return nodes.add("Flatten", [nodes.add("GlobalAveragePool", [last])], axis=1)
