"""The images that trained a classifier, by name, label and pooled features, next to the model.

``training_images.safetensors`` holds unit vectors in half precision, 2.5 kB an image for
MobileNetV2, and where the images were: they are not copied.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from etabli.core.atomic_files import atomic_write, parse_json
from etabli.core.errors import CorruptFile
from etabli.core.i18n import _

__all__ = ["FILE", "TrainingImages", "load", "save"]

FILE = "training_images.safetensors"


@dataclass(frozen=True, eq=False)
class TrainingImages:
    """N names, paths and labels, and features (N, D) float16 of length 1."""

    names: tuple[str, ...]
    paths: tuple[str, ...]
    labels: tuple[str, ...]
    features: np.ndarray

    def find_nearest(self, features: np.ndarray, count: int) -> list[tuple[int, float]]:
        """Return the index and the cosine of the images nearest to features (D,)."""
        unit = features.astype(np.float32) / max(float(np.linalg.norm(features)), 1e-12)
        cosines = self.features.astype(np.float32) @ unit
        order = np.argsort(-cosines, kind="stable")[:count]
        return [(int(row), float(cosines[row])) for row in order]


def save(folder: Path | str, images: TrainingImages) -> None:
    """Write the file of training images into the folder of a model."""
    from safetensors.numpy import save as encode

    texts = {"names": images.names, "paths": images.paths, "labels": images.labels}
    # ASCII: a path may hold bytes that are not UTF-8, which the file format refuses.
    metadata = {name: json.dumps(each) for name, each in texts.items()}
    with atomic_write(Path(folder) / FILE, "wb") as stream:
        stream.write(encode({"features": images.features}, metadata))


def load(folder: Path | str) -> TrainingImages | None:
    """Return the training images of a model; None where they were not stored."""
    from safetensors import SafetensorError, safe_open

    path = Path(folder) / FILE
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="numpy") as stored:
            held = {name: tuple(parse_json(text)) for name, text in stored.metadata().items()}
            features = stored.get_tensor("features")
        found = TrainingImages(held["names"], held["paths"], held["labels"], features)
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorruptFile(_("{path} is not a list of training images").format(path=path)) from error
    lengths = {len(found.names), len(found.paths), len(found.labels), len(features)}
    if len(lengths) != 1 or features.ndim != 2:
        raise CorruptFile(_("{path} is not a list of training images").format(path=path))
    return found
