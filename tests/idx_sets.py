"""Made-up idx files in the form of the known data sets, with checksums as if published."""

import dataclasses
import gzip
import hashlib

import numpy as np

from etabli.data.formats import idx, known_sets, mnist
from etabli.data.formats.known_sets import PARTS


def make_arrays(classes=10, *, seed=0, train=120, test=40, size=28, first=0):
    """Images with a bright bar whose place depends on the class, and their labels, by part."""
    generator = np.random.default_rng(seed)
    arrays = {}
    for half, n in (("train", train), ("test", test)):
        labels = np.arange(n) % classes
        images = generator.integers(0, 90, (n, size, size))
        images[np.arange(n), (labels * size // classes) % size] = 255
        arrays[f"{half}_images"] = images.astype(np.uint8)
        arrays[f"{half}_labels"] = (labels + first).astype(np.uint8)
    return arrays


def write_set(folder, arrays, names=mnist.FILES, suffix=".gz"):
    """Write the four files of a set; return their paths by part."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {part: folder / f"{name}{suffix}" for part, name in names.items()}
    for part, path in paths.items():
        idx.write(path, arrays[part])
    return paths


def publish(monkeypatch, name, paths, *, content=False):
    """Let the files be those of a known set: as gzip files only, or with their content."""

    def as_published(part):
        file = known_sets.get_known_set(name).files[part]
        packed = paths[part].read_bytes()
        plain = gzip.decompress(packed)
        return dataclasses.replace(
            file,
            size=len(plain),
            packed=f"md5:{hashlib.md5(packed).hexdigest()}",
            checksum=f"md5:{hashlib.md5(plain).hexdigest()}" if content else None,
        )

    sets = [
        dataclasses.replace(each, files={part: as_published(part) for part in PARTS})
        if each.name == name
        else each
        for each in known_sets.SETS
    ]
    monkeypatch.setattr(known_sets, "SETS", tuple(sets))
