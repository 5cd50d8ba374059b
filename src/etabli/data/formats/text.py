"""Texts for the character models: practical 4's (one line, lower case), and texts of your own.

``read`` prepares a text as the practical does. ``read_corpus`` reads files and folders of your own
and keeps case and lines, unless asked otherwise.
"""

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from etabli.core.errors import BadArray, BadSetting, CorruptFile, DataMissing, EtabliError
from etabli.core.i18n import _
from etabli.data.formats import ebook, text_file

__all__ = [
    "FLEURS_DU_MAL",
    "PRACTICAL",
    "Markers",
    "Preparation",
    "Text",
    "TextFile",
    "decode",
    "encode",
    "make_windows",
    "prepare",
    "read",
    "read_corpus",
]

COURSE_LENGTH = 10
"""SEQLEN of the course: it fixes where the test targets begin for every sequence length."""

MAX_BYTES = 256 * 2**20  # of all files of a corpus


@dataclass(frozen=True)
class Markers:
    """Markers of the text in a file: it begins at the line with ``start`` and ends before ``end``.

    ``inclusive`` says whether the line of ``start`` belongs to the text. Case is ignored.
    """

    start: str
    end: str
    inclusive: bool = True

    def cut(self, lines: list[str]) -> list[str] | None:
        """Return the lines between the markers; None where the start is not found."""
        first = _find_line(lines, self.start)
        if first is None:
            return None
        kept = lines[first if self.inclusive else first + 1 :]
        return kept[: _find_line(kept, self.end)]


def _find_line(lines: list[str], text: str) -> int | None:
    return next((i for i, line in enumerate(lines) if text.lower() in line.lower()), None)


FLEURS_DU_MAL = Markers(
    "Charles Baudelaire avait un ami", "End of the Project Gutenberg EBook of Les Fleurs du Mal"
)

# Project Gutenberg's marks: with and without a blank, and the "small print" of before 2004.
_START = re.compile(r"\s*\*\*\*\s*START OF\b", re.IGNORECASE)
_SMALL_PRINT = re.compile(r"\s*\*END\*?\s*THE SMALL PRINT", re.IGNORECASE)
_END = re.compile(r"\s*(\*\*\*\s*END OF\b|End of (the |this )?Project Gutenberg)", re.IGNORECASE)


def _find_gutenberg_text(lines: Sequence[str]) -> tuple[int, int]:
    """Return the range of the lines between the license marks of Project Gutenberg, else all."""
    first = _find_match(lines, _START, 0)
    if first is None:
        first = _find_match(lines[: len(lines) // 2], _SMALL_PRINT, 0)
    elif not lines[first].rstrip().endswith("***"):
        # A long title wraps.
        wrapped = lines[first : first + 4]
        first += next((i for i, line in enumerate(wrapped) if line.rstrip().endswith("***")), 0)
    start = 0 if first is None else first + 1
    end = _find_match(lines, _END, start)
    return start, len(lines) if end is None else end


def _find_match(lines: Sequence[str], pattern: re.Pattern, start: int) -> int | None:
    return next((i for i in range(start, len(lines)) if pattern.match(lines[i])), None)


@dataclass(frozen=True)
class Preparation:
    """What is changed in a text before a model reads it; practical 4 does both."""

    lowercase: bool = False
    join_lines: bool = False

    def apply(self, prompt: str) -> str:
        """Return a prompt as the text was prepared."""
        prompt = unicodedata.normalize("NFC", _unify_line_ends(prompt))
        if self.join_lines:
            prompt = prompt.replace("\n", " ")
        return prompt.lower() if self.lowercase else prompt


PRACTICAL = Preparation(lowercase=True, join_lines=True)


@dataclass(frozen=True, eq=False)
class TextFile:
    """A file of a text: the positions in the text where its lines begin, and their numbers."""

    path: Path
    starts: np.ndarray
    numbers: np.ndarray


@dataclass(frozen=True)
class Text:
    """A prepared text: its ``characters``, and the number of ``lines`` it was made from.

    ``files`` and ``remarks`` (what was left out, guessed or replaced) are those of a corpus.
    """

    name: str
    characters: str
    lines: int
    preparation: Preparation = PRACTICAL
    files: tuple[TextFile, ...] = ()
    remarks: tuple[str, ...] = ()

    @cached_property
    def vocabulary(self) -> tuple[str, ...]:
        """The V distinct characters, sorted."""
        return tuple(sorted(set(self.characters)))

    @cached_property
    def codes(self) -> np.ndarray:
        """The index of each character in the vocabulary: int32 (N,), read-only."""
        codes = encode(self.characters, self.vocabulary)
        codes.setflags(write=False)
        return codes

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of the prepared characters."""
        return hashlib.sha256(self.characters.encode()).hexdigest()

    def locate(self, position: int) -> tuple[Path, int]:
        """Return the file of a position of the text, and the number of the line in the file."""
        first = np.array([file.starts[0] for file in self.files])
        file = self.files[max(0, int(np.searchsorted(first, position, side="right")) - 1)]
        line = max(0, int(np.searchsorted(file.starts, position, side="right")) - 1)
        return file.path, int(file.numbers[line])

    def boundary(self, share: float = 0.8) -> int:
        """Return the position of the first test target, after ``share`` of the course's windows.

        The course cuts windows of 10 characters; a model of another sequence length is scored on
        the same targets.
        """
        if not 0 < share < 1:
            raise BadSetting(
                _("the training fraction is out of range"), expected=_("between 0 and 1"), got=share
            )
        count = len(self.characters) - COURSE_LENGTH
        return COURSE_LENGTH + int(count * share)

    def require(self, length: int, share: float = 0.8) -> "Text":
        """Return the text itself, or raise ``BadArray`` where it is too short for ``length``."""
        count = len(self.characters)
        if count - COURSE_LENGTH < 5 or not length < self.boundary(share) < count:
            raise BadArray(
                _("the text '{name}' is too short for windows of {length} characters").format(
                    name=self.name, length=length
                ),
                expected=_("at least {n} characters").format(
                    n=int(max(length, COURSE_LENGTH) / share + 1 / (1 - share)) + 6
                ),
                got=count,
                fix=_("Give a longer text, or a shorter sequence length."),
            )
        return self


def read(path: Path | str, markers: Markers | None = None, name: str | None = None) -> Text:
    """Read and prepare a text file as practical 4 does; see ``prepare``.

    Raises ``DataMissing`` for a missing file, ``CorruptFile`` for an empty or a binary one.
    """
    path = Path(path)
    return prepare(_read_file(path).text, markers, name or path.stem)


def prepare(raw: str, markers: Markers | None = None, name: str = "text") -> Text:
    """Strip and lower-case the lines, drop empty ones, and join them: practical 4, exercise 1 a.

    Only what is between the ``markers`` is kept; without them, the license of a Project Gutenberg
    text is cut off. Raises ``CorruptFile`` where the start marker is missing or nothing is left.
    """
    lines = _unify_line_ends(raw).split("\n")
    if markers is None:
        found: list[str] | None = lines[slice(*_find_gutenberg_text(lines))]
    else:
        found = markers.cut(lines)
    if found is None and markers is not None:
        raise CorruptFile(
            _("the text '{name}' has no line with its start marker").format(name=name),
            expected=repr(markers.start),
        )
    kept, _numbers = _keep_lines(found or [], PRACTICAL)
    if not kept:
        raise _empty(name)
    return Text(name, " ".join(kept), len(kept))


def read_corpus(
    places: Path | str | Sequence[Path | str], preparation: Preparation | None = None
) -> Text:
    """Read text files, folders of them, HTML pages and EPUB books as one text.

    Files are sorted within a folder and separated by a line end. Unicode is composed (NFC), and the
    license of a Project Gutenberg text is left out. In folders, hidden files and files that are no
    text are left out too.

    Args:
        places: One file or folder, or several.
        preparation: What is changed; by default nothing.

    Raises:
        DataMissing: A file or folder does not exist, or a folder has no text.
        CorruptFile: A file that was named is no text, or all are empty.
        BadArray: There is too much text.
    """
    preparation = preparation or Preparation()
    named = [Path(places)] if isinstance(places, str | Path) else [Path(each) for each in places]
    corpus = _Corpus(preparation)
    for place in named:
        if place.is_dir():
            corpus.add_folder(place)
        else:
            corpus.add(place, _read_file(place), required=len(named) == 1)
    return corpus.finish(_name_corpus(named))


class _Corpus:
    """The files of a text, as they are added."""

    def __init__(self, preparation: Preparation) -> None:
        self.preparation, self.end = preparation, "\n"
        if preparation.join_lines:
            self.end = " "
        self.parts: list[str] = []
        self.files: list[TextFile] = []
        self.empty: list[Path] = []
        self.remarks: list[str] = []
        self.length = self.bytes = 0

    def add_folder(self, folder: Path) -> None:
        """Add the texts of a folder; name what is left out."""
        paths, texts, other = _list_files(folder), Counter[str](), []
        for path in paths:
            try:
                decoded = _read_file(path)
            except (CorruptFile, DataMissing):
                other.append(path.relative_to(folder).as_posix())
                continue
            texts[path.suffix] += self.add(path, decoded, required=False)
        if not texts.total():
            raise DataMissing(_("there is no text in the folder {folder}").format(folder=folder))
        if texts.total() > 1:
            listed = ", ".join(f"{suffix or '-'} {n}" for suffix, n in texts.most_common() if n)
            self.remarks.append(
                _("Texts in {folder}: {n} ({listed}).").format(
                    folder=folder.name, n=texts.total(), listed=listed
                )
            )
        if other:
            self.remarks.append(
                _("Left out, because they are not text: {n} ({names}).").format(
                    n=len(other), names=_list_first(other)
                )
            )

    def add(self, path: Path, decoded: text_file.DecodedText, required: bool = True) -> bool:
        """Add the text of a file; return whether there is any."""
        self.bytes += len(decoded.text)
        if self.bytes > MAX_BYTES:
            raise _too_large()
        lines = _unify_line_ends(decoded.text).split("\n")
        start, stop = _find_gutenberg_text(lines)
        kept, numbers = _keep_lines(lines[start:stop], self.preparation)
        if not kept:
            if required:
                raise _empty(path)
            self.empty.append(path)
            return False
        composed = [unicodedata.normalize("NFC", line) for line in kept]
        self._remark(path, decoded.encoding, start + len(lines) - stop, composed != kept)
        lengths = np.array([len(line) for line in composed], np.int64) + 1
        starts = self.length + np.concatenate([[0], np.cumsum(lengths)[:-1]])
        self.files.append(TextFile(path.absolute(), starts, numbers + start))
        self.parts.append(self.end.join(composed))
        self.length += int(lengths.sum())
        return True

    def _remark(self, path: Path, encoding: str, cut: int, composed: bool) -> None:
        if sentence := text_file.describe_encoding(path, encoding):
            self.remarks.append(sentence)
        if cut:
            self.remarks.append(
                _("{path}: the license of Project Gutenberg was left out ({n} lines).").format(
                    path=path.name, n=cut
                )
            )
        if composed:
            self.remarks.append(
                _("{path}: letters and their accents were composed (Unicode NFC).").format(
                    path=path.name
                )
            )

    def finish(self, name: str) -> Text:
        if not self.files:
            raise _empty(self.empty[0])
        if self.empty:
            names = _list_first([path.name for path in self.empty])
            self.remarks.append(
                _("Left out, because they are empty: {n} ({names}).").format(
                    n=len(self.empty), names=names
                )
            )
        lines = sum(len(file.numbers) for file in self.files)
        characters = self.end.join(self.parts)
        files, remarks = tuple(self.files), tuple(self.remarks)
        return Text(name, characters, lines, self.preparation, files, remarks)


def _list_first(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")


def _keep_lines(lines: Sequence[str], preparation: Preparation) -> tuple[list[str], np.ndarray]:
    """Return the prepared lines and their numbers from 1, without empty ones at both ends.

    Joined lines are stripped, and none of them is empty.
    """
    kept = [
        (number, line.strip() if preparation.join_lines else line)
        for number, line in enumerate(lines, 1)
    ]
    full = [place for place, (_number, line) in enumerate(kept) if line.strip()]
    if preparation.join_lines:
        kept = [kept[place] for place in full]
    else:
        kept = kept[full[0] : full[-1] + 1] if full else []
    texts = [line.lower() if preparation.lowercase else line for _number, line in kept]
    return texts, np.array([number for number, _line in kept], np.int64)


def _unify_line_ends(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _list_files(folder: Path) -> list[Path]:
    """Return the files of a folder and below, sorted, without hidden and compiled ones."""
    found = []
    for path in folder.rglob("*"):
        parts = path.relative_to(folder).parts
        hidden = any(part.startswith((".", "__pycache__")) for part in parts)
        if not hidden and path.is_file():
            found.append(path)
    return sorted(found)


def _read_file(path: Path) -> text_file.DecodedText:
    """Return the text of a file; an HTML page or an EPUB book without its markup."""
    if not path.is_file():
        raise DataMissing(_("there is no text file {path}").format(path=path))
    try:
        too_large = path.stat().st_size > MAX_BYTES
        raw = b"" if too_large else path.read_bytes()
    except OSError as error:
        raise EtabliError(
            _("cannot read {path} ({reason})").format(path=path, reason=error.strerror or error)
        ) from error
    if too_large:
        raise _too_large()
    return ebook.extract_text(raw, path)


def _name_corpus(places: Sequence[Path]) -> str:
    """Return the stem of the only file, or the name of the first one and how many follow."""
    first = places[0].resolve()
    name = first.name if first.is_dir() else first.stem
    return (name or "text") + (f"+{len(places) - 1}" if len(places) > 1 else "")


def _empty(name: Path | str) -> CorruptFile:
    return CorruptFile(_("the text '{name}' is empty").format(name=name))


def _too_large() -> BadArray:
    return BadArray(
        _("there is too much text for a character model"),
        expected=_("at most {n} MB").format(n=MAX_BYTES // 2**20),
        fix=_("Give fewer files, or a part: head -c 50000000 FILE > part.txt"),
    )


def encode(characters: str, vocabulary: tuple[str, ...]) -> np.ndarray:
    """Return the vocabulary index of each character, int32 (N,); ``BadArray`` for unknown ones."""
    codes = {character: code for code, character in enumerate(vocabulary)}
    unknown = sorted(set(characters) - codes.keys())
    if unknown:
        raise BadArray(
            _("characters not in the training vocabulary: {characters}").format(
                characters=" ".join(map(repr, unknown))
            ),
            expected=_("only characters of the vocabulary ({vocabulary})").format(
                vocabulary=repr("".join(vocabulary))[1:-1]
            ),
        )
    return np.fromiter((codes[character] for character in characters), np.int32, len(characters))


def decode(codes: np.ndarray, vocabulary: tuple[str, ...]) -> str:
    """Return the string of the codes (N,)."""
    return "".join(vocabulary[code] for code in codes)


def make_windows(
    codes: np.ndarray, length: int, first: int, last: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the windows (N, length) before targets first..last-1, and the targets (N,), as views.

    Args:
        codes: (M,) codes of the characters.
        length: of a window.
        first: position of the first target; targets without a complete window are dropped.
        last: position after the last target.

    Raises:
        BadArray: no window fits.
    """
    first = max(first, length)
    if length < 1 or last > len(codes) or first >= last:
        raise BadArray(
            _("no window of {length} characters fits").format(length=length),
            expected=_("more than {length} characters before position {last}").format(
                length=length, last=last
            ),
            got=len(codes),
        )
    every = np.lib.stride_tricks.sliding_window_view(codes, length)
    return every[first - length : last - length], codes[first:last]
