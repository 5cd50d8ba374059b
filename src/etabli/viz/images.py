"""Image grids: grayscale images, weights of units, and photos with titles and frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from etabli.core.errors import BadArray
from etabli.core.i18n import _
from etabli.viz.style import get_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["show_images", "show_photos", "tile_images"]


def tile_images(images: np.ndarray, columns: int, gap: int = 1) -> np.ndarray:
    """Tile images (N, height, width) row by row into one array, ``gap`` zero pixels apart."""
    images = np.asarray(images, float)
    if images.ndim != 3 or columns < 1:
        raise BadArray(
            _("a grid of tiles needs grayscale images"),
            expected="(N, height, width)",
            got=images.shape,
        )
    n, height, width = images.shape
    rows = -(-n // columns)
    grid = np.zeros((rows * (height + gap) - gap, columns * (width + gap) - gap))
    for index, image in enumerate(images):
        top, left = index // columns * (height + gap), index % columns * (width + gap)
        grid[top : top + height, left : left + width] = image
    return grid


def show_images(
    images: np.ndarray,
    columns: int = 20,
    *,
    titles: Sequence[str] = (),
    signed: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Show grayscale images in a grid, dark for high values.

    Args:
        images: Images (N, height, width).
        columns: Images in a row.
        titles: A line above each image.
        signed: For weights: blue for negative, white for zero, red for positive values, on the
            same scale for all images.
        ax: Axes to draw on; by default those of a new figure.
    """
    ax = get_axes(ax)
    images = np.asarray(images, float)
    gap = max(1, images.shape[1] // 3) if titles else 1
    grid = tile_images(images, columns, gap)
    if signed:
        limit = np.abs(grid).max() or 1.0
        ax.imshow(grid, interpolation="nearest", cmap="RdBu_r", vmin=-limit, vmax=limit)
    else:
        ax.imshow(grid, interpolation="nearest", cmap="gray_r", vmin=0)
    for index, title in enumerate(titles):
        top = index // columns * (images.shape[1] + gap)
        middle = index % columns * (images.shape[2] + gap) + images.shape[2] / 2
        ax.text(middle, top - 1.5, title, ha="center", va="bottom", fontsize=8)
    ax.set_axis_off()
    return ax


def show_photos(
    photos: Sequence[np.ndarray],
    columns: int,
    *,
    titles: Sequence[str] = (),
    is_correct: Sequence[bool | None] = (),
    row_names: Sequence[str] = (),
    ax: Axes | None = None,
) -> Axes:
    """Show photos of one size in a grid.

    Args:
        photos: Images (height, width, 3) uint8.
        columns: Photos in a row.
        titles: A line above each photo.
        is_correct: Frame of each photo: green for true, red for false, none for ``None``.
        row_names: Name of each row.
        ax: Axes to draw on; by default those of a new figure.
    """
    from matplotlib.patches import Rectangle

    ax = get_axes(ax)
    height, width = photos[0].shape[:2]
    gap = max(4, height // 5) if titles else max(3, height // 20)
    rows = -(-len(photos) // columns)
    grid = np.full((rows * (height + gap) + 4, columns * (width + 6), 3), 255, np.uint8)
    for index, photo in enumerate(photos):
        row, column = divmod(index, columns)
        top, left = row * (height + gap) + gap, column * (width + 6)
        grid[top : top + height, left : left + width] = photo
        if index < len(titles):
            x = left + width / 2
            ax.text(x, top - 2, titles[index], ha="center", va="bottom", fontsize=6.5)
        if index < len(is_correct) and is_correct[index] is not None:
            color = "#117733" if is_correct[index] else "#CC6677"
            frame = Rectangle(
                (left, top), width, height, fill=False, edgecolor=color, linewidth=2.5
            )
            ax.add_patch(frame)
    ax.imshow(grid, interpolation="bilinear")
    for row, name in enumerate(row_names):
        middle = row * (height + gap) + gap + height / 2
        ax.text(-6, middle, name, ha="right", va="center", fontsize=8)
    ax.set_axis_off()
    return ax
