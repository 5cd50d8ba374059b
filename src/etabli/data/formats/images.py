"""Image files to RGB uint8 arrays.

An image is decoded within bounds: only raster formats, never more pixels than ``max_pixels``, only
the first frame of an animation. A file that cannot be read raises an ``EtabliError`` of its own, so
that a caller who walks a large folder can report it and continue.
"""

import io
import os
import re
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, PpmImagePlugin, TiffImagePlugin, WebPImagePlugin

from etabli.core.errors import CorruptFile, DataMissing, EtabliError, UnsafeArchive
from etabli.core.i18n import _

SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm"}
)
MAX_PIXELS = 100_000_000
_FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM")
# Pillow imports these at the first unknown file, which would be in the middle of decoding threads.
_LOADED = (PpmImagePlugin, TiffImagePlugin, WebPImagePlugin)
# This module refuses a decompression bomb; Pillow's warning would repeat the error.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


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
    return os.fsencode(below.as_posix()).decode("utf-8", "replace")


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
            io.BytesIO(source) if isinstance(source, bytes) else source, formats=_FORMATS
        ) as image:
            if image.width * image.height > max_pixels:
                raise _too_large(name, f"{image.width} x {image.height}", max_pixels)
            return _to_pixels(image, size)
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


def _to_pixels(image: Image.Image, size: tuple[int, int] | None) -> np.ndarray:
    if size is not None and image.format in ("JPEG", "MPO"):
        # A JPEG decodes faster at 1/2, 1/4 or 1/8; twice the wanted size is enough to resample.
        image.draft(None, (2 * max(size), 2 * max(size)))
    image.seek(0)
    image = _to_rgb(ImageOps.exif_transpose(image))
    if size is not None and image.size != (size[1], size[0]):
        image = image.resize((size[1], size[0]), Image.Resampling.BILINEAR)
    return np.array(image, dtype=np.uint8)


def _to_rgb(image: Image.Image) -> Image.Image:
    """Convert to 8-bit RGB: 16 bits keep the upper eight, transparency is blended on white."""
    if image.mode == "F":
        raise CorruptFile(
            _("the pixels are floating-point numbers"), expected=_("8 or 16 bits per channel")
        )
    if image.mode == "I" or image.mode.startswith("I;16"):
        values = np.asarray(image).astype(np.int64)
        shift = 8 if values.max(initial=0) > 255 else 0
        return Image.fromarray(np.clip(values >> shift, 0, 255).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def _too_large(name: str, got: str, max_pixels: int) -> UnsafeArchive:
    return UnsafeArchive(
        _("{path} would decode to too large an image").format(path=name),
        expected=_("at most {count} million pixels").format(count=max_pixels // 1_000_000),
        got=got,
        fix=_("Make it smaller, or remove it."),
    )


def _explain_unreadable(source: Path | str | bytes, name: str, error: Exception) -> str:
    length = len(source) if isinstance(source, bytes) else Path(source).stat().st_size
    reason = str(error) or type(error).__name__
    message = _("{path} cannot be decoded ({reason})")
    if length == 0:
        message = _("{path} is empty (zero bytes)")
    elif isinstance(error, Image.UnidentifiedImageError):
        message = _("{path} is not an image in a format that can be read")
    elif "truncated" in reason.lower() or isinstance(error, EOFError):
        message = _("{path} is truncated")
    return message.format(path=name, reason=reason)
