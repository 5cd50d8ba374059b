"""Figures of predicted probabilities: precision and recall, and calibration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from etabli.core.i18n import _
from etabli.viz.curves import plot_curves
from etabli.viz.style import class_color, get_axes, show_percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_precision_recall", "plot_reliability"]


def plot_precision_recall(
    curves: Mapping[str, tuple[np.ndarray, np.ndarray]], *, ax: Axes | None = None
) -> Axes:
    """Plot precision against recall; ``curves`` maps a class to (recall, precision)."""
    ax = get_axes(ax, (6.0, 4.2))
    plot_curves({}, x_label=_("recall"), y_label=_("precision"), ax=ax)
    for index, (name, (recall, precision)) in enumerate(curves.items()):
        style = ("-", "--", "-.", ":")[index // 10 % 4]
        color = class_color(index)
        ax.step(
            *(recall, precision), where="post", color=color, linestyle=style, label=_plain(name)
        )
    ax.set(xlim=(0, 1.01), ylim=(0, 1.03))
    show_percent(ax.xaxis)
    show_percent(ax.yaxis)
    if curves:
        ax.legend(fontsize=8, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return ax


def plot_reliability(
    confidence: Sequence[float],
    accuracy: Sequence[float],
    counts: Sequence[int],
    *,
    ax: Axes | None = None,
) -> Axes:
    """Plot the share of correct predictions against the mean confidence of bins.

    Args:
        confidence: Mean probability of each bin.
        accuracy: Share of each bin that is correct.
        counts: Predictions of each bin; the area of a marker grows with it.
        ax: Axes to draw on; by default those of a new figure.
    """
    ax = get_axes(ax, (4.6, 4.2))
    ax.plot([0, 1], [0, 1], color=class_color(9), linestyle="--", linewidth=1)
    ax.plot(confidence, accuracy, color=class_color(0), linewidth=1.2)
    areas = 160 * np.asarray(counts, float) / max(1, max(counts, default=1)) + 12
    ax.scatter(confidence, accuracy, s=areas, color=class_color(0), zorder=3)
    for x, y, n in zip(confidence, accuracy, counts, strict=True):
        ax.annotate(str(n), (x, y), (4, -11), textcoords="offset points", fontsize=7)
    ax.set(
        xlim=(0, 1.02),
        ylim=(0, 1.04),
        xlabel=_("mean predicted probability"),
        ylabel=_("share that is correct"),
    )
    show_percent(ax.xaxis)
    show_percent(ax.yaxis)
    return ax


def _plain(name: str) -> str:
    """Return a name that matplotlib takes neither for a formula nor for a hidden label."""
    shown = name if len(name) <= 24 else f"{name[:23]}…"
    return ("\u200b" + shown if shown.startswith("_") else shown).replace("$", r"\$")
