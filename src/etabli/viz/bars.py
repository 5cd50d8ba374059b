"""Bars beside names: average precision of each class, images of each label, and the like."""

from collections.abc import Mapping, Sequence

import numpy as np

from etabli.viz.style import axes_or_new, class_colour

__all__ = ["bars"]


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
    group_of = {name: index for index, members in enumerate((groups or {}).values()) for name in members}
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
        ax.legend(fontsize=8, frameon=False, loc="lower right", bbox_to_anchor=(1, 1), ncols=columns, borderaxespad=0.1)
    return ax
