"""Where the program keeps what it can make or download again."""

import os
from pathlib import Path

import platformdirs

__all__ = ["user_cache"]


def user_cache() -> Path:
    """The folder of what can be made or downloaded again: ``ETABLI_CACHE``, or the system's place for it."""
    given = os.environ.get("ETABLI_CACHE")
    return (
        Path(given).expanduser()
        if given
        else Path(platformdirs.user_cache_dir("etabli", appauthor=False))
    )
