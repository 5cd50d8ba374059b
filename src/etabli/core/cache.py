"""A cache of computed arrays and files, keyed by a digest of everything they depend on."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from etabli.core.atomic_files import atomic_write
from etabli.core.hashing import compute_digest
from etabli.core.paths import user_cache

__all__ = ["Arrays", "cache_path", "load_or_compute", "use_cache_folder"]

Arrays = dict[str, np.ndarray]
_folder: ContextVar[Path | None] = ContextVar("cache_folder", default=None)


@contextmanager
def use_cache_folder(folder: Path) -> Iterator[None]:
    """Keep what is computed inside below ``folder`` instead of in the user's cache.

    The keys of the cache do not contain the code: what measures the code again, as verifications
    do, must not read what another version computed.
    """
    token = _folder.set(folder)
    try:
        yield
    finally:
        _folder.reset(token)


def _root() -> Path:
    return _folder.get() or user_cache()


def load_or_compute(name: str, key: object, compute: Callable[[], Arrays]) -> Arrays:
    """Return the cached arrays of ``key``; compute and store them if absent or corrupt."""
    path = _root() / "arrays" / name / f"{compute_digest(key)}.safetensors"
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
    path = _root() / "files" / name / f"{compute_digest(key)}{suffix}"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
