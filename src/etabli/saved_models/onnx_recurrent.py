"""Embeddings and recurrent layers as nodes of an ONNX graph: codes (N, T), features (N, T, F).

ONNX reads sequences (T, N, F) and has other orders of the gates: of an LSTM i, o, f, c, where Keras
has i, f, c, o. The gates of a GRU are in the same order.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from etabli.core.errors import EtabliError
from etabli.core.i18n import _

__all__ = ["KINDS", "get_weights", "no_counterpart"]

_ACTIVATIONS = {"tanh": "Tanh", "sigmoid": "Sigmoid", "relu": "Relu"}


def get_weights(layer: Any) -> dict[str, np.ndarray]:
    """Return the weights of a layer by their names."""
    return {
        weight.name: array for weight, array in zip(layer.weights, layer.get_weights(), strict=True)
    }


def no_counterpart(layer: Any, setting: str = "") -> EtabliError:
    """Create the error for a layer that cannot be exported, or not with one of its settings."""
    kind = type(layer).__name__
    return EtabliError(
        _("the layer {name} ({kind}) has no ONNX counterpart here").format(
            name=layer.name, kind=f"{kind}, {setting}" if setting else kind
        )
    )


def _embedding(graph: Any, layer: Any, inputs: list[str]) -> str:
    if layer.mask_zero:
        raise no_counterpart(layer, "mask_zero")
    table = graph.constant(f"{layer.name}/embeddings", get_weights(layer)["embeddings"])
    return graph.add("Gather", [table, *inputs], layer.name, axis=0)


def _simple_rnn(graph: Any, layer: Any, inputs: list[str]) -> str:
    return _recurrent(graph, layer, inputs, "RNN", [0], [layer.activation])


def _lstm(graph: Any, layer: Any, inputs: list[str]) -> str:
    activations = [layer.recurrent_activation, layer.activation, layer.activation]
    return _recurrent(graph, layer, inputs, "LSTM", [0, 3, 1, 2], activations)


def _gru(graph: Any, layer: Any, inputs: list[str]) -> str:
    activations = [layer.recurrent_activation, layer.activation]
    after = int(layer.reset_after)  # the reset gate is applied after the product, or before it
    return _recurrent(
        graph, layer, inputs, "GRU", [0, 1, 2], activations, linear_before_reset=after
    )


def _recurrent(
    graph: Any,
    layer: Any,
    inputs: list[str],
    kind: str,
    gates: list[int],
    activations: list[Callable],
    **attributes: object,
) -> str:
    """Add a recurrent layer, which yields its states (N, T, H), or the last one (N, H).

    Args:
        graph: An ``onnx.Graph``.
        layer: The layer of Keras.
        inputs: The name of its input.
        kind: The operator of ONNX.
        gates: The places of the operator's gates among those of Keras.
        activations: Of the gates, in the order of the operator.
        **attributes: More attributes of the operator.
    """
    for name in ("go_backwards", "stateful", "return_state"):
        if getattr(layer, name, False):
            raise no_counterpart(layer, name)
    names = [getattr(each, "__name__", "") for each in activations]
    for each in names:
        if each not in _ACTIVATIONS:
            raise no_counterpart(layer, each)
    attributes["activations"] = [_ACTIVATIONS[each] for each in names]
    weights = _arrange(graph, layer, gates)
    first = graph.add("Transpose", inputs, f"{layer.name}/steps_first", perm=[1, 0, 2])
    states, last = f"{layer.name}/states", f"{layer.name}/last"
    graph.add_all(kind, [first, *weights], [states, last], hidden_size=layer.units, **attributes)
    directions = graph.constant(
        f"{layer.name}/directions", [1 if layer.return_sequences else 0], "int64"
    )
    if not layer.return_sequences:
        return graph.add("Squeeze", [last, directions], layer.name)
    squeezed = graph.add("Squeeze", [states, directions], f"{layer.name}/one_direction")
    return graph.add("Transpose", [squeezed], layer.name, perm=[1, 0, 2])


def _arrange(graph: Any, layer: Any, gates: list[int]) -> list[str]:
    """Add the kernels (1, gates H, inputs) and both biases (1, 2 gates H), gates in ONNX' order."""
    held, count = get_weights(layer), len(gates)

    def reorder(array: np.ndarray) -> np.ndarray:
        parts = np.split(array, count, axis=-1)
        return np.concatenate([parts[gate] for gate in gates], axis=-1)

    bias = held.get("bias", np.zeros(count * layer.units))
    both = bias if bias.ndim == 2 else np.stack([bias, np.zeros_like(bias)])
    arrays = {
        "kernel": reorder(held["kernel"]).T,
        "recurrent": reorder(held["recurrent_kernel"]).T,
        "biases": reorder(both).ravel(),
    }
    return [graph.constant(f"{layer.name}/{name}", each[None]) for name, each in arrays.items()]


KINDS: dict[str, Callable] = {
    "Embedding": _embedding,
    "GRU": _gru,
    "LSTM": _lstm,
    "SimpleRNN": _simple_rnn,
}
