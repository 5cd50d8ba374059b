"""A feed-forward net as a drawing: a column of units for each layer, its width and its number of parameters."""

from collections.abc import Sequence

import numpy as np

from etabli.i18n import _
from etabli.viz.style import INK, axes_or_new, class_colour

__all__ = ["architecture"]

_MOST = 7  # units drawn in a column


def architecture(names: Sequence[str], widths: Sequence[int], steps: Sequence[str], *, ax: object = None) -> object:
    """Layers by name and width, input side first; ``steps`` names what happens between two (one fewer).

    Wide layers are cut short by an ellipsis. Under each step stands its number of parameters, (D + 1) H.
    """
    ax = axes_or_new(ax, (8.0, 4.2))
    columns = [_heights(width) for width in widths]
    for layer, heights in enumerate(columns[1:], start=1):
        for start in columns[layer - 1]:
            for end in heights:
                ax.plot([layer - 1, layer], [start, end], color="#b8bec5", linewidth=0.4, zorder=1)
    for layer, (name, width, heights) in enumerate(zip(names, widths, columns, strict=True)):
        colour = class_colour((0, 2, 6, 3, 5)[layer % 5])
        ax.scatter(np.full(len(heights), layer), heights, s=150, color=colour, edgecolor="white", zorder=2)
        if width > _MOST:
            ax.text(layer, 0, "⋮", ha="center", va="center", fontsize=16, color=INK, zorder=3)
        ax.text(layer, 1.22, f"{name}\n{width}", ha="center", va="bottom", fontweight="bold")
    for layer, step in enumerate(steps):
        parameters = (widths[layer] + 1) * widths[layer + 1]
        text = _("{step}\n{n} parameters").format(step=step, n=f"{parameters:,}")
        ax.text(layer + 0.5, -1.22, text, ha="center", va="top", fontsize=9)
    ax.set_xlim(-0.4, len(widths) - 0.6)
    ax.set_ylim(-1.75, 1.75)
    ax.set_axis_off()
    return ax


def _heights(width: int) -> np.ndarray:
    """Where the units of a column stand, in [-1, 1]; a wide one leaves its middle free."""
    if width <= _MOST:
        return np.linspace(-1, 1, width) * (width - 1) / (_MOST - 1) if width > 1 else np.zeros(1)
    half = np.linspace(0.25, 1, _MOST // 2)
    return np.concatenate([-half[::-1], half])
