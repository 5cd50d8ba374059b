"""Strokes of a pen -> an image as MNIST has them: 28 x 28, white on black, 20 high or wide, centred by its mass.

LeCun, Cortes, Burges: the digits were size-normalised into a 20 x 20 box, and the centre of mass of the pixels
put in the middle of 28 x 28.
"""

from __future__ import annotations

from collections.abc import Sequence

from etabli.web.lazily import Lazy

np = Lazy("numpy")


SIDE, BOX = 28, 20
FINE = 8  # pixels of the fine drawing for one of the image
DOT = 0.03  # what is smaller than this share of the pad stays a dot
PEN = 2.6  # width of the pen in pixels of the image


def image_of(strokes: Sequence[Sequence[Sequence[float]]]) -> np.ndarray:
    """Strokes of points (x, y), in sides of the pad -> (28, 28) float32 in [0, 1]; nothing drawn gives zeros."""
    from PIL import Image

    points = np.array([point for stroke in strokes for point in stroke], dtype=np.float64)
    if len(points) == 0:
        return np.zeros((SIDE, SIDE), np.float32)
    fine = _drawn(strokes, points)
    small = Image.fromarray(fine).resize((SIDE, SIDE), Image.Resampling.BOX)
    return _centred(np.asarray(small, dtype=np.float32) / 255)


def _drawn(strokes: Sequence[Sequence[Sequence[float]]], points: np.ndarray) -> np.ndarray:
    """The strokes, scaled so that with the pen's width they fill the box, as (28 FINE, 28 FINE) uint8."""
    from PIL import Image, ImageDraw

    low, high = points.min(axis=0), points.max(axis=0)
    scale = FINE * (BOX - PEN) / max(float((high - low).max()), DOT)
    middle = (low + high) / 2
    canvas = Image.new("L", (SIDE * FINE, SIDE * FINE))
    pen = ImageDraw.Draw(canvas)
    radius = PEN * FINE / 2
    for stroke in strokes:
        places = [tuple((np.asarray(point) - middle) * scale + SIDE * FINE / 2) for point in stroke]
        if len(places) > 1:
            pen.line(places, fill=255, width=round(2 * radius), joint="curve")
        for x, y in places[:1] + places[-1:]:
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    return np.asarray(canvas)


def _centred(image: np.ndarray) -> np.ndarray:
    """Moved by whole pixels so that the centre of mass comes to the middle; nothing is moved over the edge."""
    total = image.sum()
    if total == 0:
        return image
    moved = image
    for axis in (0, 1):
        mass = image.sum(axis=1 - axis)
        shift = round((SIDE - 1) / 2 - float((mass * np.arange(SIDE)).sum() / total))
        filled = np.flatnonzero(mass)
        shift = int(np.clip(shift, -filled[0], SIDE - 1 - filled[-1]))
        moved = np.roll(moved, shift, axis=axis)
    return moved
