"""A drawn digit: the prediction of each net, its layers, and its position in the t-SNE plane.

Strokes become an image as MNIST has them (LeCun, Cortes, Burges): size-normalized into a 20 x 20
box, and centered by the center of mass of the pixels in 28 x 28.
"""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import numpy as np
from pydantic import Field

from etabli.core.errors import CorruptFile
from etabli.core.i18n import N_, _
from etabli.web.api import Endpoint, NoParams, NotFound, Params
from etabli.web.encoding import (
    describe_dense,
    describe_layers,
    encode_array,
    encode_bytes,
    encode_signed,
)
from etabli.web.model_cache import ModelSpec, TrainedModel
from etabli.web.state import PlaygroundState

IMAGE_SIZE, BOX_SIZE = 28, 20
N_NEIGHBORS = 9
MAX_POINTS = 3000
_SUPERSAMPLING = 8  # pixels of the rendered strokes per pixel of the image
_LARGE = IMAGE_SIZE * _SUPERSAMPLING
_MIN_EXTENT = 0.03  # a drawing smaller than this share of the pad remains a dot
_PEN_WIDTH = 2.6  # in pixels of the image
_SHOWN_LAYERS = ("relu1", "relu2", "sigmoid")

Strokes = Sequence[Sequence[Sequence[float]]]
Coordinate = Annotated[float, Field(ge=-4, le=4)]
Point = Annotated[list[Coordinate], Field(min_length=2, max_length=2)]
Stroke = Annotated[list[Point], Field(max_length=2000)]


NetKey = Literal["digits.linear", "digits.mlp", "digits.cnn"]
NET_KEYS: tuple[NetKey, ...] = get_args(NetKey)
RunName = Annotated[str, Field(max_length=255)]


class Drawing(Params):
    """Strokes of points (x, y), in units of the pad's width; runs of nets, if not the default."""

    strokes: list[Stroke] = Field(max_length=60)
    runs: dict[NetKey, RunName] = Field(default_factory=dict)


class UnitParams(Params):
    """A unit or a feature map of a net, of the default run or of another one."""

    net: NetKey
    layer: str = Field(max_length=40)
    unit: int = Field(ge=0, lt=100_000)
    run: RunName = ""


def rasterize_strokes(strokes: Strokes) -> np.ndarray:
    """Render strokes as an MNIST image (28, 28) float32 in [0, 1]; no stroke gives zeros.

    In whole numbers, after the points are scaled: a published page renders the same bytes.
    """
    points = np.array([point for stroke in strokes for point in stroke], dtype=np.float64)
    if len(points) == 0:
        return np.zeros((IMAGE_SIZE, IMAGE_SIZE), np.float32)
    ink = _stamp(_trace_path(strokes, points))
    counts = ink.reshape(IMAGE_SIZE, _SUPERSAMPLING, IMAGE_SIZE, _SUPERSAMPLING).sum(axis=(1, 3))
    return (_center_mass((510 * counts + 64) // 128) / 255).astype(np.float32)


def _trace_path(strokes: Strokes, points: np.ndarray) -> np.ndarray:
    """Return which pixels the middle of the pen crosses, the drawing scaled to the box."""
    low, high = points.min(axis=0), points.max(axis=0)
    scale = _SUPERSAMPLING * (BOX_SIZE - _PEN_WIDTH) / max(float((high - low).max()), _MIN_EXTENT)
    path = np.zeros((_LARGE, _LARGE), bool)
    for stroke in filter(len, strokes):
        moved = (np.asarray(stroke, np.float64) - (low + high) / 2) * scale
        placed = np.floor(moved + (_LARGE / 2 + 0.5)).astype(int)
        steps = np.diff(placed, axis=0, append=placed[-1:])
        counts = np.abs(steps).max(axis=1)
        segment = np.repeat(np.arange(len(steps)), counts + 1)
        along = np.arange(len(segment)) - np.repeat(np.cumsum(counts + 1) - counts - 1, counts + 1)
        n = np.maximum(counts, 1)[segment, None]
        x, y = (placed[segment] + (2 * along[:, None] * steps[segment] + n) // (2 * n)).T
        path[y, x] = True
    return path


def _stamp(path: np.ndarray) -> np.ndarray:
    """Put the round tip of the pen on every pixel of a path: its rows begin and end there."""
    change = np.zeros((_LARGE, _LARGE + 1), int)
    y, x = np.nonzero(path)
    radius = _PEN_WIDTH * _SUPERSAMPLING / 2
    for row in range(-int(radius), int(radius) + 1):
        half = int(np.sqrt(radius**2 - row**2))
        change[y + row, x - half] += 1
        change[y + row, x + half + 1] -= 1
    return change.cumsum(axis=1)[:, :_LARGE] > 0


def _center_mass(image: np.ndarray) -> np.ndarray:
    """Shift by whole pixels until the center of mass is in the middle, without cropping ink."""
    for axis in (0, 1):
        mass = image.sum(axis=1 - axis)
        moment = int((mass * np.arange(IMAGE_SIZE)).sum())
        shift = round((IMAGE_SIZE - 1) / 2 - moment / int(mass.sum()))
        inked = np.flatnonzero(mass)
        shift = int(np.clip(shift, -inked[0], IMAGE_SIZE - 1 - inked[-1]))
        image = np.roll(image, shift, axis=axis)
    return image


class NumpyNet:
    """A NumPy estimator of practical 1."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def predict(self, image: np.ndarray) -> dict[str, object]:
        """Return the class probabilities and the activations of the hidden layers."""
        row = image.reshape(1, -1).astype(self.model.dtype)
        hidden = self.model.layer_names[:-1]
        layers = [_encode_layer(name, self.model.activations(row, name)[0]) for name in hidden]
        probabilities = self.model.predict_proba(row)[0].tolist()
        w, b = self.model.parameters_[:2]
        evidence = None if hidden else explain_linear(w, b, row[0])
        return {"probabilities": probabilities, "layers": layers, "evidence": evidence}

    def get_filters(self, layer: str) -> np.ndarray | None:
        """Return the weights (H, 1, 28, 28) of the units of a hidden layer on the pixels."""
        if layer != self.model.layer_names[0] or layer == "output":
            return None
        return self.model.parameters_[0].T.reshape(-1, 1, IMAGE_SIZE, IMAGE_SIZE)

    def describe(self) -> dict[str, object]:
        """Describe the net for a page that runs it itself."""
        model, (first, *_others) = self.model, self.model.layer_names
        centered = getattr(model, "mean_", None)
        layers: list[dict[str, object]] = [
            {"kind": "Center", "name": "center", "mean": encode_array(each)}
            for each in [centered]
            if each is not None
        ]
        activation = getattr(model, "activation", "linear")
        layers += describe_dense(model.parameters_, model.layer_names, activation)
        shape = [IMAGE_SIZE, IMAGE_SIZE, 1, model.parameters_[0].shape[1]]
        hidden = model.layer_names[:-1]
        return {
            **{"kind": "numpy", "net": {"layers": layers, "shape": [IMAGE_SIZE**2]}},
            "shown": hidden,
            "filters": {first: {"layer": first, "shape": shape}} if hidden else {},
        }


def explain_linear(w: np.ndarray, b: np.ndarray, pixels: np.ndarray) -> dict[str, object]:
    """Split the logit of every class into pixels: weight times ink, whose sum and bias decide."""
    parts = w.T * pixels
    return {"maps": encode_signed(parts), "sums": parts.sum(axis=1).tolist(), "biases": b.tolist()}


class KerasNet:
    """A Keras model of practical 2, whose feature maps are read in the same forward pass."""

    def __init__(self, path: Path) -> None:
        import keras

        from etabli.training import keras_io

        model = keras_io.load(path)
        shown = [layer.name for layer in model.layers if layer.name in _SHOWN_LAYERS]
        self.names = [*shown, model.layers[-1].name]
        self.shape = tuple(model.inputs[0].shape[1:])
        outputs = [model.get_layer(name).output for name in self.names]
        self._reader = keras.Model(model.inputs, outputs)
        self._model, self._filters = model, _collect_filters(model.layers)
        self._lock = threading.Lock()
        self.predict(np.zeros((IMAGE_SIZE, IMAGE_SIZE)))  # compile before the first stroke

    def predict(self, image: np.ndarray) -> dict[str, object]:
        """Return the class probabilities and the activations of the shown layers."""
        with self._lock:
            outputs = self._reader.predict_on_batch(
                image.reshape(1, *self.shape).astype(np.float32)
            )
        *hidden, last = [np.asarray(output)[0] for output in outputs]
        layers = [
            _encode_layer(name, values) for name, values in zip(self.names, hidden, strict=False)
        ]
        return {"probabilities": last.tolist(), "layers": layers}

    def get_filters(self, layer: str) -> np.ndarray | None:
        """Return the weights (units, C, height, width) that compute a shown layer."""
        return self._filters.get(layer) if layer in self.names else None

    def describe(self) -> dict[str, object]:
        """Describe the net for a page that runs it itself."""
        net = {"layers": describe_layers(self._model), "shape": list(self.shape)}
        filters = {
            name: {"layer": below.name, "shape": shape}
            for name, (below, shape) in _locate_kernels(self._model.layers).items()
            if name in self.names
        }
        return {"kind": "keras", "net": net, "shown": self.names[:-1], "filters": filters}


def _collect_filters(layers: Sequence[Any]) -> dict[str, np.ndarray]:
    """Return the weights (units, C, height, width) that lead to each layer, by its name."""
    return {
        name: np.asarray(below.kernel).reshape(shape).transpose(3, 2, 0, 1)
        for name, (below, shape) in _locate_kernels(layers).items()
    }


def _locate_kernels(layers: Sequence[Any]) -> dict[str, tuple[Any, list[int]]]:
    """Return the last layer with a kernel up to each layer, and (height, width, C, units) of it."""
    found: dict[str, tuple[Any, list[int]]] = {}
    last, flattened = None, [1, 0, 1]
    for layer in layers:
        if type(layer).__name__ == "Flatten":
            flattened = list(layer.input.shape[1:])
        kernel = getattr(layer, "kernel", None)
        if kernel is not None:
            shape = list(kernel.shape)
            if len(shape) == 2:  # of a dense layer, on feature maps or on something flat
                is_on_maps = np.prod(flattened) == shape[0]
                shape = [*(flattened if is_on_maps else [1, shape[0], 1]), shape[1]]
            last = layer, shape
        if last is not None:
            found[layer.name] = last
    return found


def _encode_layer(name: str, values: np.ndarray) -> dict[str, object]:
    """Encode activations (H,) or (height, width, C) as bytes, scaled between their extremes."""
    maps = values[None, None] if values.ndim == 1 else np.moveaxis(values, -1, 0)
    low, high = float(values.min()), float(values.max())
    if values.ndim == 1 and low >= 0 and high <= 1:
        low, high = 0.0, 1.0  # the range of a sigmoid
    scaled = (maps - low) / max(high - low, 1e-9)
    return {"name": name, "shape": list(maps.shape), "data": encode_bytes(scaled)}


class TsnePlane:
    """Images of whole numbers with known t-SNE coordinates, among which a new image is placed."""

    def __init__(self, images: np.ndarray, points: np.ndarray, labels: np.ndarray) -> None:
        self.images = images.astype(np.float64)  # whole numbers in double: all sums are exact
        self.norms = np.linalg.norm(self.images, axis=1)
        self.points, self.labels = points, labels

    def locate(self, image: np.ndarray) -> dict[str, object]:
        """Return the coordinate-wise median of the nearest images' points, and these images.

        This is how openTSNE initializes new points. Similarity is the cosine, so that the width
        of the pen does not matter.
        """
        cosines = self.images @ np.rint(255 * image.ravel().astype(np.float64)) / self.norms
        nearest = np.argsort(-cosines, kind="stable")[:N_NEIGHBORS]
        position = np.median(self.points[nearest], axis=0)
        return {"position": position.tolist(), "nearest": nearest.tolist()}

    def describe(self) -> dict[str, object]:
        """Describe the plane for a page that places images itself."""
        images, points = self.images.astype(np.uint8), self.points.astype(np.float32)
        described = {"images": encode_array(images), "points": encode_array(points)}
        return {**described, "labels": self.labels.tolist()}


def _load_plane(found: TrainedModel) -> TsnePlane:
    """Load the test images with their t-SNE points, thinned out if there are many."""
    from safetensors.numpy import load_file

    from etabli.data.catalog.source import Source
    from etabli.data.formats import mnist

    points = load_file(found.folder / "tsne.safetensors")["points"]
    digits = mnist.load(Source(found.record.data, dataset=found.record.dataset or None))
    if len(points) > len(digits.test_images):
        raise CorruptFile(_("the points of this run belong to other images"))
    images = digits.test_images[: len(points)].reshape(len(points), -1).astype(np.float32)
    every = slice(None, None, max(1, len(points) // MAX_POINTS))
    return TsnePlane(images[every], points[every], digits.test_labels[: len(points)][every])


def _load_linear(found: TrainedModel) -> NumpyNet:
    from etabli.models.estimators.softmax_regression import SoftmaxRegression

    return NumpyNet(SoftmaxRegression.load(found.folder / "softmax_regression.safetensors"))


def _load_mlp(found: TrainedModel) -> NumpyNet:
    from etabli.models.estimators.mlp import MLP

    return NumpyNet(MLP.load(found.folder / "mlp.safetensors"))


MODELS = (
    ModelSpec(
        *("digits.linear", "tp1.logistic", ("softmax_regression.safetensors",), _load_linear),
        is_shipped_first=True,
    ),
    ModelSpec(*("digits.mlp", "tp1.mlp", ("mlp.safetensors",), _load_mlp), is_shipped_first=True),
    ModelSpec(
        *("digits.cnn", "tp2.cnn", ("model.keras",)),
        lambda found: KerasNet(found.folder / "model.keras"),
        is_shipped_first=True,
    ),
    ModelSpec("digits.plane", "tp2.raw", ("tsne.safetensors",), _load_plane, needs="mnist"),
)


def classify(state: PlaygroundState, drawing: Drawing) -> dict[str, object]:
    """Return the prediction of every loaded net, and the position in the t-SNE plane."""
    image, models = rasterize_strokes(drawing.strokes), state.models
    return {
        "image": encode_bytes(image),
        "predictions": {
            key: models.get_of_run(key, drawing.runs.get(key, "")).predict(image)
            for key in NET_KEYS
            if models.has(key)
        },
        "plane": models.get("digits.plane").locate(image) if models.has("digits.plane") else None,
    }


def list_nets(state: PlaygroundState, _params: NoParams) -> dict[str, list[dict[str, object]]]:
    """List the trained nets of each kind, the default one first, with their test accuracy."""
    return {key: [list_net(found) for found in state.models.find_all(key)] for key in NET_KEYS}


def list_net(found: TrainedModel) -> dict[str, object]:
    """Return what the menu of trained nets shows."""
    listed = {"run": found.run.name, "data": found.record.data, "is_shipped": found.is_shipped}
    return {**listed, "accuracy": _read_accuracy(found)}


def _read_accuracy(found: TrainedModel) -> float | None:
    return next((each.value for each in found.record.scores if each.name == "test_accuracy"), None)


def get_filter(state: PlaygroundState, params: UnitParams) -> dict[str, object]:
    """Return the weights of a unit or a feature map on what is below it."""
    filters = state.models.get_of_run(params.net, params.run).get_filters(params.layer)
    if filters is None or params.unit >= len(filters):
        raise NotFound(_("this net has no such unit"))
    weights = filters[params.unit]
    return {
        "shape": list(weights.shape),
        "data": encode_signed(weights),
        "largest": float(np.abs(weights).max()),
    }


def get_plane(state: PlaygroundState, _params: NoParams) -> dict[str, object]:
    """Return the points of the t-SNE plane with their labels."""
    plane: TsnePlane = state.models.get("digits.plane")
    return {"points": np.round(plane.points, 3).tolist(), "labels": plane.labels.tolist()}


ENDPOINTS = [
    Endpoint(
        "/api/digits",
        classify,
        Drawing,
        "POST",
        summary=N_("The predictions of the nets for a drawn digit"),
    ),
    Endpoint("/api/digits/nets", list_nets, summary=N_("The trained nets of each kind")),
    Endpoint("/api/digits/filter", get_filter, UnitParams, summary=N_("The weights of a unit")),
    Endpoint("/api/digits/plane", get_plane, summary=N_("The t-SNE plane of the test digits")),
]
