"""What this machine is and what is installed on it: for run records and ``etabli info``."""

import importlib.metadata
import os
import platform
import sys
from pathlib import Path

from etabli.core.i18n import N_

PACKAGES = (
    "etabli",
    "numpy",
    "scipy",
    "scikit-learn",
    "keras",
    "jax",
    "openTSNE",
    "matplotlib",
    "safetensors",
)
# Extra -> the package that shows whether it is there, and what it is for.
EXTRAS = {
    "cluster": ("ray", N_("features over a cluster, images in S3 storage")),
    "onnx": ("onnx", N_("trained nets for programs that read ONNX")),
    "openvino": ("openvino", N_("fast deep features on a CPU")),
    "parquet": ("pyarrow", N_("features from .parquet files")),
}


def installed_version(package: str) -> str | None:
    """The installed version of a package, or ``None``."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def installed_versions() -> dict[str, str]:
    """Python and the packages that a number depends upon."""
    found = {package: installed_version(package) for package in PACKAGES}
    return {
        "python": platform.python_version(),
        **{name: each for name, each in found.items() if each},
    }


def describe_machine() -> dict[str, object]:
    """Processor, cores that this process may use, memory in gigabytes, system."""
    import psutil

    return {
        "system": f"{platform.system()} {platform.release()}",
        "processor": _processor(),
        "cores": count_cores(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "backend": os.environ.get("KERAS_BACKEND", "jax"),
    }


def count_cores() -> int:
    """The number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def reset_peak_memory() -> None:
    """Let ``peak_memory_mb`` count from here, where the system can (Linux)."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def peak_memory_mb() -> float:
    """The most memory that this process has held, in megabytes."""
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM"):
                return round(int(line.split()[1]) / 1024, 1)
    if sys.platform == "win32":
        import psutil

        return round(psutil.Process().memory_info().peak_wset / 2**20, 1)
    import resource

    unit = 2**20 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit, 1)
