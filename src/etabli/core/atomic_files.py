"""Atomic writes, folder locks and JSON parsing: a reader never sees a partly written file."""

import errno
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from etabli.core.errors import EtabliError, FolderBusy, NoSpace
from etabli.core.i18n import _

_PROBE_SECONDS = 0.2
SAVING = ".saving-"  # prefix of folders in which a library writes a file before it is renamed


@contextmanager
def atomic_write(path: Path | str, mode: str = "w", **options: Any) -> Iterator[IO[Any]]:
    """Open a temporary file next to ``path`` and rename it to ``path`` when the block succeeds.

    On failure the temporary file is removed and ``path`` is left as it was.

    Args:
        path: The file to write; its folder is created.
        mode: ``"w"`` or ``"wb"``.
        **options: Further arguments of ``open``; text is UTF-8 by default.

    Raises:
        NoSpace: The disk is full.
        EtabliError: The folder cannot be written to.
    """
    path = Path(path)
    if "b" not in mode:
        options.setdefault("encoding", "utf-8")
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(
            dir=path.parent, prefix=f".{path.name}.", suffix=".part"
        )
        temporary = Path(name)
        with os.fdopen(descriptor, mode, **options) as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        temporary.chmod(0o666 & ~_umask())  # mkstemp gives 0o600
        temporary.replace(path)
        temporary = None
    except OSError as error:
        raise explain_os_error(error, path) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def remove_temporary_files(folder: Path | str) -> None:
    """Remove what killed writers left behind in a folder; call it only while holding its lock."""
    for leftover in Path(folder).glob(".*.part"):
        if leftover.is_file():
            leftover.unlink(missing_ok=True)
    for leftover in Path(folder).glob(f"{SAVING}*"):
        shutil.rmtree(leftover, ignore_errors=True)


@contextmanager
def lock_folder(folder: Path | str, wait: bool = False) -> Iterator[None]:
    """Hold the lock of a folder and remove its temporary files.

    If another process holds the lock, wait for it with ``wait``, else raise ``FolderBusy``. The
    operating system releases the lock when the process ends, however it ends.
    """
    from filelock import FileLock, Timeout  # not at the top: the command line starts without it

    folder = Path(folder)
    # A short wait: is_locked holds the lock for a moment.
    lock = FileLock(folder / ".lock", timeout=-1 if wait else _PROBE_SECONDS)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise FolderBusy(
            _("another process is writing in {folder}").format(folder=folder),
            fix=_("Wait until it ends, or choose another folder with --out."),
        ) from None
    except OSError as error:
        raise explain_os_error(error, folder) from error
    try:
        remove_temporary_files(folder)
        yield
    finally:
        lock.release()


def is_locked(folder: Path | str) -> bool:
    """Return whether a process holds the lock of a folder; one that was killed holds none."""
    path = Path(folder) / ".lock"
    if not path.exists():
        return False
    from filelock import FileLock, Timeout

    try:
        with FileLock(path, timeout=0):
            return False
    except Timeout:
        return True
    except OSError:  # a folder that cannot be written to, so that no process of ours writes in it
        return False


_NOT_WRITABLE = {
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.EEXIST),
    errno.EFBIG,  # a limit on the size of files
}


def explain_os_error(error: OSError, path: Path | str) -> Exception:
    """Return the ``EtabliError`` for an operating-system error on ``path``, or the error itself."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return NoSpace(
            _("no space left to write {path}").format(path=path),
            fix=_(
                "Free some disk space, or choose another folder, and run the same command again: "
                "finished work is kept."
            ),
        )
    if error.errno == errno.ENAMETOOLONG:
        return EtabliError(_("the name of a file is too long: {path}").format(path=path))
    # In /proc and the like nothing can be created, and the error is that it is not there.
    is_refused = error.errno == errno.ENOENT and Path(path).parent.is_dir()
    if error.errno in _NOT_WRITABLE or is_refused:
        return EtabliError(
            _("cannot write {path} ({reason})").format(path=path, reason=error.strerror),
            fix=_("Choose a folder that you can write to."),
        )
    return error


def parse_json(text: str | bytes) -> Any:
    """Parse JSON; raise ``ValueError`` if it is invalid or nested too deeply to be parsed."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise json.JSONDecodeError("nested too deeply", "", 0) from error


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
