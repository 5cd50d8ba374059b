"""Which file is which: the place of a file or archive member in the data sets, and putting it there whole."""

import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from filelock import FileLock, Timeout

from etabli.core.atomic_files import explain_os_error
from etabli.core.errors import ChecksumMismatch
from etabli.core.i18n import _
from etabli.data.catalog import inventory
from etabli.data.catalog.registry import File, Part, Tree

WORKSHOP = ".downloads"


def place_of(name: str, parts: Iterable[Part]) -> str | None:
    """The path, inside the data set's folder, of a file met under ``name``; ``None`` for one that nobody wants.

    A file is recognised by its own name wherever it lies; a member of a large folder by the end of its path.
    """
    path = PurePosixPath(name.replace("\\", "/"))
    if path.name.startswith(".") or "__MACOSX" in path.parts:
        return None
    for part in parts:
        for file in part.files:
            if path.name in file.names:
                return _stored(file, path.name)
        for tree in part.trees:
            if path.suffix.lower() == tree.suffix and _ends(str(path.parent), tree):
                return f"{tree.path}/{path.name}"
    return None


def settle(staged: Path, folder: Path) -> int:
    """Move every file below ``staged`` to its place below ``folder``, one by one and each in one step."""
    moved = 0
    try:
        for path in sorted(staged.rglob("*")):
            if path.is_file():
                target = folder / path.relative_to(staged)
                target.parent.mkdir(parents=True, exist_ok=True)
                path.replace(target)
                moved += 1
    except OSError as error:
        raise explain_os_error(error, folder) from error
    return moved


def verify(files: Iterable[File], staged: Path) -> None:
    """Compare what is staged with the catalogue; ``ChecksumMismatch`` for the first that differs."""
    for file in files:
        path = inventory.located(file, staged)
        finding = None if path is None else inventory.compared(file, path)
        if finding is not None and finding.is_fault:
            raise ChecksumMismatch(
                _("{name} is not the file that the catalogue describes ({detail})").format(
                    name=file.name, detail=finding.detail
                ),
                fix=_(
                    "Nothing was changed. Get it from an official place: 'etabli data list' names them."
                ),
            )


@contextmanager
def locked(root: Path, name: str, waiting: Callable[[], None] = lambda: None) -> Iterator[Path]:
    """A folder to work in, for one process at a time; ``waiting()`` is called where another one is at it."""
    workshop = root / WORKSHOP / name
    try:
        workshop.mkdir(parents=True, exist_ok=True)
        lock = FileLock(root / WORKSHOP / f"{name}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            waiting()
            lock.acquire()
    except OSError as error:
        raise explain_os_error(error, root) from error
    try:
        _sweep(workshop)
        yield workshop
    finally:
        _sweep(workshop)
        lock.release()


def staging(workshop: Path) -> Path:
    """A fresh folder in the workshop; it is swept away when the lock is let go, or by the next holder."""
    try:
        return Path(tempfile.mkdtemp(dir=workshop, prefix="staged-"))
    except OSError as error:
        raise explain_os_error(error, workshop) from error


def _sweep(workshop: Path) -> None:
    for leftover in workshop.glob("staged-*"):
        shutil.rmtree(leftover, ignore_errors=True)


def _stored(file: File, met: str) -> str:
    """The name under which a file is kept: the official one, without ``.gz`` where it came plain."""
    plain = file.path.endswith(".gz") and not met.endswith(".gz")
    return file.path.removesuffix(".gz") if plain else file.path


def _ends(parent: str, tree: Tree) -> bool:
    return any(parent == tail or parent.endswith(f"/{tail}") for tail in tree.tails)
