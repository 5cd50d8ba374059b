"""The convolutional nets of this project as ONNX files, layer by layer.

Keras' ONNX export traces JAX programs, depends on some forty packages and gives ResNet-50 an
invalid pooling; each of the dozen layers that these nets use has a direct counterpart. Input images
keep their layout (N, height, width, 3); inside, channels come second, as ONNX expects.
"""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from etabli.core.atomic_files import atomic_write
from etabli.core.errors import EtabliError, MissingExtra
from etabli.core.i18n import _

if TYPE_CHECKING:
    import keras


OPSET = 17


def export_onnx(model: "keras.Model", path: Path | str) -> Path:
    """Write ``path`` (.onnx): input "images", output "output".

    Raises:
        EtabliError: A layer has no counterpart here.
        MissingExtra: The package ``onnx`` is not installed.
    """
    try:
        import onnx
    except ImportError as error:
        raise MissingExtra("onnx", "onnx", _("the export to ONNX")) from error
    path = Path(path).with_suffix(".onnx")
    graph = _Graph(onnx)
    graph.add("Transpose", ["images"], "first", perm=[0, 3, 1, 2])
    outputs = {}
    for layer in model._operations:
        kind = type(layer).__name__
        if kind == "InputLayer":
            outputs[layer.name] = "first"
            continue
        if kind not in _KINDS:
            raise EtabliError(
                _("the layer {name} ({kind}) has no ONNX counterpart here").format(
                    name=layer.name, kind=kind
                )
            )
        outputs[layer.name] = _KINDS[kind](
            graph, layer, [outputs[name] for name in _input_layers(layer)]
        )
    last = model.outputs[0]._keras_history.operation.name
    graph.add("Identity", [outputs[last]], "output")
    content = graph.model(model.input_shape, model.output_shape).SerializeToString()
    with atomic_write(path, "wb") as stream:
        stream.write(content)
    return path


class _Graph:
    """The nodes and constants of a graph under construction."""

    def __init__(self, onnx: ModuleType) -> None:
        self.onnx, self.nodes, self.constants = onnx, list[Any](), list[Any]()

    def add(self, kind: str, inputs: list[str], name: str, **attributes: object) -> str:
        self.nodes.append(self.onnx.helper.make_node(kind, inputs, [name], name=name, **attributes))
        return name

    def constant(self, name: str, value: object, dtype: str = "float32") -> str:
        self.constants.append(
            self.onnx.numpy_helper.from_array(np.ascontiguousarray(value, dtype=dtype), name)
        )
        return name

    def model(self, input_shape: tuple, output_shape: tuple) -> Any:
        helper, number = self.onnx.helper, self.onnx.TensorProto.FLOAT
        inputs = [helper.make_tensor_value_info("images", number, ["N", *input_shape[1:]])]
        outputs = [
            helper.make_tensor_value_info(
                "output", number, ["N", *([None] * (len(output_shape) - 1))]
            )
        ]
        graph = helper.make_graph(self.nodes, "etabli", inputs, outputs, self.constants)
        made = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8
        )
        self.onnx.checker.check_model(made)
        return made


def _input_layers(layer: Any) -> list[str]:
    tensors = layer.input if isinstance(layer.input, list) else [layer.input]
    return [tensor._keras_history.operation.name for tensor in tensors]


def _weights(layer: Any) -> dict[str, np.ndarray]:
    return {
        weight.name: array for weight, array in zip(layer.weights, layer.get_weights(), strict=True)
    }


def _activated(graph: _Graph, layer: Any, name: str) -> str:
    word = getattr(layer.activation, "__name__", "linear")
    kinds = {"relu": "Relu", "sigmoid": "Sigmoid"}
    if word == "linear":
        return name
    if word not in kinds:
        raise EtabliError(_("the activation {kind} has no ONNX counterpart here").format(kind=word))
    return graph.add(kinds[word], [name], f"{layer.name}/{word}")


def _pads(layer: Any, kernel: tuple[int, int]) -> list[int]:
    """Return (top, left, bottom, right) zeros; with "same" the odd one is at the end."""
    if layer.padding == "valid":
        return [0, 0, 0, 0]
    totals = [
        max((-(-size // stride) - 1) * stride + extent - size, 0)
        for size, stride, extent in zip(layer.input.shape[1:3], layer.strides, kernel, strict=True)
    ]
    return [totals[0] // 2, totals[1] // 2, totals[0] - totals[0] // 2, totals[1] - totals[1] // 2]


def _convolution(graph: _Graph, layer: Any, inputs: list[str]) -> str:
    held, depthwise = _weights(layer), type(layer).__name__ == "DepthwiseConv2D"
    kernel = held["kernel"]
    order = (2, 3, 0, 1) if depthwise else (3, 2, 0, 1)
    names = [*inputs, graph.constant(f"{layer.name}/kernel", kernel.transpose(order))]
    if "bias" in held:
        names.append(graph.constant(f"{layer.name}/bias", held["bias"]))
    made = graph.add(
        "Conv",
        names,
        layer.name,
        strides=list(layer.strides),
        pads=_pads(layer, kernel.shape[:2]),
        group=kernel.shape[2] if depthwise else layer.groups,
    )
    return _activated(graph, layer, made)


def _normalization(graph: _Graph, layer: Any, inputs: list[str]) -> str:
    held = _weights(layer)
    names = [
        graph.constant(f"{layer.name}/{word}", held[word])
        for word in ("gamma", "beta", "moving_mean", "moving_variance")
    ]
    return graph.add(
        "BatchNormalization", [*inputs, *names], layer.name, epsilon=float(layer.epsilon)
    )


def _relu(graph: _Graph, layer: Any, inputs: list[str]) -> str:
    if layer.max_value is None:
        return graph.add("Relu", inputs, layer.name)
    bounds = [
        graph.constant(f"{layer.name}/{word}", value)
        for word, value in (("low", 0.0), ("high", layer.max_value))
    ]
    return graph.add("Clip", [*inputs, *bounds], layer.name)


def _rescaling(graph: _Graph, layer: Any, inputs: list[str]) -> str:
    values = [np.asarray(value, np.float32) for value in (layer.scale, layer.offset)]
    if len(layer.output.shape) == 4:
        values = [value.reshape(1, -1, 1, 1) for value in values]
    scale, offset = (
        graph.constant(f"{layer.name}/{word}", value)
        for word, value in zip(("scale", "offset"), values, strict=True)
    )
    scaled = graph.add("Mul", [*inputs, scale], f"{layer.name}/scaled")
    return graph.add("Add", [scaled, offset], layer.name)


def _flip(graph: _Graph, layer: Any, inputs: list[str]) -> str:
    """Reverse the channels, from RGB to BGR."""
    order = graph.constant(f"{layer.name}/order", [2, 1, 0], "int64")
    return graph.add("Gather", [*inputs, order], layer.name, axis=1)


def _padding(graph: _Graph, layer: Any, inputs: list[str]) -> str:
    (top, bottom), (left, right) = layer.padding
    pads = graph.constant(f"{layer.name}/pads", [0, 0, top, left, 0, 0, bottom, right], "int64")
    return graph.add("Pad", [*inputs, pads], layer.name)


def _pooling(graph: _Graph, layer: Any, inputs: list[str]) -> str:
    size = list(layer.pool_size)
    pads = _pads(layer, layer.pool_size)
    return graph.add(
        "MaxPool", inputs, layer.name, kernel_shape=size, strides=list(layer.strides), pads=pads
    )


def _average(graph: _Graph, layer: Any, inputs: list[str]) -> str:
    made = graph.add("GlobalAveragePool", inputs, f"{layer.name}/mean")
    return graph.add("Flatten", [made], layer.name, axis=1)


def _log_sum_exp(graph: _Graph, layer: Any, inputs: list[str]) -> str:
    """Compute log-sum-exp over the locations, minus the maximum, so ``Exp`` does not overflow."""
    if tuple(layer.axis) != (1, 2) or layer.keepdims:
        raise EtabliError(
            _("the layer {name} ({kind}) has no ONNX counterpart here").format(
                name=layer.name, kind="Logsumexp"
            )
        )
    most = graph.add("GlobalMaxPool", inputs, f"{layer.name}/most")
    powers = graph.add(
        "Exp", [graph.add("Sub", [*inputs, most], f"{layer.name}/below")], f"{layer.name}/powers"
    )
    axes = graph.constant(f"{layer.name}/axes", [2, 3], "int64")
    summed = graph.add(
        "Log", [graph.add("ReduceSum", [powers, axes], f"{layer.name}/sum")], f"{layer.name}/log"
    )
    return graph.add(
        "Flatten", [graph.add("Add", [summed, most], f"{layer.name}/all")], layer.name, axis=1
    )


def _dense(graph: _Graph, layer: Any, inputs: list[str]) -> str:
    held = _weights(layer)
    names = [graph.constant(f"{layer.name}/{word}", held[word]) for word in ("kernel", "bias")]
    return _activated(graph, layer, graph.add("Gemm", [*inputs, *names], layer.name))


def _alone(kind: str) -> Callable:
    return lambda graph, layer, inputs: graph.add(kind, inputs, layer.name)


_KINDS: dict[str, Callable] = {
    "Conv2D": _convolution,
    "DepthwiseConv2D": _convolution,
    "BatchNormalization": _normalization,
    "ReLU": _relu,
    "Activation": lambda graph, layer, inputs: _activated(graph, layer, inputs[0]),
    "Add": _alone("Add"),
    "Rescaling": _rescaling,
    "Flip": _flip,
    "ZeroPadding2D": _padding,
    "MaxPooling2D": _pooling,
    "GlobalAveragePooling2D": _average,
    "Dense": _dense,
    "Logsumexp": _log_sum_exp,
    "Sqrt": _alone("Sqrt"),
    "UnitNormalization": lambda graph, layer, inputs: graph.add(
        "LpNormalization", inputs, layer.name, axis=1, p=2
    ),
}
