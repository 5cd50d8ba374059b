"""Transfer: the classes of a photo by a linear classifier on features, and its nearest images.

Where the ImageNet weights are in the data folder, also the thousand classes, with activation maps.
"""

import io
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field
from starlette.responses import Response

from etabli.core.errors import CorruptFile
from etabli.core.i18n import N_, _
from etabli.metrics.novelty import Familiarity, normalize_rows
from etabli.report import run_folder
from etabli.web.api import Endpoint, NoParams, NotFound, Params
from etabli.web.model_cache import ModelSpec, TrainedModel
from etabli.web.pages.digits import encode_bytes
from etabli.web.pages.photo import decode_photo, describe_familiarity
from etabli.web.state import PlaygroundState

if TYPE_CHECKING:
    from etabli.features.imagenet import ImageNetHead

N_NEAREST, N_IMAGENET = 8, 5
DRAWN = N_("drawn scenes")
_THUMBNAIL_SIZE = 320
_MIN_SIMILARITY = 0.99  # of features stored by the run and extracted now


class ImageParams(Params):
    """A training image by its index."""

    index: int = Field(ge=0)


@dataclass(frozen=True)
class TrainingSet:
    """The training images with labels (N, K) and features (N, D), and their feature extractor.

    ``extract`` maps pixels (height, width, 3) of ``input_size`` to features (1, D). Where these do
    not tell other images apart, ``look`` and ``looks`` (N, D') are what distances are measured in.
    ``kind`` is "drawn scenes" or the name of the photographs.
    """

    classes: Sequence[str]
    paths: Sequence[Path]
    labels: np.ndarray
    features: np.ndarray
    extract: Callable[[np.ndarray], np.ndarray]
    input_size: tuple[int, int]
    kind: str = DRAWN
    look: Callable[[np.ndarray], np.ndarray] | None = None
    looks: np.ndarray | None = None


class PhotoClassifier:
    """The linear classifier of practical 3 on features of a pretrained net."""

    def __init__(self, training_set: TrainingSet, kernel: np.ndarray, bias: np.ndarray) -> None:
        from etabli.models.vision.linear_head import LinearClassifier

        self.training_set, self.head = training_set, LinearClassifier(kernel, bias)
        self.directions = normalize_rows(training_set.features)
        self.familiarity = Familiarity.fit(
            training_set.features if training_set.looks is None else training_set.looks
        )
        self._lock = threading.Lock()
        # Compile before the first photo.
        self.classify(np.full((*training_set.input_size, 3), 127, np.uint8))

    def classify(self, pixels: np.ndarray) -> dict[str, object]:
        """Return the classes by probability, and the training images by cosine similarity."""
        with self._lock:
            features = self.training_set.extract(pixels)
        probabilities = self.head.probabilities(features)[0]
        similarities = self.directions @ normalize_rows(features)[0]
        classes, labels = np.asarray(self.training_set.classes), self.training_set.labels
        look = self.training_set.look
        seen = features if look is None else look(pixels)
        return {
            "familiarity": describe_familiarity(self.familiarity, seen),
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

    def describe(self) -> dict[str, object]:
        """Return what the classifier knows: its classes and its training images."""
        known = self.training_set
        return {"classes": list(known.classes), "images": len(known.paths), "kind": known.kind}


class ImageNetClassifier:
    """The thousand classes of MobileNetV2, and where in a photo each of them is found."""

    def __init__(self, weights: Path, head: "ImageNetHead") -> None:
        from etabli.features import regions

        self.extract, self.input_size = regions.open_extractor("mobilenet_v2", weights)
        self.head, self._lock = head, threading.Lock()
        self.classify(np.full((*self.input_size, 3), 127, np.uint8))

    def classify(self, pixels: np.ndarray) -> dict[str, object]:
        """Return the most probable classes, each with its activation map as bytes."""
        with self._lock:
            maps = self.extract(pixels)[0]
        probabilities = self.head.probabilities(maps.astype(np.float32).mean(0, keepdims=True))[0]
        best = np.argsort(-probabilities, kind="stable")[:N_IMAGENET]
        side = round(len(maps) ** 0.5)
        return {
            "grid": [side, side],
            "classes": [
                {
                    "name": self.head.names[k],
                    "score": float(probabilities[k]),
                    "map": encode_bytes((row - row.min()) / max(float(np.ptp(row)), 1e-9)),
                }
                for k, row in zip(best, self.head.activation_maps(maps, best), strict=True)
            ],
        }


def _load(found: TrainedModel) -> PhotoClassifier:
    """Load the head of ``tp3.transfer`` on square-root-normalized, flip-averaged features."""
    from safetensors.numpy import load_file

    from etabli.data.formats import images

    head = load_file(found.folder / "head.safetensors")
    data = load_training_set(found, head["features"])
    pixels = images.read(data.paths[0], data.input_size)
    similarity = normalize_rows(data.extract(pixels))[0] @ normalize_rows(data.features[:1])[0]
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
    from etabli.data.formats import images
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
    known = (train.classes, train.paths, train.labels, features, extract, size)
    if found.record.data != "sample":
        return TrainingSet(*known, train.title)
    # The small net has only seen drawings: its features of photographs are like theirs.
    looks = np.concatenate([_look_at_cells(images.read(path, size)) for path in train.paths])
    return TrainingSet(*known, look=_look_at_cells, looks=looks)


def _look_at_cells(pixels: np.ndarray) -> np.ndarray:
    """Return the mean of colors and edges over an image of any size: (1, 41)."""
    from PIL import Image

    from etabli.features import regions

    size = (regions.IMAGE_SIZE, regions.IMAGE_SIZE)
    image = Image.fromarray(pixels)
    if image.size != size:
        image = image.resize(size, Image.Resampling.BILINEAR)
    return regions.compute_cells(np.asarray(image)).mean(axis=0, keepdims=True)


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


def _find_imagenet() -> TrainedModel | None:
    """Return the ImageNet weights in the data folder, as the cache of models takes them."""
    from etabli.features.imagenet import find_weights_files

    files = find_weights_files()
    if files is None:
        return None
    record = run_folder.SeedRun(
        experiment="imagenet",
        title="MobileNetV2",
        seed=0,
        data="full",
        settings={},
        started=run_folder.current_time(),
        seconds=0.0,
        peak_memory_mb=0.0,
    )
    newest = max(path.stat().st_mtime_ns for path in files)
    return TrainedModel(Path("imagenet"), files[-1], record, (str(files[-1]), newest))


def _load_imagenet(found: TrainedModel) -> ImageNetClassifier:
    from etabli.features.imagenet import ImageNetHead

    return ImageNetClassifier(found.folder, ImageNetHead.load())


MODELS = (
    ModelSpec("transfer", "tp3.transfer", ("head.safetensors",), _load),
    ModelSpec("transfer.imagenet", "", (), _load_imagenet, find=_find_imagenet),
)


def describe(state: PlaygroundState, _params: NoParams) -> dict[str, object]:
    """Return what the classifier of the page knows."""
    return state.models.get("transfer").describe()


def classify(state: PlaygroundState, _params: NoParams, body: bytes) -> dict[str, object]:
    """Return the classes of a photo, and its nearest training images."""
    classifier: PhotoClassifier = state.models.get("transfer")
    return classifier.classify(decode_photo(body, classifier.training_set.input_size))


def classify_imagenet(state: PlaygroundState, _params: NoParams, body: bytes) -> dict[str, object]:
    """Return the ImageNet classes of a photo, with their activation maps."""
    classifier: ImageNetClassifier = state.models.get("transfer.imagenet")
    return classifier.classify(decode_photo(body, classifier.input_size))


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
    Endpoint("/api/transfer", describe, summary=N_("What the classifier of photos knows")),
    Endpoint(
        "/api/transfer/imagenet",
        classify_imagenet,
        method="POST",
        upload=True,
        summary=N_("The ImageNet classes of a photo"),
    ),
    Endpoint(
        "/api/transfer", classify, method="POST", upload=True, summary=N_("The classes of a photo")
    ),
    Endpoint(
        "/api/transfer/images/{index}", get_image, ImageParams, summary=N_("A training image")
    ),
]
