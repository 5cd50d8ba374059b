"""Image files to RGB uint8 arrays.

An image is decoded within bounds: only raster formats, never more pixels than ``max_pixels``, only
the first frame of an animation. A file that cannot be read raises an ``EtabliError`` of its own, so
that a caller who walks a large folder can report it and continue.
"""

import io
import os
import re
import warnings
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageFile, ImageOps

from etabli.core.errors import (
    CorruptFile,
    DataMissing,
    EtabliError,
    MissingExtra,
    UnsafeArchive,
)
from etabli.core.i18n import N_, _

_RASTER = (
    *("JPEG", "PNG", "GIF", "BMP", "DIB", "WEBP", "TIFF", "PPM", "AVIF", "JPEG2000", "ICO"),
    *("ICNS", "QOI", "PCX", "SGI", "PSD", "DDS", "TGA"),
)
HEIC_SUFFIXES = frozenset({".heic", ".heif", ".hif"})
MAX_PIXELS = 100_000_000
_PREVIEW_SIZE = (64, 64)  # to which a JPEG decodes at an eighth of the work
_UNREADABLE = {
    "empty": (N_("{path} is empty (zero bytes)"), N_("empty")),
    "unknown": (N_("{path} is not an image in a format that can be read"), N_("no image")),
    "truncated": (N_("{path} is truncated"), N_("truncated")),
    "damaged": (N_("{path} cannot be decoded ({reason})"), N_("unreadable")),
}
# Pillow imports the others at the first unknown file, in the middle of decoding threads.
Image.init()
_FORMATS = tuple(name for name in _RASTER if name in Image.OPEN and name != "TGA")
_JPEG_SUFFIXES = frozenset({".jif", ".jfi", ".pjpeg", ".pjp"})  # of which Pillow knows none
SUFFIXES = (HEIC_SUFFIXES | _JPEG_SUFFIXES) | {
    suffix
    for suffix, kind in Image.registered_extensions().items()
    if kind in (*_FORMATS, "TGA", "MPO") and suffix not in (".bw", ".rgb", ".rgba", ".pfm")
}
_MAGIC = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n|GIF8|BM|RIFF....WEBP|II\*\0|MM\0\*|P[1-6]\s|....ftyp(?:avi[fs]|hei|mif1)"
    rb"|\0\0\0\x0cjP  |\xff\x4f\xff\x51|qoif|8BPS",
    re.DOTALL,
)
# This module refuses a decompression bomb; Pillow's warning would repeat the error.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


@cache
def has_heic() -> bool:
    """Return whether HEIC images can be decoded: the extra ``heic`` is installed."""
    try:
        import pi_heif
    except ImportError:
        return False
    pi_heif.register_heif_opener()
    return True


def has_image_content(path: Path | str) -> bool:
    """Return whether a file begins like an image, whatever its name."""
    try:
        with Path(path).open("rb") as stream:
            return _MAGIC.match(stream.read(32)) is not None
    except OSError:
        return False


def has_end(path: Path | str) -> bool:
    """Return whether a file ends as its format demands; True where the format does not say.

    False is only a suspicion: some cameras append data of their own.
    """
    try:
        with Path(path).open("rb") as stream:
            start = stream.read(12)
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, size - 32))
            end = stream.read()
    except OSError:
        return False
    if start.startswith(b"\xff\xd8\xff"):
        return b"\xff\xd9" in end
    if start.startswith(b"\x89PNG"):
        return b"IEND" in end
    if start.startswith(b"GIF8"):
        return end.rstrip(b"\0").endswith(b";")
    if start.startswith(b"RIFF"):
        return int.from_bytes(start[4:8], "little") + 8 <= size
    return _MAGIC.match(start + b" ") is not None


def list_images(folder: Path | str, *, recursive: bool = True) -> list[Path]:
    """List the image files under ``folder`` by suffix, sorted, without hidden files and folders."""
    folder = Path(folder)
    if not folder.is_dir():
        raise DataMissing(_("there is no folder {path}").format(path=folder))
    found = folder.rglob("*") if recursive else folder.glob("*")
    return sorted(
        path
        for path in found
        if path.suffix.lower() in SUFFIXES
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
    )


def get_display_name(path: Path | str, folder: Path | str | None = None) -> str:
    """Return a path, relative to ``folder``, as text; non-UTF-8 bytes become U+FFFD."""
    below = Path(path) if folder is None else Path(path).relative_to(folder)
    return replace_invalid(below.as_posix())


def replace_invalid(name: str) -> str:
    """Return a file name as text; non-UTF-8 bytes become U+FFFD."""
    return name if name.isascii() else os.fsencode(name).decode("utf-8", "replace")


def read(
    source: Path | str | bytes,
    size: tuple[int, int] | None = None,
    *,
    max_pixels: int = MAX_PIXELS,
    name: str | None = None,
) -> np.ndarray:
    """Read an image as (height, width, 3) uint8, upright, on white where it is transparent.

    Args:
        source: a path, or the bytes of a file.
        size: (height, width) to which the whole image is resized (bilinear, anti-aliased); ``None``
            keeps its size.
        max_pixels: more are refused before decoding.
        name: how error messages call bytes.

    Raises:
        DataMissing: there is no such file, or it cannot be opened.
        CorruptFile: the content is not an image that can be decoded.
        UnsafeArchive: the image has more than ``max_pixels``.
    """
    name = name or (
        _("the image in memory") if isinstance(source, bytes) else get_display_name(source)
    )
    try:
        with Image.open(
            io.BytesIO(source) if isinstance(source, bytes) else source,
            formats=_choose_formats(source),
        ) as image:
            if image.width * image.height > max_pixels:
                raise _too_large(name, f"{image.width} x {image.height}", max_pixels)
            return _to_pixels(image, size, source)
    except EtabliError:
        raise
    except Image.DecompressionBombError as error:
        counted = re.search(r"\d+", str(error))  # Pillow's message begins with it
        raise _too_large(name, counted.group() if counted else str(error), max_pixels) from error
    except FileNotFoundError as error:
        raise DataMissing(_("there is no image {path}").format(path=name)) from error
    except (PermissionError, IsADirectoryError) as error:
        raise DataMissing(
            _("cannot read {path} ({reason})").format(path=name, reason=error.strerror)
        ) from error
    except Exception as error:  # decoders fail on garbage in countless ways
        raise CorruptFile(_explain_unreadable(source, name, error)) from error


def _choose_formats(source: Path | str | bytes) -> tuple[str, ...]:
    """Return the formats to try: TGA has no magic number, so that its suffix must say it."""
    suffix = "" if isinstance(source, bytes) else Path(source).suffix.lower()
    if Image.EXTENSION.get(suffix) == "TGA":
        return ("TGA",)
    if suffix not in HEIC_SUFFIXES:
        return _FORMATS
    if not has_heic():
        raise MissingExtra("pi-heif", "heic", _("reading HEIC images"))
    return (*_FORMATS, "HEIF")


def _to_pixels(
    image: Image.Image, size: tuple[int, int] | None, source: Path | str | bytes
) -> np.ndarray:
    if size is not None and image.format in ("JPEG", "MPO"):
        # A JPEG decodes faster at 1/2, 1/4 or 1/8; twice the wanted size is enough to resample.
        image.draft(None, (2 * max(size), 2 * max(size)))
    image.seek(0)
    image = _to_rgb(_read_upright(image, source))
    if size is not None and image.size != (size[1], size[0]):
        image = image.resize((size[1], size[0]), Image.Resampling.BILINEAR)
    return np.array(image, dtype=np.uint8)


def _to_rgb(image: Image.Image) -> Image.Image:
    """Convert to 8-bit RGB: the upper eight bits in use; transparency is blended on white."""
    if image.mode == "F":
        raise CorruptFile(
            _("the pixels are floating-point numbers"), expected=_("8 or 16 bits per channel")
        )
    if image.mode == "I" or image.mode.startswith("I;16"):
        values = np.asarray(image).astype(np.int64)
        return Image.fromarray(_keep_upper_bits(values)).convert("RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def _keep_upper_bits(values: np.ndarray) -> np.ndarray:
    """Return the upper eight bits of the range in use: 8, 10, 12, 14 or 16 bits."""
    highest = int(values.max(initial=0))
    bits = next((bits for bits in (8, 10, 12, 14) if highest < 1 << bits), 16)
    return np.clip(values >> (bits - 8), 0, 255).astype(np.uint8)


def _read_upright(image: Image.Image, source: Path | str | bytes) -> Image.Image:
    """Decode an image and turn it upright; of 16 bits per color, keep the upper eight in use.

    Pillow keeps the upper byte of a color, which is nearly black where 12 bits are used. The lower
    byte is read by swapping the byte order of the decoder.
    """
    tiles = getattr(image, "tile", [])
    ImageOps.exif_transpose(image, in_place=True)  # without a copy where it is upright already
    order = _get_byte_order(tiles[0].args) if tiles else ""
    if not order or (high := np.asarray(image)).max(initial=0) >= 64:
        return image
    with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as other:
        assert isinstance(other, ImageFile.ImageFile)
        swap = {"RGB;16B": "RGB;16L", "RGB;16L": "RGB;16B"}
        for row, tile in enumerate(other.tile):
            args = tile.args if isinstance(tile.args, tuple) else (tile.args,)
            args = tuple(swap.get(str(each), each) for each in args)
            other.tile[row] = tile._replace(args=args if len(args) > 1 else args[0])
        low = np.asarray(ImageOps.exif_transpose(other))
    return Image.fromarray(_keep_upper_bits(high.astype(np.int64) << 8 | low))


def _get_byte_order(args: object) -> str:
    """Return the decoder's mode where it is that of 16 bits per color, otherwise ""."""
    mode = args[0] if isinstance(args, tuple) and args else args
    return mode if isinstance(mode, str) and mode in ("RGB;16B", "RGB;16L") else ""


def _too_large(name: str, got: str, max_pixels: int) -> UnsafeArchive:
    return UnsafeArchive(
        _("{path} would decode to too large an image").format(path=name),
        expected=_("at most {count} million pixels").format(count=max_pixels // 1_000_000),
        got=got,
        fix=_("Make it smaller, or remove it."),
    )


def _explain_unreadable(source: Path | str | bytes, name: str, error: Exception) -> str:
    reason = str(error) or type(error).__name__
    return _(_UNREADABLE[_classify(source, error)][0]).format(path=name, reason=reason)


def _classify(source: Path | str | bytes, error: BaseException) -> str:
    length = len(source) if isinstance(source, bytes) else Path(source).stat().st_size
    if length == 0:
        return "empty"
    if isinstance(error, Image.UnidentifiedImageError):
        return "unknown"
    is_cut = "truncated" in str(error).lower() or isinstance(error, EOFError)
    return "truncated" if is_cut else "damaged"


def find_problem(path: Path | str) -> tuple[str, EtabliError] | None:
    """Decode a file at a small size; return why it cannot be used, in a word and in a sentence."""
    try:
        read(path, _PREVIEW_SIZE)
    except UnsafeArchive as error:
        return _("too large"), error
    except CorruptFile as error:
        cause = error.__cause__
        kind = "damaged" if cause is None else _classify(path, cause)
        return _(_UNREADABLE[kind][1]), error
    except EtabliError as error:
        return _("unreadable"), error
    return None


def read_size(source: Path | str | bytes) -> tuple[int, int]:
    """Return height and width of an upright image from its header, (0, 0) where it has none."""
    try:
        stream = io.BytesIO(source) if isinstance(source, bytes) else source
        with Image.open(stream, formats=_choose_formats(source)) as image:
            is_turned = image.getexif().get(0x0112, 1) in (5, 6, 7, 8)
            return (image.width, image.height) if is_turned else (image.height, image.width)
    except Exception:  # as in read
        return 0, 0


def read_thumbnail(path: Path | str, side: int) -> np.ndarray | None:
    """Return an image of at most ``side`` pixels in its proportions; None if it is unreadable."""
    height, width = read_size(path)
    scale = min(1.0, side / max(height, width, 1))
    try:
        return read(path, (max(1, round(scale * height)), max(1, round(scale * width))))
    except EtabliError:
        return None
