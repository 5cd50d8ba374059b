"""Small ONNX nets as other people export them."""

import numpy as np


def write_tokens(
    path, images=("N", 3, 28, 28), inputs=1, row_output=False, class_token=False, seed=0
):
    """Write a net that cuts an image into patches of 7 x 7, a token of 16 numbers each.

    Args:
        path: The file.
        images: The shape of the input.
        inputs: 2 adds a second input.
        row_output: Whether there is a second output, the mean of the tokens.
        class_token: Whether a token of ones comes first.
        seed: Of the kernel.

    Returns:
        The kernel (16, 3, 7, 7).
    """
    from onnx import TensorProto, helper, numpy_helper, save

    number = TensorProto.FLOAT
    kernel = np.random.default_rng(seed).normal(0, 0.1, (16, 3, 7, 7)).astype(np.float32)
    constants = {
        "kernel": kernel,
        "shape": np.array([0, 16, -1]),
        "axis": np.array([1]),
        "one": np.ones((1, 1, 16), np.float32),
    }
    nodes = [
        helper.make_node("Conv", ["pixels", "kernel"], ["maps"], strides=[7, 7]),
        helper.make_node("Reshape", ["maps", "shape"], ["columns"]),
        helper.make_node("Transpose", ["columns"], ["patches"], perm=[0, 2, 1]),
        helper.make_node("ReduceSum", ["patches", "axis"], ["sum"], keepdims=1),
        helper.make_node("Sub", ["sum", "sum"], ["zero"]),
        helper.make_node("Add", ["zero", "one"], ["first"]),
        helper.make_node("Concat", ["first", "patches"], ["with_class"], axis=1),
        helper.make_node(
            "Identity", ["with_class" if class_token else "patches"], ["last_hidden_state"]
        ),
        helper.make_node("ReduceMean", ["patches"], ["row"], axes=[1], keepdims=0),
    ]
    given = [helper.make_tensor_value_info("images", number, images)]
    if inputs == 2:
        given.append(helper.make_tensor_value_info("mask", number, images))
        nodes.insert(0, helper.make_node("Add", ["images", "mask"], ["pixels"]))
    else:
        nodes.insert(0, helper.make_node("Identity", ["images"], ["pixels"]))
    outputs = [helper.make_tensor_value_info("last_hidden_state", number, None)]
    if row_output:
        outputs.append(helper.make_tensor_value_info("row", number, ["N", 16]))
    held = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    graph = helper.make_graph(nodes, "tokens", given, outputs, held)
    imports = [helper.make_opsetid("", 17)]
    save(helper.make_model(graph, opset_imports=imports, ir_version=8), path)
    return kernel


def compute_tokens(images, kernel, mean, std):
    """Compute the tokens (N, 16 patches, 16) of images (N, 28, 28, 3) with NumPy alone."""
    x = ((images / 255 - mean) / std).transpose(0, 3, 1, 2).reshape(-1, 3, 4, 7, 4, 7)
    return np.einsum("ncihjw,dchw->nijd", x, kernel).reshape(len(images), 16, 16)
