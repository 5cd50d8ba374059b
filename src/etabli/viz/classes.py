"""What falls to each class: how many examples there are, and how often one is taken for another.

Bars beside names: average precision of each class, images of each label, and the like.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from etabli.core.i18n import _
from etabli.viz.style import INK, axes_or_new, class_colour

__all__ = ["bars", "class_counts", "confusion"]


def class_counts(
    counts: Mapping[str, Sequence[int]], names: Sequence[str], *, ax: object = None
) -> object:
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
            ax.text(
                column,
                row,
                n,
                ha="center",
                va="center",
                fontsize=7,
                color=colour,
                fontweight=weight,
            )
    ax.set_xticks(range(len(names)), names)
    ax.set_yticks(range(len(names)), names)
    ax.set_xlabel(_("predicted"))
    ax.set_ylabel(_("true"))
    ax.grid(False)
    return ax


def bars(
    names: Sequence[str],
    values: Mapping[str, Sequence[float]],
    *,
    x_label: str = "",
    groups: Mapping[str, Sequence[str]] | None = None,
    written: str = "{:.0f}",
    ax: object = None,
) -> object:
    """A row for each name, a bar for each key of ``values``, the number written at its end.

    With ``groups`` (group -> names) the colour is that of the group and the legend names the groups.
    """
    ax = axes_or_new(ax, (7.0, 0.28 * len(names) + 1.2))
    height, places = 0.8 / len(values), np.arange(len(names))
    group_of = {
        name: index for index, members in enumerate((groups or {}).values()) for name in members
    }
    for index, (label, lengths) in enumerate(values.items()):
        lengths = np.nan_to_num(np.asarray(lengths, float))
        colours = [class_colour((0, 6, 3, 5)[group_of.get(name, index) % 4]) for name in names]
        shift = (index - (len(values) - 1) / 2) * height
        ax.barh(places + shift, lengths, height, color=colours, label=label if not groups else None)
        for place, length in zip(places, lengths, strict=True):
            ax.text(length, place + shift, " " + written.format(length), va="center", fontsize=6.5)
    for index, group in enumerate(groups or {}):
        ax.barh([0], [0], color=class_colour((0, 6, 3, 5)[index % 4]), label=group)
    ax.set_yticks(places, names)
    ax.invert_yaxis()
    ax.set_xlabel(x_label)
    if groups or len(values) > 1:
        columns = len(groups or values)
        ax.legend(
            fontsize=8,
            frameon=False,
            loc="lower right",
            bbox_to_anchor=(1, 1),
            ncols=columns,
            borderaxespad=0.1,
        )
    return ax
