"""A person's own points: a matrix of features, and labels if there are any, from the formats people have.

``.npy``, ``.npz``, ``.safetensors``, ``.csv`` (also ``.tsv``, ``.txt``), ``.parquet``. No format that can run
code is opened: NumPy files are read with ``allow_pickle=False``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from etabli.data import columns
from etabli.errors import BadArray, DataMissing, Refusal, UnknownName
from etabli.i18n import _

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
    return Table(points, None if given is None else _labels(given, len(points), labels or path), names)


def _parts(path: Path) -> dict[str, object]:
    """What a file holds: ``points``, and where it has them ``labels`` and column ``names``."""
    readers = {
        ".npy": lambda file: {"points": columns.npy(file)},
        ".npz": lambda file: _chosen(columns.npz(file), file),
        ".safetensors": lambda file: _chosen(columns.safetensors(file), file),
        ".csv": lambda file: columns.csv(file, LABEL_NAMES),
        ".tsv": lambda file: columns.csv(file, LABEL_NAMES),
        ".txt": lambda file: columns.csv(file, LABEL_NAMES),
        ".parquet": lambda file: columns.parquet(file, LABEL_NAMES),
    }
    if path.suffix.lower() not in readers:
        raise UnknownName(_("table format"), path.suffix or path.name, readers)
    if not path.is_file():
        raise DataMissing(_("there is no file {path}").format(path=path))
    try:
        return readers[path.suffix.lower()](path)
    except OSError as error:
        raise Refusal(_("cannot read {path} ({reason})").format(path=path, reason=error.strerror or error)) from error
    except MemoryError as error:
        raise Refusal(_("{path} needs more memory than there is").format(path=path)) from error


def _chosen(arrays: dict[str, np.ndarray], path: Path) -> dict[str, object]:
    """Points and labels among named arrays: by name, or the only array of two dimensions or more."""
    by_name = {name.lower(): name for name in arrays}
    label = next((by_name[name] for name in LABEL_NAMES if name in by_name), None)
    wide = [name for name, array in arrays.items() if array.ndim >= 2 and name != label]
    named = next((by_name[name] for name in POINT_NAMES if by_name.get(name) in wide), None)
    if named is None and len(wide) != 1:
        raise BadArray(
            _("{path} does not say which of its arrays are the points").format(path=path),
            expected=_("one array of two dimensions, or one named {names}").format(names=", ".join(POINT_NAMES)),
            got=", ".join(f"{name} {array.shape}" for name, array in arrays.items()) or _("none"),
        )
    found: dict[str, object] = {"points": arrays[named or wide[0]]}
    return found | ({"labels": arrays[label]} if label else {})


def _only_labels(path: Path) -> np.ndarray:
    """The labels of a file of their own: a vector, or a table with a column of labels, or a single column."""
    if path.suffix.lower() in (".csv", ".tsv", ".txt") and path.is_file():
        return columns.single(path, LABEL_NAMES)
    if path.suffix.lower() in (".npz", ".safetensors") and path.is_file():
        arrays = columns.npz(path) if path.suffix.lower() == ".npz" else columns.safetensors(path)
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
        raise BadArray(_("{path} does not hold numbers").format(path=path), expected=_("real numbers"), got=array.dtype)
    if array.ndim < 2 or 0 in array.shape:
        raise BadArray(
            _("{path} does not hold a table of points").format(path=path),
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
        _("{path} holds {value} in row {row}, column {column}").format(
            path=path,
            value=points[row, column],
            row=row + 1,
            column=f"'{names[column]}'" if len(names) == points.shape[1] else column + 1,
        ),
        expected=_("finite numbers"),
        got=_("{n} cells that are not").format(n=int((~whole).sum())),
        fix=_("Remove these rows, or fill the cells in."),
    )


def _labels(array: np.ndarray, n: int, path: Path | str) -> np.ndarray:
    """Labels as integers or strings, one for each point."""
    array = np.asarray(array)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1 or len(array) != n:
        raise BadArray(
            _("the labels of {path} do not fit the points").format(path=path),
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
            expected=_("whole numbers or names"),
            got=_("{value} in row {row}").format(value=array[odd[0]], row=odd[0] + 1),
        )
    return array.astype(np.int64)
