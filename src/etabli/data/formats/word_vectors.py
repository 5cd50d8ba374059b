"""Word vectors in the files that people have, read as a stream for all or some words.

- text: a word and its D numbers per line (GloVe), also after a header of two integers (word2vec,
  fastText's ``.vec``, gensim); separated by blanks or tabs; a word may contain blanks;
- word2vec's binary form;
- each of them packed: gzip, bzip2, xz, or a member of a zip archive;
- ``.npy`` with a file of its words next to it.

Sources: Pennington, Socher, Manning 2014, "GloVe: global vectors for word representation"; the
binary form: word2vec.c of Mikolov et al. 2013.
"""

import bz2
import gzip
import io
import json
import lzma
import re
import shlex
import shutil
import warnings
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from importlib.resources import as_file, files
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import IO, Any

import numpy as np

from etabli.core.atomic_files import atomic_write, parse_json
from etabli.core.errors import BadArray, BadSetting, CorruptFile, DataMissing, EtabliError
from etabli.core.i18n import _
from etabli.data.catalog.source import Source
from etabli.data.formats import text_file

__all__ = ["WordVectors", "load", "make", "read", "write"]

VERSION = 1
FILES = ("glove.6B.100d.txt", "glove.6B.100d.subset.txt")
WORD_FILES = ("words", "vocab", "vocabulary", "tokens", "labels", "index")
_HEAD, _BLOCK = 1 << 20, 1 << 18  # bytes: what is looked at first, then at a time
_LONGEST = 1 << 24  # bytes of a line
_MOST_DIMENSIONS = 1 << 17
_SAMPLED = 64  # lines that decide on the dimension
_OPENERS: dict[bytes, Callable[..., Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\0": lzma.open,
}
_CONTROLS = re.compile(rb"[\0-\x08\x0e-\x1f]")
_DAMAGED = (
    EOFError,
    OSError,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    ValueError,
    RuntimeError,
)


@dataclass(frozen=True, eq=False)
class WordVectors:
    """Words and their vectors (N, D) float32, read-only, in the order of the file.

    ``duplicates`` are words that occur more than once: their first line counts. ``remarks`` say
    what was left out.
    """

    words: tuple[str, ...]
    vectors: np.ndarray
    duplicates: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

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


def read(
    path: Path | str, wanted: Collection[str] | None = None, *, member: str | None = None
) -> WordVectors:
    """Read the vectors of the wanted words (``None``: of all words) from any of the formats.

    Malformed lines and words that are not UTF-8 are left out and counted in ``remarks``. Of an
    unwanted line only the word is parsed, which makes it fast.

    Args:
        path: the file.
        wanted: the words whose vectors are read.
        member: the file in a zip archive of several.

    Raises:
        CorruptFile: most lines are malformed, or the file is of another content.
        DataMissing: there is no such file, or no wanted word in it.
        BadSetting: an archive has several files, and ``member`` names none of them.
    """
    path = Path(path)
    if not path.is_file():
        raise DataMissing(_("there is no file of word vectors {path}").format(path=path))
    if path.suffix.lower() == ".npy":
        found = _read_array(path, wanted)
    else:
        with _open(path, member) as stream:
            found = _read_stream(stream, path, wanted)
    if not found.seen:
        raise _explain_nothing(path, list(wanted or ()))
    return WordVectors(
        tuple(found.seen), found.join(), tuple(found.duplicates), tuple(found.remark(path))
    )


def _explain_nothing(path: Path, wanted: Sequence[str]) -> DataMissing:
    if not wanted:
        return DataMissing(
            _("{path} contains no word vectors").format(path=path),
            expected=_("lines of a word and its numbers, separated by spaces"),
        )
    return DataMissing(
        _("{path} contains no vector of a requested word").format(path=path),
        got=", ".join(wanted[:3]),
        fix=_("Spell the words as the file does, in lower case for most; one per line."),
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


@dataclass
class _Found:
    """The words and vectors read so far, and what was left out."""

    wanted: frozenset[str] | None
    seen: dict[str, None] = field(default_factory=dict)
    array: np.ndarray | None = None
    filled: int = 0
    duplicates: list[str] = field(default_factory=list)
    malformed: list[int] = field(default_factory=list)
    undecodable: list[int] = field(default_factory=list)
    promised: int | None = None  # words, by the header
    entries: int = 0
    dimensions: tuple[int, int] | None = None  # by the header, and by the lines

    def add(self, numbers: Sequence[int], words: Sequence[bytes], vectors: np.ndarray) -> None:
        """Add entries: their line numbers, words, and vectors, NaN where malformed."""
        self.entries += len(words)
        kept = []
        valid = np.isfinite(vectors).all(axis=1).tolist()
        for row, (number, raw) in enumerate(zip(numbers, words, strict=True)):
            try:
                word = raw.decode()
            except UnicodeDecodeError:
                self.undecodable.append(number)
                continue
            if self.wanted is not None and word not in self.wanted:
                continue
            if not valid[row]:
                self.malformed.append(number)
            elif word in self.seen:
                self.duplicates.append(word)
            else:
                self.seen[word] = None
                kept.append(row)
        if kept:
            self._append(vectors if len(kept) == len(vectors) else vectors[kept])

    def _append(self, rows: np.ndarray) -> None:
        """Append rows to the array, which grows in place, an eighth more than needed."""
        start = self.filled
        self.filled += len(rows)
        if self.array is None:
            self.array = np.empty((self.filled, rows.shape[1]), np.float32)
        if self.filled > len(self.array):
            self.array.resize((self.filled * 9 // 8, rows.shape[1]), refcheck=False)
        self.array[start : self.filled] = rows

    def join(self) -> np.ndarray:
        """Return all vectors."""
        assert self.array is not None
        self.array.resize((self.filled, self.array.shape[1]), refcheck=False)
        return self.array

    def remark(self, path: Path) -> Iterator[str]:
        """Yield sentences on what was left out."""
        for lines, sentence in (
            (self.malformed, _("{path}: malformed lines, which are left out: {n} (line {lines}).")),
            (
                self.undecodable,
                _("{path}: words that are not UTF-8, which are left out: {n} (line {lines})."),
            ),
        ):
            if lines:
                listed = ", ".join(map(str, lines[:5])) + (", ..." if len(lines) > 5 else "")
                yield sentence.format(n=len(lines), path=path.name, lines=listed)
        if self.dimensions is not None:
            yield _("The header of {path} promises {n} dimensions; its lines have {m}.").format(
                path=path.name, n=self.dimensions[0], m=self.dimensions[1]
            )
        if self.wanted is None and self.promised is not None and self.promised != self.entries:
            yield _("The header of {path} promises {n} words; it has {m}.").format(
                path=path.name, n=self.promised, m=self.entries
            )


# Packed files


@contextmanager
def _open(path: Path, member: str | None) -> Iterator[IO[bytes]]:
    """Open a file, unpacked where it is packed, by its first bytes; explain damage."""
    with path.open("rb") as plain:
        head = plain.read(6)
    if member is not None and not head.startswith(b"PK\x03\x04"):
        raise BadSetting(
            _("{path} is not a zip archive, so --member does not apply").format(path=path),
            got=member,
        )
    opener = next((each for magic, each in _OPENERS.items() if head.startswith(magic)), None)
    try:
        if head.startswith(b"PK\x03\x04"):
            with (
                zipfile.ZipFile(path) as archive,
                archive.open(_choose_member(archive, path, member)) as stream,
            ):
                yield stream
        elif opener is not None:
            with opener(path, "rb") as stream:
                yield stream
        elif head.startswith((b"\xff\xfe", b"\xfe\xff")):
            yield io.BytesIO(text_file.read(path).text.encode())
        else:
            with path.open("rb") as stream:
                yield stream
    except EtabliError:
        raise
    except _DAMAGED as error:
        raise CorruptFile(
            _("{path} is truncated or damaged ({reason})").format(path=path, reason=error)
        ) from error


def _choose_member(archive: zipfile.ZipFile, path: Path, member: str | None) -> str:
    """Return the member of that name, or else the only one."""
    names = [name for name in archive.namelist() if not name.endswith("/")]
    hidden = re.compile(r"(^|/)\.|^__MACOSX/")
    names = [name for name in names if not hidden.search(name)]
    if names and all(name.endswith(".npy") for name in names):
        raise CorruptFile(
            _("{path} is an archive of NumPy arrays").format(path=path),
            expected=", ".join(names[:8]),
            fix=_("Save the vectors with np.save('vectors.npy', array), the words in words.txt."),
        )
    fit = names if member is None else [n for n in names if member in (n, PurePosixPath(n).name)]
    if len(fit) == 1:
        return fit[0]
    if not names:
        raise CorruptFile(_("{path} contains no file").format(path=path))
    raise BadSetting(
        _("{path} contains several files").format(path=path)
        if member is None
        else _("{path} has no file {member}").format(path=path, member=member),
        expected=", ".join(names[:8]),
        fix=_("Name one of them: --member {name}").format(name=shlex.quote(names[0])),
    )


# Text and word2vec's binary form


@dataclass(frozen=True)
class _Layout:
    """How a file is written: dimension, separator, bytes before the first entry, words promised."""

    dimension: int
    separator: bytes
    start: int
    promised: int | None
    is_binary: bool = False
    promised_dimension: int | None = None


def _read_stream(stream: IO[bytes], path: Path, wanted: Collection[str] | None) -> _Found:
    head = stream.read(_HEAD)
    layout = _recognize(head, path, is_whole=len(head) < _HEAD)
    found = _Found(None if wanted is None else frozenset(wanted), promised=layout.promised)
    promised = layout.promised_dimension
    if promised is not None and promised != layout.dimension:
        found.dimensions = promised, layout.dimension
    blocks = _blocks(head[layout.start :], stream)
    if layout.is_binary:
        _read_binary(blocks, path, layout, found)
    else:
        _read_text(blocks, path, layout, found, 1 + head[: layout.start].count(b"\n"))
    return found


def _blocks(head: bytes, stream: IO[bytes]) -> Iterator[bytes]:
    yield head
    while block := stream.read(_BLOCK):
        yield block


def _recognize(head: bytes, path: Path, *, is_whole: bool) -> _Layout:
    """Recognize the layout by the header and the first lines."""
    _refuse_models(head, path)
    start = 3 if head.startswith(b"\xef\xbb\xbf") else 0
    lines = head[start:].split(b"\n")
    lines = lines if is_whole or len(lines) == 1 else lines[:-1]
    header = lines[0].split()
    promised = None
    sampled = list(islice(filter(bytes.strip, lines), _SAMPLED + 1))
    is_header = len(header) == 2 and all(each.isdigit() and len(each) < 12 for each in header)
    counts = Counter(map(_count_numbers, sampled[1:] if is_header else sampled))
    dimension = next((each for each, _count in counts.most_common() if each), 0)
    if is_header and (not counts or int(header[1]) in counts or dimension != 1):
        promised, start = int(header[0]), start + len(lines[0]) + 1
        if int(header[1]) in counts:
            dimension = int(header[1])
        elif counts and 0 < int(header[1]) <= _MOST_DIMENSIONS and not _is_text(head[start:]):
            return _Layout(int(header[1]), b" ", start, promised, is_binary=True)
    if not dimension and (counts or not is_whole):
        _refuse_line(path, 1, sampled[0] if sampled else b"", None)
    tabs = sum(b"\t" in line for line in sampled)
    separator = b"\t" if 2 * tabs > len(sampled) else b" "
    width = int(header[1]) if promised is not None else None
    return _Layout(dimension, separator, start, promised, promised_dimension=width)


def _refuse_models(head: bytes, path: Path) -> None:
    """Refuse the models that gensim and fastText save, with what exports their vectors."""
    if head.startswith(b"\x80") and head[1:2] in (b"\2", b"\3", b"\4", b"\5"):
        raise CorruptFile(
            _("{path} is a pickle, which could run code and is not read").format(path=path),
            fix=_("Export the vectors with gensim: vectors.save_word2vec_format('vectors.txt')"),
        )
    if head.startswith(b"\xba\x16\x4f\x2f"):
        raise CorruptFile(
            _("{path} is a model of fastText").format(path=path),
            fix=_("Use the file of its vectors, which ends in .vec."),
        )


def _is_text(content: bytes) -> bool:
    """Return whether bytes are characters, of which the last may be cut off."""
    if _CONTROLS.search(content):
        return False
    try:
        content[: content.rfind(b"\n") + 1].decode()
    except UnicodeDecodeError:
        return False
    return b"\n" in content or content.isascii()


def _count_numbers(line: bytes) -> int:
    """Return how many numbers end a line, of which the first entry is a word."""
    parts, count = line.split(), 0
    while count < len(parts) - 1 and _is_number(parts[-1 - count]):
        count += 1
    return count


def _is_number(text: bytes) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _refuse_line(path: Path, number: int, line: bytes, dimension: int | None) -> None:
    raise CorruptFile(
        _("{path}, line {number}, is malformed").format(path=path, number=number),
        expected=_("a word and {n} finite numbers").format(n=dimension)
        if dimension
        else _("a word and its numbers"),
        got=line[:60].decode("utf-8", "replace").strip(),
        fix=_("Separate them with spaces or tabs, with a point in the numbers: sea 0.1 -0.2"),
    )


def _read_text(
    blocks: Iterable[bytes], path: Path, layout: _Layout, found: _Found, number: int
) -> None:
    """Read lines of a word and its numbers; ``number`` is that of the first line."""
    firsts, malformed = None, b""
    if found.wanted is not None:
        words = (word.encode("utf-8", "replace") for word in found.wanted)
        firsts = {word.split(layout.separator)[0] for word in words}
    for block in _whole_lines(blocks, path):
        if firsts is None:
            lines = block.split(b"\n")[:-1]
            batch = [each for each in enumerate(lines, number) if each[1].strip()]
            number += len(lines)
        else:
            batch, number = _search(block, layout.separator, firsts, number)
        if batch:
            before = len(found.malformed)
            found.add([i for i, _line in batch], *_parse(batch, layout))
            if before == 0 and found.malformed:
                malformed = dict(batch)[found.malformed[0]]
    if len(found.malformed) > len(found.seen) + len(found.duplicates):
        _refuse_line(path, found.malformed[0], malformed, layout.dimension)


def _whole_lines(blocks: Iterable[bytes], path: Path) -> Iterator[bytes]:
    """Yield blocks that end with their last whole line; the rest belongs to the next block."""
    rest = b""
    for block in blocks:
        block = rest + block
        end = block.rfind(b"\n") + 1
        rest = block[end:]
        if len(rest) > _LONGEST:
            raise CorruptFile(_("{path} is not a file of lines").format(path=path))
        if end:
            yield block[:end]
    if rest:
        yield rest + b"\n"


def _search(
    block: bytes, separator: bytes, firsts: Collection[bytes], number: int
) -> tuple[list[tuple[int, bytes]], int]:
    """Return number and line where the first part is wanted, and the number after the block.

    Other lines are not even copied.
    """
    found, find, position = [], block.find, 0
    while (end := find(b"\n", position)) >= 0:
        part = find(separator, position, end)
        if part >= 0 and block[position:part] in firsts:
            found.append((number, block[position:end]))
        position = end + 1
        number += 1
    return found, number


def _parse(batch: list[tuple[int, bytes]], layout: _Layout) -> tuple[list[bytes], np.ndarray]:
    """Return the words and the vectors of lines, NaN where a line is malformed."""
    words, rests = [], []
    separator, between = layout.separator, layout.dimension - 1
    for _number, line in batch:
        word, _separator, rest = line.partition(separator)
        rest = rest.strip()
        if rest.count(separator) != between:
            break
        words.append(word)
        rests.append(rest)
    else:
        vectors = _parse_numbers(b" ".join(rests))
        if len(vectors) == len(batch) * layout.dimension and np.isfinite(vectors).all():
            return words, vectors.reshape(len(batch), -1)
    # A word with blanks, a malformed line: each line is parsed by itself, from its end.
    words, rows = [], np.full((len(batch), layout.dimension), np.nan, np.float32)
    for row, (_number, line) in enumerate(batch):
        parts = line.rstrip().rsplit(None, layout.dimension)
        words.append(parts[0] if parts else b"")
        numbers = _parse_numbers(b" ".join(parts[1:]))
        fits = len(parts) == layout.dimension + 1 and len(numbers) == layout.dimension
        if fits and not _has_extra_numbers(parts[0]):
            rows[row] = numbers
    return words, rows


def _has_extra_numbers(word: bytes) -> bool:
    """Return whether a word is like "long 1 2": its line has too many numbers."""
    first, *others = word.split()
    return bool(others) and all(map(_is_number, others)) and not _is_number(first)


def _parse_numbers(text: bytes) -> np.ndarray:
    """Parse numbers separated by whitespace; what follows the first other text is left out."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)
        try:
            return np.fromstring(text, np.float32, sep=" ")
        except (ValueError, DeprecationWarning):
            return np.empty(0, np.float32)


def _read_binary(blocks: Iterable[bytes], path: Path, layout: _Layout, found: _Found) -> None:
    """Read word2vec's binary form: a word, a blank, D little-endian float32, perhaps a newline."""
    buffer, size, number = b"", 4 * layout.dimension, 1
    for block in blocks:
        buffer, position = buffer + block, 0
        words: list[bytes] = []
        numbers: list[bytes] = []
        while number + len(words) <= (layout.promised or 0):
            blank = buffer.find(b" ", position)
            if blank < 0 or blank + 1 + size > len(buffer):
                break
            words.append(buffer[position:blank].lstrip(b"\n"))
            position = blank + 1 + size
            numbers.append(buffer[blank + 1 : position])
        buffer = buffer[position:]
        if len(buffer) > _LONGEST + size:
            _refuse_line(path, number, buffer, layout.dimension)
        if words:
            vectors = np.frombuffer(b"".join(numbers), "<f4").reshape(len(words), -1)
            found.add(range(number, number + len(words)), words, vectors)
            number += len(words)
    if len(found.malformed) > len(found.seen):
        _refuse_line(path, found.malformed[0], b"", layout.dimension)


# Arrays with a file of words


def _read_array(path: Path, wanted: Collection[str] | None) -> _Found:
    """Read an array (N, D), and its words from a file next to it."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # a header is a Python literal, which fails in countless ways
        raise CorruptFile(
            _("{path} cannot be read as an array ({reason})").format(path=path, reason=error)
        ) from error
    if array.ndim != 2 or array.dtype.kind not in "fiu" or not array.size:
        raise CorruptFile(
            _("{path} does not contain word vectors").format(path=path),
            expected=_("an array of numbers, N x D"),
            got=_("shape {shape} of {kind}").format(shape=array.shape, kind=array.dtype),
        )
    words = _find_words(path, len(array))
    found = _Found(None if wanted is None else frozenset(wanted))
    for first in range(0, len(array), 4096):
        vectors = np.array(array[first : first + 4096], np.float32)
        numbers = range(first + 1, first + 1 + len(vectors))
        encoded = [word.encode("utf-8", "replace") for word in words[first : first + 4096]]
        found.add(numbers, encoded, vectors)
    return found


def _find_words(path: Path, count: int) -> list[str]:
    """Return the words of an array from the file next to it that has as many."""
    suffixes, tried = (".txt", ".json", ".vocab", ".words", ".tsv"), []
    near = [each for each in sorted(path.parent.iterdir()) if each.suffix.lower() in suffixes]
    named = [each for each in near if each.stem.startswith(path.stem)]
    named += [each for each in near if each.stem.lower() in WORD_FILES]
    for file in dict.fromkeys(named + near):
        words = _read_words(file)
        if len(words) == count:
            return words
        tried.append(_("{name} ({n} words)").format(name=file.name, n=len(words)))
    raise DataMissing(
        _("the {n} words of {path} are missing").format(n=count, path=path),
        expected=_("a file next to it, one word per line or a list in JSON"),
        got=", ".join(tried[:5]) or None,
        fix=_("Write them to {name}.").format(name=path.with_suffix(".txt").name),
    )


def _read_words(path: Path) -> list[str]:
    """Return the words of a list: lines, perhaps with counts, or JSON; none for another file."""
    try:
        decoded = text_file.read(path)
        if path.suffix.lower() != ".json":
            counted = [re.fullmatch(r"(.*\S)[ \t]+\d+", line) for line in decoded.lines]
            if counted and all(counted):
                return [match[1] for match in counted if match]
            return decoded.lines
        listed: Any = parse_json(decoded.text)
    except (CorruptFile, json.JSONDecodeError):
        return []
    if isinstance(listed, dict):
        flipped = {str(row): word for word, row in listed.items()}
        if all(isinstance(row, int) for row in listed.values()):
            listed = [flipped.get(str(row)) for row in range(len(listed))]
        else:  # row -> word
            listed = [listed.get(str(row)) for row in range(len(listed))]
    is_list = isinstance(listed, list) and all(isinstance(each, str) for each in listed)
    return listed if is_list else []
