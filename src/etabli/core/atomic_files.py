"""Writing files so that a reader never meets half of one."""

import errno
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from filelock import FileLock, Timeout

from etabli.core.errors import EtabliError, FolderBusy, NoSpace
from etabli.core.i18n import _

SAVING = ".saving-"  # how folders begin in which a library writes a file that then takes its name


@contextmanager
def atomic_write(path: Path | str, mode: str = "w", **options: object) -> Iterator[IO]:
    """Open a temporary file beside ``path``; on success it takes the name in one step, on failure it vanishes.

    Raises ``NoSpace`` where the disk is full and ``Refusal`` where the folder cannot be written in.
    """
    path = Path(path)
    if "b" not in mode:
        options.setdefault("encoding", "utf-8")
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(
            dir=path.parent, prefix=f".{path.name}.", suffix=".part"
        )
        with os.fdopen(descriptor, mode, **options) as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).chmod(0o666 & ~_umask())
        Path(temporary).replace(path)
        temporary = None
    except OSError as error:
        raise explain_os_error(error, path) from error
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def remove_temporary_files(folder: Path | str) -> None:
    """Remove what writers that were killed left behind in a folder; only who holds its lock may call this."""
    for leftover in Path(folder).glob(".*.part"):
        if leftover.is_file():
            leftover.unlink(missing_ok=True)
    for leftover in Path(folder).glob(f"{SAVING}*"):
        shutil.rmtree(leftover, ignore_errors=True)


@contextmanager
def lock_folder(folder: Path | str, wait: bool = False) -> Iterator[None]:
    """Hold the lock of a folder, and sweep it. Where another process holds it, ``wait`` waits; otherwise it is refused.

    The system frees the lock on any death.
    """
    folder = Path(folder)
    held = FileLock(folder / ".lock", timeout=-1 if wait else 0)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        held.acquire()
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
        held.release()


_NOT_TO_BE_WRITTEN = {
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.EEXIST),
    errno.EFBIG,  # a limit on the size of files
}


def explain_os_error(error: OSError, path: Path | str) -> Exception:
    """The refusal that an operating-system error on ``path`` stands for, or the error itself."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return NoSpace(
            _("no space left to write {path}").format(path=path),
            fix=_(
                "Free some disk space, or choose another folder, and run the same command again: "
                "what was finished is kept."
            ),
        )
    if error.errno in _NOT_TO_BE_WRITTEN:
        return EtabliError(
            _("cannot write {path} ({reason})").format(path=path, reason=error.strerror),
            fix=_("Choose a folder that you may write in."),
        )
    return error


def parse_json(text: str | bytes) -> object:
    """What a JSON text says; ``ValueError`` for whatever is none, also where it is nested too deeply to be read."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise json.JSONDecodeError("nested too deeply", "", 0) from error


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
