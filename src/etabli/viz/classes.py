"""Figures by class: class distributions, confusion matrices and horizontal bar charts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from etabli.core.i18n import _
from etabli.viz.style import INK, class_color, get_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_bars", "plot_class_distribution", "plot_confusion_matrix"]


def plot_class_distribution(
    counts: Mapping[str, Sequence[int]], names: Sequence[str], *, ax: Axes | None = None
) -> Axes:
    """Plot the share of each class in each subset as grouped bars.

    ``counts`` maps the name of a subset ("training", "test") to its examples per class.
    """
    ax = get_axes(ax)
    width, positions = 0.8 / len(counts), np.arange(len(names))
    for index, (subset, values) in enumerate(counts.items()):
        shares = 100 * np.asarray(values) / np.sum(values)
        shift = (index - (len(counts) - 1) / 2) * width
        label = _("{part} ({n})").format(part=subset, n=int(np.sum(values)))
        color = class_color((0, 6, 1)[index % 3])
        ax.bar(positions + shift, shares, width, color=color, label=label)
    ax.set_xticks(positions, names)
    ax.set(xlabel=_("class"), ylabel=_("share of the examples, %"))
    ax.set_ylim(0, ax.get_ylim()[1] * 1.18)
    ax.legend(fontsize=8, ncols=len(counts), loc="upper left", frameon=False)
    return ax


def plot_confusion_matrix(
    counts: np.ndarray, names: Sequence[str], *, ax: Axes | None = None
) -> Axes:
    """Plot counts[i, j], the examples of class i predicted as class j.

    Errors are shaded by their share of class i; the diagonal is left white.
    """
    ax = get_axes(ax, (5.5, 5.0))
    counts = np.asarray(counts)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    np.fill_diagonal(shares, 0)
    ax.imshow(shares, cmap="Reds", vmin=0, vmax=max(shares.max(), 1e-9))
    for (row, column), n in np.ndenumerate(counts):
        if n:
            is_dark = row != column and shares[row, column] > 0.6 * shares.max()
            color, weight = "white" if is_dark else INK, "bold" if row == column else "normal"
            ax.text(
                *(column, row, str(n)),
                ha="center",
                va="center",
                fontsize=7,
                color=color,
                fontweight=weight,
            )
    ax.set_xticks(range(len(names)), names)
    ax.set_yticks(range(len(names)), names)
    ax.set(xlabel=_("predicted"), ylabel=_("true"))
    ax.grid(False)
    return ax


def plot_bars(
    names: Sequence[str],
    values: Mapping[str, Sequence[float]],
    *,
    x_label: str = "",
    groups: Mapping[str, Sequence[str]] | None = None,
    value_format: str = "{:.0f}",
    ax: Axes | None = None,
) -> Axes:
    """Plot horizontal bars: a row for each name, a bar for each series, its value at the end.

    Args:
        names: Label of each row.
        values: Series name -> value of each row; NaN is drawn as 0.
        x_label: Label of the x axis.
        groups: Group name -> members among ``names``; bars then have the color of their group.
        value_format: Format of the written values.
        ax: Axes to draw on; by default those of a new figure.
    """
    ax = get_axes(ax, (7.0, 0.28 * len(names) + 1.2))
    groups = groups or {}
    height, positions = 0.8 / len(values), np.arange(len(names))
    group_of = {name: index for index, members in enumerate(groups.values()) for name in members}
    palette = [class_color(index) for index in (0, 6, 3, 5)]
    for index, (label, row) in enumerate(values.items()):
        lengths = np.nan_to_num(np.asarray(row, float))
        colors = [palette[group_of.get(name, index) % 4] for name in names]
        ys = positions + (index - (len(values) - 1) / 2) * height
        ax.barh(ys, lengths, height, color=colors, label="" if groups else label)
        for y, length in zip(ys, lengths, strict=True):
            ax.text(length, y, " " + value_format.format(length), va="center", fontsize=6.5)
    for index, group in enumerate(groups):
        ax.barh([0], [0], color=palette[index % 4], label=group)
    ax.set_yticks(positions, names)
    ax.invert_yaxis()
    ax.set_xlabel(x_label)
    if groups or len(values) > 1:
        ax.legend(
            fontsize=8,
            frameon=False,
            loc="lower right",
            bbox_to_anchor=(1, 1),
            ncols=len(groups or values),
            borderaxespad=0.1,
        )
    return ax
