"""Arrays and nets as JSON, for a page that runs the nets itself (``static/js/nets``)."""

import base64
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from etabli.core.errors import EtabliError
from etabli.core.i18n import _

__all__ = ["describe_layers", "encode_array", "encode_bytes", "encode_signed"]

_ACTIVATIONS = ("linear", "relu", "tanh", "sigmoid", "softmax")
_SETTINGS = {
    "Conv2D": ("strides", "padding"),
    "MaxPooling2D": ("pool_size", "strides", "padding"),
    "SimpleRNN": ("return_sequences",),
    "LSTM": ("return_sequences",),
    "GRU": ("return_sequences",),
}
_KINDS = ("Activation", "Dense", "Dropout", "Embedding", "Flatten", *_SETTINGS)
# What a layer of the page does not do, by its name in Keras, where it is not this value.
_ONLY: Mapping[str, object] = {
    "groups": 1,
    "dilation_rate": (1, 1),
    "data_format": "channels_last",
    "go_backwards": False,
    "stateful": False,
    "reset_after": True,
    "recurrent_activation": "sigmoid",
    "mask_zero": False,
}


def encode_bytes(values: np.ndarray) -> str:
    """Encode values in [0, 1] as bytes in base64."""
    return base64.b64encode(np.rint(255 * values).astype(np.uint8).tobytes()).decode()


def encode_signed(values: np.ndarray) -> str:
    """Encode values between the extremes -s and s as bytes in base64; 128 is zero."""
    largest = max(float(np.abs(values).max()), 1e-9)
    scaled = np.rint(127 * values / largest) + 128
    return base64.b64encode(scaled.astype(np.uint8).tobytes()).decode()


def encode_array(values: np.ndarray) -> dict[str, object]:
    """Encode an array: its shape, its type, base64 of its deflated little-endian bytes.

    Float32 whose values all are half floats become half floats: nothing is lost.
    """
    if values.dtype == np.float32:
        with np.errstate(over="ignore"):
            halves = values.astype(np.float16)
        values = halves if (halves == values).all() else values
    content = np.ascontiguousarray(values, values.dtype.newbyteorder("<")).tobytes()
    data = base64.b64encode(zlib.compress(content, 9)).decode()
    return {"shape": list(values.shape), "dtype": values.dtype.name, "deflated": True, "data": data}


def describe_layers(model: Any) -> list[dict[str, object]]:
    """Describe the layers of a Keras model in a chain, each with its arrays.

    Raises ``EtabliError`` for a layer, an activation or a setting that the page cannot run.
    """
    layers = [each for each in model.layers if type(each).__name__ != "InputLayer"]
    for layer, below in zip(layers[1:], layers[:-1], strict=True):
        read = [tensor._keras_history.operation for tensor in layer._inbound_nodes[0].input_tensors]
        if len(read) != 1 or read[0] is not below:
            raise _cannot_run(layer, type(layer).__name__)
    return [_describe_layer(layer) for layer in layers]


def _describe_layer(layer: Any) -> dict[str, object]:
    kind, settings = type(layer).__name__, layer.get_config()
    if kind not in _KINDS:
        raise _cannot_run(layer, kind)
    usual = "tanh" if kind in ("SimpleRNN", "LSTM", "GRU") else "linear"
    activation = settings.get("activation", usual)
    if activation not in _ACTIVATIONS or (usual == "tanh" and activation != "tanh"):
        raise _cannot_run(layer, f"{kind}, {activation}")
    for name, only in _ONLY.items():
        value = settings.get(name, only)
        if (tuple(value) if isinstance(value, list) else value) != only:
            raise _cannot_run(layer, f"{kind}, {name} {value}")
    described: dict[str, object] = {name: settings[name] for name in _SETTINGS.get(kind, ())}
    if usual == "linear":
        described["activation"] = activation
    arrays = {weight.name: encode_array(np.asarray(weight)) for weight in layer.weights}
    return {"kind": kind, "name": layer.name, **described, **arrays}


def _cannot_run(layer: Any, kind: str) -> EtabliError:
    return EtabliError(
        _("the layer {name} ({kind}) cannot run in the page").format(name=layer.name, kind=kind),
        expected=_("a chain of the layers {names}").format(names=", ".join(_KINDS)),
    )


def describe_dense(
    parameters: Sequence[np.ndarray], names: Sequence[str], activation: str
) -> list[dict[str, object]]:
    """Describe dense layers, [W, b, W, b, ...]: the last one ends in softmax."""
    activations = [activation] * (len(names) - 1) + ["softmax"]
    return [
        {
            **{"kind": "Dense", "name": name, "activation": each},
            **{"kernel": encode_array(w), "bias": encode_array(b)},
        }
        for name, each, w, b in zip(
            names, activations, parameters[::2], parameters[1::2], strict=True
        )
    ]
