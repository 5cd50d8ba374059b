"""Text as practical 4 prepares it (lines joined, lower case), its vocabulary, and its windows."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from etabli.core.errors import BadArray, BadSetting, CorruptFile, DataMissing
from etabli.core.i18n import _

__all__ = [
    "ANY_GUTENBERG",
    "FLEURS_DU_MAL",
    "Markers",
    "Text",
    "make_windows",
    "prepare",
    "read",
]

COURSE_LENGTH = 10
"""SEQLEN of the course: it fixes where the test targets begin for every sequence length."""


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
ANY_GUTENBERG = Markers("*** START OF", "*** END OF", inclusive=False)


@dataclass(frozen=True)
class Text:
    """A prepared text: its ``characters``, and the number of ``lines`` it was joined from."""

    name: str
    characters: str
    lines: int

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

    def require(self, length: int) -> "Text":
        """Return the text itself, or raise ``BadArray`` where it is too short for ``length``."""
        if len(self.characters) - COURSE_LENGTH < 5 or self.boundary() <= length:
            raise BadArray(
                _("the text '{name}' is too short for windows of {length} characters").format(
                    name=self.name, length=length
                ),
                expected=_("at least {n} characters").format(
                    n=int(max(length, COURSE_LENGTH) / 0.8) + 6
                ),
                got=len(self.characters),
                fix=_("Give a longer text, or a shorter sequence length."),
            )
        return self


def read(path: Path | str, markers: Markers | None = None, name: str | None = None) -> Text:
    """Read and prepare a UTF-8 text file (a byte-order mark is allowed); see ``prepare``.

    Raises ``DataMissing`` for a missing file, ``CorruptFile`` for one that is empty or not UTF-8.
    """
    path = Path(path)
    if not path.is_file():
        raise DataMissing(_("there is no text file {path}").format(path=path))
    raw = path.read_bytes()
    try:
        characters = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CorruptFile(
            _("{path} is not UTF-8 text (byte {position})").format(path=path, position=error.start),
            fix=_(
                "If it is Latin-1, convert it: iconv -f latin1 -t utf-8 {path} > utf8.txt"
            ).format(path=path),
        ) from error
    if "\0" in characters:
        raise CorruptFile(
            _("{path} contains NUL characters: it is binary, or UTF-16").format(path=path),
            expected=_("UTF-8 text"),
        )
    return prepare(characters, markers, name or path.stem)


def prepare(raw: str, markers: Markers | None = None, name: str = "text") -> Text:
    """Strip and lower-case the lines, drop empty ones, and join them: practical 4, exercise 1 a.

    Only what is between the ``markers`` is kept; without them, the license of a Project Gutenberg
    text is cut off. Raises ``CorruptFile`` where the start marker is missing or nothing is left.
    """
    lines = raw.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    found = (markers or ANY_GUTENBERG).cut(lines)
    if found is None and markers is not None:
        raise CorruptFile(
            _("the text '{name}' has no line with its start marker").format(name=name),
            expected=repr(markers.start),
        )
    stripped = (line.strip().lower() for line in (lines if found is None else found))
    kept = [line for line in stripped if line]
    if not kept:
        raise CorruptFile(_("the text '{name}' is empty").format(name=name))
    return Text(name, " ".join(kept), len(kept))


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
                vocabulary="".join(vocabulary)
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
