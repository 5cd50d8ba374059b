"""Post-training quantization: OpenVINO multiplies eight-bit integers, four times as many at once.

OpenVINO computes a product in integers where ``FakeQuantize`` says how its two factors are rounded.
Weights have one range for each output channel; a few images give the ranges of activations, so that
no package beyond OpenVINO is needed (decision 0025).
"""

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from etabli.core.errors import BadSetting
from etabli.core.i18n import _
from etabli.training.openvino import import_openvino

__all__ = ["N_CALIBRATION_IMAGES", "digest_ranges", "measure_ranges", "quantize"]

N_CALIBRATION_IMAGES = 32
Ranges = Sequence[tuple[float, float]]

# The axes of a kernel that belong to one output channel.
_KERNEL_AXES = {"Convolution": slice(1, None), "GroupConvolution": slice(2, None)}


def measure_ranges(core: Any, network: Any, images: np.ndarray) -> Ranges:
    """Return the least and the greatest value of every activation that ``quantize`` rounds.

    Args:
        core: An OpenVINO core.
        network: A net from bytes (N, height, width, 3), with a fixed N.
        images: Some images, uint8; the last batch is filled up with the first of them.
    """
    openvino = import_openvino(_("the OpenVINO engine"))
    ops, network = openvino.opset13, _prepare(network)
    ends = []
    for inputs in _find_rounded(network):
        source = inputs[0].get_source_output()
        axes = np.arange(len(source.get_partial_shape()))
        ends += [reduce(source, axes).output(0) for reduce in (ops.reduce_min, ops.reduce_max)]
    if not ends:
        raise BadSetting(
            _("the net has no products to compute in integers"),
            fix=_("Choose --precision bf16 or f32."),
        )
    probe = openvino.Model(ends, network.get_parameters(), "ranges")
    compiled = core.compile_model(probe, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    size = compiled.input(0).shape[0]
    images = np.resize(images, (-(-len(images) // size) * size, *images.shape[1:]))
    found = []
    for start in range(0, len(images), size):
        result = compiled([images[start : start + size]])
        found.append([float(result[index]) for index in range(len(ends))])
    low, high = np.min(found, axis=0)[::2], np.max(found, axis=0)[1::2]
    return [(float(a), float(b)) for a, b in zip(low, high, strict=True)]


def quantize(network: Any, ranges: Ranges) -> Any:
    """Return a copy of a network with its weights and activations rounded to eight bits.

    Args:
        network: As to ``measure_ranges``.
        ranges: What that returned.
    """
    network = _prepare(network)
    products = [node for node in network.get_ordered_ops() if _is_product(node)]
    for inputs, (low, high) in zip(_find_rounded(network), ranges, strict=True):
        source = inputs[0].get_source_output()
        if low < 0:  # symmetric, -128 to 127 steps
            high = max(high, -low * 127 / 128)
            low = -high * 128 / 127
        else:
            low, high = 0.0, high or 1.0  # a range must not be empty
        shape = [1] * len(source.get_partial_shape())
        rounded = _round_to_levels(source, np.full(shape, low), np.full(shape, high), levels=256)
        for each in inputs:
            each.replace_source_output(rounded)
    for node in products:
        kernel = np.asarray(_find_constant(node.input_value(1)))
        greatest = np.abs(kernel).max(axis=_kernel_axes(node, kernel.ndim), keepdims=True)
        greatest[greatest == 0] = 1
        rounded = _round_to_levels(node.input_value(1), -greatest, greatest, levels=255)
        node.input(1).replace_source_output(rounded)
    network.validate_nodes_and_infer_types()
    return network


def digest_ranges(ranges: Ranges) -> str:
    """Return a CRC-32 of the ranges, eight hexadecimal digits."""
    return f"{zlib.crc32(np.asarray(ranges, np.float32).tobytes()):08x}"


def _prepare(network: Any) -> Any:
    """Return a copy with the normalization of batches inside the kernels that it follows."""
    from openvino._offline_transformations import apply_moc_transformations

    network = network.clone()
    apply_moc_transformations(network, cf=False)
    return network


def _find_rounded(network: Any) -> list[list[Any]]:
    """Return the inputs of products and of sums of two maps, grouped by what they read."""
    found: dict[tuple[str, int], list[Any]] = {}
    for node in network.get_ordered_ops():
        if _is_product(node):
            inputs = [node.input(0)]
        elif node.get_type_name() == "Add" and all(
            _find_constant(each) is None for each in node.input_values()
        ):
            inputs = node.inputs()
        else:
            continue
        for each in inputs:
            source = each.get_source_output()
            key = (source.get_node().get_friendly_name(), source.get_index())
            found.setdefault(key, []).append(each)
    return list(found.values())


def _is_product(node: Any) -> bool:
    is_known = node.get_type_name() in ("MatMul", *_KERNEL_AXES)
    return is_known and _find_constant(node.input_value(1)) is not None


def _find_constant(output: Any) -> np.ndarray | None:
    """Return the numbers of a constant, also of one that is stored in half precision."""
    node = output.get_node()
    if node.get_type_name() == "Convert":
        node = node.input_value(0).get_node()
    return node.get_data().astype(np.float32) if node.get_type_name() == "Constant" else None


def _kernel_axes(node: Any, rank: int) -> tuple[int, ...]:
    if node.get_type_name() in _KERNEL_AXES:
        return tuple(range(rank))[_KERNEL_AXES[node.get_type_name()]]
    return (rank - 1,) if node.get_attributes()["transpose_b"] else (rank - 2,)


def _round_to_levels(source: Any, low: np.ndarray, high: np.ndarray, levels: int) -> Any:
    ops = import_openvino(_("the OpenVINO engine")).opset13
    ends = [ops.constant(each.astype(np.float32)) for each in (low, high, low, high)]
    return ops.fake_quantize(source, *ends, levels).output(0)
