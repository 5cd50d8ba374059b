from dataclasses import dataclass

import numpy as np

from etabli.viz.architecture import net_graph
from etabli.viz.classes import bars
from etabli.viz.images import photo_grid


def words(ax):
    return [text.get_text() for text in ax.texts]


def test_a_photo_grid_shows_every_photo_with_its_title_and_frame():
    photos = [np.full((20, 20, 3), 40 * number, np.uint8) for number in range(5)]
    ax = photo_grid(
        photos,
        3,
        titles=list("abcde"),
        right=[True, False, None, True, False],
        row_names=["x", "y"],
    )
    assert [word for word in words(ax) if word] == [*"abcde", "x", "y"]
    assert len(ax.patches) == 4
    sheet = ax.images[0].get_array()
    assert {0, 40, 80, 120, 160} <= set(np.unique(sheet))


def test_bars_write_their_numbers_and_name_their_groups():
    ax = bars(
        ["cat", "car"],
        {"AP": [81.25, float("nan")]},
        groups={"animal": ["cat"], "vehicle": ["car"]},
        written="{:.1f}",
    )
    assert [word.strip() for word in words(ax)] == ["81.2", "0.0"]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["animal", "vehicle"]


@dataclass
class Layer:
    name: str
    kind: str
    shape: tuple
    inputs: tuple


def test_a_block_draws_a_box_for_every_layer_and_an_arrow_for_every_input():
    nodes = [
        Layer("x", "input", (8, 8, 4), ()),
        Layer("a", "convolution 3 × 3", (8, 8, 4), ("x",)),
        Layer("b", "relu", (8, 8, 4), ("a",)),
        Layer("sum", "+", (8, 8, 4), ("b", "x")),
    ]
    ax = net_graph(nodes, detailed=False)
    boxes = [text for text in ax.texts if text.get_text()]
    assert [text.get_text() for text in boxes] == ["input", "convolution 3 × 3", "relu", "+"]
    assert len(ax.texts) - len(boxes) == 4
    heights = [text.get_position()[1] for text in boxes]
    assert heights == sorted(heights, reverse=True)
