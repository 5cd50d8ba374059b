"""A digit as it is drawn: what each net answers, what its layers do, and where the digit lands in the t-SNE plane.

Strokes of a pen -> an image as MNIST has them: 28 x 28, white on black, 20 high or wide, centred by its mass.

LeCun, Cortes, Burges: the digits were size-normalised into a 20 x 20 box, and the centre of mass of the pixels
put in the middle of 28 x 28.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field

from etabli.core.errors import CorruptFile
from etabli.core.i18n import N_, _
from etabli.web.api import Endpoint, Nothing, Question
from etabli.web.model_cache import Found, Tool
from etabli.web.state import Lazy, Studio

np = Lazy("numpy")

SIDE, BOX = 28, 20
FINE = 8  # pixels of the fine drawing for one of the image
DOT = 0.03  # what is smaller than this share of the pad stays a dot
PEN = 2.6  # width of the pen in pixels of the image


def image_of(strokes: Sequence[Sequence[Sequence[float]]]) -> np.ndarray:
    """Strokes of points (x, y), in sides of the pad -> (28, 28) float32 in [0, 1]; nothing drawn gives zeros."""
    from PIL import Image

    points = np.array([point for stroke in strokes for point in stroke], dtype=np.float64)
    if len(points) == 0:
        return np.zeros((SIDE, SIDE), np.float32)
    fine = _drawn(strokes, points)
    small = Image.fromarray(fine).resize((SIDE, SIDE), Image.Resampling.BOX)
    return _centred(np.asarray(small, dtype=np.float32) / 255)


def _drawn(strokes: Sequence[Sequence[Sequence[float]]], points: np.ndarray) -> np.ndarray:
    """The strokes, scaled so that with the pen's width they fill the box, as (28 FINE, 28 FINE) uint8."""
    from PIL import Image, ImageDraw

    low, high = points.min(axis=0), points.max(axis=0)
    scale = FINE * (BOX - PEN) / max(float((high - low).max()), DOT)
    middle = (low + high) / 2
    canvas = Image.new("L", (SIDE * FINE, SIDE * FINE))
    pen = ImageDraw.Draw(canvas)
    radius = PEN * FINE / 2
    for stroke in strokes:
        places = [tuple((np.asarray(point) - middle) * scale + SIDE * FINE / 2) for point in stroke]
        if len(places) > 1:
            pen.line(places, fill=255, width=round(2 * radius), joint="curve")
        for x, y in places[:1] + places[-1:]:
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    return np.asarray(canvas)


def _centred(image: np.ndarray) -> np.ndarray:
    """Moved by whole pixels so that the centre of mass comes to the middle; nothing is moved over the edge."""
    total = image.sum()
    if total == 0:
        return image
    moved = image
    for axis in (0, 1):
        mass = image.sum(axis=1 - axis)
        shift = round((SIDE - 1) / 2 - float((mass * np.arange(SIDE)).sum() / total))
        filled = np.flatnonzero(mass)
        shift = int(np.clip(shift, -filled[0], SIDE - 1 - filled[-1]))
        moved = np.roll(moved, shift, axis=axis)
    return moved


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

        from etabli.training import keras_io

        model = keras_io.load(path)
        self.names = [layer.name for layer in model.layers if layer.name in _SHOWN] + [
            model.layers[-1].name
        ]
        self.shape = tuple(model.inputs[0].shape[1:])
        self._reader = keras.Model(
            model.inputs, [model.get_layer(name).output for name in self.names]
        )
        self._lock = threading.Lock()
        self.answer(
            np.zeros((28, 28), np.float32)
        )  # compiles, so that the first stroke need not wait

    def answer(self, image: np.ndarray) -> dict[str, object]:
        with self._lock:
            outputs = self._reader.predict_on_batch(
                image.reshape(1, *self.shape).astype(np.float32)
            )
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
    return {
        "name": name,
        "shape": list(maps.shape),
        "data": base64.b64encode(scaled.tobytes()).decode(),
    }


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
        return {
            "place": np.median(self.points[nearest], axis=0).tolist(),
            "nearest": nearest.tolist(),
        }


def load_plane(found: Found) -> Plane:
    """The test images with their t-SNE points; on a large set every so many-th is kept."""
    from safetensors.numpy import load_file

    from etabli.data.catalog.source import Source
    from etabli.data.formats import mnist

    points = load_file(found.piece / "tsne.safetensors")["points"]
    digits = mnist.load(Source(found.record.data))
    if len(points) > len(digits.test_images):
        raise CorruptFile(_("the points of this run belong to other images"))
    every = slice(None, None, max(1, len(points) // MOST_POINTS))
    images = digits.test_images[: len(points)].reshape(len(points), -1)
    return Plane(
        images[every].astype(np.float32), points[every], digits.test_labels[: len(points)][every]
    )


def _load_linear(found: Found) -> Numpy:
    from etabli.models.estimators.softmax_regression import SoftmaxRegression

    return Numpy(SoftmaxRegression.load(found.piece / "softmax_regression.safetensors"))


def _load_mlp(found: Found) -> Numpy:
    from etabli.models.estimators.mlp import MLP

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
    plane = (
        studio.shelf.get("digits.plane").lands(image) if studio.shelf.has("digits.plane") else None
    )
    seen = base64.b64encode(np.rint(255 * image).astype(np.uint8).tobytes()).decode()
    return {"seen": seen, "answers": answers, "plane": plane}


_NETS = ("digits.linear", "digits.mlp", "digits.cnn")


def plane(studio: Studio, question: Nothing) -> dict[str, object]:
    """The points of the t-SNE plane with their labels."""
    known: Plane = studio.shelf.get("digits.plane")
    return {"points": np.round(known.points, 3).tolist(), "labels": known.labels.tolist()}


ENDPOINTS = [
    Endpoint("/api/digits", read, Drawn, "POST", says=N_("What the nets answer to a drawn digit")),
    Endpoint(
        "/api/digits/plane", plane, Nothing, says=N_("The t-SNE plane that a drawn digit lands in")
    ),
]
