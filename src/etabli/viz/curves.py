"""Curves: how a number moves over epochs, updates or seconds."""

from collections.abc import Mapping, Sequence

import numpy as np

from etabli.i18n import _
from etabli.viz.style import axes_or_new, class_colour

__all__ = ["learning_curves", "lines"]


def learning_curves(
    history: Sequence[Mapping[str, float]],
    keys: Mapping[str, str],
    *,
    x: str = "epoch",
    x_label: str | None = None,
    y_label: str = "",
    ax: object = None,
) -> object:
    """The columns ``keys`` (name in the rows -> name in the legend) of a history against its column ``x``."""
    curves = {}
    for key, label in keys.items():
        rows = [row for row in history if key in row]
        curves[label] = ([row[x] for row in rows], [row[key] for row in rows])
    return lines(curves, x_label=x_label or _("epoch"), y_label=y_label, ax=ax)


def lines(
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    *,
    x_label: str = "",
    y_label: str = "",
    log_x: bool = False,
    log_y: bool = False,
    title: str = "",
    legend_beside: bool = False,
    ax: object = None,
) -> object:
    """Curves by the name in the legend, each a pair (x, y); one colour and one kind of stroke for each.

    ``legend_beside`` puts the legend to the right of curves that leave no room for it.
    """
    from matplotlib.ticker import NullFormatter

    ax = axes_or_new(ax)
    strokes = ("-", "--", "-.", ":")
    for index, (label, (xs, ys)) in enumerate(curves.items()):
        marker = "o" if len(np.atleast_1d(xs)) <= 25 else None
        ax.plot(
            xs, ys, color=_distinct(index), linestyle=strokes[index // 5 % 4], marker=marker, markersize=3, label=label
        )
    if log_x:
        ax.set_xscale("log")
        low, high = ax.get_xlim()
        if high > 10 * low:
            ax.xaxis.set_minor_formatter(NullFormatter())
    if log_y:
        ax.set_yscale("log")
    ax.set_xlabel(x_label)
    ax.set_ylabel(y_label)
    ax.set_title(title)
    if not log_x and all(float(x).is_integer() for xs, _ys in curves.values() for x in np.atleast_1d(xs)):
        ax.xaxis.get_major_locator().set_params(integer=True)
    if len(curves) > 1:
        beside = {"loc": "center left", "bbox_to_anchor": (1.0, 0.5)} if legend_beside else {}
        ax.legend(fontsize=8, frameon=False, **beside)
    return ax


def _distinct(index: int) -> str:
    """The colours of the house, those that stand furthest apart first."""
    return class_colour((0, 6, 3, 1, 5, 7, 2, 4, 8, 9)[index % 10])
