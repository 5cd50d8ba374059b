"""The idx format of MNIST: a magic number, the sizes, then the numbers, big-endian; plain or gzip.

Source: http://yann.lecun.com/exdb/mnist, "the IDX file format".
"""

import gzip
import math
import zlib
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

import numpy as np

from etabli.core.atomic_files import atomic_write
from etabli.core.errors import BadArray, CorruptFile, DataMissing, EtabliError
from etabli.core.i18n import _

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
LARGEST = 2**31  # bytes; the largest MNIST file unpacks to 47 MB
_CHUNK = 2**20
_GZIP = b"\x1f\x8b"
_DIMENSIONS = 16


def read(path: Path | str) -> np.ndarray:
    """The array of an idx file, plain or gzip (told by content, not by name), in the machine's byte order.

    Raises ``CorruptFile`` for anything that is not exactly one whole idx array, ``DataMissing`` where there
    is no file. What a file declares is never allocated before the bytes are there.
    """
    path = Path(path)
    try:
        with closing(_opened(path)) as stream:
            return _array(stream, path)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise CorruptFile(
            _("{path} is truncated or damaged (gzip)").format(path=path),
            fix=_again(),
        ) from error
    except FileNotFoundError as error:
        raise DataMissing(_("there is no file {path}").format(path=path), fix=_again()) from error
    except OSError as error:
        raise EtabliError(
            _("cannot read {path} ({reason})").format(path=path, reason=error.strerror or error)
        ) from error


def read_images(path: Path | str) -> np.ndarray:
    """Images ``(N, height, width)`` uint8 of an idx3 file; a labels file is refused by name."""
    return _of_role(read(path), path, dimensions=3, wanted=_("images"))


def read_labels(path: Path | str) -> np.ndarray:
    """Labels ``(N,)`` uint8 of an idx1 file; an images file is refused by name."""
    return _of_role(read(path), path, dimensions=1, wanted=_("labels"))


def write(path: Path | str, array: np.ndarray) -> None:
    """Write an array as idx, gzip where the name ends in ``.gz``; the same array gives the same bytes."""
    array = np.asarray(array)
    codes = {np.dtype(kind).newbyteorder("="): code for code, kind in TYPES.items()}
    code = codes.get(array.dtype.newbyteorder("="))
    if code is None or not 1 <= array.ndim <= _DIMENSIONS:
        raise BadArray(
            _("the idx format cannot hold this array"),
            expected=_("{types}, 1 to {most} dimensions").format(
                types=", ".join(map(str, codes)), most=_DIMENSIONS
            ),
            got=f"{array.dtype}, {array.ndim}",
        )
    sizes = np.asarray(array.shape, dtype=">u4")
    content = (
        bytes([0, 0, code, array.ndim]) + sizes.tobytes() + array.astype(TYPES[code]).tobytes()
    )
    packed = (
        gzip.compress(content, compresslevel=6, mtime=0) if str(path).endswith(".gz") else content
    )
    with atomic_write(path, "wb") as stream:
        stream.write(packed)


def _opened(path: Path) -> BinaryIO:
    stream = path.open("rb")
    packed = stream.read(2) == _GZIP
    stream.close()
    return gzip.open(path, "rb") if packed else path.open("rb")


def _array(stream: BinaryIO, path: Path) -> np.ndarray:
    kind, shape = _header(stream, path)
    declared = math.prod(shape) * kind.itemsize
    content = _at_most(stream, declared + 1)
    if len(content) < declared:
        raise CorruptFile(
            _("{path} is truncated").format(path=path),
            expected=_("{n} bytes after the header").format(n=declared),
            got=len(content),
            fix=_again(),
        )
    if len(content) > declared:
        raise CorruptFile(
            _("{path} continues after the {n} bytes that its header declares").format(
                path=path, n=declared
            ),
            fix=_again(),
        )
    return (
        np.frombuffer(content, dtype=kind).reshape(shape).astype(kind.newbyteorder("="), copy=False)
    )


def _header(stream: BinaryIO, path: Path) -> tuple[np.dtype, tuple[int, ...]]:
    """Type and shape; refused before a byte of the content is read where they cannot be."""
    magic = stream.read(4)
    if (
        len(magic) < 4
        or magic[:2] != b"\0\0"
        or magic[2] not in TYPES
        or not 1 <= magic[3] <= _DIMENSIONS
    ):
        raise CorruptFile(
            _("{path} is not an idx file").format(path=path),
            expected=_("the magic number 00 00 08 03 for images or 00 00 08 01 for labels"),
            got=magic.hex(" ") or _("an empty file"),
            fix=_again(),
        )
    sizes = stream.read(4 * magic[3])
    if len(sizes) < 4 * magic[3]:
        raise CorruptFile(
            _("{path} is truncated: it ends inside its header").format(path=path), fix=_again()
        )
    kind, shape = np.dtype(TYPES[magic[2]]), tuple(np.frombuffer(sizes, ">u4").tolist())
    if math.prod(max(size, 1) for size in shape) * kind.itemsize > LARGEST:
        raise CorruptFile(
            _(
                "{path} declares an array of {shape}, more than the limit of {limit} GB"
            ).format(path=path, shape=" x ".join(map(str, shape)), limit=LARGEST // 10**9),
            fix=_again(),
        )
    return kind, shape


def _at_most(stream: BinaryIO, limit: int) -> bytearray:
    content = bytearray()
    while len(content) < limit and (chunk := stream.read(min(_CHUNK, limit - len(content)))):
        content += chunk
    return content


def _of_role(array: np.ndarray, path: Path | str, *, dimensions: int, wanted: str) -> np.ndarray:
    if array.ndim == dimensions and array.dtype == np.uint8:
        return array
    holds = {1: _("labels"), 3: _("images")}.get(array.ndim if array.dtype == np.uint8 else 0)
    raise CorruptFile(
        _("{path} was given as the file of {wanted}").format(path=path, wanted=wanted),
        expected=_("{n} dimension(s) of unsigned bytes").format(n=dimensions),
        got=_("{n} dimension(s) of {kind}").format(n=array.ndim, kind=array.dtype)
        + (f" ({holds})" if holds else ""),
        fix=_("Check that the images and the labels file have not been swapped."),
    )


def _again() -> str:
    return _(
        "Download it again with 'etabli data fetch mnist', or import a copy with 'etabli data import FILE'."
    )
