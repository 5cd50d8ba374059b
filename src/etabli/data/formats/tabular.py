"""A person's own points: a matrix of features, and labels if there are any, from the formats people have.

``.npy``, ``.npz``, ``.safetensors``, ``.csv`` (also ``.tsv``, ``.txt``), ``.parquet``. No format that can run
code is opened: NumPy files are read with ``allow_pickle=False``.

Readers of tabular files: bytes in, arrays out; each fault is named with its place in the file.
"""

import csv as csv_format
import struct
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO

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

LABEL_NAMES = ("label", "labels", "class", "target", "y")
EXACT = 2**53  # up to here every whole number is a float64
POINT_NAMES = ("points", "features", "embeddings", "activations", "vectors", "data", "x")


@dataclass(frozen=True, eq=False)
class Table:
    """Points ``(N, D)`` float32 or float64, finite; labels ``(N,)`` int64 or strings, or None; read-only."""

    points: np.ndarray
    labels: np.ndarray | None = None
    columns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for array in (self.points, self.labels):
            if array is not None:
                array.setflags(write=False)


def read(path: Path | str, labels: Path | str | None = None) -> Table:
    """The table of a file, with labels from its column ``label`` (``labels``, ``class``, ``target``, ``y``)
    or from a second file.

    float32 and shorter come as float32, everything else as float64; arrays of more than two dimensions
    (images) are flattened to ``(N, D)``. Raises ``DataMissing``, ``CorruptFile`` or ``BadArray``, with the
    row and the column of a cell that is not a finite number.
    """
    path = Path(path)
    named = _parts(path)
    given = named.pop("labels", None)
    names = tuple(named.pop("names", ()))
    points = _finite(_matrix(named["points"], path), path, names)
    if labels is not None:
        given = _only_labels(Path(labels))
    return Table(
        points, None if given is None else _labels(given, len(points), labels or path), names
    )


def _parts(path: Path) -> dict[str, object]:
    """What a file holds: ``points``, and where it has them ``labels`` and column ``names``."""
    readers = {
        ".npy": lambda file: {"points": npy(file)},
        ".npz": lambda file: _chosen(npz(file), file),
        ".safetensors": lambda file: _chosen(safetensors(file), file),
        ".csv": lambda file: csv(file, LABEL_NAMES),
        ".tsv": lambda file: csv(file, LABEL_NAMES),
        ".txt": lambda file: csv(file, LABEL_NAMES),
        ".parquet": lambda file: parquet(file, LABEL_NAMES),
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


def _chosen(arrays: dict[str, np.ndarray], path: Path) -> dict[str, object]:
    """Points and labels among named arrays: by name, or the only array of two dimensions or more."""
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
    found: dict[str, object] = {"points": arrays[named or wide[0]]}
    return found | ({"labels": arrays[label]} if label else {})


def _only_labels(path: Path) -> np.ndarray:
    """The labels of a file of their own: a vector, or a table with a column of labels, or a single column."""
    if path.suffix.lower() in (".csv", ".tsv", ".txt") and path.is_file():
        return single(path, LABEL_NAMES)
    if path.suffix.lower() in (".npz", ".safetensors") and path.is_file():
        arrays = npz(path) if path.suffix.lower() == ".npz" else safetensors(path)
        named = [array for name, array in arrays.items() if name.lower() in LABEL_NAMES]
        vectors = named or [array for array in arrays.values() if array.ndim == 1]
        if len(vectors) != 1:
            raise BadArray(
                _("{path} does not say which of its arrays are the labels").format(path=path),
                expected=_("one vector, or one named {names}").format(names=", ".join(LABEL_NAMES)),
            )
        return vectors[0]
    parts = _parts(path)
    return np.asarray(parts.get("labels", parts["points"]))


def _matrix(array: np.ndarray, path: Path) -> np.ndarray:
    array = np.asarray(array)
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
    narrow = array.dtype.kind == "f" and array.dtype.itemsize <= 4
    kind = np.float32 if narrow else np.float64
    return np.ascontiguousarray(array.reshape(len(array), -1), dtype=kind)


def _finite(points: np.ndarray, path: Path, names: Sequence[str]) -> np.ndarray:
    whole = np.isfinite(points)
    if whole.all():
        return points
    row, column = np.argwhere(~whole)[0]
    raise BadArray(
        _("{path} contains {value} in row {row}, column {column}").format(
            path=path,
            value=points[row, column],
            row=row + 1,
            column=f"'{names[column]}'" if len(names) == points.shape[1] else column + 1,
        ),
        expected=_("finite numbers"),
        got=_("{n} cells that are not").format(n=int((~whole).sum())),
        fix=_("Remove these rows, or fill in the cells."),
    )


def _labels(array: np.ndarray, n: int, path: Path | str) -> np.ndarray:
    """Labels as integers or strings, one for each point."""
    array = np.asarray(array)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1 or len(array) != n:
        raise BadArray(
            _("the labels of {path} do not match the points").format(path=path),
            expected=_("{n} labels, one for each row").format(n=n),
            got=_("an array of shape {shape}").format(shape=array.shape),
        )
    if array.dtype.kind in "US":
        return array.astype(str)
    whole = array.astype(np.int64) if array.dtype.kind in "iub" else _integers(array, path)
    return np.ascontiguousarray(whole)


def _integers(array: np.ndarray, path: Path | str) -> np.ndarray:
    if array.dtype.kind == "f":
        odd = np.flatnonzero(~(np.abs(array) <= EXACT) | (array != np.floor(array)))
    else:
        odd = [next((at for at, label in enumerate(array.tolist()) if label is None), 0)]
    if len(odd):
        raise BadArray(
            _("the labels of {path} are not classes").format(path=path),
            expected=_("integers or names"),
            got=_("{value} in row {row}").format(value=array[odd[0]], row=odd[0] + 1),
        )
    return array.astype(np.int64)


# What NumPy's reader of headers, which are Python literals, raises on damaged ones.
_DAMAGED = (
    ValueError,
    EOFError,
    OverflowError,
    SyntaxError,
    TypeError,
    RecursionError,
    struct.error,
    tokenize.TokenError,
)


def npy(path: Path) -> np.ndarray:
    """The array of a ``.npy`` file; never a pickle, and nothing is allocated that the file does not hold."""
    with path.open("rb") as stream:
        return _npy(stream, path.stat().st_size, path)


def npz(path: Path) -> dict[str, np.ndarray]:
    """The named arrays of an ``.npz`` file."""
    try:
        with zipfile.ZipFile(path) as archive:
            return {
                info.filename.removesuffix(".npy"): _member(archive, info, path)
                for info in archive.infolist()
            }
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


def safetensors(path: Path) -> dict[str, np.ndarray]:
    """The named arrays of a ``.safetensors`` file."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return load_file(path)
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorruptFile(
            _("{path} is not a complete safetensors file").format(path=path), got=error
        ) from error


def csv(path: Path, label_names: Sequence[str]) -> dict[str, object]:
    """Points, column names and labels of a text table.

    The delimiter is the one of comma, semicolon and tab that the first line has most of; a first line with
    anything but numbers is the header.
    """
    first, delimiter, header = _layout(path)
    names = (
        [cell.strip() for cell in first] if header else [str(at + 1) for at in range(len(first))]
    )
    label = _place_of_labels(names, label_names) if header else None
    kept = [at for at in range(len(names)) if at != label]
    if not kept:
        raise BadArray(_("{path} contains labels and no points").format(path=path))
    try:
        points = _numbers(path, delimiter, header, kept if label is not None else None)
    except ValueError as error:
        raise _first_fault(path, delimiter, header, names, kept, error) from error
    found: dict[str, object] = {"points": points, "names": [names[at] for at in kept]}
    if label is not None:
        rows = _rows(path, delimiter, header)
        if any(len(row) != len(names) for row in rows):
            raise _first_fault(path, delimiter, header, names, kept, None)
        found["labels"] = _classes([row[label].strip() for row in rows])
    return found


def single(path: Path, label_names: Sequence[str]) -> np.ndarray:
    """The labels of a text table: its column of labels, or its only column (with or without a header)."""
    first, delimiter, __ = _layout(path)
    names = [cell.strip().lower() for cell in first]
    at = _place_of_labels(names, label_names)
    if at is None and len(first) > 1:
        raise BadArray(
            _("{path} does not say which column contains the labels").format(path=path),
            expected=_("one column, or one named {names}").format(names=", ".join(label_names)),
            got=", ".join(first[:8]),
        )
    rows = _rows(path, delimiter, header=at is not None)
    return _classes([row[at or 0].strip() if len(row) > (at or 0) else "" for row in rows])


def parquet(path: Path, label_names: Sequence[str]) -> dict[str, object]:
    """Points, column names and labels of a Parquet file; a column of vectors of one length counts as many."""
    try:
        import pyarrow
        from pyarrow import parquet as parquet_format
    except ImportError as error:
        raise MissingExtra("pyarrow", "parquet", _("reading a Parquet file")) from error
    try:
        table = parquet_format.read_table(path)
    except (pyarrow.ArrowException, ValueError) as error:
        raise CorruptFile(
            _("{path} is not a complete Parquet file").format(path=path), got=error
        ) from error
    place = _place_of_labels(table.column_names, label_names)
    label = None if place is None else table.column_names[place]
    names, blocks = [], []
    for name in table.column_names:
        if name != label:
            block = _block(table.column(name), name, path)
            blocks.append(block)
            names += (
                [name] if block.shape[1] == 1 else [f"{name}[{at}]" for at in range(block.shape[1])]
            )
    if not blocks:
        raise BadArray(_("{path} has no numeric column").format(path=path))
    found: dict[str, object] = {"points": np.concatenate(blocks, axis=1), "names": names}
    if label is not None:
        found["labels"] = np.asarray(table.column(label).to_pylist())
    return found


def _place_of_labels(names: Sequence[str], label_names: Sequence[str]) -> int | None:
    """The column of the labels: of ``x, y, label`` it is the last, of ``x, y`` it is ``y``."""
    lower = [name.lower() for name in names]
    return next((lower.index(name) for name in label_names if name in lower), None)


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> np.ndarray:
    with archive.open(info) as stream:
        return _npy(stream, info.file_size, path)


def _npy(stream: BinaryIO, size: int, path: Path) -> np.ndarray:
    start = stream.tell()
    try:
        version = np.lib.format.read_magic(stream)
        read_header = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }
        shape, __, kind = read_header.get(version, read_header[2, 0])(stream)
        _bounded(shape, kind, size, path)
        stream.seek(start)
        return np.lib.format.read_array(stream, allow_pickle=False)
    except BadArray:
        raise
    except _DAMAGED as error:
        raise CorruptFile(
            _("{path} is not a complete npy array").format(path=path), got=error
        ) from error


def _bounded(shape: Iterable[int], kind: np.dtype, size: int, path: Path) -> None:
    if kind.hasobject:
        raise BadArray(
            _(
                "{path} contains Python objects, which are never loaded because they can run code"
            ).format(path=path),
            fix=_("Save the array as numbers: np.save(file, np.asarray(data, dtype='float32'))."),
        )
    declared = kind.itemsize
    for length in shape:
        declared *= int(length)
    if declared > size:
        raise CorruptFile(
            _("{path} is truncated").format(path=path),
            expected=_("{n} bytes of content").format(n=declared),
            got=_("{n} in the whole file").format(n=size),
        )


def _layout(path: Path) -> tuple[list[str], str, bool]:
    """The first row, the delimiter, and whether the first row is a header."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            line = stream.readline()
    except UnicodeDecodeError as error:
        raise CorruptFile(_("{path} is not UTF-8 text").format(path=path), got=error) from error
    delimiter = max(",;\t", key=line.count)
    first = next(csv_format.reader([line], delimiter=delimiter), [])
    if not first:
        raise CorruptFile(_("{path} is empty").format(path=path))
    return first, delimiter, any(not _is_number(cell) for cell in first)


def _numbers(path: Path, delimiter: str, header: bool, kept: list[int] | None) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "loadtxt: input contained no data")
        return np.loadtxt(
            path, delimiter=delimiter, skiprows=int(header), usecols=kept, ndmin=2,
            quotechar='"', comments=None, encoding="utf-8-sig",
        )  # fmt: skip


def _rows(path: Path, delimiter: str, header: bool) -> list[list[str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = csv_format.reader(stream, delimiter=delimiter)
            return [row for row in islice(rows, int(header), None) if row]
    except (csv_format.Error, UnicodeDecodeError) as error:
        raise CorruptFile(
            _("{path} is not a readable text table").format(path=path), got=error
        ) from error


def _first_fault(
    path: Path,
    delimiter: str,
    header: bool,
    names: list[str],
    kept: list[int],
    error: ValueError | None,
) -> BadArray | CorruptFile:
    """The refusal for the first row of the wrong length or cell that is not a number."""
    for number, row in enumerate(_rows(path, delimiter, header), start=1):
        if len(row) != len(names):
            return BadArray(
                _("{path} has a row of another length: row {row}").format(path=path, row=number),
                expected=_("{n} cells, as in its first line").format(n=len(names)),
                got=len(row),
            )
        for at in kept:
            if not _is_number(row[at]):
                return BadArray(
                    _("{path} has no number in row {row}, column '{column}'").format(
                        path=path, row=number, column=names[at]
                    ),
                    expected=_("a number"),
                    got=repr(row[at][:40]),
                    fix=_("Remove the column, or name it 'label' if it contains the classes."),
                )
    return CorruptFile(_("{path} is not a readable text table").format(path=path), got=error)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell


def _classes(cells: list[str]) -> np.ndarray:
    """Integers where every cell is one, otherwise numbers, otherwise names."""
    for kind in (np.int64, np.float64):
        try:
            return np.array(cells).astype(kind)
        except (ValueError, OverflowError):
            continue
    return np.array(cells)


def _block(column, name: str, path: Path) -> np.ndarray:
    """A Parquet column as ``(N, 1)``, or ``(N, D)`` where each cell is a vector."""
    rows = column.to_pylist() if "list" in str(column.type) else None
    empty = column.null_count or (rows is not None and any(None in row for row in rows))
    if empty:
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
            fix=_("Remove the column, or name it 'label' if it contains the classes."),
        )
    return array.reshape(len(array), -1)
