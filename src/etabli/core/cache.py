"""A cache of computed arrays and files, keyed by a digest of everything they depend on."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from etabli.core.atomic_files import atomic_write
from etabli.core.hashing import compute_digest
from etabli.core.paths import user_cache

__all__ = ["Arrays", "cache_path", "load_or_compute"]

Arrays = dict[str, np.ndarray]


def load_or_compute(name: str, key: object, compute: Callable[[], Arrays]) -> Arrays:
    """Return the cached arrays of ``key``; compute and store them if absent or corrupt."""
    path = user_cache() / "arrays" / name / f"{compute_digest(key)}.safetensors"
    try:
        return load_file(path)
    except (FileNotFoundError, SafetensorError):
        pass
    arrays = {name: np.ascontiguousarray(array) for name, array in compute().items()}
    with atomic_write(path, "wb") as stream:
        stream.write(save(arrays))
    return arrays


def cache_path(name: str, key: object, suffix: str) -> Path:
    """Return the path of the cached file of ``key``; the caller writes it if absent."""
    path = user_cache() / "files" / name / f"{compute_digest(key)}{suffix}"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
