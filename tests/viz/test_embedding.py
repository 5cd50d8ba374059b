"""Figures of embeddings: what was given is what is drawn."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from etabli.viz.embedding import class_hits, outlines, scatter, spectrum
from etabli.viz.style import class_colour

POINTS = np.random.default_rng(0).normal(size=(60, 2))
LABELS = np.arange(60) % 3


def test_every_point_stands_in_the_colour_of_its_class(frozen):
    frozen(POINTS, LABELS)
    ax = scatter(POINTS, LABELS, ["a", "b", "c"], title="t")
    drawn = ax.collections[0]
    places = {
        tuple(place): to_hex(colour).upper()
        for place, colour in zip(drawn.get_offsets(), drawn.get_facecolors(), strict=True)
    }
    assert len(places) == 60
    for point, label in zip(POINTS, LABELS, strict=True):
        assert places[tuple(point)] == class_colour(label).upper()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b", "c"]


def test_outlines_are_closed_and_named():
    square = np.array([[0.0, 0], [1, 0], [1, 1], [0, 1]])
    ax = outlines([square, square[:1]], ["a", "b"])
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), [*square, square[0]])
    assert [text.get_text() for text in ax.texts] == ["a", "b"]


def test_bars_are_the_hits_and_a_line_is_the_mean():
    ax = class_hits({"a": 0.5, "b": 0.75}, 0.6, (0.55, 0.65))
    assert [bar.get_width() for bar in ax.patches[:2]] == [0.5, 0.75]
    assert ax.lines[0].get_xdata()[0] == 0.6


def test_the_spectrum_sums_up():
    ax = spectrum(np.array([0.5, 0.3, 0.2]))
    assert ax.lines[0].get_ydata() == pytest.approx([0.5, 0.8, 1.0])
