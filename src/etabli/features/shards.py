"""Shards: images in order, split into batches, with a fingerprint of the files.

A shard is the unit of work wherever it is computed. No batch spans two shards, and batches are
padded to one size, so the bytes of a shard depend neither on other shards nor on what computes it.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from etabli.core.errors import CorruptFile, DataMissing
from etabli.data.formats.s3 import RemoteImage
from etabli.features import store
from etabli.features.pipeline import Batch, NamedImage, Unreadable
from etabli.features.store import Recipe


@dataclass(frozen=True)
class Shard:
    """Shard ``number`` of an extraction, with the current fingerprint of its image files."""

    number: int
    images: list[NamedImage]
    fingerprint: str


@dataclass(frozen=True)
class ShardRows:
    """The contents of a finished shard."""

    names: list[str]
    features: np.ndarray
    unreadable: list[Unreadable]

    def write(self, out: Path, shard: Shard) -> None:
        path = store.shard_path(out, shard.number)
        store.write_shard(path, self.names, self.features, self.unreadable, shard.fingerprint)


def find_missing_shards(out: Path, images: list[NamedImage], rows: int) -> list[Shard]:
    """Return the shards that are missing or were made from files other than the current ones."""
    wanted = []
    for number, start in enumerate(range(0, len(images), rows)):
        part = images[start : start + rows]
        fingerprint = compute_fingerprint(part)
        try:
            held = store.read_shard(store.shard_path(out, number))[2]
        except (DataMissing, CorruptFile):
            held = None
        if held != fingerprint:
            wanted.append(Shard(number, part, fingerprint))
    return wanted


def compute_fingerprint(images: Sequence[NamedImage]) -> str:
    """Return a hash that changes with the name, size or modification time of any image."""
    lines = []
    for image in images:
        if isinstance(image.source, RemoteImage):
            lines.append(f"{image.name}\0{image.source.size}\0{image.source.mark}")
            continue
        path = Path(image.source)
        stat = path.stat() if path.exists() else None
        lines.append(
            f"{image.name}\0{stat.st_size if stat else -1}\0{stat.st_mtime_ns if stat else 0}"
        )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def iterate_batches(shards: Sequence[Shard], size: int) -> Iterator[list[NamedImage]]:
    """Yield batches of at most ``size`` images, in order, each within one shard."""
    for shard in shards:
        for start in range(0, len(shard.images), size):
            yield shard.images[start : start + size]


def join_batches(parts: Sequence[Batch], recipe: Recipe) -> ShardRows:
    """Join the batches of one shard into its rows, in the recipe's dtype."""
    features = [batch.features for batch in parts if batch.names]
    rows = np.concatenate(features) if features else np.zeros((0, *recipe["shape"]))
    return ShardRows(
        [name for batch in parts for name in batch.names],
        rows.astype(recipe["dtype"]),
        [each for batch in parts for each in batch.unreadable],
    )
