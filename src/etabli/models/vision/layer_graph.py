"""A part of a Keras model as a graph: which layer takes what from which."""

from dataclasses import dataclass

from etabli.core.errors import UnknownName
from etabli.core.i18n import _

__all__ = ["Node", "between"]


@dataclass(frozen=True)
class Node:
    """A layer: its name, its kind in words, the shape it gives, its parameters, and the nodes it takes from."""

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    inputs: tuple[str, ...]


def between(model, first: str, last: str) -> list[Node]:
    """The layers on a way from ``first`` (included, as the input) to ``last``, in the model's own order."""
    names = {layer.name for layer in model.layers}
    for name in (first, last):
        if name not in names:
            raise UnknownName(_("layer"), name, names)
    wanted, found = [last], {}
    while wanted:
        layer = model.get_layer(wanted.pop())
        if layer.name in found:
            continue
        before = () if layer.name == first else tuple(_inputs(layer))
        found[layer.name] = before
        wanted += before
    return [
        Node(
            layer.name,
            _kind(layer),
            tuple(layer.output.shape[1:]),
            layer.count_params(),
            found[layer.name],
        )
        for layer in model.layers
        if layer.name in found
    ]


def _inputs(layer) -> list[str]:
    tensors = layer.input if isinstance(layer.input, list) else [layer.input]
    return [tensor._keras_history.operation.name for tensor in tensors]


def _kind(layer) -> str:
    word = type(layer).__name__
    if word in ("Conv2D", "DepthwiseConv2D"):
        rows, columns = layer.kernel_size
        stride = f" / {layer.strides[0]}" if layer.strides[0] > 1 else ""
        depth = _("depthwise convolution") if word == "DepthwiseConv2D" else _("convolution")
        return f"{depth} {rows} × {columns}{stride}"
    if word == "Activation":
        return layer.get_config()["activation"]
    return {
        "BatchNormalization": _("batch normalisation"),
        "ReLU": "relu",
        "Add": "+",
        "InputLayer": _("input"),
    }.get(word, word)
