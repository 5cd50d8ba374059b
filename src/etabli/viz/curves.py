"""Curves over epochs, updates or seconds, and contours of a loss over two parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from etabli.core.i18n import _
from etabli.viz.style import INK, class_color, get_axes, show_percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_contours", "plot_curves", "plot_learning_curves"]

# Most distinct colors first, and a line style for each five of them.
_COLOR_ORDER = (0, 6, 3, 1, 5, 7, 2, 4, 8, 9)
_LINE_STYLES = ("-", "--", "-.", ":")


def plot_learning_curves(
    history: Sequence[Mapping[str, float]],
    keys: Mapping[str, str],
    *,
    x: str = "epoch",
    x_label: str | None = None,
    y_label: str = "",
    shares: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Plot columns of a history against its column ``x``.

    Args:
        history: Rows, for instance one per epoch; a curve has the rows that contain its key.
        keys: Column -> name in the legend.
        x: Column of the x axis.
        x_label: Label of the x axis, by default "epoch".
        y_label: Label of the y axis.
        shares: Whether the values are shares, written in percent.
        ax: Axes to draw on; by default those of a new figure.
    """
    curves = {}
    for key, label in keys.items():
        rows = [row for row in history if key in row]
        curves[label] = ([row[x] for row in rows], [row[key] for row in rows])
    label = x_label or _("epoch")
    return plot_curves(curves, x_label=label, y_label=y_label, shares=shares, ax=ax)


def plot_curves(
    curves: Mapping[str, tuple[Sequence[float] | np.ndarray, Sequence[float] | np.ndarray]],
    *,
    x_label: str = "",
    y_label: str = "",
    log_x: bool = False,
    log_y: bool = False,
    title: str = "",
    legend_outside: bool = False,
    shares: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Plot curves, each with a color and line style of its own.

    Args:
        curves: Name in the legend -> (x, y).
        x_label: Label of the x axis.
        y_label: Label of the y axis.
        log_x: Use a logarithmic x axis.
        log_y: Use a logarithmic y axis.
        title: Title of the axes.
        legend_outside: Put the legend to the right of the axes.
        shares: Whether the y values are shares, written in percent.
        ax: Axes to draw on; by default those of a new figure.
    """
    from matplotlib.ticker import NullFormatter

    ax = get_axes(ax)
    for index, (label, (xs, ys)) in enumerate(curves.items()):
        ax.plot(
            xs,
            ys,
            color=class_color(_COLOR_ORDER[index % 10]),
            linestyle=_LINE_STYLES[index // 5 % 4],
            marker="o" if len(np.atleast_1d(xs)) <= 25 else None,
            markersize=3,
            label=label,
        )
    if log_x:
        ax.set_xscale("log")
        low, high = ax.get_xlim()
        if high > 10 * low:
            ax.xaxis.set_minor_formatter(NullFormatter())
    elif all(float(x).is_integer() for xs, _ys in curves.values() for x in np.atleast_1d(xs)):
        ax.locator_params(axis="x", integer=True)
    if log_y:
        ax.set_yscale("log")
    ax.set(xlabel=x_label, ylabel=y_label)
    if shares:
        show_percent(ax.yaxis)
    ax.set_title(title)
    if len(curves) > 1:
        outside: dict[str, Any] = {"loc": "center left", "bbox_to_anchor": (1.0, 0.5)}
        ax.legend(fontsize=8, frameon=False, **(outside if legend_outside else {}))
    return ax


def plot_contours(
    xs: np.ndarray,
    ys: np.ndarray,
    values: np.ndarray,
    *,
    points: Mapping[str, tuple[float, float]] | None = None,
    title: str = "",
    x_label: str = "",
    y_label: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Plot filled contours of a positive function, evenly spaced on a logarithmic scale.

    Args:
        xs: x coordinates (W,).
        ys: y coordinates (H,).
        values: Values (H, W).
        points: Name -> (x, y) of points to mark.
        title: Title of the axes.
        x_label: Label of the x axis.
        y_label: Label of the y axis.
        ax: Axes to draw on; by default those of a new figure.
    """
    ax = get_axes(ax, (5.5, 4.5))
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
    ax.set(xlabel=x_label, ylabel=y_label)
    ax.grid(False)
    return ax
