"""What was computed once is kept under the hash of everything that it depends upon."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from etabli.core.atomic_files import atomic_write
from etabli.core.hashing import compute_digest
from etabli.core.paths import user_cache

__all__ = ["Arrays", "cached_arrays", "cached_file", "compute_digest"]

Arrays = dict[str, np.ndarray]


def cached_arrays(name: str, key: object, compute: Callable[[], Arrays]) -> Arrays:
    """The arrays kept under ``name`` and ``key``, computed and kept if they are not there yet.

    A file that cannot be read whole is computed again.
    """
    path = user_cache() / "arrays" / name / f"{compute_digest(key)}.safetensors"
    try:
        return load_file(path)
    except (FileNotFoundError, SafetensorError):
        pass
    made = {word: np.ascontiguousarray(array) for word, array in compute().items()}
    with atomic_write(path, "wb") as stream:
        stream.write(save(made))
    return made


def cached_file(name: str, key: object, suffix: str) -> Path:
    """The path under which a file for ``key`` is kept (a model, say); the caller writes it atomically if absent."""
    path = user_cache() / "files" / name / f"{compute_digest(key)}{suffix}"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
