"""How a picture is looked at: the whole of it, its mirror image, or a random part of it.

A view is named, so that its features can be stored: the frozen part of a net is computed once for every view.
"""

import zlib

import numpy as np
from PIL import Image

from etabli.data import images
from etabli.data.remote import RemoteImage
from etabli.errors import BadSetting
from etabli.features.stream import Picture
from etabli.i18n import _

__all__ = ["reader"]


def reader(view: str, size: tuple[int, int]):
    """A function from ``Picture`` to pixels (height, width, 3).

    "plain" is the whole picture squashed to ``size``; "flip" its mirror image; "crop-3" (any number) a part
    with 45 to 100 % of the area at 3:4 to 4:3, mirrored or not, fixed by the picture's name and the number.
    """
    if view == "plain":
        return lambda picture: _pixels(picture, size)
    if view == "flip":
        return lambda picture: _pixels(picture, size)[:, ::-1]
    if view.startswith("crop-") and view[5:].isdigit():
        return lambda picture: _crop(picture, size, int(view[5:]))
    raise BadSetting(_("there is no such view"), expected=_("plain, flip, or crop- and a number"), got=view)


def _pixels(picture: Picture, size: tuple[int, int] | None = None) -> np.ndarray:
    if isinstance(picture.source, RemoteImage):
        return images.read(picture.source.read(), size, name=picture.source.url)
    return images.read(picture.source, size)


def _crop(picture: Picture, size: tuple[int, int], number: int) -> np.ndarray:
    generator = np.random.default_rng([zlib.crc32(picture.name.encode()), number])
    whole = Image.fromarray(_pixels(picture))
    area, aspect = generator.uniform(0.45, 1.0), np.exp(generator.uniform(np.log(3 / 4), np.log(4 / 3)))
    width = min(1.0, np.sqrt(area * aspect)) * whole.width
    height = min(1.0, np.sqrt(area / aspect)) * whole.height
    left, top = generator.uniform(0, whole.width - width), generator.uniform(0, whole.height - height)
    box = (left, top, left + width, top + height)
    pixels = np.asarray(whole.resize((size[1], size[0]), Image.Resampling.BILINEAR, box=box))
    return pixels[:, ::-1] if generator.random() < 0.5 else pixels
