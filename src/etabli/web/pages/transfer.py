"""Transfer: the classes of a photo by a linear classifier on features, and its nearest images."""

import io
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field
from starlette.responses import Response

from etabli.core.errors import CorruptFile
from etabli.core.i18n import N_, _
from etabli.web.api import Endpoint, NoParams, NotFound, Params
from etabli.web.model_cache import ModelSpec, TrainedModel
from etabli.web.pages.photo import decode_photo
from etabli.web.state import PlaygroundState

N_NEAREST = 8
_THUMBNAIL_SIZE = 320
_MIN_SIMILARITY = 0.99  # of features stored by the run and extracted now


class ImageParams(Params):
    """A training image by its index."""

    index: int = Field(ge=0)


@dataclass(frozen=True)
class TrainingSet:
    """The training images with labels (N, K) and features (N, D), and their feature extractor.

    ``extract`` maps pixels (height, width, 3) of ``input_size`` to features (1, D).
    """

    classes: Sequence[str]
    paths: Sequence[Path]
    labels: np.ndarray
    features: np.ndarray
    extract: Callable[[np.ndarray], np.ndarray]
    input_size: tuple[int, int]


class PhotoClassifier:
    """The linear classifier of practical 3 on features of a pretrained net."""

    def __init__(self, training_set: TrainingSet, kernel: np.ndarray, bias: np.ndarray) -> None:
        from etabli.models.vision.linear_head import LinearClassifier

        self.training_set, self.head = training_set, LinearClassifier(kernel, bias)
        self.directions = _normalize(training_set.features)
        self._lock = threading.Lock()
        # Compile before the first photo.
        self.classify(np.full((*training_set.input_size, 3), 127, np.uint8))

    def classify(self, pixels: np.ndarray) -> dict[str, object]:
        """Return the classes by probability, and the training images by cosine similarity."""
        with self._lock:
            features = self.training_set.extract(pixels)
        probabilities = self.head.probabilities(features)[0]
        similarities = self.directions @ _normalize(features)[0]
        classes, labels = np.asarray(self.training_set.classes), self.training_set.labels
        return {
            "classes": [
                {
                    "name": str(classes[k]),
                    "score": float(probabilities[k]),
                    "predicted": bool(probabilities[k] >= 0.5),
                }
                for k in np.argsort(-probabilities, kind="stable")
            ],
            "nearest": [
                {
                    "index": int(row),
                    "labels": classes[labels[row] == 1].tolist(),
                    "similarity": float(similarities[row]),
                }
                for row in np.argsort(-similarities, kind="stable")[:N_NEAREST]
            ],
        }


def _normalize(features: np.ndarray) -> np.ndarray:
    features = np.asarray(features, np.float32)
    return features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-9)


def _load(found: TrainedModel) -> PhotoClassifier:
    """Load the head of ``tp3.transfer`` on square-root-normalized, flip-averaged features."""
    from safetensors.numpy import load_file

    from etabli.data.formats import images

    head = load_file(found.folder / "head.safetensors")
    data = load_training_set(found, head["features"])
    pixels = images.read(data.paths[0], data.input_size)
    similarity = _normalize(data.extract(pixels))[0] @ _normalize(data.features[:1])[0]
    if float(similarity) < _MIN_SIMILARITY:
        raise _missing_net()
    return PhotoClassifier(data, head["kernel"], head["bias"])


def _missing_net() -> CorruptFile:
    return CorruptFile(
        _("the net that this run was trained with is no longer available"),
        fix=_("Train it again."),
    )


def load_training_set(found: TrainedModel, features: np.ndarray) -> TrainingSet:
    """Load the training images of a run, and open the feature extractor of its ``features``."""
    from etabli import experiments
    from etabli.data.catalog.source import Source
    from etabli.experiments.context import RunContext
    from etabli.experiments.tp3 import _shared

    settings = found.record.settings
    stored_size = settings.get("image_size", settings.get("side"))
    if stored_size is None:  # a run older than this setting
        raise _missing_net()
    with tempfile.TemporaryDirectory(prefix="etabli-") as folder:
        context = RunContext(
            experiments.load_experiment(found.record.experiment),
            Path(folder),
            Source(found.record.data),
            found.record.seed,
        )
        task = _shared.load_task(context, str(settings.get("backbone", "auto")))
        train = task.train
        if len(train) != len(features):  # unreadable images have no features
            train = _shared.keep_readable(train, _shared.extract_features(context, task, train))
    size = (int(str(stored_size)),) * 2
    extract = _open_feature_extractor(task, size)
    return TrainingSet(train.classes, train.paths, train.labels, features, extract, size)


def _open_feature_extractor(task: Any, size: tuple[int, int]) -> Callable[[np.ndarray], np.ndarray]:
    from etabli.features import engines
    from etabli.models.vision import backbones, linear_head

    layer = backbones.feature_layer_name(task.net, "pool")
    model = engines.truncate_model(task.net.build(task.weights, size=size), layer, pooled=True)
    engine = engines.open_engine(model, 2)

    def extract(pixels: np.ndarray) -> np.ndarray:
        both = np.asarray(engine(np.stack([pixels, pixels[:, ::-1]])))
        return linear_head.sqrt_normalize(both.mean(axis=0, keepdims=True))

    return extract


MODELS = (ModelSpec("transfer", "tp3.transfer", ("head.safetensors",), _load),)


def classify(state: PlaygroundState, _params: NoParams, body: bytes) -> dict[str, object]:
    """Return the classes of a photo, and its nearest training images."""
    classifier: PhotoClassifier = state.models.get("transfer")
    return classifier.classify(decode_photo(body, classifier.training_set.input_size))


def get_image(state: PlaygroundState, params: ImageParams) -> Response:
    """Return a thumbnail of a training image."""
    from PIL import Image

    from etabli.data.formats import images

    paths = state.models.get("transfer").training_set.paths
    if params.index >= len(paths):
        raise NotFound(_("there is no such training image"))
    thumbnail = Image.fromarray(images.read(paths[params.index]))
    thumbnail.thumbnail((_THUMBNAIL_SIZE, _THUMBNAIL_SIZE))
    stream = io.BytesIO()
    thumbnail.save(stream, "JPEG", quality=85)
    headers = {"cache-control": "private, max-age=3600"}
    return Response(stream.getvalue(), media_type="image/jpeg", headers=headers)


ENDPOINTS = [
    Endpoint(
        "/api/transfer", classify, method="POST", upload=True, summary=N_("The classes of a photo")
    ),
    Endpoint(
        "/api/transfer/images/{index}", get_image, ImageParams, summary=N_("A training image")
    ),
]
