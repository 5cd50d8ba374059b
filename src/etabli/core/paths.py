"""The cache folder, and the folder of runs."""

import os
from pathlib import Path

__all__ = ["RUNS", "user_cache"]

RUNS = Path("runs")
"""Where commands write runs, and look for them."""


def user_cache() -> Path:
    """Return the folder ``ETABLI_CACHE``, by default the cache folder of the operating system."""
    if folder := os.environ.get("ETABLI_CACHE"):
        return Path(folder).expanduser()
    import platformdirs

    return Path(platformdirs.user_cache_dir("etabli", appauthor=False))
