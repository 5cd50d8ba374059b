"""A feed-forward net as a drawing: a column of units for each layer, its width and its number of parameters.

A block of a net as boxes and arrows, drawn from the graph of the real model.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from etabli.core.i18n import _
from etabli.viz.style import INK, axes_or_new, class_colour

__all__ = ["architecture", "net_graph"]

_MOST = 7  # units drawn in a column


def architecture(
    names: Sequence[str], widths: Sequence[int], steps: Sequence[str], *, ax: object = None
) -> object:
    """Layers by name and width, input side first; ``steps`` names what happens between two (one fewer).

    Wide layers are cut short by an ellipsis. Under each step stands its number of parameters, (D + 1) H.
    """
    ax = axes_or_new(ax, (8.0, 4.2))
    columns = [_heights(width) for width in widths]
    for layer, heights in enumerate(columns[1:], start=1):
        for start in columns[layer - 1]:
            for end in heights:
                ax.plot([layer - 1, layer], [start, end], color="#b8bec5", linewidth=0.4, zorder=1)
    for layer, (name, width, heights) in enumerate(zip(names, widths, columns, strict=True)):
        colour = class_colour((0, 2, 6, 3, 5)[layer % 5])
        ax.scatter(
            np.full(len(heights), layer), heights, s=150, color=colour, edgecolor="white", zorder=2
        )
        if width > _MOST:
            ax.text(layer, 0, "⋮", ha="center", va="center", fontsize=16, color=INK, zorder=3)
        ax.text(layer, 1.22, f"{name}\n{width}", ha="center", va="bottom", fontweight="bold")
    for layer, step in enumerate(steps):
        parameters = (widths[layer] + 1) * widths[layer + 1]
        text = _("{step}\n{n} parameters").format(step=step, n=f"{parameters:,}")
        ax.text(layer + 0.5, -1.22, text, ha="center", va="top", fontsize=9)
    ax.set_xlim(-0.4, len(widths) - 0.6)
    ax.set_ylim(-1.75, 1.75)
    ax.set_axis_off()
    return ax


def _heights(width: int) -> np.ndarray:
    """Where the units of a column stand, in [-1, 1]; a wide one leaves its middle free."""
    if width <= _MOST:
        return np.linspace(-1, 1, width) * (width - 1) / (_MOST - 1) if width > 1 else np.zeros(1)
    half = np.linspace(0.25, 1, _MOST // 2)
    return np.concatenate([-half[::-1], half])


class Layer(Protocol):
    """What a box shows of a layer."""

    name: str
    kind: str
    shape: tuple[int, ...]
    inputs: tuple[str, ...]


def net_graph(nodes: Sequence[Layer], *, detailed: bool = True, ax: object = None) -> object:
    """Layers from the top down; the longest way in the left column, every shortcut in the right one.

    ``detailed`` writes each layer's name and shape into its box; otherwise its kind alone.
    """
    ax = axes_or_new(ax, (5.0, 0.55 * len(nodes) + 1))
    depth: dict[str, int] = {}
    for node in nodes:
        depth[node.name] = 1 + max(
            (depth[name] for name in node.inputs if name in depth), default=-1
        )
    column = _columns(nodes, depth)
    place = {node.name: (1.25 * column[node.name], -depth[node.name]) for node in nodes}
    for node in nodes:
        for name in node.inputs:
            _arrow(ax, place[name], place[node.name])
    for node in nodes:
        shape = " × ".join("?" if size is None else str(size) for size in node.shape)
        text = f"{node.kind}\n{node.name} → {shape}" if detailed else node.kind
        fill = class_colour(6) if node.kind == "+" else "#eef1f4"
        box = {"boxstyle": "round,pad=0.3", "facecolor": fill, "edgecolor": "#8c959f"}
        ax.text(
            *place[node.name],
            text,
            ha="center",
            va="center",
            fontsize=6.5,
            color=INK,
            bbox=box,
            zorder=3,
        )
    ax.set_xlim(-0.7, 0.7 + 1.25 * max(column.values()))
    ax.set_ylim(-max(depth.values()) - 0.7, 0.7)
    ax.set_axis_off()
    return ax


def _columns(nodes: Sequence[Layer], depth: dict[str, int]) -> dict[str, int]:
    """0 for the layers on the longest way, 1 for the others."""
    by_name = {node.name: node for node in nodes}
    on_way, name = set(), nodes[-1].name
    while name:
        on_way.add(name)
        name = max((each for each in by_name[name].inputs), key=depth.__getitem__, default=None)
    return {node.name: int(node.name not in on_way) for node in nodes}


def _arrow(ax, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Straight down, or in a bow where the arrow passes boxes."""
    far = start[0] == end[0] and abs(start[1] - end[1]) > 1
    bend = "arc3,rad=-0.55" if far else "arc3"
    options = {
        "arrowstyle": "-|>",
        "color": "#CC6677" if far else "#57606a",
        "connectionstyle": bend,
        "shrinkB": 9,
    }
    ax.annotate("", end, start, arrowprops=options, zorder=1)
