"""Region features of a captioner: a vector for each cell of a 7 x 7 grid.

Two kinds: ``mobilenet_v2``, the last feature map of the pretrained net (49, 1280); ``cells``,
histograms of colors and edges in each cell (49, 41), which need no pretrained weights and suffice
for drawn scenes. A captioner may also have a net of its own, in a ``.keras`` file.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from etabli.core.errors import UnknownName
from etabli.core.i18n import _
from etabli.data.formats import images
from etabli.features import pipeline
from etabli.features.engines import open_engine
from etabli.features.extraction import extract
from etabli.features.pipeline import NamedImage
from etabli.models.vision.backbones import BACKBONES
from etabli.training import keras_io

GRID = 7
IMAGE_SIZE = 112
KINDS = ("mobilenet_v2", "cells")
WEIGHTS = BACKBONES["mobilenet_v2"].weights.files


def extract_region_maps(
    paths: Sequence[Path],
    names: Sequence[str],
    kind: str,
    folder: Path,
    *,
    weights: Path | str | None = None,
    view: str = "plain",
    progress: Callable[[int], None] = lambda count: None,
) -> np.ndarray:
    """Compute the maps (N, 49, D) float16 of images, in order.

    Args:
        paths: The image files.
        names: Their names.
        kind: "mobilenet_v2", "cells", or the path of a ``.keras`` file.
        folder: Where the features of a net are stored; waits where another process writes there.
        weights: The weights file of the net.
        view: "plain", "flip" or "crop-N" (``pipeline.make_reader``).
        progress: Called with the number of images done since its last call.

    Raises:
        CorruptFile: An image cannot be read.
    """
    if kind not in KINDS and not kind.endswith(".keras"):
        raise UnknownName(_("kind of image features"), kind, KINDS)
    if kind != "mobilenet_v2":
        compute, size = open_extractor(kind)
        read = pipeline.make_reader(view, size)
        pairs = zip(names, paths, strict=True)
        return np.concatenate([compute(read(NamedImage(name, path))) for name, path in pairs])
    options: dict[str, Any] = {
        "layer": "map",
        "dtype": "float16",
        "view": view,
        "progress": progress,
        "wait": True,
    }
    found = extract(paths, kind, folder, names=names, weights=weights, **options)
    if found.unreadable:
        first = found.unreadable[0].name
        images.read(dict(zip(names, paths, strict=True))[first])  # raises the image's error
    maps = found.array(names)
    return maps.reshape(len(maps), -1, maps.shape[-1])


def open_extractor(
    kind: str, weights: Path | str | None = None
) -> tuple[Callable[[np.ndarray], np.ndarray], tuple[int, int]]:
    """Return a function from pixels to region maps (1, L, D) float16, and the size that it takes.

    ``kind`` is as in ``extract_region_maps``; ``weights`` are those of "mobilenet_v2".
    """
    if kind == "cells":
        size = (IMAGE_SIZE, IMAGE_SIZE)
        return lambda pixels: compute_cells(pixels)[None].astype(np.float16), size
    net = keras_io.load(Path(kind)) if kind.endswith(".keras") else BACKBONES[kind].build(weights)
    engine = open_engine(net, batch_size=1, engine="keras" if kind.endswith(".keras") else None)

    def extract_one(pixels: np.ndarray) -> np.ndarray:
        maps = np.asarray(engine(pixels[None]))
        return maps.reshape(1, -1, maps.shape[-1]).astype(np.float16)

    return extract_one, net.input_shape[1:3]


def compute_cells(pixels: np.ndarray) -> np.ndarray:
    """Compute color statistics and histograms of 27 colors and 8 edge directions of each cell.

    Args:
        pixels: (112, 112, 3) uint8.

    Returns:
        (49, 41) float32: mean and standard deviation of RGB; the share of each of 27 colors (red,
        green and blue at three levels); 8 directions of the brightness
        gradient, weighted by its norm.
    """
    colors = pixels.astype(np.float32) / 255
    levels = np.minimum((colors * 3).astype(int), 2)
    color = np.eye(27, dtype=np.float32)[levels[..., 0] * 9 + levels[..., 1] * 3 + levels[..., 2]]
    down, across = np.gradient(colors.mean(axis=-1))
    direction = ((np.arctan2(down, across) / np.pi + 1) * 4).astype(int) % 8
    edges = np.eye(8, dtype=np.float32)[direction] * np.hypot(down, across)[..., None] * 8
    spread = _cell_means(colors**2) - _cell_means(colors) ** 2
    parts = [
        _cell_means(colors),
        np.sqrt(np.maximum(spread, 0)),
        _cell_means(color),
        _cell_means(edges),
    ]
    return np.concatenate(parts, axis=-1)


def _cell_means(values: np.ndarray) -> np.ndarray:
    side = IMAGE_SIZE // GRID
    blocks = values.reshape(GRID, side, GRID, side, -1)
    return blocks.mean(axis=(1, 3)).reshape(GRID * GRID, -1)
