"""Pictures of characters: a text in colours, and what may come next."""

from collections.abc import Mapping, Sequence

import numpy as np

from etabli.core.i18n import _
from etabli.viz.style import ACCENT, CLASS_COLOURS, INK, axes_or_new

__all__ = ["coloured_text", "mark_epoch", "next_characters"]


def coloured_text(
    characters: str,
    values: np.ndarray,
    ax: object = None,
    *,
    low: float = 0.0,
    high: float = 1.0,
    colours: str = "YlGnBu",
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
    ax.imshow(
        grid.reshape(lines, width), cmap=shades, norm=scale, aspect="auto", interpolation="nearest"
    )
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
        ax.plot(range(len(order)), shares, "o", color=ACCENT, label=_("in the text"))
        ax.legend()
    ax.set_xticks(range(len(order)), names)
    ax.set_ylabel(_("probability"))
    return ax


def mark_epoch(ax: object, epoch: int) -> object:
    """A line where the number of epochs was chosen."""
    ax.axvline(epoch, color=ACCENT, linestyle="--", linewidth=1)
    ax.annotate(
        _("chosen: {n}").format(n=epoch),
        (epoch, 1),
        xycoords=("data", "axes fraction"),
        fontsize=8,
        va="top",
    )
    return ax


def _visible(character: str) -> str:
    return _("space") if character == " " else character.replace("_", r"\_").replace("$", r"\$")
