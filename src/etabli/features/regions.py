"""What a captioner sees of an image: numbers for each cell of a 7 x 7 grid.

Two kinds: ``mobilenet_v2``, the last map of the pretrained net (49, 1280); ``cells``, colours and edges counted in each
cell (49, 41), which needs no pretrained weights and does for drawn scenes.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from etabli.core.errors import UnknownName
from etabli.core.i18n import _
from etabli.data.formats import images
from etabli.features import pipeline
from etabli.features.extraction import extract
from etabli.features.pipeline import Picture

__all__ = ["GRID", "KINDS", "WEIGHTS", "cells", "region_maps"]

GRID = 7
SIDE = 112
KINDS = ("mobilenet_v2", "cells")
WEIGHTS = (
    "mobilenet_v2_imagenet_notop.weights.h5",
    "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5",
)


def region_maps(
    paths: Sequence[Path],
    names: Sequence[str],
    kind: str,
    folder: Path,
    *,
    weights: Path | str | None = None,
    view: str = "plain",
    progress: Callable[[int, int], None] | None = None,
) -> np.ndarray:
    """The maps (N, 49, D) float16 of the pictures, in their order; those of a net stay in ``folder``.

    ``view`` is how they are looked at (``etabli.features.pipeline``). Raises ``CorruptFile`` for the first picture that
    cannot be read.
    """
    if kind not in KINDS:
        raise UnknownName(_("kind of image features"), kind, KINDS)
    if kind == "cells":
        read = pipeline.reader(view, (SIDE, SIDE))
        seen = [cells(read(Picture(name, path))) for name, path in zip(names, paths, strict=True)]
        return np.stack(seen).astype(np.float16)
    options = {"layer": "map", "dtype": "float16", "view": view, "progress": progress}
    found = extract(paths, kind, folder, names=names, weights=weights, **options)
    if found.unreadable:
        first = found.unreadable[0].name
        images.read(dict(zip(names, paths, strict=True))[first])  # says what is wrong with it
    maps = found.array(names)
    return maps.reshape(len(maps), -1, maps.shape[-1])


def cells(pixels: np.ndarray) -> np.ndarray:
    """Of a picture (112, 112, 3) uint8, each cell's mean and spread of colour, shares of 27 colours and of 8 edges.

    (49, 41) float32: red, green and blue at three levels each make the colours; an edge's direction is that of the
    brightness gradient, weighted by its size.
    """
    colours = pixels.astype(np.float32) / 255
    levels = np.minimum((colours * 3).astype(int), 2)
    colour = np.eye(27, dtype=np.float32)[levels[..., 0] * 9 + levels[..., 1] * 3 + levels[..., 2]]
    down, across = np.gradient(colours.mean(axis=-1))
    direction = ((np.arctan2(down, across) / np.pi + 1) * 4).astype(int) % 8
    edges = np.eye(8, dtype=np.float32)[direction] * np.hypot(down, across)[..., None] * 8
    spread = _means(colours**2) - _means(colours) ** 2
    parts = [_means(colours), np.sqrt(np.maximum(spread, 0)), _means(colour), _means(edges)]
    return np.concatenate(parts, axis=-1)


def _means(values: np.ndarray) -> np.ndarray:
    side = SIDE // GRID
    blocks = values.reshape(GRID, side, GRID, side, -1)
    return blocks.mean(axis=(1, 3)).reshape(GRID * GRID, -1)
