"""A loss over a plane of parameters, as a map with level lines."""

from collections.abc import Mapping

import numpy as np

from etabli.viz.style import INK, axes_or_new

__all__ = ["level_lines"]


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
