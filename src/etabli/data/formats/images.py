"""Image files -> arrays of red, green and blue, uint8, whatever a folder of pictures holds.

A picture is decoded within bounds: only raster formats, never more pixels than ``max_pixels``, only the
first frame of an animation. What cannot be read is refused with a sentence, one file at a time, so that a
caller who walks a large folder can list it and go on.
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
# Pillow loads these where it first meets an unknown file; here that would be in the middle of decoding threads.
_LOADED = (PpmImagePlugin, TiffImagePlugin, WebPImagePlugin)
# Pillow warns of a bomb where this module refuses one; the warning would only be printed twice.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


def list_images(folder: Path | str, *, recursive: bool = True) -> list[Path]:
    """The image files under ``folder`` by their suffix, sorted by path, without hidden files and folders."""
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
    """A path, or what it is below ``folder``, as text: bytes that are no UTF-8 become the replacement character."""
    below = Path(path) if folder is None else Path(path).relative_to(folder)
    return os.fsencode(below.as_posix()).decode("utf-8", "replace")


def read(
    source: Path | str | bytes,
    size: tuple[int, int] | None = None,
    *,
    max_pixels: int = MAX_PIXELS,
    name: str | None = None,
) -> np.ndarray:
    """One picture as (height, width, 3) uint8, upright, on white where it is transparent.

    ``size`` is (height, width) to which the whole picture is squashed (bilinear, anti-aliased); ``None``
    keeps it. ``name`` is what a refusal calls bytes. Raises ``DataMissing``, ``CorruptFile``, or ``UnsafeArchive``
    above ``max_pixels``.
    """
    name = name or (_("the image in memory") if isinstance(source, bytes) else get_display_name(source))
    try:
        with Image.open(
            io.BytesIO(source) if isinstance(source, bytes) else source, formats=_FORMATS
        ) as image:
            _refuse_bomb(name, image.size, max_pixels)
            return _pixels(image, size)
    except EtabliError:
        raise
    except Image.DecompressionBombError as error:
        counted = re.search(r"\d+", str(error))  # Pillow's sentence opens with it
        raise _bomb(name, counted.group() if counted else str(error), max_pixels) from error
    except FileNotFoundError as error:
        raise DataMissing(_("there is no image {path}").format(path=name)) from error
    except (PermissionError, IsADirectoryError) as error:
        raise DataMissing(
            _("cannot read {path} ({reason})").format(path=name, reason=error.strerror)
        ) from error
    except Exception as error:  # a decoder meets garbage in as many ways as there is garbage
        raise CorruptFile(_why_unreadable(source, name, error)) from error


def _pixels(image: Image.Image, size: tuple[int, int] | None) -> np.ndarray:
    if size is not None and image.format in ("JPEG", "MPO"):
        # A JPEG decodes at 1/2, 1/4 or 1/8 for free; at twice the wanted size resampling has nothing to lose.
        image.draft(None, (2 * max(size), 2 * max(size)))
    image.seek(0)
    image = _rgb(ImageOps.exif_transpose(image))
    if size is not None and image.size != (size[1], size[0]):
        image = image.resize((size[1], size[0]), Image.Resampling.BILINEAR)
    return np.array(image, dtype=np.uint8)


def _rgb(image: Image.Image) -> Image.Image:
    """The picture in eight-bit RGB: sixteen bits keep the upper eight, transparency lies on white."""
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


def _refuse_bomb(name: str, size: tuple[int, int], max_pixels: int) -> None:
    if size[0] * size[1] > max_pixels:
        raise _bomb(name, f"{size[0]} x {size[1]}", max_pixels)


def _bomb(name: str, got: str, max_pixels: int) -> UnsafeArchive:
    return UnsafeArchive(
        _("{path} would decode to too large an image").format(path=name),
        expected=_("at most {count} million pixels").format(count=max_pixels // 1_000_000),
        got=got,
        fix=_("Make it smaller, or remove it."),
    )


def _why_unreadable(source: Path | str | bytes, name: str, error: Exception) -> str:
    length = len(source) if isinstance(source, bytes) else Path(source).stat().st_size
    if length == 0:
        return _("{path} is empty (zero bytes)").format(path=name)
    if isinstance(error, Image.UnidentifiedImageError):
        return _("{path} is not an image in a format that can be read").format(path=name)
    if "truncated" in str(error).lower() or isinstance(error, EOFError):
        return _("{path} is truncated").format(path=name)
    return _("{path} cannot be decoded ({reason})").format(
        path=name, reason=str(error) or type(error).__name__
    )
