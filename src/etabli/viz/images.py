"""Pictures in a grid: the images of a data set, the mistakes of a model, the weights of a unit."""

from collections.abc import Sequence

import numpy as np

from etabli.errors import BadArray
from etabli.i18n import _
from etabli.viz.style import axes_or_new

__all__ = ["image_grid", "mosaic"]


def mosaic(images: np.ndarray, columns: int, gap: int = 1, paper: float = 0.0) -> np.ndarray:
    """Images (N, height, width) beside and below one another in one (rows, columns) array, ``gap`` pixels apart."""
    images = np.asarray(images, float)
    if images.ndim != 3 or columns < 1:
        raise BadArray(_("a mosaic takes grey images"), expected="(N, height, width)", got=images.shape)
    n, height, width = images.shape
    rows = -(-n // columns)
    sheet = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap), paper)
    for index, image in enumerate(images):
        top, left = index // columns * (height + gap), index % columns * (width + gap)
        sheet[top : top + height, left : left + width] = image
    return sheet


def image_grid(
    images: np.ndarray,
    columns: int = 20,
    *,
    titles: Sequence[str] = (),
    signed: bool = False,
    ax: object = None,
) -> object:
    """Grey images (N, height, width) in a grid, dark for high values; returns the axes.

    ``titles`` writes a line above each. ``signed`` is for weights: blue for negative, white for zero, red for
    positive, the same scale for all.
    """
    ax = axes_or_new(ax)
    images = np.asarray(images, float)
    gap = max(1, images.shape[1] // 3) if titles else 1
    sheet = mosaic(images, columns, gap)
    limit = np.abs(sheet).max() or 1.0
    colours = {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit} if signed else {"cmap": "gray_r", "vmin": 0}
    ax.imshow(sheet, interpolation="nearest", **colours)
    for index, title in enumerate(titles):
        top = index // columns * (images.shape[1] + gap)
        middle = index % columns * (images.shape[2] + gap) + images.shape[2] / 2
        ax.text(middle, top - 1.5, title, ha="center", va="bottom", fontsize=8)
    ax.set_axis_off()
    return ax
