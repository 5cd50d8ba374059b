"""Figures of text, character by character."""

import numpy as np

from etabli.viz import characters
from etabli.viz.style import create_figure


def texts(ax):
    return [each.get_text() for each in ax.texts]


def test_every_character_is_drawn_and_spaces_are_visible():
    ax = characters.plot_colored_text("la $mer_", np.linspace(0, 1, 8), width=5)
    assert texts(ax) == list("la·$mer_")


def test_the_last_line_may_be_short():
    ax = characters.plot_colored_text("abcdefg", np.zeros(7), width=4)
    assert np.isnan(ax.images[0].get_array().filled(np.nan)).sum() == 1


def test_the_most_probable_characters_come_first():
    ax = characters.plot_next_characters(np.array([0.1, 0.7, 0.2]), ("a", " ", "_"), count=2)
    assert [bar.get_height() for bar in ax.patches] == [0.7, 0.2]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["space", r"\_"]


def test_observed_frequencies_are_dots():
    ax = characters.plot_next_characters(np.array([0.4, 0.6]), ("a", "b"), observed={"a": 1.0})
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), [0, 1])


def test_the_selected_epoch_is_marked():
    ax = characters.mark_epoch(create_figure()[1], 7)
    assert list(ax.lines[0].get_xdata()) == [7, 7]
    assert texts(ax) == ["selected: 7"]


def test_given_axes_are_used_and_returned():
    _figure, ax = create_figure()
    assert characters.plot_colored_text("un", np.zeros(2), ax) is ax
