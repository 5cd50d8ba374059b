"""Figures of embeddings: the arrays given are the ones drawn."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from etabli.viz.embedding import (
    plot_explained_variance,
    plot_neighborhood_hits,
    plot_outlines,
    plot_scatter,
    plot_word_map,
)
from etabli.viz.style import class_color

POINTS = np.random.default_rng(0).normal(size=(60, 2))
LABELS = np.arange(60) % 3


def test_every_point_has_the_color_of_its_class(frozen):
    frozen(POINTS, LABELS)
    ax = plot_scatter(POINTS, LABELS, ["a", "b", "c"], title="t")
    drawn = ax.collections[0]
    colors = {
        tuple(point): to_hex(color).upper()
        for point, color in zip(drawn.get_offsets(), drawn.get_facecolors(), strict=True)
    }
    assert len(colors) == 60
    for point, label in zip(POINTS, LABELS, strict=True):
        assert colors[tuple(point)] == class_color(label).upper()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b", "c"]


def test_outlines_are_closed_and_named():
    square = np.array([[0.0, 0], [1, 0], [1, 1], [0, 1]])
    ax = plot_outlines([square, square[:1]], ["a", "b"])
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), [*square, square[0]])
    assert [text.get_text() for text in ax.texts] == ["a", "b"]


def test_neighborhood_hits_are_bars_and_their_mean_is_a_line():
    ax = plot_neighborhood_hits({"a": 0.5, "b": 0.75}, 0.6, (0.55, 0.65))
    assert [bar.get_width() for bar in ax.patches[:2]] == [0.5, 0.75]
    assert ax.lines[0].get_xdata()[0] == 0.6


def test_the_explained_variance_is_accumulated():
    ax = plot_explained_variance(np.array([0.5, 0.3, 0.2]))
    assert ax.lines[0].get_ydata() == pytest.approx([0.5, 0.8, 1.0])


def test_each_center_is_a_cross_with_its_name():
    points = np.random.default_rng(0).normal(size=(6, 2))
    ax = plot_word_map(points, np.array([0, 0, 0, 1, 1, 1]), points[:2], ("love", "dog"))
    assert [each.get_text() for each in ax.texts] == ["love", "dog"]
    assert sum(len(each.get_offsets()) for each in ax.collections) == 6 + 2
