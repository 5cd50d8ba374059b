"""Figures of points in the plane: projections, class outlines, neighborhood hits and word maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from etabli.core.i18n import _
from etabli.viz.style import ACCENT, INK, class_color, get_axes, show_percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "plot_explained_variance",
    "plot_neighborhood_hits",
    "plot_outlines",
    "plot_scatter",
    "plot_word_map",
]

_LARGE = 3000  # more points than this are drawn smaller
_MOST_NAMED = 60  # classes; the names of more would cover one another


def plot_scatter(
    points: np.ndarray,
    labels: np.ndarray,
    names: Sequence[str],
    *,
    legend: bool = True,
    faint: bool = False,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Plot points in the color of their class, with equal scales on both axes.

    Args:
        points: Points (N, 2).
        labels: Class index (N,) of each point.
        names: Name of each class.
        legend: Name the classes in a legend, if there are at most 20.
        faint: Draw the points lightly, as a background.
        title: Title of the axes.
        ax: Axes to draw on; by default those of a new figure.
    """
    ax = get_axes(ax, (6.0, 5.5))
    # Random drawing order, so that no class hides the others.
    order = np.random.default_rng(0).permutation(len(points))
    colors = np.array([class_color(index) for index in range(len(names))])
    xs, ys = np.asarray(points)[order].T
    ax.scatter(
        xs,
        ys,
        s=2.0 if len(points) > _LARGE else 9.0,
        c=colors[np.asarray(labels)[order]],
        alpha=0.25 if faint else 0.7,
        linewidths=0,
        rasterized=True,
    )
    ax.set_aspect("equal", adjustable="datalim")
    _hide_ticks(ax)
    ax.set_title(title)
    if legend and len(names) <= 20:
        for index, name in enumerate(names):
            ax.scatter([], [], s=25, color=class_color(index), label=str(name))
        columns = 1 + len(names) // 11
        ax.legend(fontsize=8, ncols=columns, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return ax


def plot_outlines(
    polygons: Sequence[np.ndarray], names: Sequence[str], *, ax: Axes | None = None
) -> Axes:
    """Draw one closed outline (M, 2) per class, lightly filled, with the class name inside.

    Of more classes than can be read, the names are left out.
    """
    ax = get_axes(ax, (6.0, 5.5))
    if len(names) > _MOST_NAMED:
        from matplotlib.collections import PolyCollection

        colors = [class_color(index) for index in range(len(names))]
        ax.add_collection(PolyCollection(polygons, facecolors="none", edgecolors=colors, alpha=0.6))
        return ax
    for index, (polygon, name) in enumerate(zip(polygons, names, strict=True)):
        color = class_color(index)
        ax.fill(*np.asarray(polygon).T, facecolor=color, alpha=0.12)
        ax.plot(*np.concatenate([polygon, polygon[:1]]).T, color=color, linewidth=1.5)
        box = {
            "boxstyle": "round,pad=0.15",
            "facecolor": "white",
            "edgecolor": color,
            "alpha": 0.85,
        }
        x, y = np.mean(polygon, axis=0)
        ax.text(x, y, str(name), fontsize=9, color=INK, ha="center", va="center", bbox=box)
    return ax


def plot_neighborhood_hits(
    hits: Mapping[object, float],
    mean: float,
    interval: tuple[float, float] | None = None,
    *,
    ax: Axes | None = None,
) -> Axes:
    """Plot the neighborhood hit of each class, their mean as a line, its interval as a band.

    Of more classes than can be read, the lowest and the highest are shown.
    """
    ax = get_axes(ax, (5.0, 4.0))
    if len(hits) > _MOST_NAMED:
        ordered = sorted(hits.items(), key=lambda each: each[1])
        hits = dict(ordered[: _MOST_NAMED // 2] + ordered[-_MOST_NAMED // 2 :])
    rows = range(len(hits))
    ax.barh(rows, list(hits.values()), color=[class_color(index) for index in rows])
    label = _("mean {value:.2f} %").format(value=100 * mean)
    ax.axvline(mean, color=ACCENT, linewidth=1.5, label=label)
    if interval:
        ax.axvspan(*interval, color=ACCENT, alpha=0.25, linewidth=0)
    ax.set_yticks(rows, [str(name) for name in hits])
    ax.invert_yaxis()
    ax.set(xlim=(0, 1), xlabel=_("neighborhood hit"))
    show_percent(ax.xaxis)
    ax.legend(fontsize=8, loc="lower left")
    return ax


def plot_explained_variance(
    shares: np.ndarray, *, max_components: int = 50, ax: Axes | None = None
) -> Axes:
    """Plot the share of variance of each principal component, and their cumulative sum."""
    ax = get_axes(ax)
    shown = np.asarray(shares)[:max_components]
    components = np.arange(1, len(shown) + 1)
    ax.bar(components, shown, color=class_color(0), label=_("each component"))
    ax.plot(components, np.cumsum(shown), color=class_color(6), label=_("cumulative sum"))
    ax.set(xlabel=_("principal component"), ylabel=_("share of the variance"), ylim=(0, 1))
    show_percent(ax.yaxis)
    ax.legend(fontsize=8)
    return ax


def plot_word_map(
    points: np.ndarray,
    labels: np.ndarray,
    centers: np.ndarray,
    names: Sequence[str],
    ax: Axes | None = None,
) -> Axes:
    """Plot words in the color of their cluster, and the named cluster centers as crosses.

    Args:
        points: Words (N, 2).
        labels: Cluster index (N,) of each word.
        centers: Cluster centers (K, 2).
        names: Name of each center.
        ax: Axes to draw on; by default those of a new figure.
    """
    ax = get_axes(ax, (9, 7))
    for cluster, (center, name) in enumerate(zip(centers, names, strict=True)):
        xs, ys = points[labels == cluster].T
        ax.scatter(xs, ys, s=7, color=class_color(cluster), alpha=0.6, linewidths=0)
        ax.scatter(center[0], center[1], marker="x", s=90, color=INK, linewidths=2.2, zorder=3)
        ax.annotate(
            name,
            center,
            textcoords="offset points",
            xytext=(7, 5),
            fontsize=10,
            weight="bold",
            parse_math=False,
            zorder=4,
        )
    _hide_ticks(ax)
    return ax


def _hide_ticks(ax: Axes) -> None:
    ax.set(xticks=[], yticks=[])
    ax.grid(False)
