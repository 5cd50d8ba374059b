"""Curves: how a number moves over epochs, updates or seconds.

A loss over a plane of parameters, as a map with level lines.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from etabli.core.i18n import _
from etabli.viz.style import INK, axes_or_new, class_colour

__all__ = ["learning_curves", "level_lines", "lines"]


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
            xs,
            ys,
            color=_distinct(index),
            linestyle=strokes[index // 5 % 4],
            marker=marker,
            markersize=3,
            label=label,
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
    if not log_x and all(
        float(x).is_integer() for xs, _ys in curves.values() for x in np.atleast_1d(xs)
    ):
        ax.xaxis.get_major_locator().set_params(integer=True)
    if len(curves) > 1:
        beside = {"loc": "center left", "bbox_to_anchor": (1.0, 0.5)} if legend_beside else {}
        ax.legend(fontsize=8, frameon=False, **beside)
    return ax


def _distinct(index: int) -> str:
    """The colours of the house, those that stand furthest apart first."""
    return class_colour((0, 6, 3, 1, 5, 7, 2, 4, 8, 9)[index % 10])


def level_lines(
    xs: np.ndarray,
    ys: np.ndarray,
    values: np.ndarray,
    *,
    points: Mapping[str, tuple[float, float]] | None = None,
    title: str = "",
    x_label: str = "",
    y_label: str = "",
    ax: object = None,
) -> object:
    """values (len(ys), len(xs)) as filled level lines, evenly spaced on a log scale; ``points`` are marked by name."""
    ax = axes_or_new(ax, (5.5, 4.5))
    low = max(float(values.min()), 1e-12)
    levels = np.geomspace(low, max(float(values.max()), low * 1.01), 18)
    filled = ax.contourf(xs, ys, values, levels=levels, cmap="cividis_r", extend="both")
    ax.contour(xs, ys, values, levels=levels, colors="white", linewidths=0.4)
    bar = ax.figure.colorbar(filled, ax=ax, format="%.3g")
    bar.ax.tick_params(labelsize=7)
    for name, (x, y) in (points or {}).items():
        ax.plot(x, y, "o", color="white", markeredgecolor=INK, markersize=7)
        ax.annotate(name, (x, y), (6, 6), textcoords="offset points", fontweight="bold", color=INK)
    ax.set_title(title)
    ax.set_xlabel(x_label)
    ax.set_ylabel(y_label)
    ax.grid(False)
    return ax
