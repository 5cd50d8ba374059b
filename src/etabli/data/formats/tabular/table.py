"""A table of points and its labels, as every reader of tables returns it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

LABEL_NAMES = (
    *("label", "labels", "class", "classes", "target", "targets", "species", "category"),
    *("gnd", "y"),
)
_BLOCK_NUMBERS = 2**22  # numbers of a table in one step of a check

Missing = Literal["refuse", "drop", "mean"]


@dataclass(frozen=True)
class Options:
    """How a table is read.

    ``label_column`` is a name, a number from 1, "first" or "last"; so are the names of columns
    that are kept or dropped against what a reader would decide. ``missing`` says what becomes of
    rows with empty cells, ``bins`` groups a numeric label into that many quantiles, and ``array``
    names the points in a file of several arrays.
    """

    label_column: str | None = None
    keep_columns: tuple[str, ...] = ()
    drop_columns: tuple[str, ...] = ()
    missing: Missing = "refuse"
    bins: int | None = None
    array: str | None = None


@dataclass(frozen=True, eq=False)
class Labels:
    """Class indices (N,) into sorted ``names`` (K,), integers or text; -1 for a missing label."""

    codes: np.ndarray
    names: np.ndarray

    @classmethod
    def of(cls, array: np.ndarray) -> "Labels":
        """Return the labels of an array of numbers or text."""
        names, codes = np.unique(array, return_inverse=True)
        return cls(codes.reshape(-1), names)

    @property
    def array(self) -> np.ndarray:
        return self.names[self.codes]


@dataclass(eq=False)
class RawTable:
    """What a file contains, before columns that are no measurements are left out.

    ``points`` (N, D) is NaN where a cell is missing; ``columns`` names its columns, empty for an
    array; ``all_columns`` are those of the file, in order; ``row_names`` are columns that the file
    itself declares to be the names of its rows.
    """

    source: str
    points: np.ndarray
    labels: Labels | None = None
    columns: tuple[str, ...] = ()
    all_columns: tuple[str, ...] = ()
    label_column: str = ""
    row_names: frozenset[str] = frozenset()
    has_header: bool = True
    remarks: list[str] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class Table:
    """Points ``(N, D)``, finite floats; classes or None; remarks on what was left out; read-only.

    ``row_indices`` are the rows, of the ``n_rows`` of the file, that the points come from; None for
    all of them.
    """

    points: np.ndarray
    classes: Labels | None = None
    columns: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    row_indices: np.ndarray | None = None
    n_rows: int = 0

    def __post_init__(self) -> None:
        self.points.setflags(write=False)

    @property
    def labels(self) -> np.ndarray | None:
        """The labels (N,), int64 or strings; None without."""
        return None if self.classes is None else self.classes.array


def iterate_blocks(points: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield slices of rows and their points, so that a check needs no second table."""
    step = max(1, _BLOCK_NUMBERS // max(1, points.shape[1]))
    for start in range(0, len(points), step):
        part = slice(start, start + step)
        yield part, points[part]


def list_names(names: Sequence[str], most: int = 12) -> str:
    """Return names for a sentence; of many, the first ones and the number of the others."""
    shown = ", ".join(str(name) for name in names[:most])
    return shown if len(names) <= most else f"{shown}, ... ({len(names)})"
