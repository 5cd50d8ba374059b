"""Pretrained backbones: preprocessing, input size, feature layer, stages and weights of each.

Every net built here takes decoded images, RGB from 0 to 255; the preprocessing of its authors is
its first layer, so that no caller can pair a net with another net's preprocessing.
"""

import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from etabli.core.errors import CorruptFile, UnknownName
from etabli.core.i18n import N_, _
from etabli.core.seeding import make_generator
from etabli.models.vision.small_resnet import build_small_resnet

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class WeightsRecord:
    """The source of a net's ImageNet weights; ``files`` are the file names that are recognized."""

    files: tuple[str, ...]
    url: str
    md5: str | None
    license: str
    citation: str


@dataclass(frozen=True)
class Backbone:
    """A net without its classifier. ``stages`` maps each stage to its last layer, bottom up."""

    name: str
    title: str
    builder: Callable
    input_size: tuple[int, int]
    features: int
    map_layer: str
    preprocessing: str
    stages: dict[str, str]
    weights: WeightsRecord = field(repr=False)

    def build(
        self, weights: Path | str | None = None, seed: int = 0, size: tuple[int, int] | None = None
    ) -> "keras.Model":
        """Build the model from images (N, height, width, 3) in 0..255 to the last feature map.

        Args:
            weights: A Keras file (``.weights.h5``, or the ``.h5`` that Keras publishes); None for
                random weights (Glorot).
            seed: Seed of random weights.
            size: Height and width; None is ``input_size``.

        Raises:
            CorruptFile: The file holds other weights.
        """
        import keras

        height, width = size or self.input_size
        images = keras.Input((height, width, 3), name="images")
        with _zero_initialization():
            model = self.builder(keras, _PREPROCESSING[self.preprocessing](keras, images))
            model = keras.Model(images, model.outputs[0], name=self.name)
        if weights is None:
            _initialize(model, seed)
        else:
            _load(model, Path(weights), self)
        return model


def get_backbone(name: str) -> Backbone:
    """Return the backbone of that name; ``UnknownName`` suggests the nearest one."""
    if name not in BACKBONES:
        raise UnknownName(_("backbone"), name, BACKBONES)
    return BACKBONES[name]


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


def _minus_one_to_one(keras: ModuleType, images: Any) -> Any:
    """Return x / 127.5 - 1, the range of the MobileNets."""
    return keras.layers.Rescaling(1 / 127.5, offset=-1.0, name="preprocessing")(images)


def _bgr_centered(keras: ModuleType, images: Any) -> Any:
    """Return BGR, each channel minus its mean over ImageNet, as for the Caffe nets."""
    swapped = keras.ops.flip(images, axis=-1)
    means = [-103.939, -116.779, -123.68]
    return keras.layers.Rescaling([1.0, 1.0, 1.0], offset=means, name="preprocessing")(swapped)


_PREPROCESSING = {"minus_one_to_one": _minus_one_to_one, "bgr_centered": _bgr_centered}


@contextmanager
def _zero_initialization() -> Iterator[None]:
    """Initialize kernels to zero while building: JAX compiles its generator per shape (14 s)."""
    import keras

    scaling = keras.initializers.VarianceScaling
    usual = scaling.__call__
    scaling.__call__ = lambda self, shape, dtype=None: np.zeros(shape, dtype or "float32")
    try:
        yield
    finally:
        scaling.__call__ = usual


def _initialize(model: "keras.Model", seed: int) -> None:
    """Draw Glorot-uniform kernels with NumPy, from a stream per layer."""
    for layer in model.layers:
        for weight in layer.weights:
            if weight.name.endswith("kernel"):
                shape = weight.shape
                receptive = int(np.prod(shape[:-2]))
                bound = np.sqrt(6 / (receptive * (shape[-2] + shape[-1])))
                stream = make_generator(seed, "backbone", layer.name)
                weight.assign(stream.uniform(-bound, bound, shape).astype(np.float32))


def _load(model: "keras.Model", path: Path, net: Backbone) -> None:
    try:
        with warnings.catch_warnings():  # Keras warns of the preprocessing, a layer without weights
            warnings.simplefilter("ignore", UserWarning)
            model.load_weights(path)
    except FileNotFoundError:
        raise
    except Exception as error:  # h5py and Keras raise many classes
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise CorruptFile(
            _("{path} does not hold the weights of {name} without its classifier").format(
                path=path, name=net.name
            ),
            got=reason[:200],
            fix=_("Use the file that Keras publishes for it, or choose the backbone of the file."),
        ) from error


def compute_weights_digest(model: "keras.Model") -> str:
    """Return a CRC-32 of all weights, eight hexadecimal digits, for the recipe of features."""
    total = 0
    for weight in model.get_weights():
        total = zlib.crc32(np.ascontiguousarray(weight).tobytes(), total)
    return f"{total:08x}"


def _application(name: str) -> Callable:
    """Return a function that builds a net of ``keras.applications`` without its classifier."""

    def build(keras: ModuleType, images: Any) -> "keras.Model":
        application = getattr(keras.applications, name)
        return application(include_top=False, weights=None, input_tensor=images)

    return build


def _end_of_block(number: int) -> str:
    """Return the last layer of a block of MobileNetV2: some blocks have no shortcut to add."""
    return f"block_{number}_{'project_BN' if number in (1, 3, 6, 10, 13, 16) else 'add'}"


_KERAS = "https://storage.googleapis.com/tensorflow/keras-applications"

BACKBONES = {
    "resnet50": Backbone(
        name="resnet50",
        title=N_("ResNet-50"),
        builder=_application("ResNet50"),
        input_size=(224, 224),
        features=2048,
        map_layer="conv5_block3_out",
        preprocessing="bgr_centered",
        stages={
            "stem": "pool1_pool",
            "conv2": "conv2_block3_out",
            "conv3": "conv3_block4_out",
            "conv4": "conv4_block6_out",
            "conv5": "conv5_block3_out",
        },
        weights=WeightsRecord(
            files=(
                "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
                "resnet50_imagenet_notop.weights.h5",
            ),
            url=f"{_KERAS}/resnet/resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
            md5="4d473c1dd8becc155b73f8504c6f6626",
            license="MIT",
            citation="He et al. 2016, Deep residual learning for image recognition",
        ),
    ),
    "vgg16": Backbone(
        name="vgg16",
        title=N_("VGG-16"),
        builder=_application("VGG16"),
        input_size=(224, 224),
        features=512,
        map_layer="block5_pool",
        preprocessing="bgr_centered",
        stages={f"block{number}": f"block{number}_pool" for number in range(1, 6)},
        weights=WeightsRecord(
            files=(
                "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
                "vgg16_imagenet_notop.weights.h5",
            ),
            url=f"{_KERAS}/vgg16/vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
            md5="6d6bbae143d832006294945121d1f1fc",
            license="CC BY 4.0",
            citation="Simonyan and Zisserman 2015, Very deep convolutional networks",
        ),
    ),
    "mobilenet_v2": Backbone(
        name="mobilenet_v2",
        title=N_("MobileNetV2"),
        builder=_application("MobileNetV2"),
        input_size=(224, 224),
        features=1280,
        map_layer="out_relu",
        preprocessing="minus_one_to_one",
        stages={
            "block_0": "expanded_conv_project_BN",
            **{f"block_{number}": _end_of_block(number) for number in range(1, 17)},
            "conv_last": "out_relu",
        },
        weights=WeightsRecord(
            files=(
                "mobilenet_v2_imagenet_notop.weights.h5",
                "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5",
            ),
            url=f"{_KERAS}/mobilenet_v2/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5",
            md5=None,
            license="Apache 2.0",
            citation="Sandler et al. 2018, MobileNetV2: inverted residuals and linear bottlenecks",
        ),
    ),
    "small_residual": Backbone(
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
        weights=WeightsRecord(
            files=("small_residual_drawn_notop.weights.h5",),
            url="",
            md5=None,
            license="MIT",
            citation="trained by this project on single drawn objects",
        ),
    ),
}
