"""A part of a Keras model as a graph of layers."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from etabli.core.errors import UnknownName
from etabli.core.i18n import _

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class LayerNode:
    """A layer: name, type in words, output shape, number of parameters, names of its inputs."""

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    inputs: tuple[str, ...]


def extract_layer_graph(model: "keras.Model", first: str, last: str) -> list[LayerNode]:
    """Return the layers on all paths from ``first`` (the input) to ``last``, in order."""
    names = {layer.name for layer in model.layers}
    for name in (first, last):
        if name not in names:
            raise UnknownName(_("layer"), name, names)
    wanted: list[str] = [last]
    found: dict[str, tuple[str, ...]] = {}
    while wanted:
        layer = model.get_layer(wanted.pop())
        if layer.name in found:
            continue
        before = () if layer.name == first else tuple(_inputs(layer))
        found[layer.name] = before
        wanted += before
    return [
        LayerNode(
            layer.name,
            _kind(layer),
            tuple(layer.output.shape[1:]),
            layer.count_params(),
            found[layer.name],
        )
        for layer in model.layers
        if layer.name in found
    ]


def _inputs(layer: Any) -> list[str]:
    tensors = layer.input if isinstance(layer.input, list) else [layer.input]
    return [tensor._keras_history.operation.name for tensor in tensors]


def _kind(layer: Any) -> str:
    word = type(layer).__name__
    if word in ("Conv2D", "DepthwiseConv2D"):
        rows, columns = layer.kernel_size
        stride = f" / {layer.strides[0]}" if layer.strides[0] > 1 else ""
        depth = _("depthwise convolution") if word == "DepthwiseConv2D" else _("convolution")
        return f"{depth} {rows} × {columns}{stride}"
    if word == "Activation":
        return layer.get_config()["activation"]
    return {
        "BatchNormalization": _("batch normalization"),
        "ReLU": "relu",
        "Add": "+",
        "InputLayer": _("input"),
    }.get(word, word)
