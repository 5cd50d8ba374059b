"""Figures of captioning: word frequencies, captioned images, attention, a diagram of the net."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from etabli.core.i18n import _
from etabli.viz.style import ACCENT, INK, class_color, get_axes, show_percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "plot_captioner_diagram",
    "plot_vocabulary_coverage",
    "plot_word_frequencies",
    "show_attention",
    "show_captioned_image",
]


def plot_word_frequencies(
    counts: np.ndarray, words: Sequence[str], n_kept: int, ax: Axes | None = None
) -> Axes:
    """Plot the count of each word by rank on logarithmic axes.

    Args:
        counts: Occurrences (V,), most frequent word first.
        words: The V words, some of which are labeled.
        n_kept: Size of the vocabulary; words after it are drawn in gray.
        ax: Axes to draw on; by default those of a new figure.
    """
    ax = get_axes(ax)
    ranks = np.arange(1, len(counts) + 1)
    for part, color, size, label in (
        (slice(None, n_kept), class_color(0), 4, _("kept")),
        (slice(n_kept, None), class_color(9), 3, _("left out")),
    ):
        ax.plot(ranks[part], counts[part], ".", color=color, markersize=size, label=label)
    for rank in sorted({1, 4, 12, 40, 150, n_kept, len(counts)}):
        if rank <= len(counts):
            ax.annotate(
                words[rank - 1],
                (rank, counts[rank - 1]),
                xytext=(4, 4),
                textcoords="offset points",
                fontsize=8,
                color=INK,
            )
    ax.set(xscale="log", yscale="log", xlabel=_("rank of the word"), ylabel=_("occurrences"))
    ax.legend()
    return ax


def plot_vocabulary_coverage(shares: np.ndarray, n_kept: int, ax: Axes | None = None) -> Axes:
    """Plot the share of all tokens that the n most frequent words cover, marked at ``n_kept``."""
    ax = get_axes(ax)
    n_kept = min(n_kept, len(shares))
    point = (n_kept, shares[n_kept - 1])
    ax.plot(np.arange(1, len(shares) + 1), shares, color=class_color(0))
    ax.plot(*([each] for each in point), "o", color=ACCENT)
    text = _("{n} words: {share:.1%}").format(n=n_kept, share=point[1])
    ax.annotate(text, point, xytext=(8, -14), textcoords="offset points")
    ax.set(xscale="log", ylim=(0, 1.03))
    ax.set(xlabel=_("most frequent words kept"), ylabel=_("share of all words"))
    show_percent(ax.yaxis)
    return ax


def show_captioned_image(pixels: np.ndarray, lines: Sequence[str], ax: Axes | None = None) -> Axes:
    """Show an image (height, width, 3) with lines of text below it."""
    ax = get_axes(ax)
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


def show_attention(
    pixels: np.ndarray, word: str, weights: np.ndarray | None, ax: Axes | None = None
) -> Axes:
    """Show an image, bright where the captioner attended when it wrote ``word``.

    ``weights`` (L,) are those of a square grid of regions; ``None`` shows the plain image.
    """
    ax = get_axes(ax)
    ax.imshow(pixels, cmap="gray")
    if weights is not None:
        side = round(np.sqrt(len(weights)))
        shade = 1 - weights.reshape(side, side) / weights.max()
        # Black of varying transparency: a gray overlay would lighten dark parts of the image.
        ax.imshow(
            np.zeros_like(shade),
            alpha=0.72 * shade,
            extent=(-0.5, pixels.shape[1] - 0.5, pixels.shape[0] - 0.5, -0.5),
            cmap="gray",
            vmin=0,
            vmax=1,
            interpolation="bilinear",
        )
    ax.set_axis_off()
    ax.set_title(word, fontsize=9, fontweight="normal", loc="center")
    return ax


def plot_captioner_diagram(words: Sequence[str], ax: Axes | None = None) -> Axes:
    """Draw a Show-and-Tell net unrolled: image and word into each step, the next word out."""
    ax = get_axes(ax)
    steps = len(words) - 1

    def draw_box(x: float, y: float, text: str, color: str) -> None:
        style = {
            "boxstyle": "round,pad=0.35",
            "facecolor": color,
            "edgecolor": "none",
            "alpha": 0.9,
        }
        ax.text(x, y, text, ha="center", va="center", color="white", fontsize=8, bbox=style)

    def draw_arrow(start: tuple[float, float], end: tuple[float, float], gap: float = 11) -> None:
        style = {"arrowstyle": "->", "color": "#8c959f", "shrinkA": gap, "shrinkB": gap}
        ax.annotate("", end, start, arrowprops=style)

    draw_box(-0.75, 0.4, _("image"), class_color(3))
    for t in range(steps):
        draw_arrow((t - 0.75 if t else -0.75, 0.4), (t + 0.25, 0.4), 31)
        draw_arrow((t - 0.2, 1.1), (t, 2.0))
        draw_arrow((t + 0.25, 0.4), (t, 2.0))
        draw_arrow((t, 2.0), (t, 3.0))
        if t:
            draw_arrow((t - 1, 2.0), (t, 2.0), 28)
        draw_box(t - 0.2, 1.1, words[t], class_color(0))
        draw_box(t + 0.25, 0.4, _("deep feature"), class_color(3))
        draw_box(t, 2.0, _("recurrent"), class_color(7))
        draw_box(t, 3.0, words[t + 1], class_color(6))
    ax.set(xlim=(-1.05, steps - 0.35), ylim=(0.0, 3.4))
    ax.set_axis_off()
    return ax
