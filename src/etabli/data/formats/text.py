"""A text as practical 4 prepares it: lines, lower case, one string; windows of characters and what
follows them.
"""

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
    "prepare",
    "read",
    "make_windows",
]

COURSE_LENGTH = 10
"""SEQLEN of the course: it fixes where the test targets begin, whatever length a model reads."""


@dataclass(frozen=True)
class Markers:
    """Which lines of a file are the text: from the one that contains ``start`` to before the one with
    ``end``.

    ``inclusive`` says whether the line of ``start`` belongs to the text. Compared in lower case.
    """

    start: str
    end: str
    inclusive: bool = True

    def cut(self, lines: list[str]) -> list[str] | None:
        """The lines between the markers; None where the start is not found."""
        first = next(
            (i for i, line in enumerate(lines) if self.start.lower() in line.lower()), None
        )
        if first is None:
            return None
        kept = lines[first if self.inclusive else first + 1 :]
        last = next(
            (i for i, line in enumerate(kept) if self.end.lower() in line.lower()), len(kept)
        )
        return kept[:last]


FLEURS_DU_MAL = Markers(
    "Charles Baudelaire avait un ami", "End of the Project Gutenberg EBook of Les Fleurs du Mal"
)
ANY_GUTENBERG = Markers("*** START OF", "*** END OF", inclusive=False)


@dataclass(frozen=True)
class Text:
    """A prepared text: ``characters``, the string; ``lines``, how many lines it was joined from."""

    name: str
    characters: str
    lines: int

    @cached_property
    def vocabulary(self) -> tuple[str, ...]:
        """The distinct characters, sorted: V of them."""
        return tuple(sorted(set(self.characters)))

    @cached_property
    def codes(self) -> np.ndarray:
        """The place of each character in the vocabulary: int32 (N,), read-only."""
        codes = encode(self.characters, self.vocabulary)
        codes.setflags(write=False)
        return codes

    def boundary(self, share: float = 0.8) -> int:
        """The position of the first test target: the first ``share`` of the course's windows are for
        training.

        The course cuts windows of 10 characters; a model that reads another length is scored on the
        same targets.
        """
        if not 0 < share < 1:
            raise BadSetting(
                _("the training fraction is out of range"), expected=_("between 0 and 1"), got=share
            )
        count = len(self.characters) - COURSE_LENGTH
        return COURSE_LENGTH + int(count * share)

    def require(self, length: int) -> "Text":
        """The text itself, where it holds windows of ``length`` on both sides of the boundary."""
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

    Raises ``DataMissing`` where there is no such file, ``CorruptFile`` where it is not UTF-8 text, or
    is empty.
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
    """Lines stripped, lower-cased, empty ones dropped, joined by a space: practical 4, exercise 1 a.

    With ``markers`` only what stands between them; without, the licence of any Gutenberg text is cut
    away where it has one. Raises ``CorruptFile`` where the start marker is missing or nothing is left.
    """
    lines = raw.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if markers is not None:
        lines = markers.cut(lines)
        if lines is None:
            raise CorruptFile(
                _("the text '{name}' has no line with its start marker").format(name=name),
                expected=repr(markers.start),
            )
    else:
        found = ANY_GUTENBERG.cut(lines)
        lines = lines if found is None else found
    kept = [line.strip().lower() for line in lines]
    kept = [line for line in kept if line]
    if not kept:
        raise CorruptFile(_("the text '{name}' is empty").format(name=name))
    return Text(name, " ".join(kept), len(kept))


def encode(characters: str, vocabulary: tuple[str, ...]) -> np.ndarray:
    """The place of each character in the vocabulary, int32 (N,). Raises ``BadArray`` for one that is
    not there.
    """
    places = {character: place for place, character in enumerate(vocabulary)}
    unknown = sorted(set(characters) - places.keys())
    if unknown:
        raise BadArray(
            _("characters not in the training vocabulary: {characters}").format(
                characters=" ".join(map(repr, unknown))
            ),
            expected=_("only characters of the vocabulary ({vocabulary})").format(
                vocabulary="".join(vocabulary)
            ),
        )
    return np.fromiter((places[character] for character in characters), np.int32, len(characters))


def decode(codes: np.ndarray, vocabulary: tuple[str, ...]) -> str:
    """The string that the codes (N,) stand for."""
    return "".join(vocabulary[code] for code in codes)


def make_windows(codes: np.ndarray, length: int, first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
    """The windows (N, length) before the targets at positions first..last-1, and the targets (N,): views.

    Targets before position ``length`` have no whole window and are left out.
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
