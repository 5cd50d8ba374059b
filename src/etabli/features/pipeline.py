"""Batches of features: images are decoded while the net runs, in order, by name.

A view of an image is the whole, its mirror image or a random crop. Views have names, so that their
features can be stored: the frozen part of a net is computed once per view.
"""

import zlib
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from etabli.core.errors import BadSetting, DataMissing, EtabliError, NoNetwork
from etabli.core.i18n import _
from etabli.data.formats import images
from etabli.data.formats.s3 import RemoteImage
from etabli.features.decoding import Decoders


@dataclass(frozen=True)
class NamedImage:
    """The name of an image and its source."""

    name: str
    source: Path | RemoteImage


@dataclass(frozen=True)
class Decoded:
    """The pixels of an image, and what else its reader found out about it."""

    pixels: np.ndarray
    notes: Any


Read = Callable[[NamedImage], np.ndarray | Decoded]


@dataclass(frozen=True)
class Unreadable:
    """The name of an image that was skipped, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Batch:
    """Features (N, ...) of the named images, in order, and the images that could not be read."""

    names: list[str]
    features: np.ndarray
    unreadable: list[Unreadable]


def stream_features(
    batches: Iterable[Sequence[NamedImage]],
    engine: Callable[[np.ndarray], np.ndarray],
    read: Read,
    *,
    workers: int | None = None,
    keep: Callable[[str, Any], None] = lambda name, notes: None,
    processes: bool | None = None,
) -> Generator[Batch, None, None]:
    """Yield the ``Batch`` of every sequence of images, in order.

    At most ``engine.parallel`` + 1 batches are being decoded or computed, so memory is bounded.

    Args:
        batches: The images of each batch.
        engine: From pixels (N, height, width, 3) uint8 to features (N, ...).
        read: From an image to its pixels; an image that it raises ``EtabliError`` for is skipped.
            A module's function or object: it may run in another process.
        workers: Decoding threads or processes, as the engine wants; None is one per core.
        keep: Called with the name of an image and its notes, where ``read`` returns ``Decoded``.
        processes: Whether images are decoded in processes; None is as the engine wants.
    """
    depth = getattr(engine, "parallel", 1) + 1
    if processes is None:
        processes = getattr(engine, "decodes_in_processes", False)
    decoders = Decoders(partial(_attempt, read), workers, processes)
    runners = ThreadPoolExecutor(depth - 1, thread_name_prefix="net")
    decoding: deque[tuple[Sequence[NamedImage], list[Future]]] = deque()
    running: deque[Future] = deque()
    waiting = iter(batches)

    def refill() -> None:
        while len(decoding) < depth and (batch := next(waiting, None)) is not None:
            decoding.append((batch, decoders.submit(batch)))

    try:
        refill()
        while decoding or running:
            while decoding and len(running) < depth:
                batch, futures = decoding.popleft()
                decoded = decoders.collect(futures)
                for image, each in zip(batch, decoded, strict=True):
                    if isinstance(each, Decoded):
                        keep(image.name, each.notes)
                running.append(runners.submit(_forward, engine, batch, decoded))
                refill()
            yield running.popleft().result()
    finally:
        decoders.close()
        runners.shutdown(wait=True, cancel_futures=True)


def _attempt(read: Read, image: NamedImage) -> np.ndarray | Decoded | Unreadable:
    try:
        return read(image)
    except NoNetwork:  # no fault of the image: it must not be skipped silently
        raise
    except EtabliError as error:
        return Unreadable(image.name, str(error))


def _forward(
    engine: Callable[[np.ndarray], np.ndarray],
    batch: Sequence[NamedImage],
    decoded: list[np.ndarray | Decoded | Unreadable],
) -> Batch:
    names, pixels, unreadable = [], [], []
    for image, result in zip(batch, decoded, strict=True):
        if isinstance(result, Unreadable):
            unreadable.append(result)
        else:
            names.append(image.name)
            pixels.append(result.pixels if isinstance(result, Decoded) else result)
    features = engine(np.stack(pixels)) if pixels else np.zeros((0,), np.float32)
    return Batch(names, features, unreadable)


PixelReader = Callable[[NamedImage], np.ndarray]


def read_first(images: Sequence[NamedImage], read: PixelReader, count: int) -> np.ndarray:
    """Return the pixels of the first ``count`` images that can be read, (N, height, width, 3).

    Raises:
        DataMissing: None of them can be read.
    """
    found: list[np.ndarray] = []
    for image in images:
        pixels = _attempt(read, image)
        if isinstance(pixels, np.ndarray):
            found.append(pixels)
        if len(found) == count:
            break
    if not found:
        raise DataMissing(_("none of the images can be read"))
    return np.stack(found)


def make_reader(view: str, size: tuple[int, int]) -> PixelReader:
    """Return a function from ``NamedImage`` to pixels (height, width, 3) uint8.

    Args:
        view: "plain" is the whole image resized to ``size``, without keeping its proportions;
            "flip" its mirror image; "crop-3" (any number) a crop of 45 to 100 % of the area at 3:4
            to 4:3, mirrored or not, a function of the image's name and the number.
        size: Height and width.
    """
    if view == "plain":
        return partial(_read, size=size)
    if view == "flip":
        return partial(_mirror, size=size)
    if view.startswith("crop-") and view[5:].isdigit():
        return partial(_crop, size=size, number=int(view[5:]))
    raise BadSetting(
        _("there is no such view"), expected=_("plain, flip, or crop- and a number"), got=view
    )


def _read(image: NamedImage, size: tuple[int, int] | None = None) -> np.ndarray:
    if isinstance(image.source, RemoteImage):
        return images.read(image.source.read(), size, name=image.source.url)
    return images.read(image.source, size)


def _mirror(image: NamedImage, size: tuple[int, int]) -> np.ndarray:
    return _read(image, size)[:, ::-1]


def _crop(image: NamedImage, size: tuple[int, int], number: int) -> np.ndarray:
    generator = np.random.default_rng([zlib.crc32(image.name.encode()), number])
    whole = Image.fromarray(_read(image))
    area = generator.uniform(0.45, 1.0)
    aspect = np.exp(generator.uniform(np.log(3 / 4), np.log(4 / 3)))
    width = min(1.0, np.sqrt(area * aspect)) * whole.width
    height = min(1.0, np.sqrt(area / aspect)) * whole.height
    left = generator.uniform(0, whole.width - width)
    top = generator.uniform(0, whole.height - height)
    box = (left, top, left + width, top + height)
    pixels = np.asarray(whole.resize((size[1], size[0]), Image.Resampling.BILINEAR, box=box))
    return pixels[:, ::-1] if generator.random() < 0.5 else pixels
