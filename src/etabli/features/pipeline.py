"""A generator of batches: pictures are decoded on threads while the net runs; order and names are kept.

How a picture is looked at: the whole of it, its mirror image, or a random part of it.

A view is named, so that its features can be stored: the frozen part of a net is computed once for every view.
"""

import os
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from etabli.core.errors import BadSetting, EtabliError, NoNetwork
from etabli.core.i18n import _
from etabli.data.formats import images
from etabli.data.formats.s3 import RemoteImage

__all__ = ["Batch", "Picture", "Unreadable", "reader", "stream"]


@dataclass(frozen=True)
class Picture:
    """An image by its name, and where its bytes are."""

    name: str
    source: Path | str | bytes | RemoteImage


@dataclass(frozen=True)
class Unreadable:
    """An image that was skipped, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Batch:
    """Features (N, ...) of the named pictures, in their order, and what of the batch could not be read."""

    names: list[str]
    features: np.ndarray
    unreadable: list[Unreadable]


def stream(
    batches: Iterable[Sequence[Picture]],
    engine: Callable[[np.ndarray], np.ndarray],
    read: Callable[[Picture], np.ndarray],
    *,
    workers: int | None = None,
) -> Iterator[Batch]:
    """For every sequence of pictures, its ``Batch``; a picture that ``read`` refuses is left out and listed.

    Memory is bounded: of pictures being decoded and of batches in the net, never more than ``parallel`` + 1.
    """
    depth = getattr(engine, "parallel", 1) + 1
    decoders = ThreadPoolExecutor(workers or os.cpu_count() or 1, thread_name_prefix="decode")
    runners = ThreadPoolExecutor(depth - 1, thread_name_prefix="net")
    decoding: deque[tuple[Sequence[Picture], list[Future]]] = deque()
    running: deque[Future] = deque()
    waiting = iter(batches)

    def refill() -> None:
        while len(decoding) < depth and (batch := next(waiting, None)) is not None:
            # each in a copy of our context: a refusal speaks the language of who asked
            decoding.append(
                (
                    batch,
                    [decoders.submit(copy_context().run, _attempt, read, each) for each in batch],
                )
            )

    try:
        refill()
        while decoding or running:
            while decoding and len(running) < depth:
                batch, futures = decoding.popleft()
                decoded = [future.result() for future in futures]
                running.append(runners.submit(_forward, engine, batch, decoded))
                refill()
            yield running.popleft().result()
    finally:
        for pool in (decoders, runners):
            pool.shutdown(wait=True, cancel_futures=True)


def _attempt(read: Callable[[Picture], np.ndarray], picture: Picture) -> np.ndarray | Unreadable:
    try:
        return read(picture)
    except (
        NoNetwork
    ):  # says nothing about the picture: to skip it would leave a hole that nobody sees
        raise
    except EtabliError as refusal:
        return Unreadable(picture.name, str(refusal))


def _forward(engine, batch: Sequence[Picture], decoded: list[np.ndarray | Unreadable]) -> Batch:
    unreadable = [each for each in decoded if isinstance(each, Unreadable)]
    kept = [
        (picture.name, pixels)
        for picture, pixels in zip(batch, decoded, strict=True)
        if isinstance(pixels, np.ndarray)
    ]
    names = [name for name, _pixels in kept]
    features = (
        engine(np.stack([pixels for _name, pixels in kept])) if kept else np.zeros((0,), np.float32)
    )
    return Batch(names, features, unreadable)


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
    raise BadSetting(
        _("there is no such view"), expected=_("plain, flip, or crop- and a number"), got=view
    )


def _pixels(picture: Picture, size: tuple[int, int] | None = None) -> np.ndarray:
    if isinstance(picture.source, RemoteImage):
        return images.read(picture.source.read(), size, name=picture.source.url)
    return images.read(picture.source, size)


def _crop(picture: Picture, size: tuple[int, int], number: int) -> np.ndarray:
    generator = np.random.default_rng([zlib.crc32(picture.name.encode()), number])
    whole = Image.fromarray(_pixels(picture))
    area, aspect = (
        generator.uniform(0.45, 1.0),
        np.exp(generator.uniform(np.log(3 / 4), np.log(4 / 3))),
    )
    width = min(1.0, np.sqrt(area * aspect)) * whole.width
    height = min(1.0, np.sqrt(area / aspect)) * whole.height
    left, top = (
        generator.uniform(0, whole.width - width),
        generator.uniform(0, whole.height - height),
    )
    box = (left, top, left + width, top + height)
    pixels = np.asarray(whole.resize((size[1], size[0]), Image.Resampling.BILINEAR, box=box))
    return pixels[:, ::-1] if generator.random() < 0.5 else pixels
