"""Words of captions, images with what was said of them, where a captioner looked, and its plan."""

from collections.abc import Sequence

import numpy as np

from etabli.core.i18n import _
from etabli.viz.style import ACCENT, INK, axes_or_new, class_colour

__all__ = ["attention_over", "captioned_image", "coverage", "plan", "word_frequencies"]


def word_frequencies(
    counts: np.ndarray, words: Sequence[str], kept: int, ax: object = None
) -> object:
    """How often each word occurs, by rank, both axes logarithmic; the ``kept`` first ones coloured, some named."""
    ax = axes_or_new(ax)
    ranks = np.arange(1, len(counts) + 1)
    ax.plot(ranks[:kept], counts[:kept], ".", color=class_colour(0), markersize=4, label=_("kept"))
    ax.plot(
        ranks[kept:], counts[kept:], ".", color=class_colour(9), markersize=3, label=_("left out")
    )
    for rank in sorted({1, 4, 12, 40, 150, kept, len(counts)}):
        if rank <= len(counts):
            place = (rank, counts[rank - 1])
            ax.annotate(
                words[rank - 1],
                place,
                xytext=(4, 4),
                textcoords="offset points",
                fontsize=8,
                color=INK,
            )
    ax.set(xscale="log", yscale="log", xlabel=_("rank of the word"), ylabel=_("occurrences"))
    ax.legend()
    return ax


def coverage(shares: np.ndarray, kept: int, ax: object = None) -> object:
    """The share of all words read that the n most frequent ones cover, with a mark at ``kept``."""
    ax = axes_or_new(ax)
    kept = min(kept, len(shares))
    ax.plot(np.arange(1, len(shares) + 1), shares, color=class_colour(0))
    ax.plot([kept], [shares[kept - 1]], "o", color=ACCENT)
    ax.annotate(
        _("{n} words: {share:.1%}").format(n=kept, share=shares[kept - 1]),
        (kept, shares[kept - 1]),
        xytext=(8, -14),
        textcoords="offset points",
    )
    ax.set(
        xscale="log",
        xlabel=_("most frequent words kept"),
        ylabel=_("share of all words"),
        ylim=(0, 1.03),
    )
    return ax


def captioned_image(pixels: np.ndarray, lines: Sequence[str], ax: object = None) -> object:
    """A picture (height, width, 3) with lines of text under it."""
    ax = axes_or_new(ax)
    ax.imshow(pixels)
    ax.set_axis_off()
    ax.text(
        0.0,
        -0.04,
        "\n".join(lines),
        transform=ax.transAxes,
        va="top",
        fontsize=9,
        wrap=True,
        color=INK,
        linespacing=1.5,
    )
    return ax


def attention_over(
    pixels: np.ndarray, word: str, shares: np.ndarray | None, ax: object = None
) -> object:
    """A picture, bright where the captioner looked while it wrote ``word``: ``shares`` (L,), L a square number."""
    ax = axes_or_new(ax)
    ax.imshow(pixels, cmap="gray")
    if shares is not None:
        side = round(np.sqrt(len(shares)))
        extent = (-0.5, pixels.shape[1] - 0.5, pixels.shape[0] - 0.5, -0.5)
        shade = 1 - shares.reshape(side, side) / shares.max()
        # Black, thinner where it looked: grey between the two would lighten what is dark in the picture.
        black = {"cmap": "gray", "vmin": 0, "vmax": 1, "interpolation": "bilinear"}
        ax.imshow(np.zeros_like(shade), alpha=0.72 * shade, extent=extent, **black)
    ax.set_axis_off()
    ax.set_title(word, fontsize=9, fontweight="normal", loc="center")
    return ax


def plan(words: Sequence[str], ax: object = None) -> object:
    """The plan of a Show-and-Tell net: the image and a word into each step of the recurrent net, the next word out."""
    ax = axes_or_new(ax)
    steps = len(words) - 1

    def box(x: float, y: float, text: str, colour: str) -> None:
        style = {
            "boxstyle": "round,pad=0.35",
            "facecolor": colour,
            "edgecolor": "none",
            "alpha": 0.9,
        }
        ax.text(x, y, text, ha="center", va="center", color="white", fontsize=8, bbox=style)

    def arrow(start: tuple[float, float], end: tuple[float, float], gap: float = 11) -> None:
        line = {"arrowstyle": "->", "color": "#8c959f", "shrinkA": gap, "shrinkB": gap}
        ax.annotate("", end, start, arrowprops=line)

    box(-0.75, 0.4, _("image"), class_colour(3))
    for t in range(steps):
        arrow((t - 0.75 if t else -0.75, 0.4), (t + 0.25, 0.4), 31)
        arrow((t - 0.2, 1.1), (t, 2.0))
        arrow((t + 0.25, 0.4), (t, 2.0))
        arrow((t, 2.0), (t, 3.0))
        if t:
            arrow((t - 1, 2.0), (t, 2.0), 28)
        box(t - 0.2, 1.1, words[t], class_colour(0))
        box(t + 0.25, 0.4, _("deep feature"), class_colour(3))
        box(t, 2.0, _("recurrent"), class_colour(7))
        box(t, 3.0, words[t + 1], class_colour(6))
    ax.set(xlim=(-1.05, steps - 0.35), ylim=(0.0, 3.4))
    ax.set_axis_off()
    return ax
