"""Installation of files: which data set a file belongs to, and moving files into place."""

import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from filelock import FileLock, Timeout

from etabli.core.atomic_files import explain_os_error
from etabli.core.errors import ChecksumMismatch
from etabli.core.i18n import _
from etabli.data.catalog import inventory
from etabli.data.catalog.registry import File, Part

STAGING_FOLDER = ".downloads"


def find_target(name: str, parts: Iterable[Part]) -> str | None:
    """Return the path inside the data set's folder of a file met under ``name``, or ``None``.

    A file is recognized by its own name wherever it is; a member of a large folder by the end of
    its path.
    """
    path = PurePosixPath(name.replace("\\", "/"))
    if path.name.startswith(".") or "__MACOSX" in path.parts:
        return None
    for part in parts:
        for file in part.files:
            if path.name in file.names:
                # A .gz file that arrives unpacked is stored without the suffix.
                return file.path if path.suffix == ".gz" else file.path.removesuffix(".gz")
        for tree in part.trees:
            is_inside = any(f"/{path.parent}".endswith(f"/{tail}") for tail in tree.tails)
            is_named = path.suffix.lower() == tree.suffix and re.fullmatch(tree.pattern, path.name)
            if is_inside and is_named:
                return f"{tree.path}/{path.name}"
    return None


@contextmanager
def lock_dataset(
    root: Path, name: str, say: Callable[[str], None] = lambda text: None
) -> Iterator[Path]:
    """Yield a folder to work in, for one process at a time; ``say`` hears of a wait for another."""
    workspace = root / STAGING_FOLDER / name
    try:
        workspace.mkdir(parents=True, exist_ok=True)
        lock = FileLock(root / STAGING_FOLDER / f"{name}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            say(_("Another process is installing '{name}'; waiting for it.").format(name=name))
            lock.acquire()
    except OSError as error:
        raise explain_os_error(error, root) from error
    try:
        _remove_staging_dirs(workspace)
        yield workspace
    finally:
        _remove_staging_dirs(workspace)
        lock.release()


def make_staging_dir(workspace: Path) -> Path:
    """Create an empty folder in the workspace; it is removed when the lock is released."""
    try:
        return Path(tempfile.mkdtemp(dir=workspace, prefix="staged-"))
    except OSError as error:
        raise explain_os_error(error, workspace) from error


def _remove_staging_dirs(workspace: Path) -> None:
    for leftover in workspace.glob("staged-*"):
        shutil.rmtree(leftover, ignore_errors=True)


def copy_file(path: Path, target: Path, *, link: bool = False) -> None:
    """Copy a file, or link it where ``link`` is set and the file system can."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with suppress(OSError):
            if link:
                target.hardlink_to(path)
                return
        shutil.copyfile(path, target)
    except OSError as error:
        raise explain_os_error(error, target) from error


def verify(files: Iterable[File], staged: Path) -> None:
    """Compare staged files with the catalog; ``ChecksumMismatch`` for the first that differs."""
    for file in files:
        path = inventory.find_file(file, staged)
        finding = None if path is None else inventory.check_file(file, path)
        if finding is not None and finding.is_fault:
            raise ChecksumMismatch(
                _("{name} is not the file that the catalog describes ({detail})").format(
                    name=file.name, detail=finding.detail
                ),
                fix=_(
                    "Nothing was changed. Get it from an official source: "
                    "'etabli data list --json' shows them."
                ),
            )


def move_into_place(staged: Path, folder: Path) -> int:
    """Move every staged file into ``folder``, each in one step, and return their number."""
    paths = [path for path in sorted(staged.rglob("*")) if path.is_file()]
    try:
        for path in paths:
            target = folder / path.relative_to(staged)
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)
    except OSError as error:
        raise explain_os_error(error, folder) from error
    return len(paths)
