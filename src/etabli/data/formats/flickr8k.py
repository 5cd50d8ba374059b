"""Flickr8k as it is: five captions to a picture, in the official files; and the course's own lists of captions.

Source: Hodosh, Young, Hockenmaier, "Framing image description as a ranking task", 2013. Research use only.
"""

from dataclasses import dataclass
from pathlib import Path

from etabli.core.errors import CorruptFile, DataMissing
from etabli.core.i18n import _
from etabli.data.catalog.source import Source, explain_missing
from etabli.data.formats.caption_folder import CaptionedImages

NAME = "flickr8k"
TEXT, IMAGES = "Flickr8k_text", "Flicker8k_Dataset"
TOKENS = "Flickr8k.token.txt"
SPLITS = {
    "train": "Flickr_8k.trainImages.txt",
    "dev": "Flickr_8k.devImages.txt",
    "test": "Flickr_8k.testImages.txt",
}
COURSE_FILES = {"train": "flickr_8k_train_dataset.txt", "test": "flickr_8k_test_dataset.txt"}


@dataclass(frozen=True)
class Flickr8k:
    """The three parts, each in the order of its list: on full data 6,000, 1,000 and 1,000 pictures."""

    train: CaptionedImages
    dev: CaptionedImages
    test: CaptionedImages


def load(source: Source) -> Flickr8k:
    """Flickr8k or, from a sample source, drawn scenes with captions in the same files.

    A key of the caption file whose picture is in no list is left alone (there is a bogus one). Raises
    ``DataMissing`` where a file, or the captions of a listed picture, are not there.
    """
    text = source.file(NAME, TEXT)
    captions = read_tokens(source.file(NAME, f"{TEXT}/{TOKENS}", TOKENS))
    folder = source.file(NAME, IMAGES, "Flickr8k_Dataset", "Images")
    parts = {part: _part(folder, text / name, captions) for part, name in SPLITS.items()}
    return Flickr8k(**parts)


def load_course(source: Source) -> dict[str, list[tuple[str, str]]] | None:
    """The course's rows (picture, caption with its marks), "train" and "test"; None where it is not there."""
    folder = source.path(NAME) / "course"
    if not folder.is_dir():
        return None
    return {part: read_course(folder / name) for part, name in COURSE_FILES.items()}


def read_tokens(path: Path) -> dict[str, tuple[str, ...]]:
    """``Flickr8k.token.txt``: ``picture.jpg#0<TAB>caption`` a line -> picture -> its captions, in order."""
    found: dict[str, list[str]] = {}
    for number, line in enumerate(_text(path).splitlines(), 1):
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
    """The course's list: a header, then ``picture<TAB><start> caption <end>`` a line."""
    if not path.is_file():
        raise explain_missing(NAME, path)
    rows = [line.split("\t") for line in _text(path).splitlines()]
    if rows[:1] != [["image_id", "captions"]] or any(len(row) != 2 for row in rows):
        raise CorruptFile(
            _("{path} is not a caption list of the course").format(path=path),
            expected=_("a header 'image_id<TAB>captions', then two columns"),
        )
    return [(name, caption) for name, caption in rows[1:]]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise CorruptFile(_("{path} is not UTF-8 text").format(path=path)) from error


def _part(folder: Path, path: Path, captions: dict[str, tuple[str, ...]]) -> CaptionedImages:
    if not path.is_file():
        raise explain_missing(NAME, path)
    names = tuple(_text(path).split())
    absent = [name for name in names if name not in captions]
    if absent:
        raise DataMissing(
            _("{n} images of {path} have no captions, such as {name}").format(
                n=len(absent), path=path, name=absent[0]
            ),
            fix=_("Take the list and the caption file from the same release."),
        )
    return CaptionedImages(folder, names, tuple(captions[name] for name in names))
