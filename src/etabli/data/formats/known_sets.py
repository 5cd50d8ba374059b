"""Data sets that have MNIST's file names: which of them idx files are, by published checksums.

Fashion-MNIST, KMNIST, QMNIST and EMNIST are made to replace MNIST in programs that read it. Where
they come from and what their checksums are is in the catalog.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from etabli.core.errors import CorruptFile, EtabliError, UnknownName
from etabli.core.i18n import N_, _
from etabli.data.catalog import inventory
from etabli.data.catalog.registry import File, get_dataset
from etabli.data.catalog.source import is_path

PARTS = {
    "train_images": N_("training images"),
    "train_labels": N_("training labels"),
    "test_images": N_("test images"),
    "test_labels": N_("test labels"),
}
_DIGITS = tuple("0123456789")
_CAPITALS = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")


@dataclass(frozen=True)
class KnownSet:
    """A data set in MNIST's format: its classes, and its files by part.

    The first class has the label ``first_label``. ``is_transposed`` says that the files hold
    columns where MNIST's hold rows.
    """

    name: str
    title: str
    classes: tuple[str, ...]
    files: Mapping[str, File]
    first_label: int = 0
    is_transposed: bool = False


@dataclass(frozen=True)
class Identity:
    """What idx files are: a known set, or your own data (``known`` is ``None``)."""

    name: str
    title: str
    known: KnownSet | None
    remarks: tuple[str, ...] = field(default=(), compare=False)

    @property
    def is_mnist(self) -> bool:
        return self.name == "mnist"


def _of_catalog(
    name: str, title: str, classes: tuple[str, ...], first: int = 0, *, transposed: bool = False
) -> KnownSet:
    """Return a known set with the files of the catalog, which are in the order of ``PARTS``."""
    files = dict(zip(PARTS, get_dataset(name).files, strict=True))
    return KnownSet(name, title, classes, files, first, transposed)


def _emnist(split: str, classes: tuple[str, ...], *checksums: str) -> KnownSet:
    """Return a split of EMNIST that is not in the catalog, with the MD5 of its gzip files."""
    halves = ("train-images-idx3", "train-labels-idx1", "test-images-idx3", "test-labels-idx1")
    files = {
        part: File(f"emnist-{split}-{half}-ubyte.gz", 0, packed=f"md5:{checksum}")
        for part, half, checksum in zip(PARTS, halves, checksums, strict=True)
    }
    title = f"EMNIST {split.title()}"
    return KnownSet(f"emnist-{split}", title, classes, files, is_transposed=True)


# Class names: the README of zalandoresearch/fashion-mnist; torchvision/datasets/mnist.py (KMNIST,
# which stands for お き す つ な は ま や れ を); Cohen et al. 2017, section III (EMNIST).
_MERGED = (*_DIGITS, *_CAPITALS, *"abdefghnqrt")
SETS = (
    _of_catalog("mnist", "MNIST", _DIGITS),
    _of_catalog(
        "fashion-mnist",
        "Fashion-MNIST",
        (
            *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
            *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
        ),
    ),
    _of_catalog("kmnist", "KMNIST", ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")),
    _of_catalog("qmnist", "QMNIST", _DIGITS),
    _of_catalog("emnist-letters", "EMNIST Letters", _CAPITALS, 1, transposed=True),
    # MD5 of the gzip files of the other splits of EMNIST: deeplearning4j, EmnistFetcher.
    _emnist(
        "balanced",
        _MERGED,
        "4041b0d6f15785d3fa35263901b5496b",
        "7a35cc7b2b7ee7671eddf028570fbd20",
        "6818d20fe2ce1880476f747bbc80b22b",
        "acd3694070dcbf620e36670519d4b32f",
    ),
    _emnist(
        "bymerge",
        _MERGED,
        "4a792d4df261d7e1ba27979573bf53f3",
        "491be69ef99e1ab1f5b7f9ccc908bb26",
        "8eb5d34c91f1759a55831c37ec2a283f",
        "c13f4cd5211cdba1b8fa992dae2be992",
    ),
    _emnist(
        "byclass",
        (*_DIGITS, *_CAPITALS, *"abcdefghijklmnopqrstuvwxyz"),
        "712dda0bd6f00690f32236ae4325c377",
        "ee299a3ee5faf5c31e9406763eae7e43",
        "1435209e34070a9002867a9ab50160d7",
        "7a0f934bd176c798ecba96b36fda6657",
    ),
    _emnist(
        "digits",
        _DIGITS,
        "d2662ecdc47895a6bbfce25de9e9a677",
        "2223fcfee618ac9c89ef20b6e48bcf9e",
        "a159b8b3bd6ab4ed4793c1cb71a2f5cc",
        "8afde66ea51d865689083ba6bb779fac",
    ),
    _emnist(
        "mnist",
        _DIGITS,
        "3663598a39195d030895b6304abb5065",
        "6c092f03c9bb63e678f80f8bc605fe37",
        "fb51b6430fc4dd67deaada1bf25d4524",
        "ae7f6be798a9a5d5f2bd32e078a402dd",
    ),
)
# The sets that ``etabli data fetch`` installs; the others are read from a folder.
FETCHED = ("mnist", "fashion-mnist", "kmnist", "qmnist", "emnist-letters")


def get_known_set(name: str) -> KnownSet:
    """Return a set that can be fetched, by its name; ``UnknownName`` suggests the nearest."""
    known = {each.name: each for each in SETS if each.name in FETCHED}
    if name not in known:
        raise UnknownName(_("data set in MNIST's format"), name, known)
    return known[name]


def identify(paths: Mapping[str, Path], dataset: str | None = None) -> Identity:
    """Say which data set four idx files are.

    Args:
        paths: The file of each of ``PARTS``.
        dataset: The set or the folder that was asked for; ``None`` takes what there is.

    Returns:
        A known set, or your own data where a file has no published checksum.

    Raises:
        CorruptFile: Files of different sets, swapped files, or another set than asked for.
    """
    found = {part: recognize(path) for part, path in paths.items()}
    named = {part: each for part, each in found.items() if each is not None}
    _check_one_set(paths, named)
    known = next((each for each, _part in named.values()), None)
    asked = get_known_set(dataset) if dataset and not is_path(dataset) else None
    if asked is not None and known is not None and asked.name != known.name:
        raise CorruptFile(
            _("the files in {folder} are those of {title}").format(
                folder=paths["train_images"].parent, title=known.title
            ),
            expected=asked.title,
            fix=_("Remove them, then: etabli data fetch {name}").format(name=asked.name),
        )
    if known is not None and len(named) == len(paths):
        return Identity(known.name, known.title, known, _say_which(known, paths, asked))
    if asked is not None and all(_may_be(asked, part, paths[part], found) for part in paths):
        remark = _(
            "No checksum is published for some of the files in {folder}; they have the names and "
            "sizes of {title}."
        ).format(folder=paths["train_images"].parent, title=asked.title)
        return Identity(asked.name, asked.title, asked, (remark,))
    return _own_data(paths, named)


def _say_which(
    known: KnownSet, paths: Mapping[str, Path], asked: KnownSet | None
) -> tuple[str, ...]:
    """Return a remark where other data than MNIST were found without being asked for by name."""
    if asked is not None or known.name == "mnist":
        return ()
    text = _("The files in {folder} are those of {title}.")
    return (text.format(folder=paths["train_images"].parent, title=known.title),)


def _check_one_set(paths: Mapping[str, Path], named: Mapping[str, tuple[KnownSet, str]]) -> None:
    for part, (each, real) in named.items():
        if part != real:
            raise CorruptFile(
                _("{path} is not what its name says").format(path=paths[part]),
                expected=_(PARTS[part]),
                got=_("the {part} of {title}").format(part=_(PARTS[real]), title=each.title),
                fix=_("Check that the images and the labels file have not been swapped."),
            )
    titles = {paths[part].name: each.title for part, (each, _part) in named.items()}
    if len(set(titles.values())) > 1:
        folder = next(iter(paths.values())).parent
        raise CorruptFile(
            _("{folder} mixes files of different data sets").format(folder=folder),
            expected=_("four files of one data set"),
            got=", ".join(f"{name}: {title}" for name, title in titles.items()),
            fix=_("Remove the files that do not belong there, then fetch or import the set again."),
        )


def _may_be(
    known: KnownSet, part: str, path: Path, found: Mapping[str, tuple[KnownSet, str] | None]
) -> bool:
    """Return whether a file is recognized, or cannot be for want of a checksum but fits."""
    file = known.files[part]
    fits = file.checksum is None and path.name in file.names
    return found[part] is not None or (fits and inventory.measure_content(path) == file.size)


def _own_data(paths: Mapping[str, Path], named: Mapping[str, tuple[KnownSet, str]]) -> Identity:
    """Return the identity of files that no list of checksums has; its name has their digest."""
    total = hashlib.sha256()
    for path in paths.values():
        total.update(_hash_contents(path, *_state(path))["md5"].encode())
    remarks = [
        _(
            "The files in {folder} are not those of a known data set: they run as your own idx "
            "data, with their labels as class names."
        ).format(folder=next(iter(paths.values())).parent)
    ]
    if named:
        parts = ", ".join(_(PARTS[part]) for part in named)
        title = next(each.title for each, _part in named.values())
        text = _("Parts of {title} that are there: {parts}.")
        remarks.append(text.format(title=title, parts=parts))
    title = N_("your own idx data")
    return Identity(f"own-{total.hexdigest()[:8]}", title, None, tuple(remarks))


def recognize(path: Path) -> tuple[KnownSet, str] | None:
    """Return the set and the part that a file is, packed or unpacked; ``None`` for another file."""
    try:
        return _recognize(path)
    except OSError as error:
        raise EtabliError(
            _("cannot read {path} ({reason})").format(path=path, reason=error.strerror or error)
        ) from error


def _recognize(path: Path) -> tuple[KnownSet, str] | None:
    packed = {file.packed: (each, part) for each, part, file in _list_files() if file.packed}
    if (found := packed.get(_hash_packed(path, *_state(path)))) is not None:
        return found
    contents = _hash_contents(path, *_state(path))
    known = {file.checksum: (each, part) for each, part, file in _list_files() if file.checksum}
    return next(
        (
            known[f"{algorithm}:{value}"]
            for algorithm, value in contents.items()
            if f"{algorithm}:{value}" in known
        ),
        None,
    )


def _list_files() -> list[tuple[KnownSet, str, File]]:
    return [(each, part, file) for each in SETS for part, file in each.files.items()]


def _state(path: Path) -> tuple[int, int]:
    """Return size and time of change: while both are the same, a file is hashed once."""
    found = path.stat()
    return found.st_size, found.st_mtime_ns


@lru_cache(maxsize=64)
def _hash_packed(path: Path, _size: int, _changed: int) -> str:
    return inventory.hash_file(path, "md5")


@lru_cache(maxsize=64)
def _hash_contents(path: Path, _size: int, _changed: int) -> dict[str, str]:
    """Hash the unpacked content by both algorithms of the catalog, in one pass."""
    digests = {"md5": hashlib.md5(usedforsecurity=False), "sha256": hashlib.sha256()}
    for chunk in inventory.read_content(path):
        for each in digests.values():
            each.update(chunk)
    return {name: each.hexdigest() for name, each in digests.items()}
