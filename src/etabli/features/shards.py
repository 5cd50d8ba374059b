"""What a shard is made of: pictures in their order, cut into batches, and the mark of what was read.

A shard is the unit of work wherever it is computed. Its batches are cut within it and filled up to one size, so that
its bytes depend neither on the shards around it nor on who computes them.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from etabli.core.errors import CorruptFile, DataMissing
from etabli.data.formats.s3 import RemoteImage
from etabli.features import store
from etabli.features.pipeline import Batch, Picture, Unreadable

__all__ = ["Rows", "Shard", "batches", "fingerprint", "joined", "missing"]


@dataclass(frozen=True)
class Shard:
    """Shard ``number`` of an extraction; ``mark`` stands for the files of its pictures as they are now."""

    number: int
    pictures: list[Picture]
    mark: str

    def batch_count(self, size: int) -> int:
        return -(-len(self.pictures) // size)


@dataclass(frozen=True)
class Rows:
    """What a shard holds when it is done."""

    names: list[str]
    features: np.ndarray
    unreadable: list[Unreadable]

    def write(self, out: Path, shard: Shard) -> None:
        path = store.shard_path(out, shard.number)
        store.write_shard(path, self.names, self.features, self.unreadable, shard.mark)


def missing(out: Path, pictures: list[Picture], rows: int) -> list[Shard]:
    """Every shard that is not there, or is of other images than those that there are now."""
    wanted = []
    for number, start in enumerate(range(0, len(pictures), rows)):
        part = pictures[start : start + rows]
        mark = fingerprint(part)
        try:
            held = store.read_shard(store.shard_path(out, number))[2]
        except (DataMissing, CorruptFile):
            held = None
        if held != mark:
            wanted.append(Shard(number, part, mark))
    return wanted


def fingerprint(pictures: Sequence[Picture]) -> str:
    """Changes when a picture of the shard is another, has another size, or was written again."""
    lines = []
    for picture in pictures:
        if isinstance(picture.source, RemoteImage):
            lines.append(f"{picture.name}\0{picture.source.size}\0{picture.source.mark}")
            continue
        path = Path(picture.source)
        stat = path.stat() if path.exists() else None
        lines.append(
            f"{picture.name}\0{stat.st_size if stat else -1}\0{stat.st_mtime_ns if stat else 0}"
        )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def batches(shards: Sequence[Shard], size: int) -> Iterator[list[Picture]]:
    """The pictures of all shards in order, ``size`` at a time, never two shards in one batch."""
    for shard in shards:
        for start in range(0, len(shard.pictures), size):
            yield shard.pictures[start : start + size]


def joined(parts: Sequence[Batch], recipe: dict[str, object]) -> Rows:
    """The batches of one shard as its rows, in the recipe's precision."""
    features = [batch.features for batch in parts if batch.names]
    rows = np.concatenate(features) if features else np.zeros((0, *recipe["shape"]))
    return Rows(
        [name for batch in parts for name in batch.names],
        rows.astype(recipe["dtype"]),
        [each for batch in parts for each in batch.unreadable],
    )
