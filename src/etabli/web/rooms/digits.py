"""A digit as it is drawn: what each net answers, what its layers do, and where the digit lands in the t-SNE plane."""

from __future__ import annotations

import base64
import threading
from pathlib import Path
from typing import Annotated

from pydantic import Field

from etabli.errors import CorruptFile
from etabli.i18n import N_, _
from etabli.web.drawing import image_of
from etabli.web.endpoint import Endpoint, Nothing, Question
from etabli.web.lazily import Lazy
from etabli.web.shelf import Found, Tool
from etabli.web.studio import Studio

np = Lazy("numpy")

NEIGHBOURS = 9
MOST_POINTS = 3000
Coordinate = Annotated[float, Field(ge=-4, le=4)]
Point = Annotated[list[Coordinate], Field(min_length=2, max_length=2)]
Stroke = Annotated[list[Point], Field(max_length=2000)]


class Drawn(Question):
    """Strokes of points (x, y), in sides of the pad."""

    strokes: list[Stroke] = Field(max_length=60)


class Numpy:
    """A hand-written net of practical 1."""

    def __init__(self, model: object) -> None:
        self.model = model

    def answer(self, image: np.ndarray) -> dict[str, object]:
        row = image.reshape(1, -1).astype(self.model.dtype)
        hidden = [name for name in self.model.layer_names if name.startswith("hidden")]
        layers = [_layer(name, self.model.activations(row, name)[0]) for name in hidden]
        return {"probabilities": self.model.predict_proba(row)[0].tolist(), "layers": layers}


class Keras:
    """A Keras net of practical 2; its feature maps and its last hidden layer, read in one pass."""

    def __init__(self, path: Path) -> None:
        import keras

        from etabli.models import keras_file

        model = keras_file.load(path)
        self.names = [layer.name for layer in model.layers if layer.name in _SHOWN] + [model.layers[-1].name]
        self.shape = tuple(model.inputs[0].shape[1:])
        self._reader = keras.Model(model.inputs, [model.get_layer(name).output for name in self.names])
        self._lock = threading.Lock()
        self.answer(np.zeros((28, 28), np.float32))  # compiles, so that the first stroke need not wait

    def answer(self, image: np.ndarray) -> dict[str, object]:
        with self._lock:
            outputs = self._reader.predict_on_batch(image.reshape(1, *self.shape).astype(np.float32))
        *hidden, last = [np.asarray(output)[0] for output in outputs]
        layers = [_layer(name, values) for name, values in zip(self.names, hidden, strict=False)]
        return {"probabilities": last.tolist(), "layers": layers}


_SHOWN = ("relu1", "relu2", "sigmoid")


def _layer(name: str, values: np.ndarray) -> dict[str, object]:
    """A layer for the page: (H,) activities or (height, width, C) maps, as bytes between the least and the largest."""
    maps = values[None, None] if values.ndim == 1 else np.moveaxis(values, -1, 0)
    low, high = float(values.min()), float(values.max())
    if values.ndim == 1 and low >= 0 and high <= 1:
        low, high = 0.0, 1.0  # a sigmoid's range
    scaled = np.rint(255 * (maps - low) / max(high - low, 1e-9)).astype(np.uint8)
    return {"name": name, "shape": list(maps.shape), "data": base64.b64encode(scaled.tobytes()).decode()}


class Plane:
    """Images whose place in the t-SNE plane is known; a new one lands among those that look like it."""

    def __init__(self, images: np.ndarray, points: np.ndarray, labels: np.ndarray) -> None:
        self.directions = images / np.linalg.norm(images, axis=1, keepdims=True)
        self.points, self.labels = points, labels

    def lands(self, image: np.ndarray) -> dict[str, object]:
        """Where openTSNE starts a new point: the median of the places of the nearest images, by coordinate.

        Nearest by the angle, so that a thin pen and a thick one land alike.
        """
        nearest = np.argsort(-(self.directions @ image.ravel()), kind="stable")[:NEIGHBOURS]
        return {"place": np.median(self.points[nearest], axis=0).tolist(), "nearest": nearest.tolist()}


def load_plane(found: Found) -> Plane:
    """The test images with their t-SNE points; on a large set every so many-th is kept."""
    from safetensors.numpy import load_file

    from etabli.data import mnist
    from etabli.data.source import Source

    points = load_file(found.piece / "tsne.safetensors")["points"]
    digits = mnist.load(Source(found.record.data))
    if len(points) > len(digits.test_images):
        raise CorruptFile(_("the points of this run belong to other images"))
    every = slice(None, None, max(1, len(points) // MOST_POINTS))
    images = digits.test_images[: len(points)].reshape(len(points), -1)
    return Plane(images[every].astype(np.float32), points[every], digits.test_labels[: len(points)][every])


def _load_linear(found: Found) -> Numpy:
    from etabli.models.softmax_regression import SoftmaxRegression

    return Numpy(SoftmaxRegression.load(found.piece / "softmax_regression.safetensors"))


def _load_mlp(found: Found) -> Numpy:
    from etabli.models.mlp import MLP

    return Numpy(MLP.load(found.piece / "mlp.safetensors"))


def _load_cnn(found: Found) -> Keras:
    return Keras(found.piece / "model.keras")


TOOLS = (
    Tool("digits.linear", "tp1.logistic", ("softmax_regression.safetensors",), _load_linear),
    Tool("digits.mlp", "tp1.mlp", ("mlp.safetensors",), _load_mlp),
    Tool("digits.cnn", "tp2.cnn", ("model.keras",), _load_cnn),
    Tool("digits.plane", "tp2.raw", ("tsne.safetensors",), load_plane),
)


def read(studio: Studio, question: Drawn) -> dict[str, object]:
    """What every net that is there answers to the drawing."""
    image = image_of(question.strokes)
    answers = {key: studio.shelf.get(key).answer(image) for key in _NETS if studio.shelf.has(key)}
    plane = studio.shelf.get("digits.plane").lands(image) if studio.shelf.has("digits.plane") else None
    seen = base64.b64encode(np.rint(255 * image).astype(np.uint8).tobytes()).decode()
    return {"seen": seen, "answers": answers, "plane": plane}


_NETS = ("digits.linear", "digits.mlp", "digits.cnn")


def plane(studio: Studio, question: Nothing) -> dict[str, object]:
    """The points of the t-SNE plane with their labels."""
    known: Plane = studio.shelf.get("digits.plane")
    return {"points": np.round(known.points, 3).tolist(), "labels": known.labels.tolist()}


ENDPOINTS = [
    Endpoint("/api/digits", read, Drawn, "POST", says=N_("What the nets answer to a drawn digit")),
    Endpoint("/api/digits/plane", plane, Nothing, says=N_("The t-SNE plane that a drawn digit lands in")),
]
