"""What falls to each class: how many examples there are, and how often one is taken for another."""

from collections.abc import Mapping, Sequence

import numpy as np

from etabli.i18n import _
from etabli.viz.style import INK, axes_or_new, class_colour

__all__ = ["class_counts", "confusion"]


def class_counts(counts: Mapping[str, Sequence[int]], names: Sequence[str], *, ax: object = None) -> object:
    """The share of each class in each part (``{"training": counts, "test": counts}``), bars side by side."""
    ax = axes_or_new(ax)
    width = 0.8 / len(counts)
    places = np.arange(len(names))
    for index, (part, values) in enumerate(counts.items()):
        shares = 100 * np.asarray(values) / np.sum(values)
        shift = (index - (len(counts) - 1) / 2) * width
        label = _("{part} ({n})").format(part=part, n=int(np.sum(values)))
        ax.bar(places + shift, shares, width, color=class_colour((0, 6, 1)[index % 3]), label=label)
    ax.set_xticks(places, names)
    ax.set_xlabel(_("class"))
    ax.set_ylabel(_("share of the examples, %"))
    ax.set_ylim(0, ax.get_ylim()[1] * 1.18)
    ax.legend(fontsize=8, ncols=len(counts), loc="upper left", frameon=False)
    return ax


def confusion(counts: np.ndarray, names: Sequence[str], *, ax: object = None) -> object:
    """counts[i, j] examples of class i taken for class j; shaded by the share of class i, the diagonal left white."""
    ax = axes_or_new(ax, (5.5, 5.0))
    counts = np.asarray(counts)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    np.fill_diagonal(shares, 0)
    ax.imshow(shares, cmap="Reds", vmin=0, vmax=max(shares.max(), 1e-9))
    for (row, column), n in np.ndenumerate(counts):
        if n:
            strong = shares[row, column] > 0.6 * shares.max()
            weight = "bold" if row == column else "normal"
            colour = "white" if strong and row != column else INK
            ax.text(column, row, n, ha="center", va="center", fontsize=7, color=colour, fontweight=weight)
    ax.set_xticks(range(len(names)), names)
    ax.set_yticks(range(len(names)), names)
    ax.set_xlabel(_("predicted"))
    ax.set_ylabel(_("true"))
    ax.grid(False)
    return ax
