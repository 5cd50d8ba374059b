"""Safe extraction of untrusted archives: zip, tar (plain, gzip, bzip2, xz) and single gzip files.

The archive never chooses where a file is written: the caller names the target of each member.
Paths outside the archive, links, devices and decompression bombs stop the extraction.
"""

import bz2
import errno
import gzip
import io
import lzma
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any

from etabli.core.atomic_files import explain_os_error
from etabli.core.errors import CorruptFile, DataMissing, EtabliError, UnsafeArchive
from etabli.core.i18n import _

MAX_BYTES = 8 * 10**9  # of all unpacked members together
MAX_RATIO = 100  # an archive that unpacks to more than this many times its size is a bomb ...
HARMLESS_BYTES = 64 * 2**20  # ... unless it is small anyway
MAX_MEMBERS = 200_000
_CHUNK = 2**20
# What the decompressors raise on damaged input.
_DAMAGE_ERRORS = (
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

ChooseTarget = Callable[[str], Path | None]
_Opener = Callable[[Path, Any], Any]
_OPENERS: dict[bytes, _Opener] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}


def unpack(path: Path, choose: ChooseTarget, max_bytes: int = MAX_BYTES) -> int:
    """Write every member for which ``choose(name)`` returns a target, and return their number.

    Targets written before an error are left to the caller, who unpacks into a temporary folder.

    Raises:
        UnsafeArchive: for ``..``, absolute paths, links, devices and decompression bombs.
        CorruptFile: for an archive that is truncated or fails its own checksums.
    """
    written = 0
    try:
        budget = _Budget(path, min(max_bytes, max(HARMLESS_BYTES, MAX_RATIO * path.stat().st_size)))
        for stream, target in _members(path, choose, budget):
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as out:
                shutil.copyfileobj(stream, out, _CHUNK)
            written += 1
    except FileNotFoundError as error:
        raise DataMissing(_("there is no file {path}").format(path=path)) from error
    except (OSError, *_DAMAGE_ERRORS) as error:
        # Decompressors raise OSError without a number, and zipfile seeks to impossible offsets.
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise explain_os_error(error, path) from error
        raise CorruptFile(
            _("{path} is truncated or damaged").format(path=path),
            got=error,
            fix=_("Download it again."),
        ) from error
    return written


class _Budget:
    """The bytes that may still be unpacked from an archive, shared by its members."""

    def __init__(self, archive: Path, left: int) -> None:
        self.archive, self.left = archive, left

    def spend(self, count: int) -> None:
        self.left -= count
        if self.left < 0:
            raise UnsafeArchive(
                _(
                    "{path} unpacks to far more than its size: it looks like a decompression bomb"
                ).format(path=self.archive),
                expected=_("at most {ratio} times its size and {limit} GB").format(
                    ratio=MAX_RATIO, limit=MAX_BYTES // 10**9
                ),
                fix=_(
                    "Get the archive from one of the official sources that "
                    "'etabli data list --json' shows."
                ),
            )


class _BoundedReader(io.RawIOBase):
    """A stream that spends the budget for every byte read, also for headers and skipped members."""

    def __init__(self, stream: IO[bytes], budget: _Budget) -> None:
        self._stream, self._budget = stream, budget

    def read(self, size: int = -1, /) -> bytes:
        content = self._stream.read(size)
        self._budget.spend(len(content))
        return content


def _members(
    path: Path, choose: ChooseTarget, budget: _Budget
) -> Iterator[tuple[io.RawIOBase | IO[bytes], Path]]:
    """Yield the content and the target of every chosen member."""
    with path.open("rb") as stream:
        head = stream.read(6)
    if head.startswith(b"PK\x03\x04"):
        yield from _zip_members(path, choose, budget)
        return
    plain: _Opener = open
    opener = next((each for magic, each in _OPENERS.items() if head.startswith(magic)), plain)
    with opener(path, "rb") as stream:
        holds_tar = stream.read(512)[257:262] == b"ustar"
    if not holds_tar and opener is plain:
        raise CorruptFile(
            _("{path} is not an archive").format(path=path),
            expected=_("a zip, a tar, or one of them compressed"),
        )
    with opener(path, "rb") as stream:
        bounded = _BoundedReader(stream, budget)
        if holds_tar:
            yield from _tar_members(path, bounded, choose)
        elif (target := choose(path.name.rpartition(".")[0] or path.name)) is not None:
            yield bounded, target


def _zip_members(
    path: Path, choose: ChooseTarget, budget: _Budget
) -> Iterator[tuple[io.RawIOBase, Path]]:
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        for count, info in enumerate(entries):
            _check_member(path, info.filename, count)
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise _unsafe(path, info.filename, _("is a link or a device"))
            if info.flag_bits & 1:
                raise EtabliError(
                    _("{path} is encrypted").format(path=path),
                    fix=_("Unpack it yourself, then import the folder."),
                )
        for info in entries:
            if not info.is_dir() and (target := choose(info.filename)) is not None:
                with archive.open(info) as stream:
                    yield _BoundedReader(stream, budget), target


def _tar_members(
    path: Path, stream: _BoundedReader, choose: ChooseTarget
) -> Iterator[tuple[IO[bytes], Path]]:
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for count, info in enumerate(archive):
            _check_member(path, info.name, count)
            if not (info.isreg() or info.isdir()) or info.issparse():
                raise _unsafe(path, info.name, _("is a link, a device or a sparse file"))
            content = archive.extractfile(info)  # None for a folder
            if content is not None and (target := choose(info.name)) is not None:
                yield content, target


def _check_member(path: Path, name: str, count: int) -> None:
    """Refuse too many members, and one outside the archive in the spelling of any system."""
    if count >= MAX_MEMBERS:
        raise UnsafeArchive(
            _("{path} holds more than {n} members").format(path=path, n=MAX_MEMBERS)
        )
    plain = name.replace("\\", "/")
    is_absolute = plain.startswith("/") or plain[1:2] == ":"
    if is_absolute or ".." in PurePosixPath(plain).parts or "\0" in plain:
        raise _unsafe(path, name, _("points outside the archive"))


def _unsafe(path: Path, name: str, what: str) -> UnsafeArchive:
    return UnsafeArchive(
        _("{path} was not unpacked: its member '{name}' {what}").format(
            path=path, name=name[:80], what=what
        ),
        fix=_(
            "No legitimate data set needs this. Get the archive from an official source "
            "('etabli data list')."
        ),
    )
