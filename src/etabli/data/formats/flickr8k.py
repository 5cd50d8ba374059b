"""Flickr8k in its official files, five captions per image, and the caption lists of the course.

Source: Hodosh, Young, Hockenmaier, "Framing image description as a ranking task", 2013. Research
use only.
"""

from dataclasses import dataclass
from pathlib import Path

from etabli.core.errors import CorruptFile, DataMissing
from etabli.core.i18n import _
from etabli.data.catalog.source import Source, explain_missing
from etabli.data.formats import caption_files, text_file
from etabli.data.formats.caption_files import CaptionFile
from etabli.data.formats.caption_folder import CaptionedImages

NAME = "flickr8k"
TEXT, IMAGES = "Flickr8k_text", "Flicker8k_Dataset"
TOKENS = "Flickr8k.token.txt"
KAGGLE, KARPATHY = "captions.txt", "dataset_flickr8k.json"
SPLITS = {
    "train": "Flickr_8k.trainImages.txt",
    "dev": "Flickr_8k.devImages.txt",
    "test": "Flickr_8k.testImages.txt",
}
COURSE_FILES = {"train": "flickr_8k_train_dataset.txt", "test": "flickr_8k_test_dataset.txt"}


@dataclass(frozen=True)
class Flickr8k:
    """The three splits in the order of their lists: 6,000, 1,000 and 1,000 images of full data."""

    train: CaptionedImages
    dev: CaptionedImages
    test: CaptionedImages


def load(source: Source) -> Flickr8k:
    """Load Flickr8k or, from a sample source, drawn scenes with captions in the same files.

    Captions of an image in no list are ignored (the official file has one). Where the official
    lists are missing, Karpathy's file serves if it is there; with the lists, Kaggle's captions
    serve. Raises ``DataMissing`` where a file, or the captions of a listed image, are missing.
    """
    karpathy = source.path(NAME) / KARPATHY
    if karpathy.is_file() and not (source.path(NAME) / TEXT).exists():
        return _read_karpathy(source, karpathy)
    text = source.file(NAME, TEXT)
    file = source.file(NAME, f"{TEXT}/{TOKENS}", TOKENS, KAGGLE)
    captions = read_tokens(file) if file.name == TOKENS else _strip(caption_files.read(file))
    folder = source.file(NAME, IMAGES, "Flickr8k_Dataset", "Images")
    return Flickr8k(
        **{split: _read_split(folder, text / name, captions) for split, name in SPLITS.items()}
    )


def load_course(source: Source) -> dict[str, list[tuple[str, str]]] | None:
    """Load the course's rows (image, caption with its markers), "train" and "test", if present."""
    folder = source.path(NAME) / "course"
    if not folder.is_dir():
        return None
    return {split: read_course(folder / name) for split, name in COURSE_FILES.items()}


def read_tokens(path: Path) -> dict[str, tuple[str, ...]]:
    """Read ``Flickr8k.token.txt``, ``image.jpg#0<TAB>caption`` per line: image -> its captions."""
    found: dict[str, list[str]] = {}
    for number, line in enumerate(text_file.read(path).lines, 1):
        key, tab, caption = line.partition("\t")
        name, mark, order = key.partition("#")
        if not tab or not mark or not order.isdigit() or not caption.strip():
            raise CorruptFile(
                _("line {number} of {path} is not a caption").format(number=number, path=path),
                expected=_("name#number, a tab, a sentence"),
                got=repr(line[:60]),
            )
        found.setdefault(name, []).append(caption.strip())
    return {name: tuple(captions) for name, captions in found.items()}


def read_course(path: Path) -> list[tuple[str, str]]:
    """Read a list of the course: a header, then ``image<TAB><start> caption <end>`` per line."""
    if not path.is_file():
        raise explain_missing(NAME, path)
    rows = [line.split("\t") for line in text_file.read(path).lines]
    if rows[:1] != [["image_id", "captions"]] or any(len(row) != 2 for row in rows):
        raise CorruptFile(
            _("{path} is not a caption list of the course").format(path=path),
            expected=_("a header 'image_id<TAB>captions', then two columns"),
        )
    return [(name, caption) for name, caption in rows[1:]]


def _strip(found: CaptionFile) -> dict[str, tuple[str, ...]]:
    return {name: tuple(map(str.strip, group)) for name, group in found.captions.items()}


def _read_karpathy(source: Source, path: Path) -> Flickr8k:
    """Read Karpathy's file, whose splits have the images of the official lists."""
    folder, found = source.file(NAME, IMAGES, "Images"), caption_files.read(path)
    captions, given = _strip(found), found.splits
    splits = {}
    for split in ("train", "validation", "test"):
        names = tuple(name for name in captions if given.get(name) == split)
        if not names:
            raise explain_missing(NAME, path.parent / TEXT)
        splits[split] = CaptionedImages(folder, names, tuple(captions[name] for name in names))
    return Flickr8k(splits["train"], splits["validation"], splits["test"])


def _read_split(folder: Path, path: Path, captions: dict[str, tuple[str, ...]]) -> CaptionedImages:
    if not path.is_file():
        raise explain_missing(NAME, path)
    names = tuple(text_file.read(path).text.split())
    absent = [name for name in names if name not in captions]
    if absent:
        raise DataMissing(
            _("images of {path} without captions: {n}, such as {name}").format(
                n=len(absent), path=path, name=absent[0]
            ),
            fix=_("Take the list and the caption file from the same release."),
        )
    return CaptionedImages(folder, names, tuple(captions[name] for name in names))
