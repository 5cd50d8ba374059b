"""Rows of numbers that stay in their files: read in blocks, in every pass over them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

__all__ = ["RowsFile", "StreamedRows"]

_BLOCK_BYTES = 2**24  # of float32: what a block takes in memory


@dataclass(frozen=True)
class RowsFile:
    """A file that holds ``count`` rows from byte ``offset`` on."""

    path: Path
    offset: int
    count: int


class StreamedRows:
    """N rows of D numbers, some of those in a list of files."""

    def __init__(
        self, files: Sequence[RowsFile], width: int, dtype: str, positions: np.ndarray
    ) -> None:
        """Take ``positions``: of every stored row, its row here, or -1."""
        self._files, self._dtype, self._positions = files, np.dtype(dtype), positions
        self.shape = (int((positions >= 0).sum()), width)
        self._moments: tuple[np.ndarray, np.ndarray] | None = None

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, chosen: np.ndarray) -> "StreamedRows":
        """Return the rows of a mask (N,) or of indices."""
        places = np.full(len(self) + 1, -1)  # the last one is that of stored rows that are not here
        rows = np.flatnonzero(chosen) if chosen.dtype == bool else chosen
        places[rows] = np.arange(len(rows))
        return StreamedRows(self._files, self.shape[1], self._dtype.str, places[self._positions])

    def blocks(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield positions (B,) and float32 rows (B, D), in the order of the files."""
        size = max(1, _BLOCK_BYTES // (4 * self.shape[1]))
        places: list[np.ndarray] = []
        rows: list[np.ndarray] = []
        count = start = 0
        for file in self._files:
            for first in range(0, file.count, size):
                here = self._positions[start : start + min(size, file.count - first)]
                start += len(here)
                kept = here >= 0
                if not kept.any():
                    continue
                read = self._read(file, first, len(here))
                places.append(here if kept.all() else here[kept])
                rows.append(read if kept.all() else read[kept])
                count += len(places[-1])
                if count >= size:
                    yield _join(places, rows)
                    places, rows, count = [], [], 0
        if count:
            yield _join(places, rows)

    def _read(self, file: RowsFile, first: int, count: int) -> np.ndarray:
        width = self.shape[1]
        offset = file.offset + first * width * self._dtype.itemsize
        return np.fromfile(file.path, self._dtype, count * width, offset=offset).reshape(-1, width)

    def array(self) -> np.ndarray:
        """Return all rows (N, D) in float32."""
        found = np.empty(self.shape, np.float32)
        for places, rows in self.blocks():
            found[places] = rows
        return found

    def measure(self) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and standard deviation (D,) of the columns, in float32, in one pass."""
        if self._moments is None:
            total = squares = shift = np.zeros(self.shape[1])
            for number, (_places, rows) in enumerate(self.blocks()):
                exact = rows.astype(np.float64)
                if not number:
                    shift = exact.mean(axis=0)  # small sums lose few digits
                exact -= shift
                total, squares = total + exact.sum(0), squares + np.square(exact).sum(0)
            mean = total / len(self)
            deviation = np.sqrt(np.maximum(squares / len(self) - mean**2, 0))
            self._moments = (mean + shift).astype(np.float32), deviation.astype(np.float32)
        return self._moments


def _join(places: list[np.ndarray], rows: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    return np.concatenate(places), np.concatenate(rows).astype(np.float32)
