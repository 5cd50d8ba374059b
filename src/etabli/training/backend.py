"""Which backend Keras runs on in this process (``KERAS_BACKEND``; ``etabli`` itself sets JAX where
nobody did), and where JAX keeps what it has compiled.
"""

import hashlib
import os
import platform
from pathlib import Path

_OF_A_PROCESSOR = (
    "vendor_id",
    "cpu family",
    "model",
    "model name",
    "stepping",
    "flags",
    "Features",
)


def backend_name() -> str:
    """``"jax"``, ``"torch"``, ..."""
    import keras

    return keras.backend.backend()


def is_jax_backend() -> bool:
    """Whether the fast training loops, which are written with JAX, can be used."""
    return backend_name() == "jax"


def enable_compilation_cache(folder: Path) -> None:
    """Let JAX keep what it compiles in a folder, so that the next process need not compile it; before JAX is imported.

    Compiled code runs on its own kind of processor only, and is cut for a number of cores: each has a folder of
    its own. What the environment says already (``JAX_COMPILATION_CACHE_DIR``) stays; a folder that cannot be written
    is left alone.
    """
    place = folder / processor_name()
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError:
        return
    if os.access(place, os.W_OK):
        os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(place))
        os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
        os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")


def processor_name() -> str:
    """A short name of the processor's kind, with all that it can do, and of the cores that this process may use."""
    told = Path("/proc/cpuinfo")
    if told.exists():
        first = told.read_text().split("\n\n")[0].splitlines()
        kind = [line for line in first if line.split("\t")[0].strip() in _OF_A_PROCESSOR]
    else:
        kind = [platform.machine(), platform.processor()]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{hashlib.sha256(chr(10).join(kind).encode()).hexdigest()[:16]}-{cores}"
