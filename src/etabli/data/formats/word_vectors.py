"""The text format of GloVe (a word and its numbers per line), read as a stream for wanted words.

Source: Pennington, Socher, Manning 2014, "GloVe: global vectors for word representation".
"""

import shutil
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import as_file, files
from pathlib import Path
from typing import BinaryIO

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

    ``duplicates`` are words that occur more than once: their first line counts.
    """

    words: tuple[str, ...]
    vectors: np.ndarray
    duplicates: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.vectors.setflags(write=False)

    @cached_property
    def rows(self) -> dict[str, int]:
        """The row index of each word."""
        return {word: row for row, word in enumerate(self.words)}

    def list_missing(self, wanted: Collection[str]) -> list[str]:
        """Return the wanted words that have no vector, in their order."""
        return [word for word in wanted if word not in self.rows]

    def lookup(self, words: Sequence[str]) -> np.ndarray:
        """Return the vectors (len(words), D) of known words."""
        return self.vectors[[self.rows[word] for word in words]]


def load(source: Source, wanted: Collection[str] | None = None) -> WordVectors:
    """Load GloVe 6B in 100 dimensions (or its subset), or vectors of the sample captions.

    The sample vectors were trained with the project's GloVe, see ``tp4.glove``.
    """
    return read(source.file("glove", *FILES), wanted)


def make(folder: Path) -> None:
    """Copy the sample vectors into a folder, under the name of the official file."""
    with as_file(files("etabli.data") / "files" / "glove.txt") as path:
        shutil.copyfile(path, folder / FILES[0])


def read(path: Path | str, wanted: Collection[str] | None = None) -> WordVectors:
    """Read the vectors of the wanted words (``None``: of all words).

    A first line of two integers (the header of word2vec) is skipped. Only the word of an unwanted
    line is parsed, which makes it fast. Raises ``CorruptFile`` for a wanted line without as many
    numbers as the others, and ``DataMissing`` where no wanted word is found.
    """
    path = Path(path)
    if not path.is_file():
        raise DataMissing(_("there is no file of word vectors {path}").format(path=path))
    chosen = None if wanted is None else {word.encode() for word in wanted}
    found: dict[bytes, np.ndarray] = {}
    duplicates = []
    with path.open("rb") as stream:
        for number, word, rest in _lines(stream, chosen):
            if word in found:
                duplicates.append(word)
            else:
                found[word] = _parse_vector(rest, path, number, next(iter(found.values()), None))
    if not found:
        raise DataMissing(
            _("{path} contains no vector of a requested word").format(path=path),
            expected=_("lines of a word and its numbers, separated by spaces"),
        )
    return WordVectors(
        tuple(_decode(word, path) for word in found),
        np.stack(list(found.values())),
        tuple(_decode(word, path) for word in duplicates),
    )


def write(path: Path | str, words: Sequence[str], vectors: np.ndarray) -> None:
    """Write words and vectors (N, D) in the text format of GloVe, six decimals."""
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


def _lines(stream: BinaryIO, chosen: set[bytes] | None) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield number, word and rest of the lines of chosen words, without header and blank lines."""
    for number, line in enumerate(stream, 1):
        word = line[: line.find(b" ")]
        if chosen is not None and word not in chosen:
            continue
        parts = line.split(maxsplit=2)
        is_header = number == 1 and len(parts) == 2 and all(part.isdigit() for part in parts)
        if parts and not is_header:
            yield number, word, line[len(word) + 1 :]


def _parse_vector(rest: bytes, path: Path, number: int, other: np.ndarray | None) -> np.ndarray:
    try:
        vector = np.array(rest.split(), dtype=np.float32)
    except ValueError:
        vector = np.empty(0, np.float32)
    has_other_length = other is not None and len(vector) != len(other)
    if has_other_length or not len(vector) or not np.isfinite(vector).all():
        raise CorruptFile(
            _("{path}, line {number}, is malformed").format(path=path, number=number),
            expected=_("a word and {n} finite numbers").format(
                n=_("its") if other is None else len(other)
            ),
            got=rest[:40].decode("utf-8", "replace").strip(),
        )
    return vector


def _decode(word: bytes, path: Path) -> str:
    try:
        return word.decode()
    except UnicodeDecodeError as error:
        raise CorruptFile(
            _("{path} contains a word that is not UTF-8: {word}").format(path=path, word=word)
        ) from error
