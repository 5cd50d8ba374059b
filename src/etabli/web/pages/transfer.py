"""Transfer: the classes in a photo by deep features and a linear layer, and the training images nearest to it."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field
from starlette.responses import Response

from etabli.core.errors import CorruptFile
from etabli.core.i18n import N_, _
from etabli.web.api import Endpoint, Nothing, NotServed, Question
from etabli.web.model_cache import Found, Tool
from etabli.web.pages.photo import as_jpeg, decoded
from etabli.web.state import Lazy, Studio

np = Lazy("numpy")

NEAREST = 8


class OnePicture(Question):
    """A training image by its place in the list."""

    place: int = Field(ge=0)


@dataclass(frozen=True)
class Material:
    """What was learnt from: the training images with their labels (N, K) and features (N, D), and the net's eyes.

    ``see`` takes a picture (height, width, 3) to its feature (1, D), made as the training images' were.
    """

    classes: Sequence[str]
    paths: Sequence[Path]
    labels: np.ndarray
    features: np.ndarray
    see: Callable[[np.ndarray], np.ndarray]


class Classifier:
    """The linear layer of practical 3 on its deep features."""

    def __init__(self, material: Material, kernel: np.ndarray, bias: np.ndarray) -> None:
        from etabli.models.vision.linear_head import LinearSigmoids

        self.material, self.layer = material, LinearSigmoids(kernel, bias)
        self.directions = _directions(material.features)
        self._lock = threading.Lock()
        self.look(
            np.full((64, 64, 3), 127, np.uint8)
        )  # compiles, so that the first photo need not wait

    def look(self, pixels: np.ndarray) -> dict[str, object]:
        """Every class with its probability, likeliest first, and the training images nearest by the cosine."""
        with self._lock:
            feature = self.material.see(pixels)
        shares = self.layer.probabilities(feature)[0]
        classes = [
            {
                "name": self.material.classes[k],
                "score": float(shares[k]),
                "decided": bool(shares[k] >= 0.5),
            }
            for k in np.argsort(-shares, kind="stable")
        ]
        cosines = self.directions @ _directions(feature)[0]
        nearest = np.argsort(-cosines, kind="stable")[:NEAREST]
        return {
            "classes": classes,
            "nearest": [self._told(int(row), float(cosines[row])) for row in nearest],
        }

    def _told(self, row: int, similarity: float) -> dict[str, object]:
        shown = [
            name
            for name, label in zip(self.material.classes, self.material.labels[row], strict=True)
            if label == 1
        ]
        return {"id": row, "labels": shown, "similarity": similarity}


def _directions(features: np.ndarray) -> np.ndarray:
    wide = np.asarray(features, np.float32)
    return wide / np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), 1e-9)


def load(found: Found) -> Classifier:
    """The better head of ``tp3.transfer``: on the unit roots of the features of an image and its mirror image."""
    from safetensors.numpy import load_file

    head = load_file(found.piece / "head.safetensors")
    return Classifier(same_eyes(material(found, head["features"])), head["kernel"], head["bias"])


def same_eyes(held: Material) -> Material:
    """The material itself, where its net sees the first training image as it was seen in training."""
    from etabli.data.formats import images

    seen = _directions(held.see(images.read(held.paths[0])))[0]
    if float(seen @ _directions(held.features[:1])[0]) < 0.99:
        raise _gone()
    return held


def _gone() -> CorruptFile:
    return CorruptFile(
        _("the net that this run was trained with is not here any more"), fix=_("Train it again.")
    )


def material(found: Found, features: np.ndarray) -> Material:
    """The training images of the run, with the features that the story kept."""
    from etabli import experiments
    from etabli.data.catalog.source import Source
    from etabli.experiments.context import RunContext
    from etabli.experiments.tp3 import _shared

    if "side" not in found.record.settings:  # a run from before the larger input
        raise _gone()
    with tempfile.TemporaryDirectory(prefix="etabli-") as folder:
        context = RunContext(
            experiments.load_experiment(found.record.experiment),
            Path(folder),
            Source(found.record.data),
            found.record.seed,
        )
        work = _shared.task(context, str(found.record.settings.get("backbone", "auto")))
        train = work.train
        if len(train) != len(features):  # some could not be read, and have no features
            train = _shared.readable(train, _shared.deep_features(context, work, train))
    return Material(
        train.classes,
        train.paths,
        train.labels,
        features,
        _eyes(work, int(found.record.settings["side"])),
    )


def _eyes(work, side: int) -> Callable[[np.ndarray], np.ndarray]:
    from PIL import Image

    from etabli.features import engines
    from etabli.models.vision import backbones, linear_head

    net = work.net
    whole = net.build(work.weights, size=(side, side))
    engine = engines.open_engine(
        engines.cut(whole, backbones.feature_layer(net, "pool"), pooled=True), 2
    )

    def see(pixels: np.ndarray) -> np.ndarray:
        plain = np.asarray(Image.fromarray(pixels).resize((side, side), Image.Resampling.BILINEAR))
        return linear_head.unit_roots(
            np.asarray(engine(np.stack([plain, plain[:, ::-1]]))).mean(axis=0, keepdims=True)
        )

    return see


TOOLS = (Tool("transfer", "tp3.transfer", ("head.safetensors",), load),)


def look(studio: Studio, question: Nothing, body: bytes) -> dict[str, object]:
    """What is in a photo."""
    classifier: Classifier = studio.shelf.get("transfer")
    return classifier.look(decoded(body))


def picture(studio: Studio, question: OnePicture) -> Response:
    """A training image, small."""
    from etabli.data.formats import images

    classifier: Classifier = studio.shelf.get("transfer")
    if question.place >= len(classifier.material.paths):
        raise NotServed(_("there is no such training image"))
    return as_jpeg(images.read(classifier.material.paths[question.place]))


ENDPOINTS = [
    Endpoint(
        "/api/transfer", look, Nothing, "POST", upload=True, says=N_("The classes in a photo")
    ),
    Endpoint("/api/transfer/picture/{place}", picture, OnePicture, says=N_("A training image")),
]
