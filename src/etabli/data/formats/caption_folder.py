"""Captioned images: the common form, and the reader of your own folder (``metadata.jsonl``)."""

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
_TOKEN = re.compile(r"\w+(?:['’\-]\w+)*|[^\w\s]")


@dataclass(frozen=True)
class CaptionedImages:
    """N images of one folder by name; ``captions[i]`` are the captions of ``names[i]``."""

    folder: Path
    names: tuple[str, ...]
    captions: tuple[tuple[str, ...], ...]

    def __len__(self) -> int:
        return len(self.names)

    @property
    def paths(self) -> list[Path]:
        return [self.folder / name for name in self.names]

    def head(self, number: int) -> "CaptionedImages":
        """Return the first images; all where there are fewer."""
        return CaptionedImages(self.folder, self.names[:number], self.captions[:number])

    def rows(self) -> tuple[list[int], list[str]]:
        """Return one row per caption: the index of its image, and the caption."""
        images = [i for i, group in enumerate(self.captions) for _caption in group]
        return images, [caption for group in self.captions for caption in group]


def space_punctuation(caption: str) -> str:
    """Put spaces around the punctuation of a caption, as Flickr8k has them.

    Accents are composed (NFC), an apostrophe or a hyphen inside a word stays: "L'été, enfin." gives
    "L'été , enfin ."
    """
    return " ".join(_TOKEN.findall(unicodedata.normalize("NFC", caption)))


def read_folder(folder: Path | str) -> CaptionedImages:
    """Read your own captioned images: a folder with ``metadata.jsonl``, one object per line.

    A line is ``{"file_name": "cat.jpg", "captions": ["A cat .", "..."]}``; ``caption`` or ``text``
    with one sentence works as well, and lines of the same image add up. Raises ``DataMissing`` for
    a folder without captions or a caption without its image, ``CorruptFile`` with the line for
    anything malformed.
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
    for number, line in enumerate(read_utf8(path).splitlines(), 1):
        if line.strip():
            name, captions = _parse_record(line, f"{path}:{number}")
            found.setdefault(name, []).extend(captions)
    if not found:
        raise DataMissing(_("{path} lists no image").format(path=path))
    absent = [name for name in found if not _is_file(folder / name)]
    if absent:
        raise DataMissing(
            _("{path} has captions of {n} missing images, such as {name}").format(
                path=path, n=len(absent), name=absent[0]
            ),
            fix=_("Put the images next to it, or remove their lines."),
        )
    return CaptionedImages(folder, tuple(found), tuple(map(tuple, found.values())))


def write_captions(path: Path | str, records: Iterable[tuple[str, Sequence[str]]]) -> None:
    """Write (file name, captions) pairs as JSON lines that ``read_folder`` reads."""
    with atomic_write(path) as stream:
        for name, captions in records:
            record = {"file_name": name, "captions": list(captions)}
            stream.write(json.dumps(record, ensure_ascii=False) + "\n")


def read_utf8(path: Path) -> str:
    """Return the text of a UTF-8 file, without its byte-order mark; ``CorruptFile`` for another."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise CorruptFile(_("{path} is not UTF-8 text").format(path=path)) from error


def _parse_record(line: str, place: str) -> tuple[str, list[str]]:
    """Return the file name and the captions of one line."""
    try:
        record = parse_json(line)
    except json.JSONDecodeError as error:
        raise CorruptFile(
            _("{place} is not JSON ({reason})").format(place=place, reason=error.msg)
        ) from error
    record = record if isinstance(record, dict) else {}
    name = record.get("file_name")
    path = Path(name) if isinstance(name, str) and name else None
    if path is None or path.is_absolute() or ".." in path.parts:
        raise CorruptFile(
            _("{place} names no image of the folder").format(place=place),
            expected=_("'file_name', a path below the folder"),
            got=repr(name),
        )
    given = record.get("captions", record.get("caption", record.get("text")))
    captions = [given] if isinstance(given, str) else given
    if not isinstance(captions, list) or not captions:
        raise CorruptFile(
            _("{place} has an image without captions").format(place=place),
            expected=_("'captions', a list of sentences"),
            got=repr(given),
        )
    sentences = [space_punctuation(each) if isinstance(each, str) else "" for each in captions]
    for caption, sentence in zip(captions, sentences, strict=True):
        if not any(map(str.isalnum, sentence)):
            raise CorruptFile(
                _("{place} has a caption without words").format(place=place), got=repr(caption)
            )
    return str(name), sentences


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that no file can have
        return False
