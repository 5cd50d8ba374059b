"""The nets of this project as ONNX files, layer by layer.

Keras' ONNX export needs 66 packages and gives ResNet-50 an invalid pooling; each of the layers that
these nets use has a direct counterpart (``onnx_layers``, ``onnx_recurrent``). Images and maps keep
their layout (N, height, width, C); inside, channels come second, as ONNX expects. The number of
examples is free, and that of the steps of a sequence too.
"""

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from etabli.core.atomic_files import atomic_write
from etabli.core.errors import MissingExtra
from etabli.core.i18n import _
from etabli.saved_models import onnx_layers

if TYPE_CHECKING:
    import keras


OPSET = 17


def export_onnx(
    model: "keras.Model", path: Path | str, metadata: Mapping[str, str] | None = None
) -> Path:
    """Write ``path`` (.onnx): input "images" (N, height, width, 3), output "output".

    The input of another net than one of images has the name that it has in Keras; codes are int64.

    Args:
        model: A net of the layers that ``onnx_layers`` knows.
        path: The file.
        metadata: The file's properties (``metadata_props``).

    Raises:
        EtabliError: A layer has no counterpart here.
        MissingExtra: The package ``onnx`` is not installed.
    """
    try:
        import onnx
    except ImportError as error:
        raise MissingExtra("onnx", "onnx", _("the export to ONNX")) from error
    path, first = Path(path).with_suffix(".onnx"), name_input(model)
    graph = Graph(onnx, reserved={first, "output"})
    if len(model.input_shape) == 4:
        first = graph.add("Transpose", [first], "images/first", perm=[0, 3, 1, 2])
    last = onnx_layers.add_layers(graph, model, first)
    graph.reserved.clear()
    if len(model.output_shape) == 4:
        graph.add("Transpose", [last], "output", perm=[0, 2, 3, 1])
    else:
        graph.add("Identity", [last], "output")
    content = graph.model(model, metadata or {}).SerializeToString()
    with atomic_write(path, "wb") as stream:
        stream.write(content)
    return path


def name_input(model: "keras.Model") -> str:
    """Return the name of a net's input in its file."""
    return "images" if len(model.input_shape) == 4 else str(model.inputs[0].name)


def reads_codes(model: "keras.Model") -> bool:
    """Return whether a net begins with an embedding, and so reads whole numbers."""
    kinds = [type(layer).__name__ for layer in model.layers]
    return "Embedding" in kinds[: 1 + (kinds[0] == "InputLayer")]


def _list_sizes(model: "keras.Model", shape: tuple, *, is_sequence: bool) -> list[int | str]:
    """Return the sizes of an input or output: N, and T where only recurrent layers read steps."""
    kinds = {type(layer).__name__ for layer in model.layers}
    is_free = kinds & {"SimpleRNN", "LSTM", "GRU"} and "Flatten" not in kinds
    steps = ["T"] if is_sequence and (is_free or shape[1] is None) else shape[1:2]
    return ["N", *steps, *shape[2:]]


class Graph:
    """The nodes and constants of a graph under construction; no layer gets a reserved name."""

    def __init__(self, onnx: ModuleType, reserved: set[str]) -> None:
        self.reserved = reserved
        self.onnx, self.nodes, self.constants = onnx, list[Any](), list[Any]()

    def add(self, kind: str, inputs: list[str], name: str, **attributes: object) -> str:
        name = f"{name}/layer" if name in self.reserved else name
        self.nodes.append(self.onnx.helper.make_node(kind, inputs, [name], name=name, **attributes))
        return name

    def add_all(self, kind: str, inputs: list[str], outputs: list[str], **attributes: Any) -> None:
        """Add a node of several outputs."""
        node = self.onnx.helper.make_node(kind, inputs, outputs, name=outputs[0], **attributes)
        self.nodes.append(node)

    def constant(self, name: str, value: object, dtype: str = "float32") -> str:
        self.constants.append(
            self.onnx.numpy_helper.from_array(np.ascontiguousarray(value, dtype=dtype), name)
        )
        return name

    def model(self, net: "keras.Model", metadata: Mapping[str, str]) -> Any:
        helper, kinds = self.onnx.helper, self.onnx.TensorProto
        codes, given, answered = reads_codes(net), net.input_shape, net.output_shape
        sizes = _list_sizes(net, given, is_sequence=codes or len(given) == 3)
        number = kinds.INT64 if codes else kinds.FLOAT
        inputs = [helper.make_tensor_value_info(name_input(net), number, sizes)]
        sizes = _list_sizes(net, answered, is_sequence=len(answered) == 3)
        outputs = [helper.make_tensor_value_info("output", kinds.FLOAT, sizes)]
        graph = helper.make_graph(self.nodes, "etabli", inputs, outputs, self.constants)
        made = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8
        )
        helper.set_model_props(made, dict(metadata))
        self.onnx.checker.check_model(made)
        return made
