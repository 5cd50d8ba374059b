"""The IDX format of MNIST: a magic number, the sizes, then the numbers, big-endian; plain or gzip.

Source: http://yann.lecun.com/exdb/mnist, "the IDX file format".
"""

import gzip
import math
import zlib
from pathlib import Path
from typing import IO, cast

import numpy as np

from etabli.core.atomic_files import atomic_write
from etabli.core.errors import BadArray, CorruptFile, DataMissing, EtabliError
from etabli.core.i18n import _

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
MAX_BYTES = 2**31  # the largest MNIST file unpacks to 47 MB
EXTENDED_LABEL = 8  # numbers a label of QMNIST: the class, then who wrote it
_MAX_DIMENSIONS = 16
_CHUNK = 2**20


def read(path: Path | str) -> np.ndarray:
    """Read the array of an IDX file, plain or gzip by its content, in native byte order.

    Raises ``CorruptFile`` for anything that is not exactly one complete IDX array, ``DataMissing``
    for a missing file. What a file declares is never allocated before the bytes are read.
    """
    path = Path(path)
    try:
        with path.open("rb") as stream:
            is_packed = stream.read(2) == b"\x1f\x8b"
            stream.seek(0)
            if not is_packed:
                return _read_array(stream, path)
            with gzip.open(stream) as unpacked:
                return _read_array(cast("IO[bytes]", unpacked), path)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise _corrupt(_("{path} is truncated or damaged (gzip)").format(path=path)) from error
    except FileNotFoundError as error:
        raise DataMissing(
            _("there is no file {path}").format(path=path), fix=_advise_fetching()
        ) from error
    except OSError as error:
        raise EtabliError(
            _("cannot read {path} ({reason})").format(path=path, reason=error.strerror or error)
        ) from error


def read_images(path: Path | str) -> np.ndarray:
    """Read images ``(N, height, width)`` uint8 of an idx3 file; a file of labels is refused."""
    return _check_role(read(path), path, dimensions=3, wanted=_("images"))


def read_labels(path: Path | str) -> np.ndarray:
    """Read integer labels ``(N,)`` of an idx1 file, or the first column of QMNIST's extended ones.

    A file of images is refused.
    """
    array = read(path)
    if array.ndim == 1 and array.dtype.kind in "iu":
        return array
    if array.ndim == 2 and array.dtype == np.int32 and array.shape[1] == EXTENDED_LABEL:
        return array[:, 0]
    return _check_role(array, path, dimensions=1, wanted=_("labels"))


def write(path: Path | str, array: np.ndarray) -> None:
    """Write an array as IDX, gzip where the name ends in ``.gz``, always with the same bytes."""
    array = np.asarray(array)
    codes = {np.dtype(kind).newbyteorder("="): code for code, kind in TYPES.items()}
    code = codes.get(array.dtype.newbyteorder("="))
    if code is None or not 1 <= array.ndim <= _MAX_DIMENSIONS:
        raise BadArray(
            _("the idx format cannot hold this array"),
            expected=_("{types}, 1 to {most} dimensions").format(
                types=", ".join(map(str, codes)), most=_MAX_DIMENSIONS
            ),
            got=f"{array.dtype}, {array.ndim}",
        )
    sizes = np.asarray(array.shape, dtype=">u4")
    content = (
        bytes([0, 0, code, array.ndim]) + sizes.tobytes() + array.astype(TYPES[code]).tobytes()
    )
    if str(path).endswith(".gz"):
        content = gzip.compress(content, compresslevel=6, mtime=0)
    with atomic_write(path, "wb") as stream:
        stream.write(content)


def _read_array(stream: IO[bytes], path: Path) -> np.ndarray:
    kind, shape = _read_header(stream, path)
    declared = math.prod(shape) * kind.itemsize
    content = bytearray()
    while chunk := stream.read(min(_CHUNK, declared + 1 - len(content))):
        content += chunk
    if len(content) < declared:
        raise _corrupt(
            _("{path} is truncated").format(path=path),
            _("{n} bytes after the header").format(n=declared),
            len(content),
        )
    if len(content) > declared:
        raise _corrupt(
            _("{path} continues after the {n} bytes that its header declares").format(
                path=path, n=declared
            )
        )
    array = np.frombuffer(content, dtype=kind).reshape(shape)
    return array.astype(kind.newbyteorder("="), copy=False)


def _read_header(stream: IO[bytes], path: Path) -> tuple[np.dtype, tuple[int, ...]]:
    """Return type and shape; what cannot be right is refused before the content is read."""
    magic = stream.read(4)
    is_idx = len(magic) == 4 and magic[:2] == b"\0\0" and magic[2] in TYPES
    if not is_idx or not 1 <= magic[3] <= _MAX_DIMENSIONS:
        raise _corrupt(
            _("{path} is not an idx file").format(path=path),
            _("the magic number 00 00 08 03 for images or 00 00 08 01 for labels"),
            magic.hex(" ") or _("an empty file"),
        )
    sizes = stream.read(4 * magic[3])
    if len(sizes) < 4 * magic[3]:
        raise _corrupt(_("{path} is truncated: it ends inside its header").format(path=path))
    kind, shape = np.dtype(TYPES[magic[2]]), tuple(np.frombuffer(sizes, ">u4").tolist())
    if math.prod(max(size, 1) for size in shape) * kind.itemsize > MAX_BYTES:
        raise _corrupt(
            _("{path} declares an array of {shape}, more than the limit of {limit} GB").format(
                path=path, shape=" x ".join(map(str, shape)), limit=MAX_BYTES // 10**9
            )
        )
    return kind, shape


def _check_role(array: np.ndarray, path: Path | str, *, dimensions: int, wanted: str) -> np.ndarray:
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


def _corrupt(wrong: str, expected: object = None, got: object = None) -> CorruptFile:
    return CorruptFile(wrong, expected=expected, got=got, fix=_advise_fetching())


def _advise_fetching() -> str:
    return _(
        "Remove the file and get it again: for a data set of the catalog, 'etabli data fetch NAME' "
        "downloads what is missing."
    )
