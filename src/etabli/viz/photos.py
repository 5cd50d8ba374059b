"""Photographs in a grid, each with a line above it and a frame that says whether it is right."""

from collections.abc import Sequence

import numpy as np

from etabli.viz.style import axes_or_new

__all__ = ["photo_grid"]


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
            ax.text(left + width / 2, top - 2, titles[index], ha="center", va="bottom", fontsize=6.5)
        if index < len(right) and right[index] is not None:
            colour = "#117733" if right[index] else "#CC6677"
            from matplotlib.patches import Rectangle

            ax.add_patch(Rectangle((left, top), width, height, fill=False, edgecolor=colour, linewidth=2.5))
    for row, name in enumerate(row_names):
        middle = row * (height + gap) + gap + height / 2
        ax.text(-6, middle, name, ha="right", va="center", fontsize=8)
    ax.set_axis_off()
    return ax
