"""The pretrained nets by name: those of ``keras.applications``, a small one, and any ONNX file."""

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from etabli.core.atomic_files import parse_json
from etabli.core.errors import UnknownName
from etabli.core.i18n import N_, _
from etabli.models.vision.keras_backbone import Backbone, WeightsRecord, build_application
from etabli.models.vision.openvino_backbone import OpenVinoBackbone
from etabli.models.vision.openvino_net import SUFFIXES, OpenVinoNet
from etabli.models.vision.small_resnet import build_small_resnet

if TYPE_CHECKING:
    import keras

__all__ = [
    "BACKBONES",
    "SUFFIXES",
    "Backbone",
    "build_imagenet_head",
    "compute_weights_digest",
    "feature_layer_name",
    "get_backbone",
]

_TABLE = Path(__file__).with_name("applications.json")


def get_backbone(name: str) -> Backbone:
    """Return the backbone of that name, of that Keras class, or in that ONNX or OpenVINO file.

    Raises:
        UnknownName: There is no such backbone; the message suggests the nearest name.
        DataMissing: There is no such file.
        BadSetting: The net in the file does not take one batch of images.
    """
    if Path(name).suffix.lower() in SUFFIXES:
        return OpenVinoBackbone.open(Path(name))
    by_short_name = {_shorten(each): each for each in BACKBONES}
    if _shorten(name) not in by_short_name:
        raise UnknownName(_("backbone"), name, BACKBONES)
    return BACKBONES[by_short_name[_shorten(name)]]


def _shorten(name: str) -> str:
    """Return the letters and digits in lower case: the same for a class and for our name of it."""
    return "".join(character for character in name.lower() if character.isalnum())


def feature_layer_name(net: Backbone, layer: str) -> str:
    """Return the name of the Keras layer that "pool", "map", a stage or a layer name stands for."""
    return net.map_layer if layer in ("pool", "map") else net.stages.get(layer, layer)


def build_imagenet_head(kernel: np.ndarray, bias: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Return the ImageNet classifier: features -> softmax(features @ kernel + bias)."""

    def probabilities(features: np.ndarray) -> np.ndarray:
        logits = features.astype(np.float32) @ kernel + bias
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        return exponentials / exponentials.sum(axis=1, keepdims=True)

    return probabilities


def compute_weights_digest(model: "keras.Model | OpenVinoNet") -> str:
    """Return a CRC-32 of all weights, eight hexadecimal digits, for the recipe of features."""
    if isinstance(model, OpenVinoNet):
        return model.compute_digest()
    total = 0
    for weight in model.get_weights():
        total = zlib.crc32(np.ascontiguousarray(weight).tobytes(), total)
    return f"{total:08x}"


def _read_row(row: dict[str, Any]) -> Backbone:
    """Return the backbone of a row of the table."""
    weights = WeightsRecord(
        tuple(row["files"]), row["url"], row["hash"], row["license"], row["citation"]
    )
    same = ("name", "title", "features", "map_layer", "preprocessing", "stages", "default_stage")
    return Backbone(
        **{key: row[key] for key in (*same, "has_negative_features", "top1")},
        builder=build_application(row["class"]),
        input_size=(row["size"], row["size"]),
        weights=weights,
    )


BACKBONES = {row["name"]: _read_row(row) for row in parse_json(_TABLE.read_text(encoding="utf-8"))}
BACKBONES["small_residual"] = Backbone(
    name="small_residual",
    title=N_("small residual net"),
    builder=build_small_resnet,
    input_size=(96, 96),
    features=96,
    map_layer="stage3_identity_out",
    preprocessing="minus_one_to_one",
    stages={
        "stem": "stem_out",
        "stage1": "stage1_identity_out",
        "stage2": "stage2_identity_out",
        "stage3": "stage3_identity_out",
    },
    default_stage="stage2",
    weights=WeightsRecord(
        files=("small_residual_drawn_notop.weights.h5",),
        url="",
        hash=None,
        license="MIT",
        citation="trained by this project on single drawn objects",
    ),
)
