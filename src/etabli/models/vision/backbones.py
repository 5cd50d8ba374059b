"""Pretrained nets, each with what belongs to it: preprocessing, input size, feature layer, stages, weights.

Every net built here takes pictures as they are decoded, red, green and blue from 0 to 255; the preprocessing
of its authors is its first layers. No caller can pair a net with another net's preprocessing.
"""

import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from etabli.core.errors import CorruptFile, UnknownName
from etabli.core.i18n import N_, _
from etabli.core.seeding import make_generator
from etabli.models.vision.small_resnet import small_residual

__all__ = ["BACKBONES", "Backbone", "WeightsRecord", "backbone", "feature_layer", "imagenet_head"]


@dataclass(frozen=True)
class WeightsRecord:
    """Where a net's ImageNet weights come from; ``files`` are the names that a folder may hold them under."""

    files: tuple[str, ...]
    url: str
    md5: str | None
    licence: str
    citation: str


@dataclass(frozen=True)
class Backbone:
    """A net without its top. ``stages`` names the layer after which each stage ends, from the input up."""

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
    ):
        """The ``keras.Model`` from pictures (N, height, width, 3) in 0..255 to the last feature map.

        ``weights`` is a file in Keras's own layout (``.weights.h5``, or the ``.h5`` that Keras publishes);
        without it the weights are random (Glorot, of ``seed``). ``CorruptFile`` where it holds another net's.
        """
        import keras

        height, width = size or self.input_size
        pictures = keras.Input((height, width, 3), name="pictures")
        with _without_random_numbers():
            model = self.builder(keras, _PREPROCESSING[self.preprocessing](keras, pictures))
            model = keras.Model(pictures, model.outputs[0], name=self.name)
        if weights is None:
            _fill_with_random_numbers(model, seed)
        else:
            _load(model, Path(weights), self)
        return model


def backbone(name: str) -> Backbone:
    """The backbone of that name; ``UnknownName`` with the nearest one otherwise."""
    if name not in BACKBONES:
        raise UnknownName(_("backbone"), name, BACKBONES)
    return BACKBONES[name]


def feature_layer(net: Backbone, layer: str) -> str:
    """The name of the Keras layer that "pool", "map", a stage or a layer name stands for."""
    return net.map_layer if layer in ("pool", "map") else net.stages.get(layer, layer)


def imagenet_head(kernel: np.ndarray, bias: np.ndarray):
    """softmax(features @ kernel + bias), the last layer of an ImageNet net, as a function of the features."""

    def probabilities(features: np.ndarray) -> np.ndarray:
        logits = features.astype(np.float32) @ kernel + bias
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        return exponentials / exponentials.sum(axis=1, keepdims=True)

    return probabilities


def _minus_one_to_one(keras, pictures):
    """x / 127.5 - 1, the range of the MobileNets."""
    return keras.layers.Rescaling(1 / 127.5, offset=-1.0, name="preprocessing")(pictures)


def _bgr_centred(keras, pictures):
    """Blue, green, red, each minus its mean over ImageNet: the order and the means of the Caffe nets."""
    swapped = keras.ops.flip(pictures, axis=-1)
    means = [-103.939, -116.779, -123.68]
    return keras.layers.Rescaling([1.0, 1.0, 1.0], offset=means, name="preprocessing")(swapped)


_PREPROCESSING = {"minus_one_to_one": _minus_one_to_one, "bgr_centred": _bgr_centred}


@contextmanager
def _without_random_numbers() -> Iterator[None]:
    """Start kernels at zero while a net is built: JAX compiles its generator for every shape (14 s here)."""
    import keras

    scaling = keras.initializers.VarianceScaling
    usual = scaling.__call__
    scaling.__call__ = lambda self, shape, dtype=None: np.zeros(shape, dtype or "float32")
    try:
        yield
    finally:
        scaling.__call__ = usual


def _fill_with_random_numbers(model, seed: int) -> None:
    """Glorot's uniform kernels from NumPy, each layer a stream of its own."""
    for layer in model.layers:
        for weight in layer.weights:
            if weight.name.endswith("kernel"):
                shape = weight.shape
                receptive = int(np.prod(shape[:-2]))
                bound = np.sqrt(6 / (receptive * (shape[-2] + shape[-1])))
                stream = make_generator(seed, "backbone", layer.name)
                weight.assign(stream.uniform(-bound, bound, shape).astype(np.float32))


def _load(model, path: Path, net: Backbone) -> None:
    try:
        with (
            warnings.catch_warnings()
        ):  # Keras warns of a graph that gained a layer without weights
            warnings.simplefilter("ignore", UserWarning)
            model.load_weights(path)
    except FileNotFoundError:
        raise
    except Exception as error:  # h5py and Keras tell a wrong file in many ways
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise CorruptFile(
            _("{path} does not hold the weights of {name} without its top").format(
                path=path, name=net.name
            ),
            got=reason[:200],
            fix=_(
                "Give the file that Keras publishes for it, or choose the net that the file belongs to."
            ),
        ) from error


def digest(model) -> str:
    """Eight hexadecimal digits that change with any weight: the recipe of features names them."""
    total = 0
    for weight in model.get_weights():
        total = zlib.crc32(np.ascontiguousarray(weight).tobytes(), total)
    return f"{total:08x}"


def _application(name: str) -> Callable:
    """One of ``keras.applications``, without its top, on top of a tensor."""

    def build(keras, pictures):
        return getattr(keras.applications, name)(
            include_top=False, weights=None, input_tensor=pictures
        )

    return build


def _end_of_block(number: int) -> str:
    """MobileNetV2: where the width changes, or the picture shrinks, there is no shortcut to add."""
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
        preprocessing="bgr_centred",
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
            licence="MIT",
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
        preprocessing="bgr_centred",
        stages={f"block{number}": f"block{number}_pool" for number in range(1, 6)},
        weights=WeightsRecord(
            files=(
                "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
                "vgg16_imagenet_notop.weights.h5",
            ),
            url=f"{_KERAS}/vgg16/vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
            md5="6d6bbae143d832006294945121d1f1fc",
            licence="CC BY 4.0",
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
            licence="Apache 2.0",
            citation="Sandler et al. 2018, MobileNetV2: inverted residuals and linear bottlenecks",
        ),
    ),
    "small_residual": Backbone(
        name="small_residual",
        title=N_("small residual net"),
        builder=small_residual,
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
            licence="MIT",
            citation="trained by this project on single drawn objects",
        ),
    ),
}
