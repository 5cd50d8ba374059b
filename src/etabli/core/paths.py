"""The cache folder."""

import os
from pathlib import Path

import platformdirs

__all__ = ["user_cache"]


def user_cache() -> Path:
    """Return the folder ``ETABLI_CACHE``, by default the cache folder of the operating system."""
    if folder := os.environ.get("ETABLI_CACHE"):
        return Path(folder).expanduser()
    return Path(platformdirs.user_cache_dir("etabli", appauthor=False))
