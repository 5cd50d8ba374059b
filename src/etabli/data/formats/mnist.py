"""Handwritten digits: MNIST, or the sample digits, from the same four IDX files.

Source: LeCun, Cortes, Burges, "The MNIST database of handwritten digits"; LeCun et al. 1998.
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from etabli.core.errors import CorruptFile
from etabli.core.i18n import _
from etabli.data.catalog.source import Source
from etabli.data.formats import idx

IMAGE_SIZE = 28
N_CLASSES = 10
FILES = {
    "train_images": "train-images-idx3-ubyte",
    "train_labels": "train-labels-idx1-ubyte",
    "test_images": "t10k-images-idx3-ubyte",
    "test_labels": "t10k-labels-idx1-ubyte",
}


@dataclass(frozen=True, eq=False)
class Digits:
    """Images ``(N, 28, 28)`` uint8, 0 paper and 255 ink; labels ``(N,)`` int64; read-only."""

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    name: str = "mnist"

    def __post_init__(self) -> None:
        for part in FILES:
            getattr(self, part).setflags(write=False)

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of shapes and content, for cache keys."""
        total = hashlib.sha256()
        for part in FILES:
            array = getattr(self, part)
            total.update(f"{part} {array.dtype} {array.shape} ".encode())
            total.update(np.ascontiguousarray(array).data)
        return total.hexdigest()

    def flatten(self) -> tuple[np.ndarray, np.ndarray]:
        """Return training and test images as ``(N, 784)`` float32 in [0, 1], read-only."""
        return flatten(self.train_images), flatten(self.test_images)

    def head(self, train_size: int, test_size: int) -> "Digits":
        """Return the first examples of each split (the lab report uses 6,000 and 1,000)."""
        return Digits(
            self.train_images[:train_size],
            self.train_labels[:train_size],
            self.test_images[:test_size],
            self.test_labels[:test_size],
            self.name,
        )


def load(source: Source) -> Digits:
    """Load MNIST (60,000 + 10,000) or, from a sample source, scikit-learn's digits.

    Raises ``DataMissing`` for a missing file and ``CorruptFile`` for one with other content.
    """
    paths = {}
    for split, name in FILES.items():
        dotted = name.replace("-idx", ".idx")
        paths[split] = source.file("mnist", f"{name}.gz", name, f"{dotted}.gz", dotted)
    train = _read_split(paths["train_images"], paths["train_labels"])
    test = _read_split(paths["test_images"], paths["test_labels"])
    return Digits(*train, *test, "digits" if source.is_sample else "mnist")


def flatten(images: np.ndarray) -> np.ndarray:
    """Convert ``(N, 28, 28)`` uint8 to ``(N, 784)`` float32 in [0, 1], read-only."""
    pixels = images.reshape(len(images), -1).astype(np.float32)
    pixels /= np.float32(255)
    pixels.setflags(write=False)
    return pixels


def _read_split(images_path: Path, labels_path: Path) -> tuple[np.ndarray, np.ndarray]:
    images, labels = idx.read_images(images_path), idx.read_labels(labels_path)
    if len(images) != len(labels):
        raise CorruptFile(
            _("{images} and {labels} do not match").format(images=images_path, labels=labels_path),
            expected=_("as many labels as images"),
            got=_("{n} images and {m} labels").format(n=len(images), m=len(labels)),
            fix=_("Take both files from the same release."),
        )
    if images.shape[1:] != (IMAGE_SIZE, IMAGE_SIZE) or len(images) == 0:
        raise CorruptFile(
            _("{path} does not contain MNIST images").format(path=images_path),
            expected=f"N x {IMAGE_SIZE} x {IMAGE_SIZE}",
            got=" x ".join(map(str, images.shape)),
        )
    if labels.max() >= N_CLASSES:
        raise CorruptFile(
            _("{path} contains a label that is not a digit").format(path=labels_path),
            expected=_("0 to 9"),
            got=_("{label} at position {at}").format(label=labels.max(), at=labels.argmax()),
        )
    return images, labels.astype(np.int64)
