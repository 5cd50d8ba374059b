"""Your own points from a table: a matrix of features, and labels if there are any.

``.npy``, ``.npz``, ``.safetensors``, ``.csv`` (also ``.tsv``, ``.txt``), ``.parquet``. No format
that can run code is loaded: NumPy files are read with ``allow_pickle=False``. Every error names its
place in the file.
"""

import csv
import struct
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from etabli.core.errors import (
    BadArray,
    CorruptFile,
    DataMissing,
    EtabliError,
    MissingExtra,
    UnknownName,
)
from etabli.core.i18n import _

if TYPE_CHECKING:
    from pyarrow import ChunkedArray

LABEL_NAMES = ("label", "labels", "class", "target", "y")
POINT_NAMES = ("points", "features", "embeddings", "activations", "vectors", "data", "x")
_MAX_EXACT = 2**53  # up to here every integer is a float64
_TEXT_SUFFIXES = (".csv", ".tsv", ".txt")
# What NumPy's reader of headers, which are Python literals, raises on damaged ones.
_DAMAGE_ERRORS = (
    ValueError,
    EOFError,
    OverflowError,
    SyntaxError,
    TypeError,
    RecursionError,
    struct.error,
    tokenize.TokenError,
)


@dataclass(frozen=True, eq=False)
class Table:
    """Points ``(N, D)``, finite floats; labels ``(N,)`` int64, strings or None; read-only."""

    points: np.ndarray
    labels: np.ndarray | None = None
    columns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for array in (self.points, self.labels):
            if array is not None:
                array.setflags(write=False)


def read(path: Path | str, labels: Path | str | None = None) -> Table:
    """Read the table of a file, with labels from its column ``label`` or from a second file.

    The columns ``labels``, ``class``, ``target`` and ``y`` are labels too. float32 and shorter are
    read as float32, everything else as float64; arrays of more than two dimensions (images) are
    flattened to ``(N, D)``. Raises ``DataMissing``, ``CorruptFile`` or ``BadArray``, with the row
    and the column of a cell that is not a finite number.
    """
    path = Path(path)
    table = _read_file(path)
    points = _check_finite(_to_matrix(table.points, path), path, table.columns)
    found = table.labels if labels is None else _read_labels(Path(labels))
    if found is not None:
        found = _check_labels(found, len(points), labels or path)
    return Table(points, found, table.columns)


def _read_file(path: Path) -> Table:
    """Read the content of a file as it is, before any check of shapes and values."""
    readers = {
        ".npy": lambda file: Table(_read_npy(file)),
        ".npz": lambda file: _choose_arrays(_read_npz(file), file),
        ".safetensors": lambda file: _choose_arrays(_read_safetensors(file), file),
        **dict.fromkeys(_TEXT_SUFFIXES, lambda file: _TextTable(file).read()),
        ".parquet": _read_parquet,
    }
    if path.suffix.lower() not in readers:
        raise UnknownName(_("table format"), path.suffix or path.name, readers)
    if not path.is_file():
        raise DataMissing(_("there is no file {path}").format(path=path))
    try:
        return readers[path.suffix.lower()](path)
    except OSError as error:
        raise EtabliError(
            _("cannot read {path} ({reason})").format(path=path, reason=error.strerror or error)
        ) from error
    except MemoryError as error:
        raise EtabliError(_("{path} does not fit in memory").format(path=path)) from error


def _read_labels(path: Path) -> np.ndarray:
    """Read a file of labels: a vector, or a table with a column of labels, or a single column."""
    suffix = path.suffix.lower()
    if suffix in _TEXT_SUFFIXES and path.is_file():
        return _TextTable(path).read_labels()
    if suffix in (".npz", ".safetensors") and path.is_file():
        arrays = _read_npz(path) if suffix == ".npz" else _read_safetensors(path)
        named = [array for name, array in arrays.items() if name.lower() in LABEL_NAMES]
        vectors = named or [array for array in arrays.values() if array.ndim == 1]
        if len(vectors) != 1:
            raise BadArray(
                _("{path} does not say which of its arrays are the labels").format(path=path),
                expected=_("one vector, or one named {names}").format(names=", ".join(LABEL_NAMES)),
            )
        return vectors[0]
    table = _read_file(path)
    return table.points if table.labels is None else table.labels


# --- checks ---------------------------------------------------------------------------------------


def _choose_arrays(arrays: dict[str, np.ndarray], path: Path) -> Table:
    """Choose points and labels by name, or the only array of two dimensions or more as points."""
    by_name = {name.lower(): name for name in arrays}
    label = next((by_name[name] for name in LABEL_NAMES if name in by_name), None)
    wide = [name for name, array in arrays.items() if array.ndim >= 2 and name != label]
    named = next((by_name[name] for name in POINT_NAMES if by_name.get(name) in wide), None)
    if named is None and len(wide) != 1:
        raise BadArray(
            _("{path} does not say which of its arrays are the points").format(path=path),
            expected=_("one array of two dimensions, or one named {names}").format(
                names=", ".join(POINT_NAMES)
            ),
            got=", ".join(f"{name} {array.shape}" for name, array in arrays.items()) or _("none"),
        )
    return Table(arrays[named or wide[0]], None if label is None else arrays[label])


def _to_matrix(array: np.ndarray, path: Path) -> np.ndarray:
    if array.dtype.kind not in "fiub":
        raise BadArray(
            _("{path} does not contain numbers").format(path=path),
            expected=_("real numbers"),
            got=array.dtype,
        )
    if array.ndim < 2 or 0 in array.shape:
        raise BadArray(
            _("{path} does not contain a table of points").format(path=path),
            expected=_("N rows of D numbers"),
            got=_("an array of shape {shape}").format(shape=array.shape),
        )
    is_narrow = array.dtype.kind == "f" and array.dtype.itemsize <= 4
    kind = np.float32 if is_narrow else np.float64
    return np.ascontiguousarray(array.reshape(len(array), -1), dtype=kind)


def _check_finite(points: np.ndarray, path: Path, names: Sequence[str]) -> np.ndarray:
    is_finite = np.isfinite(points)
    if is_finite.all():
        return points
    row, column = np.argwhere(~is_finite)[0]
    raise BadArray(
        _("{path} contains {value} in row {row}, column {column}").format(
            path=path,
            value=points[row, column],
            row=row + 1,
            column=f"'{names[column]}'" if len(names) == points.shape[1] else column + 1,
        ),
        expected=_("finite numbers"),
        got=_("{n} cells that are not").format(n=int((~is_finite).sum())),
        fix=_("Remove these rows, or fill in the cells."),
    )


def _check_labels(array: np.ndarray, n: int, path: Path | str) -> np.ndarray:
    """Return the labels as integers or strings, one for each of ``n`` points."""
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1 or len(array) != n:
        raise BadArray(
            _("the labels of {path} do not match the points").format(path=path),
            expected=_("{n} labels, one for each row").format(n=n),
            got=_("an array of shape {shape}").format(shape=array.shape),
        )
    kind = array.dtype.kind
    if kind in "US":
        return array.astype(str)
    if kind == "f":
        is_odd = ~(np.abs(array) <= _MAX_EXACT) | (array != np.floor(array))
        odd = int(is_odd.argmax()) if is_odd.any() else None
    elif kind in "iub":
        odd = None
    else:
        odd = next((at for at, label in enumerate(array.tolist()) if label is None), 0)
    if odd is not None:
        raise BadArray(
            _("the labels of {path} are not classes").format(path=path),
            expected=_("integers or names"),
            got=_("{value} in row {row}").format(value=array[odd], row=odd + 1),
        )
    return np.ascontiguousarray(array.astype(np.int64))


# --- arrays ---------------------------------------------------------------------------------------


def _read_npy(path: Path) -> np.ndarray:
    with path.open("rb") as stream:
        return _read_npy_stream(stream, path.stat().st_size, path)


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    arrays = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                with archive.open(info) as stream:
                    name = info.filename.removesuffix(".npy")
                    arrays[name] = _read_npy_stream(stream, info.file_size, path)
    except EtabliError:
        raise
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
        ValueError,
    ) as error:
        raise CorruptFile(
            _("{path} is not a complete npz file").format(path=path), got=error
        ) from error
    return arrays


def _read_npy_stream(stream: IO[bytes], size: int, path: Path) -> np.ndarray:
    """Read an array of at most ``size`` bytes, never a pickle; nothing larger is allocated."""
    start = stream.tell()
    try:
        version = np.lib.format.read_magic(stream)
        read_header = np.lib.format.read_array_header_2_0
        if version == (1, 0):
            read_header = np.lib.format.read_array_header_1_0
        shape, __, kind = read_header(stream)
        _check_declared(shape, kind, size, path)
        stream.seek(start)
        return np.lib.format.read_array(stream, allow_pickle=False)
    except BadArray:
        raise
    except _DAMAGE_ERRORS as error:
        raise CorruptFile(
            _("{path} is not a complete npy array").format(path=path), got=error
        ) from error


def _check_declared(shape: Iterable[int], kind: np.dtype, size: int, path: Path) -> None:
    if kind.hasobject:
        raise BadArray(
            _(
                "{path} contains Python objects, which are never loaded because they can run code"
            ).format(path=path),
            fix=_("Save the array as numbers: np.save(file, np.asarray(data, dtype='float32'))."),
        )
    declared = kind.itemsize
    for length in shape:  # Python integers, which do not overflow
        declared *= int(length)
    if declared > size:
        raise CorruptFile(
            _("{path} is truncated").format(path=path),
            expected=_("{n} bytes of content").format(n=declared),
            got=_("{n} in the whole file").format(n=size),
        )


def _read_safetensors(path: Path) -> dict[str, np.ndarray]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return load_file(path)
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorruptFile(
            _("{path} is not a complete safetensors file").format(path=path), got=error
        ) from error


# --- tables ---------------------------------------------------------------------------------------


class _TextTable:
    """A delimited text file.

    The delimiter is the one of comma, semicolon and tab that the first line has most of; a first
    line with anything but numbers is the header.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with path.open(encoding="utf-8-sig", newline="") as stream:
                line = stream.readline()
        except UnicodeDecodeError as error:
            raise CorruptFile(_("{path} is not UTF-8 text").format(path=path), got=error) from error
        self.delimiter = max(",;\t", key=line.count)
        first = next(csv.reader([line], delimiter=self.delimiter), [])
        if not first:
            raise CorruptFile(_("{path} is empty").format(path=path))
        self.first = [cell.strip() for cell in first]
        self.has_header = not all(map(_is_number, first))

    def read(self) -> Table:
        """Read points, column names, and labels where a column has them."""
        n_columns = len(self.first)
        names = self.first if self.has_header else [str(at + 1) for at in range(n_columns)]
        label = _find_label_column(names) if self.has_header else None
        kept = [at for at in range(n_columns) if at != label]
        if not kept:
            raise BadArray(_("{path} contains labels and no points").format(path=self.path))
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "loadtxt: input contained no data")
                points = np.loadtxt(
                    self.path, delimiter=self.delimiter, skiprows=int(self.has_header),
                    usecols=None if label is None else kept, ndmin=2,
                    quotechar='"', comments=None, encoding="utf-8-sig",
                )  # fmt: skip
        except ValueError as error:
            raise self._find_fault(names, kept, error) from error
        columns = tuple(names[at] for at in kept)
        if label is None:
            return Table(points, None, columns)
        rows = self._read_rows(self.has_header)
        if any(len(row) != n_columns for row in rows):
            raise self._find_fault(names, kept, None)
        return Table(points, _parse_labels([row[label].strip() for row in rows]), columns)

    def read_labels(self) -> np.ndarray:
        """Read the column of labels, or the only column (with or without a header)."""
        at = _find_label_column(self.first)
        if at is None and len(self.first) > 1:
            raise BadArray(
                _("{path} does not say which column contains the labels").format(path=self.path),
                expected=_("one column, or one named {names}").format(names=", ".join(LABEL_NAMES)),
                got=", ".join(self.first[:8]),
            )
        rows = self._read_rows(at is not None)
        return _parse_labels(["".join(row[at or 0 : (at or 0) + 1]).strip() for row in rows])

    def _read_rows(self, skip_first: bool) -> list[list[str]]:
        try:
            with self.path.open(encoding="utf-8-sig", newline="") as stream:
                rows = csv.reader(stream, delimiter=self.delimiter)
                return [row for row in islice(rows, int(skip_first), None) if row]
        except (csv.Error, UnicodeDecodeError) as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: Exception | None) -> CorruptFile:
        message = _("{path} is not a readable text table").format(path=self.path)
        return CorruptFile(message, got=error)

    def _find_fault(
        self, names: list[str], kept: list[int], error: ValueError | None
    ) -> EtabliError:
        """Return the error for the first row of another length or cell that is not a number."""
        for number, row in enumerate(self._read_rows(self.has_header), start=1):
            if len(row) != len(names):
                return BadArray(
                    _("{path} has a row of another length: row {row}").format(
                        path=self.path, row=number
                    ),
                    expected=_("{n} cells, as in its first line").format(n=len(names)),
                    got=len(row),
                )
            for at in kept:
                if not _is_number(row[at]):
                    return BadArray(
                        _("{path} has no number in row {row}, column '{column}'").format(
                            path=self.path, row=number, column=names[at]
                        ),
                        expected=_("a number"),
                        got=repr(row[at][:40]),
                        fix=_advise_label_column(),
                    )
        return self._unreadable(error)


def _read_parquet(path: Path) -> Table:
    """Read a Parquet file; a column of vectors of one length counts as many columns."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtra("pyarrow", "parquet", _("reading a Parquet file")) from error
    try:
        table = parquet.read_table(path)
    except (pyarrow.ArrowException, ValueError) as error:
        raise CorruptFile(
            _("{path} is not a complete Parquet file").format(path=path), got=error
        ) from error
    label = _find_label_column(table.column_names)
    names, blocks = [], []
    for at, name in enumerate(table.column_names):
        if at != label:
            blocks.append(_to_block(table.column(at), name, path))
            width = blocks[-1].shape[1]
            names += [name] if width == 1 else [f"{name}[{i}]" for i in range(width)]
    if not blocks:
        raise BadArray(_("{path} has no numeric column").format(path=path))
    labels = None if label is None else np.asarray(table.column(label).to_pylist())
    return Table(np.concatenate(blocks, axis=1), labels, tuple(names))


def _to_block(column: "ChunkedArray", name: str, path: Path) -> np.ndarray:
    """Convert a Parquet column to ``(N, 1)``, or ``(N, D)`` where each cell is a vector."""
    rows = column.to_pylist() if "list" in str(column.type) else None
    if column.null_count or (rows is not None and any(None in row for row in rows)):
        raise BadArray(
            _("{path} has empty cells in column '{column}'").format(path=path, column=name)
        )
    try:
        array = np.asarray(rows if rows is not None else column.to_numpy())
    except ValueError as error:
        raise BadArray(
            _("{path} has vectors of different lengths in column '{column}'").format(
                path=path, column=name
            )
        ) from error
    if array.dtype.kind not in "fiub":
        raise BadArray(
            _("{path} has no numbers in column '{column}'").format(path=path, column=name),
            expected=_("numbers"),
            got=column.type,
            fix=_advise_label_column(),
        )
    return array.reshape(len(array), -1)


def _advise_label_column() -> str:
    return _("Remove the column, or name it 'label' if it contains the classes.")


def _find_label_column(names: Sequence[str]) -> int | None:
    """Return the column of labels: of ``x, y, label`` the last, of ``x, y`` it is ``y``."""
    lower = [name.lower() for name in names]
    return next((lower.index(name) for name in LABEL_NAMES if name in lower), None)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell


def _parse_labels(cells: list[str]) -> np.ndarray:
    """Return integers where every cell is one, otherwise numbers, otherwise names."""
    for kind in (np.int64, np.float64):
        try:
            return np.array(cells).astype(kind)
        except (ValueError, OverflowError):
            continue
    return np.array(cells)
