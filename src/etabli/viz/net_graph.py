"""A block of a net as boxes and arrows, drawn from the graph of the real model."""

from collections.abc import Sequence
from typing import Protocol

from etabli.viz.style import INK, axes_or_new, class_colour

__all__ = ["net_graph"]


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
        depth[node.name] = 1 + max((depth[name] for name in node.inputs if name in depth), default=-1)
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
        ax.text(*place[node.name], text, ha="center", va="center", fontsize=6.5, color=INK, bbox=box, zorder=3)
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
    options = {"arrowstyle": "-|>", "color": "#CC6677" if far else "#57606a", "connectionstyle": bend, "shrinkB": 9}
    ax.annotate("", end, start, arrowprops=options, zorder=1)
