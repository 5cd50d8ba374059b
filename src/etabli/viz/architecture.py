"""Diagrams of networks: the units of a feed-forward net, or the layer graph of any model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from etabli.core.i18n import _
from etabli.viz.style import INK, class_color, get_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_feedforward_net", "plot_layer_graph"]

_MAX_UNITS = 7  # units drawn in a column


def plot_feedforward_net(
    names: Sequence[str], widths: Sequence[int], steps: Sequence[str], *, ax: Axes | None = None
) -> Axes:
    """Draw a feed-forward net with a column of units for each layer, the input on the left.

    Args:
        names: Name of each layer.
        widths: Number of units of each layer; wide layers are shortened with an ellipsis.
        steps: What happens between two layers (one fewer than ``names``); below each stands its
            number of parameters, (D + 1) H.
        ax: Axes to draw on; by default those of a new figure.
    """
    ax = get_axes(ax, (8.0, 4.2))
    columns = [_unit_heights(width) for width in widths]
    for layer, heights in enumerate(columns[1:], start=1):
        for start in columns[layer - 1]:
            for end in heights:
                ax.plot([layer - 1, layer], [start, end], color="#b8bec5", linewidth=0.4, zorder=1)
    for layer, (name, width, heights) in enumerate(zip(names, widths, columns, strict=True)):
        color, xs = class_color((0, 2, 6, 3, 5)[layer % 5]), np.full(len(heights), layer)
        ax.scatter(xs, heights, s=150, color=color, edgecolor="white", zorder=2)
        if width > _MAX_UNITS:
            ax.text(layer, 0, "⋮", ha="center", va="center", fontsize=16, color=INK, zorder=3)
        ax.text(layer, 1.22, f"{name}\n{width}", ha="center", va="bottom", fontweight="bold")
    for layer, step in enumerate(steps):
        parameters = (widths[layer] + 1) * widths[layer + 1]
        text = _("{step}\n{n} parameters").format(step=step, n=f"{parameters:,}")
        ax.text(layer + 0.5, -1.22, text, ha="center", va="top", fontsize=9)
    ax.set(xlim=(-0.4, len(widths) - 0.6), ylim=(-1.75, 1.75))
    ax.set_axis_off()
    return ax


def _unit_heights(width: int) -> np.ndarray:
    """Return the heights of the units of a column in [-1, 1], with a gap in a wide one."""
    if width <= _MAX_UNITS:
        return (
            np.linspace(-1, 1, width) * (width - 1) / (_MAX_UNITS - 1) if width > 1 else np.zeros(1)
        )
    half = np.linspace(0.25, 1, _MAX_UNITS // 2)
    return np.concatenate([-half[::-1], half])


class LayerNode(Protocol):
    """A layer as the graph shows it."""

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def shape(self) -> tuple[int | None, ...]: ...
    @property
    def inputs(self) -> tuple[str, ...]: ...


def plot_layer_graph(
    nodes: Sequence[LayerNode], *, detailed: bool = True, ax: Axes | None = None
) -> Axes:
    """Draw a layer graph from top to bottom: the longest path on the left, shortcuts on the right.

    With ``detailed`` each box has the layer's name and output shape, otherwise only its kind.
    """
    ax = get_axes(ax, (5.0, 0.55 * len(nodes) + 1))
    depth: dict[str, int] = {}
    for node in nodes:
        depth[node.name] = 1 + max(
            (depth[name] for name in node.inputs if name in depth), default=-1
        )
    main_path = _longest_path(nodes, depth)
    position = {
        node.name: (1.25 * (node.name not in main_path), -depth[node.name]) for node in nodes
    }
    for node in nodes:
        for name in node.inputs:
            _draw_arrow(ax, position[name], position[node.name])
    for node in nodes:
        shape = " × ".join("?" if size is None else str(size) for size in node.shape)
        text = f"{node.kind}\n{node.name} → {shape}" if detailed else node.kind
        fill = class_color(6) if node.kind == "+" else "#eef1f4"
        box = {"boxstyle": "round,pad=0.3", "facecolor": fill, "edgecolor": "#8c959f"}
        x, y = position[node.name]
        ax.text(x, y, text, ha="center", va="center", fontsize=6.5, color=INK, bbox=box, zorder=3)
    ax.set_xlim(-0.7, 0.7 + max(x for x, _y in position.values()))
    ax.set_ylim(-max(depth.values()) - 0.7, 0.7)
    ax.set_axis_off()
    return ax


def _longest_path(nodes: Sequence[LayerNode], depth: dict[str, int]) -> set[str]:
    """Return the names of the layers on the longest path to the last layer."""
    by_name = {node.name: node for node in nodes}
    path: set[str] = set()
    name: str | None = nodes[-1].name
    while name:
        path.add(name)
        name = max(by_name[name].inputs, key=depth.__getitem__, default=None)
    return path


def _draw_arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Draw an arrow straight down, or as an arc where it would cross boxes."""
    is_arc = start[0] == end[0] and abs(start[1] - end[1]) > 1
    style = {
        "arrowstyle": "-|>",
        "color": "#CC6677" if is_arc else "#57606a",
        "connectionstyle": "arc3,rad=-0.55" if is_arc else "arc3",
        "shrinkB": 9,
    }
    ax.annotate("", end, start, arrowprops=style, zorder=1)
