"""Pictures with captions: what all readers give, and the reader of one's own folder (``metadata.jsonl``)."""

import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from etabli.core.atomic_files import atomic_write, parse_json
from etabli.core.errors import CorruptFile, DataMissing
from etabli.core.i18n import _

METADATA_FILE = "metadata.jsonl"
_WORD = re.compile(r"\w+(?:['’\-]\w+)*|[^\w\s]")


@dataclass(frozen=True)
class CaptionedImages:
    """N pictures of one folder, by name, each with its captions: ``names[i]`` goes with ``captions[i]``."""

    folder: Path
    names: tuple[str, ...]
    captions: tuple[tuple[str, ...], ...]

    def __len__(self) -> int:
        return len(self.names)

    @property
    def paths(self) -> list[Path]:
        return [self.folder / name for name in self.names]

    def head(self, number: int) -> "CaptionedImages":
        """The first pictures, all where there are fewer."""
        return CaptionedImages(self.folder, self.names[:number], self.captions[:number])

    def rows(self) -> tuple[list[int], list[str]]:
        """One row for each caption: the number of its picture, and the caption."""
        images = [i for i, group in enumerate(self.captions) for _caption in group]
        return images, [caption for group in self.captions for caption in group]


def space_punctuation(caption: str) -> str:
    """A caption as people write it with spaces around its punctuation, as Flickr8k has it.

    Accents are composed (NFC), an apostrophe or a hyphen inside a word stays: "L'été, enfin." gives
    "L'été , enfin ."
    """
    return " ".join(_WORD.findall(unicodedata.normalize("NFC", caption)))


def read_folder(folder: Path | str) -> CaptionedImages:
    """One's own pictures with captions: ``metadata.jsonl`` beside them, one object a line.

    A line is ``{"file_name": "cat.jpg", "captions": ["A cat .", "..."]}``; ``caption`` or ``text`` with one
    sentence does as well, and lines of the same picture add up. Raises ``DataMissing`` for a folder without
    captions or a caption without its picture, ``CorruptFile`` with the line for anything malformed.
    """
    folder = Path(folder)
    path = folder / METADATA_FILE
    if not path.is_file():
        raise DataMissing(
            _("there is no {name} in {folder}").format(name=METADATA_FILE, folder=folder),
            fix=_(
                'Write one line per image: {{"file_name": "cat.jpg", "captions": ["a cat sleeps"]}}'
            ).format(),
        )
    found: dict[str, list[str]] = {}
    for number, line in enumerate(_lines(path), 1):
        if line.strip():
            name, captions = _record(line, f"{path}:{number}")
            found.setdefault(name, []).extend(captions)
    if not found:
        raise DataMissing(_("{path} lists no image").format(path=path))
    _refuse_absent(folder, found, path)
    return CaptionedImages(folder, tuple(found), tuple(map(tuple, found.values())))


def write_captions(path: Path | str, records: Iterable[tuple[str, Sequence[str]]]) -> None:
    """Write (file name, captions) pairs as JSON lines that ``read_folder`` takes."""
    with atomic_write(path) as stream:
        for name, captions in records:
            record = {"file_name": name, "captions": list(captions)}
            stream.write(json.dumps(record, ensure_ascii=False) + "\n")


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise CorruptFile(_("{path} is not UTF-8 text").format(path=path)) from error


def _record(line: str, place: str) -> tuple[str, list[str]]:
    try:
        record = parse_json(line)
    except json.JSONDecodeError as error:
        raise CorruptFile(
            _("{place} is not JSON ({reason})").format(place=place, reason=error.msg)
        ) from error
    name = record.get("file_name") if isinstance(record, dict) else None
    if (
        not isinstance(name, str)
        or not name
        or Path(name).is_absolute()
        or ".." in Path(name).parts
    ):
        raise CorruptFile(
            _("{place} names no image of the folder").format(place=place),
            expected=_("'file_name', a path below the folder"),
            got=repr(name),
        )
    return name, [_sentence(caption, place) for caption in _captions(record, place)]


def _captions(record: dict, place: str) -> list:
    given = record.get("captions", record.get("caption", record.get("text")))
    captions = [given] if isinstance(given, str) else given
    if not isinstance(captions, list) or not captions:
        raise CorruptFile(
            _("{place} has an image without captions").format(place=place),
            expected=_("'captions', a list of sentences"),
            got=repr(given),
        )
    return captions


def _sentence(caption: object, place: str) -> str:
    sentence = space_punctuation(caption) if isinstance(caption, str) else ""
    if not any(map(str.isalnum, sentence)):
        raise CorruptFile(
            _("{place} has a caption without words").format(place=place), got=repr(caption)
        )
    return sentence


def _is_there(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that no file can have
        return False


def _refuse_absent(folder: Path, names: Iterable[str], path: Path) -> None:
    absent = [name for name in names if not _is_there(folder / name)]
    if absent:
        raise DataMissing(
            _("{path} has captions of {n} missing images, such as {name}").format(
                path=path, n=len(absent), name=absent[0]
            ),
            fix=_("Put the images next to it, or remove their lines."),
        )
