"""Labelled points in the plane: scatter, outlines of the classes, neighborhood hit by class, spectra, hits by depth.

Pictures of word vectors.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from etabli.core.i18n import _
from etabli.viz.style import ACCENT, INK, axes_or_new, class_colour

__all__ = ["class_hits", "outlines", "scatter", "spectrum", "word_images", "word_map"]

_MANY = 3000


def scatter(
    points: np.ndarray, labels: np.ndarray, names: Sequence[str], *, legend: bool = True, faint: bool = False,
    title: str = "", ax: object = None,
) -> object:  # fmt: skip
    """Points (N, 2) in the colour of their class (``labels`` are indices into ``names``); equal scales on both axes."""
    ax = axes_or_new(ax, (6.0, 5.5))
    size = 2.0 if len(points) > _MANY else 9.0
    order = np.random.default_rng(0).permutation(len(points))  # no class hides the others
    colours = np.array([class_colour(index) for index in range(len(names))])
    ax.scatter(
        *np.asarray(points)[order].T, s=size, c=colours[np.asarray(labels)[order]], alpha=0.25 if faint else 0.7,
        linewidths=0, rasterized=True,
    )  # fmt: skip
    ax.set_aspect("equal", adjustable="datalim")
    ax.set_xticks([])
    ax.set_yticks([])
    ax.grid(False)
    ax.set_title(title)
    if legend and len(names) <= 20:
        for index, name in enumerate(names):
            ax.scatter([], [], s=25, color=class_colour(index), label=str(name))
        ax.legend(
            fontsize=8, ncols=1 + len(names) // 11, loc="center left", bbox_to_anchor=(1.0, 0.5)
        )
    return ax


def outlines(polygons: Sequence[np.ndarray], names: Sequence[str], *, ax: object = None) -> object:
    """Closed lines (M, 2), one a class, lightly filled, with the class's name in the middle."""
    ax = axes_or_new(ax, (6.0, 5.5))
    for index, (polygon, name) in enumerate(zip(polygons, names, strict=True)):
        colour = class_colour(index)
        ax.fill(*np.asarray(polygon).T, facecolor=colour, alpha=0.12)
        closed = np.concatenate([polygon, polygon[:1]])
        ax.plot(*closed.T, color=colour, linewidth=1.5)
        box = {
            "boxstyle": "round,pad=0.15",
            "facecolor": "white",
            "edgecolor": colour,
            "alpha": 0.85,
        }
        ax.text(
            *np.mean(polygon, axis=0),
            str(name),
            fontsize=9,
            color=INK,
            ha="center",
            va="center",
            bbox=box,
        )
    return ax


def class_hits(
    hits: Mapping[object, float],
    mean: float,
    interval: tuple[float, float] | None = None,
    *,
    ax: object = None,
) -> object:
    """Neighborhood hit of every class, the mean over the points as a line with its interval as a band."""
    ax = axes_or_new(ax, (5.0, 4.0))
    names = [str(name) for name in hits]
    ax.barh(
        range(len(names)),
        list(hits.values()),
        color=[class_colour(index) for index in range(len(names))],
    )
    ax.axvline(
        mean, color=ACCENT, linewidth=1.5, label=_("mean {value:.2f} %").format(value=100 * mean)
    )
    if interval:
        ax.axvspan(*interval, color=ACCENT, alpha=0.25, linewidth=0)
    ax.set_yticks(range(len(names)), names)
    ax.invert_yaxis()
    ax.set_xlim(0, 1)
    ax.set_xlabel(_("neighborhood hit"))
    ax.legend(fontsize=8, loc="lower left")
    return ax


def spectrum(shares: np.ndarray, *, most: int = 50, ax: object = None) -> object:
    """The share of variance of the first principal components, and their running sum."""
    ax = axes_or_new(ax)
    shown = np.asarray(shares)[:most]
    at = np.arange(1, len(shown) + 1)
    ax.bar(at, shown, color=class_colour(0), label=_("each component"))
    ax.plot(at, np.cumsum(shown), color=class_colour(6), label=_("sum so far"))
    ax.set_xlabel(_("principal component"))
    ax.set_ylabel(_("share of the variance"))
    ax.set_ylim(0, 1)
    ax.legend(fontsize=8)
    return ax


def word_map(
    points: np.ndarray,
    labels: np.ndarray,
    centres: np.ndarray,
    names: Sequence[str],
    ax: object = None,
) -> object:
    """Words (N, 2) in the colour of their cluster (N,), the centres (K, 2) as crosses with their names."""
    ax = axes_or_new(ax, (9, 7))
    for cluster, (centre, name) in enumerate(zip(centres, names, strict=True)):
        inside = labels == cluster
        ax.scatter(*points[inside].T, s=7, color=class_colour(cluster), alpha=0.6, linewidths=0)
        ax.scatter(*centre, marker="x", s=90, color=INK, linewidths=2.2, zorder=3)
        ax.annotate(
            name,
            centre,
            textcoords="offset points",
            xytext=(7, 5),
            fontsize=10,
            weight="bold",
            parse_math=False,
            zorder=4,
        )
    ax.set_xticks([])
    ax.set_yticks([])
    ax.grid(False)
    return ax


def word_images(words: Sequence[str], height: int = 18, width: int = 84) -> np.ndarray:
    """Each word as a small picture (N, height, width) uint8, 255 the ink: the explorer shows pictures.

    A word too long for its picture is set smaller.
    """
    from PIL import Image, ImageDraw, ImageFont

    pictures = np.zeros((len(words), height, width), np.uint8)
    for picture, word in zip(pictures, words, strict=True):
        size = 13
        while size > 6 and ImageFont.load_default(size).getlength(word) > width - 4:
            size -= 1
        paper = Image.new("L", (width, height))
        ImageDraw.Draw(paper).text(
            (2, height // 2), word, 255, ImageFont.load_default(size), anchor="lm"
        )
        picture[:] = np.asarray(paper)
    return pictures
