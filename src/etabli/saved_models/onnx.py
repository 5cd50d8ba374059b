"""The convolutional nets of this project as ONNX files, layer by layer.

Keras' ONNX export traces JAX programs, depends on some forty packages and gives ResNet-50 an
invalid pooling; each of the layers that these nets use has a direct counterpart
(``onnx_layers``). Images and maps keep their layout (N, height, width, C); inside, channels come
second, as ONNX expects.
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
    path = Path(path).with_suffix(".onnx")
    graph = Graph(onnx)
    graph.add("Transpose", ["images"], "first", perm=[0, 3, 1, 2])
    last = onnx_layers.add_layers(graph, model, "first")
    if len(model.output_shape) == 4:
        graph.add("Transpose", [last], "output", perm=[0, 2, 3, 1])
    else:
        graph.add("Identity", [last], "output")
    made = graph.model(model.input_shape, model.output_shape, metadata or {})
    content = made.SerializeToString()
    with atomic_write(path, "wb") as stream:
        stream.write(content)
    return path


class Graph:
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

    def model(self, input_shape: tuple, output_shape: tuple, metadata: Mapping[str, str]) -> Any:
        helper, number = self.onnx.helper, self.onnx.TensorProto.FLOAT
        inputs = [helper.make_tensor_value_info("images", number, ["N", *input_shape[1:]])]
        outputs = [helper.make_tensor_value_info("output", number, ["N", *output_shape[1:]])]
        graph = helper.make_graph(self.nodes, "etabli", inputs, outputs, self.constants)
        made = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8
        )
        helper.set_model_props(made, dict(metadata))
        self.onnx.checker.check_model(made)
        return made
