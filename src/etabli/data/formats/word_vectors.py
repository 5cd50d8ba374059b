"""GloVe's text format: a word, a space, its numbers, one word to a line. Read in a stream, for wanted
words only.

Source: Pennington, Socher, Manning 2014, "GloVe: global vectors for word representation", and its releases.
"""

import shutil
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np

from etabli.core.atomic_files import atomic_write
from etabli.core.errors import BadArray, CorruptFile, DataMissing
from etabli.core.i18n import _
from etabli.data.catalog.source import Source

__all__ = ["WordVectors", "load", "make", "read", "write"]

VERSION = 1
FILES = ("glove.6B.100d.txt", "glove.6B.100d.subset.txt")


@dataclass(frozen=True, eq=False)
class WordVectors:
    """Words and their vectors (N, D) float32, read-only, in the order of the file.

    ``doubled`` lists words that came more than once: their first line counts.
    """

    words: tuple[str, ...]
    vectors: np.ndarray
    doubled: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.vectors.setflags(write=False)

    @cached_property
    def rows(self) -> dict[str, int]:
        """The row of each word."""
        return {word: row for row, word in enumerate(self.words)}

    def missing(self, wanted: Collection[str]) -> list[str]:
        """The wanted words that have no vector, in their order."""
        return [word for word in wanted if word not in self.rows]

    def of(self, words: Sequence[str]) -> np.ndarray:
        """The vectors (len(words), D) of words that are all there."""
        return self.vectors[[self.rows[word] for word in words]]


def load(source: Source, wanted: Collection[str] | None = None) -> WordVectors:
    """GloVe 6B, 100 numbers to a word (or its subset); from a sample source, vectors of the sample captions.

    The sample vectors were trained by the project's own GloVe, as ``tp4.glove`` shows.
    """
    return read(source.file("glove", *FILES), wanted)


def make(folder: Path) -> None:
    """Lay the sample vectors into a folder, under the name of the official file."""
    with as_file(files("etabli.data") / "files" / "glove.txt") as path:
        shutil.copyfile(path, folder / FILES[0])


def read(path: Path | str, wanted: Collection[str] | None = None) -> WordVectors:
    """The vectors of the wanted words (``None``: of all) that the file holds.

    A first line of two whole numbers (word2vec's header) is passed over. Of a line whose word is not wanted
    nothing but the word is looked at, which is what makes it fast. Raises ``CorruptFile`` for a wanted line
    that does not hold the numbers of the others, and ``DataMissing`` where no wanted word is found.
    """
    path = Path(path)
    if not path.is_file():
        raise DataMissing(_("there is no file of word vectors {path}").format(path=path))
    chosen = None if wanted is None else {word.encode() for word in wanted}
    found: dict[bytes, np.ndarray] = {}
    doubled = []
    with path.open("rb") as stream:
        for number, word, rest in _lines(stream, chosen):
            if word in found:
                doubled.append(word)
            else:
                found[word] = _numbers(rest, path, number, next(iter(found.values()), None))
    if not found:
        raise DataMissing(
            _("{path} contains no vector of a requested word").format(path=path),
            expected=_("lines of a word and its numbers, separated by spaces"),
        )
    words = tuple(_text(word, path) for word in found)
    return WordVectors(
        words, np.stack(list(found.values())), tuple(_text(word, path) for word in doubled)
    )


def write(path: Path | str, words: Sequence[str], vectors: np.ndarray) -> None:
    """Write words and vectors (N, D) in GloVe's text format, six decimals."""
    spaced = [word for word in words if not word or any(character.isspace() for character in word)]
    if len(words) != len(vectors) or spaced:
        raise BadArray(
            _("these words and vectors cannot be written"),
            expected=_("one vector per word, and no space in a word"),
            got=spaced[:3] or _("{n} words, {m} vectors").format(n=len(words), m=len(vectors)),
        )
    with atomic_write(path) as stream:
        for word, vector in zip(words, vectors, strict=True):
            stream.write(word + "".join(f" {value:.6f}" for value in vector) + "\n")


def _lines(stream, chosen: set[bytes] | None) -> Iterator[tuple[int, bytes, bytes]]:
    """Number, word and rest of every line whose word is chosen; header and blank lines left out."""
    for number, line in enumerate(stream, 1):
        word = line[: line.find(b" ")]
        if chosen is not None and word not in chosen:
            continue
        rest = line[len(word) + 1 :]
        if (number == 1 and _is_header(line)) or not line.strip():
            continue
        yield number, word, rest


def _is_header(line: bytes) -> bool:
    parts = line.split()
    return len(parts) == 2 and all(part.isdigit() for part in parts)


def _numbers(rest: bytes, path: Path, number: int, other: np.ndarray | None) -> np.ndarray:
    try:
        vector = np.array(rest.split(), dtype=np.float32)
    except ValueError:
        vector = np.empty(0, np.float32)
    if (
        not len(vector)
        or not np.isfinite(vector).all()
        or (other is not None and len(vector) != len(other))
    ):
        raise CorruptFile(
            _("{path}, line {number}, is malformed").format(path=path, number=number),
            expected=_("a word and {n} finite numbers").format(
                n=_("its") if other is None else len(other)
            ),
            got=rest[:40].decode("utf-8", "replace").strip(),
        )
    return vector


def _text(word: bytes, path: Path) -> str:
    try:
        return word.decode()
    except UnicodeDecodeError as error:
        raise CorruptFile(
            _("{path} contains a word that is not UTF-8: {word}").format(path=path, word=word)
        ) from error
