"""Small labeled images in MNIST's four IDX files: MNIST, the sample digits, or other data.

Source: LeCun, Cortes, Burges, "The MNIST database of handwritten digits"; LeCun et al. 1998.
"""

import hashlib
import os
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from etabli.core.errors import BadArray, CorruptFile, DataMissing
from etabli.core.i18n import _
from etabli.data.catalog.source import Source, explain_missing, is_path
from etabli.data.formats import idx, known_sets
from etabli.data.formats.known_sets import Identity, KnownSet

IMAGE_SIZE = 28
FILES = {
    "train_images": "train-images-idx3-ubyte",
    "train_labels": "train-labels-idx1-ubyte",
    "test_images": "t10k-images-idx3-ubyte",
    "test_labels": "t10k-labels-idx1-ubyte",
}
MAX_CLASSES = 1000
# ``train-images-idx3-ubyte.gz``, ``t10k-labels.idx1-ubyte``, ``emnist-letters-test-images-...``
_NAME = re.compile(
    r"(?:(?P<prefix>[\w-]+)-)?(?P<half>train|t10k|test)-(?P<kind>images|labels)"
    r"[-.]idx\d-(?:ubyte|int)(?:\.gz)?"
)
SAMPLE = Identity("digits", "scikit-learn digits", known_sets.get_known_set("mnist"))


@dataclass(frozen=True, eq=False)
class Digits:
    """Images ``(N, H, W)`` uint8, 0 paper and 255 ink; labels ``(N,)`` int64; read-only.

    MNIST's are 28 x 28. ``classes`` are the names of the labels 0 to K - 1.
    """

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    name: str = "mnist"
    classes: tuple[str, ...] = tuple("0123456789")

    def __post_init__(self) -> None:
        for part in FILES:
            getattr(self, part).setflags(write=False)

    @property
    def image_shape(self) -> tuple[int, int]:
        """Height and width of the images."""
        height, width = self.train_images.shape[1:]
        return height, width

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
        """Return training and test images as ``(N, H W)`` float32 in [0, 1], read-only."""
        return flatten(self.train_images), flatten(self.test_images)

    def head(self, train_size: int, test_size: int) -> "Digits":
        """Return the first examples of each split (the lab report uses 6,000 and 1,000)."""
        return replace(
            self,
            train_images=self.train_images[:train_size],
            train_labels=self.train_labels[:train_size],
            test_images=self.test_images[:test_size],
            test_labels=self.test_labels[:test_size],
        )

    def require_size(self, smallest: int, net: str) -> None:
        """Raise ``BadArray`` where the images are too small for a net."""
        if min(self.image_shape) < smallest:
            raise BadArray(
                _("the images are too small for the {net}").format(net=net),
                expected=_("at least {n} x {n} pixels").format(n=smallest),
                got=" x ".join(map(str, self.image_shape)),
                fix=_("tp1.logistic, tp1.mlp, tp2.logistic and tp2.mlp take images of any size."),
            )


def load(source: Source) -> Digits:
    """Load MNIST (60,000 + 10,000), the data in its place, or scikit-learn's digits as a sample.

    Raises ``DataMissing`` for a missing file and ``CorruptFile`` for files that do not fit
    together.
    """
    paths, identity = find_files(source), identify(source)
    train = _read_split(paths["train_images"], paths["train_labels"])
    test = _read_split(paths["test_images"], paths["test_labels"])
    if train[0].shape[1:] != test[0].shape[1:]:
        raise CorruptFile(
            _("{train} and {test} do not match").format(
                train=paths["train_images"], test=paths["test_images"]
            ),
            expected=_("images of one size"),
            got=f"{train[0].shape[1:]}, {test[0].shape[1:]}",
            fix=_("Take both files from the same release."),
        )
    if identity.known is not None:
        train, test = (_as_known(each, identity.known) for each in (train, test))
        return Digits(*train, *test, identity.name, identity.known.classes)
    names = _find_classes(train[1], test[1], paths["test_labels"])
    labels = (np.searchsorted(names, each[1]) for each in (train, test))
    (first, second), classes = labels, tuple(map(str, names))
    return Digits(train[0], first, test[0], second, identity.name, classes)


def identify(source: Source) -> Identity:
    """Say which data set is in the place of MNIST: a known one, or your own idx data."""
    if source.is_sample:
        return SAMPLE
    return known_sets.identify(find_files(source), source.dataset)


def find_files(source: Source) -> dict[str, Path]:
    """Return the file of each part; ``DataMissing`` for the first that is missing."""
    folder = source.path("mnist")
    wanted = "" if source.dataset in (None, "mnist") else source.dataset
    found = {part: sorted(_list_candidates(folder, part), key=_order) for part in FILES}
    prefixes = {_prefix(path) for paths in found.values() for path in paths}
    if len(prefixes) > 1 and prefixes & {"", wanted}:
        prefixes = {wanted} if wanted in prefixes else {""}
    if len(prefixes) > 1:
        raise CorruptFile(
            _("{folder} holds several sets of idx files").format(folder=folder),
            expected=_("four files of one data set"),
            got=", ".join(sorted(prefixes)),
            fix=_("Move one set into another folder, and give that folder."),
        )
    kept = {
        part: [each for each in paths if _prefix(each) in prefixes] for part, paths in found.items()
    }
    for part, paths in kept.items():
        if not paths:
            raise _explain_missing(source, folder, part)
    return {part: paths[0] for part, paths in kept.items()}


def _list_candidates(folder: Path, part: str) -> Iterator[Path]:
    half, kind = part.split("_")
    # Path.is_dir raises OSError for a name that is too long.
    for path in _list_files(folder) if os.path.isdir(folder) else ():  # noqa: PTH112
        match = _NAME.fullmatch(path.name)
        if match and match["kind"] == kind and (match["half"] == "train") == (half == "train"):
            yield path


def _list_files(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder; Kaggle's MNIST has each file in a folder of its name."""
    for path in folder.iterdir():
        if path.is_file():
            yield path
        elif _NAME.fullmatch(path.name):
            yield from filter(Path.is_file, path.iterdir())


def _prefix(path: Path) -> str:
    match = _NAME.fullmatch(path.name)
    return (match and match["prefix"]) or ""


def _order(path: Path) -> tuple[bool, bool, str]:
    """Order the spellings of a name: with a hyphen first, packed first."""
    return ".idx" in path.name, path.suffix != ".gz", path.name


def _explain_missing(source: Source, folder: Path, part: str) -> DataMissing:
    name = source.dataset or "mnist"
    if source.is_sample:
        return DataMissing(
            _("the sample set in {folder} is not complete: {name} is missing").format(
                folder=folder, name=f"{FILES[part]}.gz"
            ),
            fix=_("Remove the folder: it is generated again."),
        )
    if is_path(name):
        return _explain_folder(folder, part)
    return explain_missing(name, folder / known_sets.get_known_set(name).files[part].path)


def _explain_folder(folder: Path, part: str) -> DataMissing:
    if not os.path.isdir(folder):  # noqa: PTH112
        return DataMissing(_("there is no folder {path}").format(path=folder))
    below = sorted(path.parent for path in folder.glob(f"*/{FILES[part]}*") if path.is_file())
    return DataMissing(
        _("{folder} has no file of the {part}").format(
            folder=folder, part=_(known_sets.PARTS[part])
        ),
        expected=f"{FILES[part]}, {FILES[part]}.gz",
        fix=_("Give the folder that has it: --dataset {folder}").format(
            folder=shlex.quote(str(below[0]))
        )
        if below
        else _("Write an array as such a file with etabli.data.formats.idx.write(path, array)."),
    )


def flatten(images: np.ndarray) -> np.ndarray:
    """Convert ``(N, H, W)`` uint8 to ``(N, H W)`` float32 in [0, 1], read-only."""
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
    if images.size == 0:
        raise CorruptFile(
            _("{path} does not contain images").format(path=images_path),
            expected=f"N x {IMAGE_SIZE} x {IMAGE_SIZE}",
            got=" x ".join(map(str, images.shape)),
        )
    return images, labels.astype(np.int64)


def _as_known(
    split: tuple[np.ndarray, np.ndarray], known: KnownSet
) -> tuple[np.ndarray, np.ndarray]:
    """Turn the images upright and number the labels from 0."""
    images, labels = split[0], split[1] - known.first_label
    bad = (labels < 0) | (labels >= len(known.classes))
    if bad.any():
        raise CorruptFile(
            _("the files contain a label that {title} does not have").format(title=known.title),
            expected=_("{low} to {high}").format(
                low=known.first_label, high=known.first_label + len(known.classes) - 1
            ),
            got=_("{label} at position {at}").format(label=split[1][bad][0], at=bad.argmax()),
        )
    if known.is_transposed:
        images = np.ascontiguousarray(images.transpose(0, 2, 1))
    return images, labels


def _find_classes(train: np.ndarray, test: np.ndarray, path: Path) -> np.ndarray:
    """Return the labels that occur, in order: the classes of your own data."""
    classes = np.unique(train)
    if not 2 <= len(classes) <= MAX_CLASSES:
        raise CorruptFile(
            _("the training labels have the wrong number of classes"),
            expected=_("2 to {n}").format(n=MAX_CLASSES),
            got=len(classes),
        )
    only = np.setdiff1d(test, classes)
    if len(only):
        raise CorruptFile(
            _("{path} has a label that no training image has").format(path=path),
            expected=_("{low} to {high}").format(low=classes[0], high=classes[-1]),
            got=", ".join(map(str, only[:5])),
            fix=_("Remove these test images, or add training images of that class."),
        )
    return classes
