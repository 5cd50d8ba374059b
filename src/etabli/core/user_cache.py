"""The user's cache: what it holds, by kind, and how to empty it."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from etabli.core.atomic_files import explain_os_error, lock_folder
from etabli.core.errors import FolderBusy, UnknownName
from etabli.core.i18n import N_, _
from etabli.core.paths import user_cache

# Everything but ``data`` is computed again when it is needed.
KINDS = {
    "data": N_("data sets that you downloaded or imported"),
    "features": N_("features and frozen maps of images"),
    "ir": N_("nets converted for OpenVINO"),
    "compiled": N_("programs that JAX compiled"),
    "arrays": N_("arrays of experiments"),
    "files": N_("files of experiments"),
    "samples": N_("generated sample data"),
}
OTHER = N_("other files")
NOTABLE_BYTES = 50_000_000


@dataclass(frozen=True)
class CacheEntry:
    """One kind of content: its folder, what it is, the number of files and their bytes."""

    kind: str
    folder: Path
    title: str
    files: int
    bytes: int


def list_cache() -> list[CacheEntry]:
    """Return what is in the cache, the largest kind first."""
    root = user_cache()
    names = sorted(each.name for each in root.iterdir()) if root.is_dir() else []
    entries = [
        CacheEntry(name, root / name, KINDS.get(name, OTHER), *_measure(root / name))
        for name in names
    ]
    return sorted((each for each in entries if each.files), key=lambda each: -each.bytes)


def _measure(path: Path) -> tuple[int, int]:
    """Return the number of files below a path and their bytes, without following links."""
    if path.is_file() or path.is_symlink():
        return 1, path.lstat().st_size
    files = total = 0
    for folder, _folders, names in os.walk(path):
        for name in names:
            try:
                total += os.lstat(os.path.join(folder, name)).st_size  # noqa: PTH118
            except FileNotFoundError:  # another process removed it
                continue
            files += 1
    return files, total


def select_kinds(kinds: Sequence[str]) -> list[str]:
    """Return the kinds that are named; "all" is every kind but ``data``, which is never implied.

    Raises:
        UnknownName: There is no such kind.
    """
    found: list[str] = []
    for kind in kinds:
        if kind not in ("all", *KINDS):
            raise UnknownName(_("kind of cached files"), kind, ("all", *KINDS))
        found += [each for each in KINDS if each != "data"] if kind == "all" else [kind]
    return list(dict.fromkeys(found))


def clear_cache(kinds: Sequence[str]) -> tuple[int, list[Path]]:
    """Remove the kinds that are named.

    Args:
        kinds: As ``select_kinds`` takes them.

    Returns:
        The bytes that were freed, and the folders that another process is writing in, which stay.

    Raises:
        UnknownName: There is no such kind.
        EtabliError: A file cannot be removed.
    """
    freed, busy = 0, []
    for kind in select_kinds(kinds):
        folder = user_cache() / kind
        before = _measure(folder)[1] if folder.is_dir() else 0
        for path in sorted(folder.iterdir()) if folder.is_dir() else []:
            try:
                _remove(path)
            except FolderBusy:
                busy.append(path)
            except OSError as error:
                raise explain_os_error(error, path) from error
        freed += before - (_measure(folder)[1] if folder.is_dir() else 0)
    return freed, busy


def _remove(path: Path) -> None:
    """Remove a file, a link (not what it leads to), or a folder that nobody is writing in."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    with lock_folder(path):
        shutil.rmtree(path)


@dataclass
class CacheGrowth:
    """How many bytes a command added to the cache; data sets are not counted."""

    bytes: int = 0

    @property
    def is_notable(self) -> bool:
        return self.bytes > NOTABLE_BYTES


@contextmanager
def measure_growth(growth: CacheGrowth) -> Iterator[None]:
    """Measure the cache before and after a block, however it ends, and set ``growth.bytes``."""
    before = _computed_bytes()
    try:
        yield
    finally:
        growth.bytes = _computed_bytes() - before


def _computed_bytes() -> int:
    folders = [user_cache() / kind for kind in KINDS if kind not in ("data", "samples")]
    return sum(_measure(folder)[1] for folder in folders if folder.is_dir())
