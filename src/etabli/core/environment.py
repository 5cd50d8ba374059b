"""Description of the machine and installed packages, for run records and ``etabli info``."""

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
# Extra -> the package that shows whether it is installed, and what it is for.
EXTRAS = {
    "cluster": ("ray", N_("features, predictions, neighbors on a cluster; images in S3 storage")),
    "gpu": ("jax-cuda12-plugin", N_("training and features on an NVIDIA GPU, on Linux")),
    "heic": ("pi-heif", N_("images in .heic files, as phones take them")),
    "neighbors": ("usearch", N_("t-SNE of more than 100,000 points")),
    "notebook": ("anywidget", N_("pages as notebook widgets")),
    "onnx": ("onnx", N_("export of trained nets to ONNX")),
    "openvino": ("openvino", N_("fast feature extraction on a CPU")),
    "pandas": ("pandas", N_("results as pandas data frames")),
    "parquet": ("pyarrow", N_("features from .parquet files")),
    "umap": ("umap-learn", N_("UMAP instead of t-SNE")),
}


def installed_version(package: str) -> str | None:
    """Return the installed version of a package, or ``None``."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def installed_versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that results depend on."""
    versions = {package: installed_version(package) for package in PACKAGES}
    return {
        "python": platform.python_version(),
        **{package: version for package, version in versions.items() if version},
    }


def describe_machine() -> dict[str, object]:
    """Return the system, processor, usable cores, memory in gigabytes and Keras backend."""
    import psutil

    return {
        "system": f"{platform.system()} {platform.release()}",
        "processor": _processor(),
        "cores": count_cores(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "backend": os.environ.get("KERAS_BACKEND", "jax"),
    }


def count_cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def reset_peak_memory() -> None:
    """Reset the counter of ``peak_memory_mb``, where the system supports it (Linux)."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def peak_memory_mb() -> float:
    """Return the peak resident memory of this process in megabytes."""
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
