"""Pictures of characters: a text in colours, what may come next, what the temperature does."""

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np

from etabli.viz.style import ACCENT, CLASS_COLOURS, INK, axes_or_new

__all__ = ["coloured_text", "curve_with_choice", "next_characters", "temperature_curves", "text_panel"]


def coloured_text(
    characters: str,
    values: np.ndarray,
    ax: object = None,
    *,
    low: float = 0.0,
    high: float = 1.0,
    colours: str = "RdYlBu",
    width: int = 80,
    label: str = "",
) -> object:
    """Each character on the colour of its value (N,), ``width`` to a line; the scale stands beside it."""
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    ax = axes_or_new(ax, (10, 3))
    lines = -(-len(characters) // width)
    grid = np.full(lines * width, np.nan)
    grid[: len(characters)] = values
    scale, shades = Normalize(low, high), colormaps[colours]
    ax.imshow(grid.reshape(lines, width), cmap=shades, norm=scale, aspect="auto", interpolation="nearest")
    for place, (character, value) in enumerate(zip(characters, values, strict=True)):
        red, green, blue, _alpha = shades(scale(value))
        dark = 0.3 * red + 0.59 * green + 0.11 * blue < 0.5
        ax.text(
            place % width,
            place // width,
            "·" if character == " " else character,
            ha="center",
            va="center",
            family="monospace",
            fontsize=8,
            color="white" if dark else INK,
            parse_math=False,
        )
    ax.set_axis_off()
    ax.figure.colorbar(ScalarMappable(scale, shades), ax=ax, label=label, fraction=0.025, pad=0.01)
    return ax


def next_characters(
    probabilities: np.ndarray,
    vocabulary: Sequence[str],
    ax: object = None,
    *,
    marked: Mapping[str, float] | None = None,
    count: int = 8,
) -> object:
    """Bars of the likeliest next characters (V,); ``marked``: how often each really came, as a dot."""
    ax = axes_or_new(ax)
    order = np.argsort(-np.asarray(probabilities), kind="stable")[:count]
    names = [_visible(vocabulary[i]) for i in order]
    ax.bar(range(len(order)), np.asarray(probabilities)[order], color=CLASS_COLOURS[0])
    if marked:
        shares = [marked.get(vocabulary[i], 0.0) for i in order]
        ax.plot(range(len(order)), shares, "o", color=ACCENT, label="in the text")
        ax.legend()
    ax.set_xticks(range(len(order)), names)
    ax.set_ylabel("probability")
    return ax


def temperature_curves(
    temperatures: Sequence[float], curves: Mapping[str, Sequence[float]], ax: object = None, *, label: str = ""
) -> object:
    """Curves over the temperature on a logarithmic axis."""
    ax = axes_or_new(ax)
    for number, (name, values) in enumerate(curves.items()):
        ax.plot(temperatures, values, "o-", markersize=3, color=CLASS_COLOURS[2 * number % 10], label=name)
    ax.set_xscale("log")
    ax.set_xlabel("temperature T")
    ax.set_ylabel(label)
    if len(curves) > 1:
        ax.legend()
    return ax


def curve_with_choice(
    rows: Sequence[Mapping[str, float]],
    curves: Mapping[str, str],
    ax: object = None,
    *,
    chosen: int | None = None,
    label: str = "",
) -> object:
    """Columns of a history over its epochs, ``curves`` from column to name; a line where the epochs were
    chosen.
    """
    ax = axes_or_new(ax)
    for number, (column, name) in enumerate(curves.items()):
        known = [(row["epoch"], row[column]) for row in rows if column in row]
        if known:
            ax.plot(*zip(*known, strict=True), color=CLASS_COLOURS[2 * number % 10], label=name)
    if chosen:
        ax.axvline(chosen, color=ACCENT, linestyle="--", linewidth=1, label=f"chosen: {chosen}")
    ax.set_xlabel("epoch")
    ax.set_ylabel(label)
    ax.legend()
    return ax


def text_panel(text: str, ax: object = None, *, width: int = 70) -> object:
    """A text set in lines, as it came."""
    ax = axes_or_new(ax)
    ax.set_axis_off()
    ax.text(
        0,
        1,
        "\n".join(textwrap.wrap(text, width)),
        va="top",
        family="monospace",
        fontsize=8,
        color=INK,
        parse_math=False,
        transform=ax.transAxes,
    )
    return ax


def _visible(character: str) -> str:
    return "space" if character == " " else character.replace("_", r"\_").replace("$", r"\$")
