"""Readers of tabular files: bytes in, arrays out; each fault is named with its place in the file."""

import csv as csv_format
import struct
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import numpy as np

from etabli.errors import BadArray, CorruptFile, MissingExtra, Refusal
from etabli.i18n import _

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
            return {info.filename.removesuffix(".npy"): _member(archive, info, path) for info in archive.infolist()}
    except Refusal:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise CorruptFile(_("{path} is not a whole npz file").format(path=path), got=error) from error


def safetensors(path: Path) -> dict[str, np.ndarray]:
    """The named arrays of a ``.safetensors`` file."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return load_file(path)
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorruptFile(_("{path} is not a whole safetensors file").format(path=path), got=error) from error


def csv(path: Path, label_names: Sequence[str]) -> dict[str, object]:
    """Points, column names and labels of a text table.

    The delimiter is the one of comma, semicolon and tab that the first line has most of; a first line with
    anything but numbers is the header.
    """
    first, delimiter, header = _layout(path)
    names = [cell.strip() for cell in first] if header else [str(at + 1) for at in range(len(first))]
    label = _place_of_labels(names, label_names) if header else None
    kept = [at for at in range(len(names)) if at != label]
    if not kept:
        raise BadArray(_("{path} holds labels and no points").format(path=path))
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
            _("{path} does not say which column holds the labels").format(path=path),
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
        raise CorruptFile(_("{path} is not a whole Parquet file").format(path=path), got=error) from error
    place = _place_of_labels(table.column_names, label_names)
    label = None if place is None else table.column_names[place]
    names, blocks = [], []
    for name in table.column_names:
        if name != label:
            block = _block(table.column(name), name, path)
            blocks.append(block)
            names += [name] if block.shape[1] == 1 else [f"{name}[{at}]" for at in range(block.shape[1])]
    if not blocks:
        raise BadArray(_("{path} holds no column of numbers").format(path=path))
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
        raise CorruptFile(_("{path} is not a whole npy array").format(path=path), got=error) from error


def _bounded(shape: Iterable[int], kind: np.dtype, size: int, path: Path) -> None:
    if kind.hasobject:
        raise BadArray(
            _("{path} holds Python objects, which are never opened because they can run code").format(path=path),
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
        raise CorruptFile(_("{path} is not text in UTF-8").format(path=path), got=error) from error
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
        raise CorruptFile(_("{path} is not a readable text table").format(path=path), got=error) from error


def _first_fault(
    path: Path, delimiter: str, header: bool, names: list[str], kept: list[int], error: ValueError | None
) -> BadArray | CorruptFile:
    """The refusal for the first row of the wrong length or cell that is not a number."""
    for number, row in enumerate(_rows(path, delimiter, header), start=1):
        if len(row) != len(names):
            return BadArray(
                _("{path} is ragged in row {row}").format(path=path, row=number),
                expected=_("{n} cells, as in its first line").format(n=len(names)),
                got=len(row),
            )
        for at in kept:
            if not _is_number(row[at]):
                return BadArray(
                    _("{path} holds no number in row {row}, column '{column}'").format(
                        path=path, row=number, column=names[at]
                    ),
                    expected=_("a number"),
                    got=repr(row[at][:40]),
                    fix=_("Remove the column, or name it 'label' if it holds the classes."),
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
        raise BadArray(_("{path} holds empty cells in column '{column}'").format(path=path, column=name))
    try:
        array = np.asarray(rows if rows is not None else column.to_numpy())
    except ValueError as error:
        raise BadArray(
            _("{path} holds vectors of different lengths in column '{column}'").format(path=path, column=name)
        ) from error
    if array.dtype.kind not in "fiub":
        raise BadArray(
            _("{path} holds no numbers in column '{column}'").format(path=path, column=name),
            expected=_("numbers"),
            got=column.type,
            fix=_("Remove the column, or name it 'label' if it holds the classes."),
        )
    return array.reshape(len(array), -1)
