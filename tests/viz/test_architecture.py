"""Diagrams of networks."""

from dataclasses import dataclass

import pytest

from etabli.viz.architecture import plot_feedforward_net, plot_layer_graph


def test_a_feedforward_net_shows_its_parameter_counts():
    ax = plot_feedforward_net(
        ["pixels", "hidden", "classes"], [784, 100, 10], ["sigmoid", "softmax"]
    )
    texts = " ".join(text.get_text() for text in ax.texts)
    assert "78,500" in texts
    assert "1,010" in texts
    assert texts.count("⋮") == 3


@pytest.mark.parametrize("width", [1, 2, 7])
def test_narrow_layers_show_every_unit(width):
    ax = plot_feedforward_net(["in", "out"], [width, 1], ["linear"])
    assert len(ax.collections[0].get_offsets()) == width


@dataclass
class Node:
    name: str
    kind: str
    shape: tuple
    inputs: tuple


def test_a_layer_graph_has_a_box_for_every_layer_and_an_arrow_for_every_input():
    nodes = [
        Node("x", "input", (8, 8, 4), ()),
        Node("a", "convolution 3 × 3", (8, 8, 4), ("x",)),
        Node("b", "relu", (8, 8, 4), ("a",)),
        Node("sum", "+", (8, 8, 4), ("b", "x")),
    ]
    ax = plot_layer_graph(nodes, detailed=False)
    boxes = [text for text in ax.texts if text.get_text()]
    assert [text.get_text() for text in boxes] == ["input", "convolution 3 × 3", "relu", "+"]
    assert len(ax.texts) - len(boxes) == 4
    heights = [text.get_position()[1] for text in boxes]
    assert heights == sorted(heights, reverse=True)
