"""The backend of Keras (``KERAS_BACKEND``, JAX by default) and the cache of code compiled by
JAX."""

import contextlib
import ctypes
import hashlib
import os
import platform
import sys
from functools import cache
from pathlib import Path

# Of mallopt(3): the size from which a block is mapped, and that of free memory that is returned.
_M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD = -3, -1
_LARGEST_BLOCK = 2**30
_CPU_FIELDS = {"vendor_id", "cpu family", "model", "model name", "stepping", "flags", "Features"}


def backend_name() -> str:
    """Return the name of the backend: ``"jax"``, ``"torch"``, ..."""
    import keras

    return keras.backend.backend()


def is_jax_backend() -> bool:
    """Return whether the fast training loops, written in JAX, can be used."""
    return backend_name() == "jax"


def enable_compilation_cache(folder: Path) -> None:
    """Cache the code that JAX compiles in ``folder``; to be called before JAX is imported.

    Code is compiled for a kind of processor and a number of cores: each has a subfolder.
    Environment variables of JAX that are set stay; a folder that cannot be written is not used.
    """
    cache = folder / processor_name()
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError:
        return
    if os.access(cache, os.W_OK):
        os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(cache))
        os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
        os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")


@cache
def reuse_freed_memory() -> None:
    """Let the C library keep the memory that a training step frees for the next one.

    glibc returns blocks of more than 32 MB to the system, which clears every page when it is used
    again: half of the time of an epoch of convolutions.
    """
    for parameter in (_M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD):
        _call_glibc("mallopt", parameter, _LARGEST_BLOCK)


def return_freed_memory() -> None:
    """Return to the system the memory that was freed and that the C library keeps."""
    _call_glibc("malloc_trim", 0)


def _call_glibc(name: str, *arguments: int) -> None:
    """Call a function of glibc; do nothing where there is another C library."""
    if sys.platform != "linux":
        return
    with contextlib.suppress(OSError, AttributeError):
        getattr(ctypes.CDLL(None), name)(*arguments)


def processor_name() -> str:
    """Return a digest of the processor's model and features, and the number of usable cores."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        first = cpuinfo.read_text().split("\n\n")[0].splitlines()
        kind = [line for line in first if line.split("\t")[0].strip() in _CPU_FIELDS]
    else:
        kind = [platform.machine(), platform.processor()]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{hashlib.sha256(chr(10).join(kind).encode()).hexdigest()[:16]}-{cores}"
