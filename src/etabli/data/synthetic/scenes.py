"""Drawn scenes: synthetic images whose objects are known.

A scene is a pale background with one to five colored objects of twelve kinds, some in front of
others. An object that is mostly hidden or very small is *difficult*, as in PASCAL VOC. Every image
is a function of its ``numpy.random.Generator`` alone.
"""

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageChops, ImageDraw

__all__ = [
    "BACKGROUNDS",
    "COLORS",
    "GROUPS",
    "KINDS",
    "DrawnObject",
    "Scene",
    "draw_scene",
    "draw_single",
]

GROUPS = {
    "shape": ("circle", "square", "triangle", "star"),
    "nature": ("sun", "tree", "flower", "cloud"),
    "made": ("house", "boat", "car", "kite"),
}
KINDS = tuple(kind for kinds in GROUPS.values() for kind in kinds)
COLORS = {
    "red": (214, 48, 49),
    "orange": (236, 128, 32),
    "yellow": (240, 200, 40),
    "green": (52, 152, 74),
    "blue": (46, 98, 200),
    "purple": (132, 70, 176),
    "pink": (236, 110, 166),
    "brown": (128, 84, 50),
    "black": (40, 40, 44),
}
BACKGROUNDS = {
    "paper": (244, 242, 236),
    "sky": (196, 222, 242),
    "meadow": (204, 226, 188),
    "sand": (238, 224, 190),
    "mist": (214, 214, 220),
}
SMALL, LARGE = 0.24, 0.40
_HIDDEN, _DIFFICULT_VISIBLE, _DIFFICULT_SIDE = 0.12, 0.45, 0.15
_OVERSAMPLE = 3


@dataclass(frozen=True)
class DrawnObject:
    """One object of a scene; ``box`` is (left, top, right, bottom), the last two exclusive.

    ``size`` is "small", "medium" or "large" by the box's longer side; ``visible`` is the share of
    its pixels that no later object hides; a ``difficult`` object is mostly hidden or tiny.
    """

    kind: str
    color: str
    size: str
    box: tuple[int, int, int, int]
    visible: float
    difficult: bool

    @property
    def center(self) -> tuple[float, float]:
        left, top, right, bottom = self.box
        return (left + right) / 2, (top + bottom) / 2


@dataclass(frozen=True)
class Scene:
    """An image and its objects in drawing order: a later object is in front of an earlier one."""

    image: Image.Image
    objects: tuple[DrawnObject, ...]
    background: str


def draw_scene(
    generator: np.random.Generator,
    size: tuple[int, int] = (160, 160),
    count: tuple[int, int] = (1, 5),
    extent: tuple[float, float] = (0.12, 0.55),
    kinds: tuple[str, ...] = KINDS,
) -> Scene:
    """Draw a scene; an object that others hide almost completely is not listed.

    Args:
        generator: the source of all randomness.
        size: (height, width) in pixels.
        count: the smallest and the largest number of objects.
        extent: range of an object's side, as a fraction of the shorter side of the image.
        kinds: of objects.

    Returns:
        The image and its objects.
    """
    height, width = size
    background = str(generator.choice(list(BACKGROUNDS)))
    image = _draw_background(generator, height, width, BACKGROUNDS[background])
    placed: list[tuple[str, str, Image.Image]] = []
    for _number in range(int(generator.integers(count[0], count[1] + 1))):
        kind, color = str(generator.choice(kinds)), str(generator.choice(list(COLORS)))
        tile = _draw_tile(
            generator, kind, color, max(6, round(generator.uniform(*extent) * min(size)))
        )
        corner = (
            int(generator.integers(0, max(1, width - tile.width + 1))),
            int(generator.integers(0, max(1, height - tile.height + 1))),
        )
        layer = Image.new("L", (width, height), 0)
        layer.paste(tile.getchannel("A"), corner)
        placed.append((kind, color, layer))
        image.paste(tile, corner, tile)
    return Scene(image, tuple(_list_objects(placed, min(size))), background)


def draw_single(
    generator: np.random.Generator, kind: str | None = None, size: tuple[int, int] = (64, 64)
) -> Scene:
    """Draw one large object on a background: the source task of transfer to scenes."""
    kinds = KINDS if kind is None else (kind,)
    return draw_scene(generator, size, count=(1, 1), extent=(0.55, 0.95), kinds=kinds)


def _list_objects(placed: list[tuple[str, str, Image.Image]], side: int) -> list[DrawnObject]:
    if not placed:
        return []
    objects, in_front = [], Image.new("L", placed[0][2].size, 0)
    for kind, color, layer in reversed(placed):
        seen = ImageChops.subtract(layer, in_front)
        visible = _area(seen) / max(1, _area(layer))
        in_front = ImageChops.lighter(in_front, layer)
        box = layer.point(lambda alpha: 255 * (alpha > 127)).getbbox() or layer.getbbox()
        if visible >= _HIDDEN and box:
            extent = max(box[2] - box[0], box[3] - box[1]) / side
            word = "small" if extent < SMALL else "medium" if extent < LARGE else "large"
            difficult = visible < _DIFFICULT_VISIBLE or extent < _DIFFICULT_SIDE
            objects.append(DrawnObject(kind, color, word, box, round(visible, 3), difficult))
    return objects[::-1]


def _area(layer: Image.Image) -> int:
    return int(np.count_nonzero(np.asarray(layer) > 127))


def _draw_background(
    generator: np.random.Generator, height: int, width: int, color: tuple[int, int, int]
) -> Image.Image:
    """Draw a pale color with a gradient and noise, so that no pixel count gives the label away."""
    slope = generator.uniform(-14, 14) * np.linspace(-1, 1, height)[:, None, None]
    grain = generator.normal(0, 5, (height, width, 1))
    pixels = np.clip(np.asarray(color) + slope + grain, 0, 255).astype(np.uint8)
    return Image.fromarray(pixels)


def _draw_tile(generator: np.random.Generator, kind: str, color: str, side: int) -> Image.Image:
    """Draw one object on a transparent tile, stretched a little and rotated by up to 12 degrees."""
    canvas = side * _OVERSAMPLE
    stretch = generator.uniform(0.85, 1.0)
    tile = Image.new("RGBA", (canvas, canvas), (0, 0, 0, 0))
    pen = ImageDraw.Draw(tile)
    base = np.asarray(COLORS[color]) * generator.uniform(0.9, 1.08)
    for shape, points, tone in _DRAWINGS[kind]:
        # A tone below 1 darkens the color, above 1 mixes it with white.
        shade = base * tone if tone <= 1 else base + (255 - base) * (tone - 1)
        fill = (*(int(value) for value in np.clip(shade, 0, 255)), 255)
        flat = [
            coordinate * canvas * (stretch if axis == 0 else 1)
            for point in points
            for axis, coordinate in enumerate(point)
        ]
        getattr(pen, shape)(flat, fill=fill)
    tile = tile.rotate(generator.uniform(-12, 12), Image.Resampling.NEAREST, expand=True)
    tile = tile.crop(tile.getbbox())
    scale = side / max(tile.size)
    return tile.resize(
        (max(2, round(tile.width * scale)), max(2, round(tile.height * scale))),
        Image.Resampling.BOX,
    )


def _ring(count: int, *radii: float, turn: float = -math.pi / 2) -> list[tuple[float, float]]:
    """Return ``count`` points around the middle of the unit square; radii alternate."""
    steps = count * len(radii)
    return [
        (
            0.5 + radii[step % len(radii)] * math.cos(turn + 2 * math.pi * step / steps),
            0.5 + radii[step % len(radii)] * math.sin(turn + 2 * math.pi * step / steps),
        )
        for step in range(steps)
    ]


def _disc(x: float, y: float, radius: float) -> list[tuple[float, float]]:
    return [(x - radius, y - radius), (x + radius, y + radius)]


_DRAWINGS: dict[str, list[tuple[str, list[tuple[float, float]], float]]] = {
    "circle": [("ellipse", [(0, 0), (1, 1)], 1.0)],
    "square": [("rectangle", [(0.03, 0.03), (0.97, 0.97)], 1.0)],
    "triangle": [("polygon", [(0.5, 0.02), (1, 0.95), (0, 0.95)], 1.0)],
    "star": [("polygon", _ring(5, 0.5, 0.2), 1.0)],
    "sun": [("polygon", _ring(12, 0.5, 0.32), 1.3), ("ellipse", _disc(0.5, 0.5, 0.29), 1.0)],
    "tree": [
        ("rectangle", [(0.43, 0.6), (0.57, 1.0)], 0.45),
        ("polygon", [(0.5, 0.0), (0.86, 0.42), (0.14, 0.42)], 1.0),
        ("polygon", [(0.5, 0.2), (0.95, 0.74), (0.05, 0.74)], 1.0),
    ],
    "flower": [
        ("rectangle", [(0.47, 0.5), (0.53, 1.0)], 0.5),
        *(("ellipse", _disc(x * 0.5 + 0.25, y * 0.5 + 0.08, 0.15), 1.0) for x, y in _ring(6, 0.46)),
        ("ellipse", _disc(0.5, 0.33, 0.12), 1.65),
    ],
    "cloud": [
        ("ellipse", _disc(0.22, 0.6, 0.2), 1.0),
        ("ellipse", _disc(0.48, 0.45, 0.26), 1.0),
        ("ellipse", _disc(0.76, 0.58, 0.22), 1.0),
        ("rectangle", [(0.2, 0.58), (0.78, 0.8)], 1.0),
    ],
    "house": [
        ("rectangle", [(0.12, 0.42), (0.88, 1.0)], 1.0),
        ("polygon", [(0.5, 0.0), (1.0, 0.45), (0.0, 0.45)], 0.6),
        ("rectangle", [(0.42, 0.65), (0.6, 1.0)], 0.4),
        ("rectangle", [(0.2, 0.54), (0.35, 0.7)], 1.75),
        ("rectangle", [(0.67, 0.54), (0.82, 0.7)], 1.75),
    ],
    "boat": [
        ("polygon", [(0.0, 0.68), (1.0, 0.68), (0.8, 0.98), (0.2, 0.98)], 0.7),
        ("rectangle", [(0.47, 0.05), (0.51, 0.68)], 0.4),
        ("polygon", [(0.53, 0.05), (0.53, 0.6), (0.95, 0.6)], 1.0),
        ("polygon", [(0.45, 0.15), (0.45, 0.6), (0.12, 0.6)], 1.35),
    ],
    "car": [
        ("polygon", [(0.22, 0.5), (0.34, 0.25), (0.7, 0.25), (0.84, 0.5)], 0.75),
        ("polygon", [(0.38, 0.31), (0.66, 0.31), (0.74, 0.5), (0.32, 0.5)], 1.8),
        ("rectangle", [(0.0, 0.48), (1.0, 0.72)], 1.0),
        ("ellipse", _disc(0.24, 0.74, 0.13), 0.3),
        ("ellipse", _disc(0.76, 0.74, 0.13), 0.3),
    ],
    "kite": [
        ("polygon", [(0.45, 0.0), (0.8, 0.32), (0.45, 0.72), (0.1, 0.32)], 1.0),
        ("polygon", [(0.45, 0.0), (0.8, 0.32), (0.45, 0.32)], 1.5),
        ("polygon", [(0.45, 0.72), (0.1, 0.32), (0.45, 0.32)], 0.65),
        (
            "polygon",
            [(0.43, 0.7), (0.49, 0.7), (0.66, 0.86), (0.58, 1.0), (0.55, 0.99), (0.6, 0.87)],
            0.5,
        ),
    ],
}
