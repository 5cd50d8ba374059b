"""The layers of Keras as nodes of an ONNX graph. Maps have their channels second: (N, C, H, W).

Sequences stay (N, T, features); ``onnx_recurrent`` has the layers that read them.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from etabli.core.errors import EtabliError
from etabli.core.i18n import _
from etabli.saved_models import onnx_recurrent
from etabli.saved_models.onnx_recurrent import get_weights, no_counterpart


def add_layers(graph: Any, model: Any, first: str, prefix: str = "") -> str:
    """Add every layer of ``model`` to the graph, and return the name of its output.

    Args:
        graph: An ``onnx.Graph``.
        model: A Keras model of one input and one output.
        first: The name of its input in the graph.
        prefix: Where the model is a layer of another, what the names of its nodes begin with.

    Raises:
        EtabliError: A layer has no counterpart here.
    """
    outputs: dict[str, str] = {}
    model = getattr(model, "_functional", model)  # of a Sequential
    for layer in model._operations:
        kind = type(layer).__name__
        if kind == "InputLayer":
            outputs[layer.name] = first
            continue
        inputs = [outputs[name] for name in _input_layers(layer, model)]
        if kind == "Sequential":
            name = f"{prefix}{layer.name}/"
            outputs[layer.name] = add_layers(graph, layer, inputs[0], name)
            continue
        if kind not in _KINDS:
            raise no_counterpart(layer)
        outputs[layer.name] = _KINDS[kind](graph, layer, inputs)
    return outputs[model.outputs[0]._keras_history.operation.name]


def _input_layers(layer: Any, model: Any) -> list[str]:
    """Return the names of the layers that ``layer`` reads in this model: it may be in several."""
    known = {id(each) for each in model._operations}
    for node in layer._inbound_nodes:
        operations = [tensor._keras_history.operation for tensor in node.input_tensors]
        if all(id(each) in known for each in operations):
            return [each.name for each in operations]
    raise no_counterpart(layer)


def _activated(graph: Any, layer: Any, name: str) -> str:
    word = getattr(layer.activation, "__name__", "linear")
    made = f"{layer.name}/{word}"
    if word == "linear":
        return name
    if word in ("relu", "sigmoid", "tanh"):
        return graph.add(word.capitalize(), [name], made)
    if word == "softmax":
        return graph.add("Softmax", [name], made, axis=1 if len(layer.output.shape) == 4 else -1)
    if word == "gelu":  # x (1 + erf(x / sqrt 2)) / 2
        root = graph.constant(f"{made}/root", np.sqrt(0.5))
        error = graph.add("Erf", [graph.add("Mul", [name, root], f"{made}/scaled")], f"{made}/erf")
        one = graph.add("Add", [error, graph.constant(f"{made}/one", 1.0)], f"{made}/above")
        half = graph.add("Mul", [name, graph.constant(f"{made}/half", 0.5)], f"{made}/halved")
        return graph.add("Mul", [half, one], made)
    if word == "silu":
        return graph.add("Mul", [name, graph.add("Sigmoid", [name], f"{made}/gate")], made)
    if word == "hard_silu":
        gate = graph.add("HardSigmoid", [name], f"{made}/gate", alpha=1 / 6, beta=0.5)
        return graph.add("Mul", [name, gate], made)
    raise EtabliError(_("the activation {kind} has no ONNX counterpart here").format(kind=word))


def _pads(layer: Any, kernel: tuple[int, int]) -> list[int]:
    """Return (top, left, bottom, right) zeros; with "same" the odd one is at the end."""
    if layer.padding == "valid":
        return [0, 0, 0, 0]
    totals = [
        max((-(-size // stride) - 1) * stride + extent - size, 0)
        for size, stride, extent in zip(layer.input.shape[1:3], layer.strides, kernel, strict=True)
    ]
    return [totals[0] // 2, totals[1] // 2, totals[0] - totals[0] // 2, totals[1] - totals[1] // 2]


def _convolution(graph: Any, layer: Any, inputs: list[str]) -> str:
    held, depthwise = get_weights(layer), type(layer).__name__ == "DepthwiseConv2D"
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


def _normalization(graph: Any, layer: Any, inputs: list[str]) -> str:
    held = get_weights(layer)
    mean = held["moving_mean"]
    usual = {"gamma": np.ones_like(mean), "beta": np.zeros_like(mean)}
    names = [
        graph.constant(f"{layer.name}/{word}", (usual | held)[word])
        for word in ("gamma", "beta", "moving_mean", "moving_variance")
    ]
    return graph.add(
        "BatchNormalization", [*inputs, *names], layer.name, epsilon=float(layer.epsilon)
    )


def _relu(graph: Any, layer: Any, inputs: list[str]) -> str:
    if layer.max_value is None:
        return graph.add("Relu", inputs, layer.name)
    bounds = [
        graph.constant(f"{layer.name}/{word}", value)
        for word, value in (("low", 0.0), ("high", layer.max_value))
    ]
    return graph.add("Clip", [*inputs, *bounds], layer.name)


def _rescaling(graph: Any, layer: Any, inputs: list[str]) -> str:
    if len(layer.output.shape) == 4:
        return _affine(graph, layer, inputs, layer.scale, layer.offset)
    names = [
        graph.constant(f"{layer.name}/{word}", value)
        for word, value in (("scale", layer.scale), ("offset", layer.offset))
    ]
    scaled = graph.add("Mul", [*inputs, names[0]], f"{layer.name}/scaled")
    return graph.add("Add", [scaled, names[1]], layer.name)


def _flip(graph: Any, layer: Any, inputs: list[str]) -> str:
    """Reverse the channels, from RGB to BGR."""
    order = graph.constant(f"{layer.name}/order", [2, 1, 0], "int64")
    return graph.add("Gather", [*inputs, order], layer.name, axis=1)


def _padding(graph: Any, layer: Any, inputs: list[str]) -> str:
    (top, bottom), (left, right) = layer.padding
    pads = graph.constant(f"{layer.name}/pads", [0, 0, top, left, 0, 0, bottom, right], "int64")
    return graph.add("Pad", [*inputs, pads], layer.name)


def _cropping(graph: Any, layer: Any, inputs: list[str]) -> str:
    (top, bottom), (left, right) = layer.cropping
    height, width = layer.input.shape[1:3]
    ends = [height - bottom, width - right]
    names = [
        graph.constant(f"{layer.name}/{word}", values, "int64")
        for word, values in (("starts", [top, left]), ("ends", ends), ("axes", [2, 3]))
    ]
    return graph.add("Slice", [*inputs, *names], layer.name)


def _pooling(kind: str, **attributes: object) -> Callable:
    def add(graph: Any, layer: Any, inputs: list[str]) -> str:
        options = {"kernel_shape": list(layer.pool_size), "strides": list(layer.strides)}
        pads = _pads(layer, layer.pool_size)
        return graph.add(kind, inputs, layer.name, pads=pads, **options, **attributes)

    return add


def _average(graph: Any, layer: Any, inputs: list[str]) -> str:
    if layer.keepdims:
        return graph.add("GlobalAveragePool", inputs, layer.name)
    made = graph.add("GlobalAveragePool", inputs, f"{layer.name}/mean")
    return graph.add("Flatten", [made], layer.name, axis=1)


def _reshape(graph: Any, layer: Any, inputs: list[str]) -> str:
    """Turn (N, C) into maps of one location; no net reshapes anything else."""
    shape = tuple(layer.target_shape)
    if len(layer.input.shape) != 2 or shape[:-1] != (1, 1):
        raise no_counterpart(layer)
    target = graph.constant(f"{layer.name}/shape", [0, shape[-1], 1, 1], "int64")
    return graph.add("Reshape", [*inputs, target], layer.name)


def _concatenation(graph: Any, layer: Any, inputs: list[str]) -> str:
    if layer.axis not in (-1, len(layer.output.shape) - 1):
        raise no_counterpart(layer)
    return graph.add("Concat", inputs, layer.name, axis=1)


def _arithmetic(kind: str) -> Callable:
    """Return a function for a sum or product of tensors, or of a tensor and a number."""

    def add(graph: Any, layer: Any, inputs: list[str]) -> str:
        numbers = [
            graph.constant(f"{layer.name}/{place}", each)
            for place, each in enumerate(layer._inbound_nodes[0].arguments.args)
            if isinstance(each, int | float)
        ]
        names = [*inputs, *numbers]
        for place, each in enumerate(names[1:-1], 1):
            names[0] = graph.add(kind, [names[0], each], f"{layer.name}/{place}")
        return graph.add(kind, [names[0], names[-1]], layer.name)

    return add


def _affine(graph: Any, layer: Any, inputs: list[str], scale: Any, offset: Any) -> str:
    """Add scale * x + offset, a number for each channel."""
    values = [np.asarray(value, np.float32).reshape(1, -1, 1, 1) for value in (scale, offset)]
    names = [
        graph.constant(f"{layer.name}/{word}", value)
        for word, value in zip(("scale", "offset"), values, strict=True)
    ]
    scaled = graph.add("Mul", [*inputs, names[0]], f"{layer.name}/scaled")
    return graph.add("Add", [scaled, names[1]], layer.name)


def _input_normalization(graph: Any, layer: Any, inputs: list[str]) -> str:
    """Compute (x - mean) / deviation, as the layer ``Normalization`` with given or known values."""
    mean, variance = np.asarray(layer.mean).ravel(), np.asarray(layer.variance).ravel()
    scale = 1 / np.maximum(np.sqrt(variance), 1e-7)
    return _affine(graph, layer, inputs, scale, -mean * scale)


def _layer_scale(graph: Any, layer: Any, inputs: list[str]) -> str:
    return _affine(graph, layer, inputs, np.asarray(layer.gamma), 0.0)


def _scaled_sum(graph: Any, layer: Any, inputs: list[str]) -> str:
    """Compute the shortcut of Inception-ResNet: the first input plus a share of the second."""
    scale = graph.constant(f"{layer.name}/scale", layer.scale)
    scaled = graph.add("Mul", [inputs[1], scale], f"{layer.name}/scaled")
    return graph.add("Add", [inputs[0], scaled], layer.name)


def _layer_normalization(graph: Any, layer: Any, inputs: list[str]) -> str:
    """Normalize the channels of each location, which ONNX does in the last axis."""
    if list(layer.axis) not in ([-1], [len(layer.output.shape) - 1]):
        raise no_counterpart(layer)
    held = get_weights(layer)
    names = [graph.constant(f"{layer.name}/{word}", held[word]) for word in ("gamma", "beta")]
    options = {"axis": -1, "epsilon": float(layer.epsilon)}
    if len(layer.output.shape) == 2:
        return graph.add("LayerNormalization", [*inputs, *names], layer.name, **options)
    last = graph.add("Transpose", inputs, f"{layer.name}/last", perm=[0, 2, 3, 1])
    made = graph.add("LayerNormalization", [last, *names], f"{layer.name}/made", **options)
    return graph.add("Transpose", [made], layer.name, perm=[0, 3, 1, 2])


def _separable(graph: Any, layer: Any, inputs: list[str]) -> str:
    """Add the convolution of each channel, then that of each location."""
    held = get_weights(layer)
    depth, point = held["depthwise_kernel"], held["pointwise_kernel"]
    kernel = depth.transpose(2, 3, 0, 1).reshape(-1, 1, *depth.shape[:2])
    made = graph.add(
        "Conv",
        [*inputs, graph.constant(f"{layer.name}/depthwise", kernel)],
        f"{layer.name}/spread",
        strides=list(layer.strides),
        pads=_pads(layer, depth.shape[:2]),
        group=depth.shape[2],
    )
    names = [made, graph.constant(f"{layer.name}/pointwise", point.transpose(3, 2, 0, 1))]
    if "bias" in held:
        names.append(graph.constant(f"{layer.name}/bias", held["bias"]))
    return _activated(graph, layer, graph.add("Conv", names, layer.name))


def _log_sum_exp(graph: Any, layer: Any, inputs: list[str]) -> str:
    """Compute log-sum-exp over the locations, minus the maximum, so ``Exp`` does not overflow."""
    if tuple(layer.axis) != (1, 2) or layer.keepdims:
        raise no_counterpart(layer)
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


def _dense(graph: Any, layer: Any, inputs: list[str]) -> str:
    """Add a dense layer: on a map, it is a convolution of one location."""
    held = get_weights(layer)
    kernel, kind = held["kernel"], "Gemm"
    if len(layer.output.shape) == 4:
        kernel, kind = kernel.T[:, :, None, None], "Conv"
    weights = graph.constant(f"{layer.name}/kernel", kernel)
    bias = graph.constant(f"{layer.name}/bias", held.get("bias", np.zeros(layer.units)))
    if len(layer.output.shape) == 3:
        product = graph.add("MatMul", [*inputs, weights], f"{layer.name}/product")
        return _activated(graph, layer, graph.add("Add", [product, bias], layer.name))
    return _activated(graph, layer, graph.add(kind, [*inputs, weights, bias], layer.name))


def _flatten(graph: Any, layer: Any, inputs: list[str]) -> str:
    """Flatten maps in the order of Keras, the channels last."""
    if len(layer.input.shape) == 4:
        inputs = [graph.add("Transpose", inputs, f"{layer.name}/last", perm=[0, 2, 3, 1])]
    return graph.add("Flatten", inputs, layer.name, axis=1)


def _alone(kind: str) -> Callable:
    return lambda graph, layer, inputs: graph.add(kind, inputs, layer.name)


_KINDS: dict[str, Callable] = {
    "Activation": lambda graph, layer, inputs: _activated(graph, layer, inputs[0]),
    "Add": _arithmetic("Add"),
    "AveragePooling2D": _pooling("AveragePool", count_include_pad=0),
    "BatchNormalization": _normalization,
    "Concatenate": _concatenation,
    "Conv2D": _convolution,
    "Cropping2D": _cropping,
    "CustomScaleLayer": _scaled_sum,
    "Dense": _dense,
    "DepthwiseConv2D": _convolution,
    "Dropout": _alone("Identity"),
    "Flatten": _flatten,
    "Flip": _flip,
    "GlobalAveragePooling2D": _average,
    "LayerNormalization": _layer_normalization,
    "LayerScale": _layer_scale,
    "Logsumexp": _log_sum_exp,
    "MaxPooling2D": _pooling("MaxPool"),
    "Multiply": _arithmetic("Mul"),
    "Normalization": _input_normalization,
    "ReLU": _relu,
    "Rescaling": _rescaling,
    "Reshape": _reshape,
    "SeparableConv2D": _separable,
    "Sqrt": _alone("Sqrt"),
    "UnitNormalization": lambda graph, layer, inputs: graph.add(
        "LpNormalization", inputs, layer.name, axis=1, p=2
    ),
    "ZeroPadding2D": _padding,
    **onnx_recurrent.KINDS,
}
