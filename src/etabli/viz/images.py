"""Pictures in a grid: the images of a data set, the mistakes of a model, the weights of a unit.

Photographs in a grid, each with a line above it and a frame that says whether it is right.
"""

from collections.abc import Sequence

import numpy as np

from etabli.core.errors import BadArray
from etabli.core.i18n import _
from etabli.viz.style import axes_or_new

__all__ = ["image_grid", "mosaic", "photo_grid"]


def mosaic(images: np.ndarray, columns: int, gap: int = 1, paper: float = 0.0) -> np.ndarray:
    """Images (N, height, width) beside and below one another in one (rows, columns) array, ``gap`` pixels apart."""
    images = np.asarray(images, float)
    if images.ndim != 3 or columns < 1:
        raise BadArray(
            _("a mosaic takes grey images"), expected="(N, height, width)", got=images.shape
        )
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
    colours = (
        {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit}
        if signed
        else {"cmap": "gray_r", "vmin": 0}
    )
    ax.imshow(sheet, interpolation="nearest", **colours)
    for index, title in enumerate(titles):
        top = index // columns * (images.shape[1] + gap)
        middle = index % columns * (images.shape[2] + gap) + images.shape[2] / 2
        ax.text(middle, top - 1.5, title, ha="center", va="bottom", fontsize=8)
    ax.set_axis_off()
    return ax


def photo_grid(
    photos: Sequence[np.ndarray],
    columns: int,
    *,
    titles: Sequence[str] = (),
    right: Sequence[bool | None] = (),
    row_names: Sequence[str] = (),
    ax: object = None,
) -> object:
    """Pictures (height, width, 3) uint8 of one size. ``right`` frames each green or red (``None``: no frame)."""
    ax = axes_or_new(ax)
    height, width = photos[0].shape[:2]
    gap = max(4, height // 5) if len(titles) else max(3, height // 20)
    rows = -(-len(photos) // columns)
    sheet = np.full((rows * (height + gap) + 4, columns * (width + 6), 3), 255, np.uint8)
    for index, photo in enumerate(photos):
        row, column = divmod(index, columns)
        top, left = row * (height + gap) + gap, column * (width + 6)
        sheet[top : top + height, left : left + width] = photo
    ax.imshow(sheet, interpolation="bilinear")
    for index in range(len(photos)):
        row, column = divmod(index, columns)
        top, left = row * (height + gap) + gap, column * (width + 6)
        if index < len(titles):
            ax.text(
                left + width / 2, top - 2, titles[index], ha="center", va="bottom", fontsize=6.5
            )
        if index < len(right) and right[index] is not None:
            colour = "#117733" if right[index] else "#CC6677"
            from matplotlib.patches import Rectangle

            ax.add_patch(
                Rectangle((left, top), width, height, fill=False, edgecolor=colour, linewidth=2.5)
            )
    for row, name in enumerate(row_names):
        middle = row * (height + gap) + gap + height / 2
        ax.text(-6, middle, name, ha="right", va="center", fontsize=8)
    ax.set_axis_off()
    return ax
