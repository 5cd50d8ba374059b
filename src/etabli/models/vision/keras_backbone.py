"""A pretrained Keras net: preprocessing, input size, feature layer, stages and weights.

Every net built here takes decoded images, RGB from 0 to 255; the preprocessing of its authors is
its first layer, so that no caller can pair a net with another net's preprocessing.
"""

import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from etabli.core.errors import BadSetting, CorruptFile
from etabli.core.i18n import _
from etabli.core.seeding import make_generator

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class WeightsRecord:
    """The source of a net's ImageNet weights; ``files`` are the file names that are recognized.

    ``hash`` is the MD5 or SHA-256 that Keras publishes.
    """

    files: tuple[str, ...]
    url: str
    hash: str | None
    license: str
    citation: str


@dataclass(frozen=True)
class Backbone:
    """A net without its classifier. ``stages`` maps each stage to its last layer, bottom up.

    ``default_stage`` is the last one that fine-tuning freezes unless another is given: the last
    whose maps are larger than the final ones. ``top1`` is the accuracy on ImageNet in % that Keras
    publishes for its weights (https://keras.io/api/applications).
    """

    name: str
    title: str
    builder: Callable
    input_size: tuple[int, int]
    features: int
    map_layer: str
    preprocessing: str
    stages: dict[str, str]
    default_stage: str
    weights: WeightsRecord = field(repr=False)
    has_negative_features: bool = False
    top1: float | None = None

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
            BadSetting: The net cannot take images of that size.
            CorruptFile: The file holds other weights.
        """
        import keras

        height, width = size or self.input_size
        images = keras.Input((height, width, 3), name="images")
        with zero_initialization():
            try:
                model = self.builder(keras, _PREPROCESSING[self.preprocessing](keras, images))
            except ValueError as error:  # Keras: a map would have no row left
                raise BadSetting(
                    _("{net} cannot take images of {height} x {width} pixels").format(
                        net=self.name, height=height, width=width
                    ),
                    fix=_("Choose --image-size {size}.").format(size=self.input_size[0]),
                ) from error
            model = keras.Model(images, model.outputs[0], name=self.name)
        _number_layers(model)
        if weights is None:
            _initialize(model, seed)
        else:
            _load(model, Path(weights), self)
        return model


def build_application(name: str) -> Callable:
    """Return a function that builds a net of ``keras.applications`` without its classifier."""

    def build(keras: ModuleType, images: Any) -> "keras.Model":
        application = getattr(keras.applications, name)
        with warnings.catch_warnings():  # of an input size that no published weights were made for
            warnings.simplefilter("ignore", UserWarning)
            return application(include_top=False, weights=None, input_tensor=images)

    return build


def _minus_one_to_one(keras: ModuleType, images: Any) -> Any:
    """Return x / 127.5 - 1, the range of the MobileNets."""
    return keras.layers.Rescaling(1 / 127.5, offset=-1.0, name="preprocessing")(images)


def _bgr_centered(keras: ModuleType, images: Any) -> Any:
    """Return BGR, each channel minus its mean over ImageNet, as for the Caffe nets."""
    swapped = keras.ops.flip(images, axis=-1)
    means = [-103.939, -116.779, -123.68]
    return keras.layers.Rescaling([1.0, 1.0, 1.0], offset=means, name="preprocessing")(swapped)


_MEAN, _STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


def _imagenet_mean_std(keras: ModuleType, images: Any) -> Any:
    """Return (x / 255 - mean) / std over ImageNet, as for the Torch nets."""
    scale, offset = (1 / 255 / _STD).tolist(), (-_MEAN / _STD).tolist()
    return keras.layers.Rescaling(scale, offset=offset, name="preprocessing")(images)


def _efficientnet(keras: ModuleType, images: Any) -> Any:
    """Return what the first layers of EfficientNet must get to give (x / 255 - mean) / std.

    Its published weights normalize with the square root of std; for them (``weights="imagenet"``)
    Keras adds a layer that divides by that root again, after the normalization. The same numbers
    come from this layer before it: (x' / 255 - mean) / sqrt(std) = (x / 255 - mean) / std.
    """
    root = np.sqrt(_STD)
    scale, offset = (1 / root).tolist(), (255 * _MEAN * (1 - 1 / root)).tolist()
    return keras.layers.Rescaling(scale, offset=offset, name="preprocessing")(images)


_PREPROCESSING = {
    "minus_one_to_one": _minus_one_to_one,
    "bgr_centered": _bgr_centered,
    "imagenet_mean_std": _imagenet_mean_std,
    "efficientnet": _efficientnet,
    "own_layers": lambda keras, images: images,
}


@contextmanager
def zero_initialization() -> Iterator[None]:
    """Initialize kernels to zero while building: JAX compiles its generator per shape (14 s)."""
    import keras

    scaling = keras.initializers.VarianceScaling
    usual = scaling.__call__
    scaling.__call__ = lambda self, shape, dtype=None: np.zeros(shape, dtype or "float32")
    try:
        yield
    finally:
        scaling.__call__ = usual


def _number_layers(model: "keras.Model") -> None:
    """Number the layers that Keras named after their class from zero.

    Keras numbers those of all nets of a process together: a layer could not be found by its name,
    and random weights would depend on the nets built before.
    """
    counts: dict[str, int] = {}
    for operation in model._operations:
        kind = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", type(operation).__name__)
        kind = re.sub("([a-z])([A-Z])", r"\1_\2", kind).lower()
        if re.fullmatch(rf"{kind}(_\d+)?", operation.name):
            number = counts.setdefault(kind, 0)
            operation.name = f"{kind}_{number}" if number else kind
            counts[kind] += 1


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
