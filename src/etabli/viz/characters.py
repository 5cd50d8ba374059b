"""Figures of text, character by character: values as colors, and next-character probabilities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from etabli.core.i18n import _
from etabli.viz.style import ACCENT, CLASS_COLORS, INK, get_axes, show_percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["mark_epoch", "plot_colored_text", "plot_next_characters"]


def plot_colored_text(
    characters: str,
    values: np.ndarray,
    ax: Axes | None = None,
    *,
    low: float = 0.0,
    high: float = 1.0,
    cmap: str = "YlGnBu",
    width: int = 80,
    label: str = "",
) -> Axes:
    """Draw a text with the background of each character colored by its value.

    Args:
        characters: The text; spaces are drawn as dots.
        values: Value (N,) of each character.
        ax: Axes to draw on; by default those of a new figure.
        low: Value of the first color.
        high: Value of the last color.
        cmap: Name of a matplotlib color map.
        width: Characters in a line.
        label: Label of the color bar.
    """
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    ax = get_axes(ax, (10, 3))
    lines = -(-len(characters) // width)
    grid = np.full(lines * width, np.nan)
    grid[: len(characters)] = values
    scale, colors = Normalize(low, high), colormaps[cmap]
    rows = grid.reshape(lines, width)
    ax.imshow(rows, cmap=colors, norm=scale, aspect="auto", interpolation="nearest")
    for position, (character, value) in enumerate(zip(characters, values, strict=True)):
        red, green, blue, _alpha = colors(scale(value))
        is_dark = 0.3 * red + 0.59 * green + 0.11 * blue < 0.5  # luma, ITU-R BT.601
        ax.text(
            position % width,
            position // width,
            "·" if character == " " else character,
            ha="center",
            va="center",
            family="monospace",
            fontsize=8,
            color="white" if is_dark else INK,
            parse_math=False,
        )
    ax.set_axis_off()
    ax.figure.colorbar(ScalarMappable(scale, colors), ax=ax, label=label, fraction=0.025, pad=0.01)
    return ax


def plot_next_characters(
    probabilities: np.ndarray,
    vocabulary: Sequence[str],
    ax: Axes | None = None,
    *,
    observed: Mapping[str, float] | None = None,
    count: int = 8,
) -> Axes:
    """Plot the most probable next characters as bars.

    Args:
        probabilities: Probability (V,) of each character.
        vocabulary: The V characters.
        ax: Axes to draw on; by default those of a new figure.
        observed: Character -> its frequency in the text, drawn as a dot.
        count: Number of characters shown.
    """
    ax = get_axes(ax)
    probabilities = np.asarray(probabilities)
    order = np.argsort(-probabilities, kind="stable")[:count]
    positions = range(len(order))
    ax.bar(positions, probabilities[order], color=CLASS_COLORS[0])
    if observed:
        shares = [observed.get(vocabulary[i], 0.0) for i in order]
        ax.plot(positions, shares, "o", color=ACCENT, label=_("in the text"))
        ax.legend()
    ax.set_xticks(positions, [_escape(vocabulary[i]) for i in order])
    ax.set_ylabel(_("probability"))
    show_percent(ax.yaxis)
    return ax


def mark_epoch(ax: Axes, epoch: int) -> Axes:
    """Mark the selected number of epochs with a vertical line."""
    ax.axvline(epoch, color=ACCENT, linestyle="--", linewidth=1)
    text, xy = _("selected: {n}").format(n=epoch), (epoch, 1)
    ax.annotate(text, xy, xycoords=("data", "axes fraction"), fontsize=8, va="top")
    return ax


def _escape(character: str) -> str:
    return _("space") if character == " " else character.replace("_", r"\_").replace("$", r"\$")
