"""Unpacking archives that nobody has vouched for: zip, tar (plain, gzip, bzip2, xz) and single gzip files.

The archive never chooses where anything goes: the caller names the target of each member. What no honest archive
does (a path outside, a link, a device, a bomb) ends the unpacking.
"""

import bz2
import errno
import gzip
import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from etabli.core.atomic_files import explain_os_error
from etabli.core.errors import CorruptFile, DataMissing, EtabliError, UnsafeArchive
from etabli.core.i18n import _

LARGEST = 8 * 10**9  # bytes unpacked in all
RATIO = 100  # an archive that unpacks to more than this many times its size is a bomb ...
FREE = 64 * 2**20  # ... unless it is small anyway
MEMBERS = 200_000
_CHUNK = 2**20
_DAMAGE = (
    EOFError,
    IndexError,
    ValueError,
    OverflowError,
    RuntimeError,
    struct.error,
    zlib.error,
    lzma.LZMAError,
    tarfile.TarError,
    zipfile.BadZipFile,
)
_OPENERS = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}
_ZIP = b"PK\x03\x04"

Chooser = Callable[[str], Path | None]


@dataclass
class Budget:
    """How many bytes may still be unpacked from an archive; shared by its members."""

    archive: Path
    left: int

    def spend(self, count: int) -> None:
        self.left -= count
        if self.left < 0:
            raise UnsafeArchive(
                _("{path} unpacks to far more than its size: it looks like a bomb").format(
                    path=self.archive
                ),
                expected=_("at most {ratio} times its size and {limit} GB").format(
                    ratio=RATIO, limit=LARGEST // 10**9
                ),
                fix=_(
                    "Get the archive from one of the official places that 'etabli data list' names."
                ),
            )


def unpack(path: Path, choose: Chooser, largest: int = LARGEST) -> int:
    """Write every member for which ``choose(name)`` gives a target there; returns how many were written.

    Raises ``UnsafeArchive`` for ``..``, absolute paths, links, devices and bombs, ``CorruptFile`` for an archive
    that breaks off or fails its own checksums. Targets written before a refusal are left to the caller, who
    unpacks into a folder of its own and throws that away.
    """
    try:
        size = path.stat().st_size
        budget = Budget(path, min(largest, max(FREE, RATIO * size)))
        return sum(
            _written(stream, target, budget) for stream, target in _members(path, choose, budget)
        )
    except FileNotFoundError as error:
        raise DataMissing(_("there is no file {path}").format(path=path)) from error
    except OSError as error:
        # Decompressors raise it bare, and zipfile seeks to places that cannot be.
        damaged = error.errno in (None, errno.EINVAL)
        raise _damaged(path, error) if damaged else explain_os_error(error, path) from error
    except _DAMAGE as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> CorruptFile:
    return CorruptFile(
        _("{path} breaks off or is damaged").format(path=path), got=error, fix=_("Get it again.")
    )


def _members(path: Path, choose: Chooser, budget: Budget) -> Iterator[tuple[BinaryIO, Path]]:
    with path.open("rb") as stream:
        head = stream.read(6)
    if head.startswith(_ZIP):
        return _zip_members(path, choose)
    opener = next((each for magic, each in _OPENERS.items() if head.startswith(magic)), open)
    with opener(path, "rb") as stream:
        holds_tar = _is_tar(stream.read(512))
    if holds_tar:
        return _tar_members(path, opener, choose, budget)
    if opener is not open:
        return _single(path, opener, choose)
    raise CorruptFile(
        _("{path} is not an archive").format(path=path),
        expected=_("a zip, a tar, or one of them compressed"),
    )


def _zip_members(path: Path, choose: Chooser) -> Iterator[tuple[BinaryIO, Path]]:
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        _few(len(entries), path)
        for info in entries:
            _inside(info.filename, path)
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise _unsafe(path, info.filename, _("is a link or a device"))
            if info.flag_bits & 1:
                raise EtabliError(
                    _("{path} is encrypted").format(path=path),
                    fix=_("Unpack it yourself, then import the folder."),
                )
        for info in entries:
            target = None if info.is_dir() else choose(info.filename)
            if target is not None:
                with archive.open(info) as stream:
                    yield stream, target


def _tar_members(
    path: Path, opener: Callable, choose: Chooser, budget: Budget
) -> Iterator[tuple[BinaryIO, Path]]:
    with (
        opener(path, "rb") as opened,
        tarfile.open(fileobj=_Bounded(opened, budget), mode="r|") as archive,
    ):
        for count, info in enumerate(archive):
            _few(count, path)
            _inside(info.name, path)
            if not (info.isreg() or info.isdir()) or info.issparse():
                raise _unsafe(path, info.name, _("is a link, a device or a sparse file"))
            target = choose(info.name) if info.isreg() else None
            if target is not None:
                yield archive.extractfile(info), target


class _Bounded:
    """A stream whose reader pays for every byte: also for headers and for members that nobody wants."""

    def __init__(self, stream: BinaryIO, budget: Budget) -> None:
        self._stream, self._budget = stream, budget

    def read(self, count: int) -> bytes:
        content = self._stream.read(count)
        self._budget.spend(len(content))
        return content


def _single(path: Path, opener: Callable, choose: Chooser) -> Iterator[tuple[BinaryIO, Path]]:
    target = choose(path.name.rpartition(".")[0] or path.name)
    if target is not None:
        with opener(path, "rb") as stream:
            yield stream, target


def _is_tar(block: bytes) -> bool:
    return block[257:262] == b"ustar"


def _written(stream: BinaryIO, target: Path, budget: Budget) -> int:
    target.parent.mkdir(parents=True, exist_ok=True)
    pays = 0 if isinstance(stream, tarfile.ExFileObject) else 1
    with target.open("wb") as out:
        while chunk := stream.read(_CHUNK):
            budget.spend(pays * len(chunk))
            out.write(chunk)
    return 1


def _inside(name: str, path: Path) -> None:
    """Refuse a member that points out of the folder it is unpacked into, in the spelling of any system."""
    plain = name.replace("\\", "/")
    if (
        plain.startswith("/")
        or plain[1:2] == ":"
        or ".." in PurePosixPath(plain).parts
        or "\0" in plain
    ):
        raise _unsafe(path, name, _("points outside of the archive"))


def _few(count: int, path: Path) -> None:
    if count > MEMBERS:
        raise UnsafeArchive(_("{path} holds more than {n} members").format(path=path, n=MEMBERS))


def _unsafe(path: Path, name: str, what: str) -> UnsafeArchive:
    return UnsafeArchive(
        _("{path} was not unpacked: its member '{name}' {what}").format(
            path=path, name=name[:80], what=what
        ),
        fix=_(
            "No honest data set needs this. Get the archive from an official place ('etabli data list')."
        ),
    )
