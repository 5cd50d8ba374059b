"""Pictures of word vectors."""

from collections.abc import Sequence

import numpy as np

from etabli.viz.style import INK, axes_or_new, class_colour

__all__ = ["word_images", "word_map"]


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
        ImageDraw.Draw(paper).text((2, height // 2), word, 255, ImageFont.load_default(size), anchor="lm")
        picture[:] = np.asarray(paper)
    return pictures
