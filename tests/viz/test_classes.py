"""Figures by class."""

import numpy as np

from etabli.viz.classes import plot_bars, plot_class_distribution, plot_confusion_matrix


def test_class_shares_are_those_of_their_subset():
    ax = plot_class_distribution({"training": [30, 10], "test": [1, 1]}, ["a", "b"])
    assert [round(bar.get_height()) for bar in ax.patches] == [75, 25, 50, 50]


def test_a_confusion_matrix_shows_every_count_and_shades_only_the_errors(frozen):
    ax = plot_confusion_matrix(frozen(np.array([[8, 2], [0, 5]])), ["a", "b"])
    assert sorted(text.get_text() for text in ax.texts) == ["2", "5", "8"]
    np.testing.assert_allclose(ax.images[0].get_array(), [[0, 0.2], [0, 0]])


def test_the_confusion_matrix_of_a_perfect_classifier_can_be_drawn():
    plot_confusion_matrix(np.eye(3, dtype=int), ["a", "b", "c"])


def test_bars_show_their_values_and_groups():
    ax = plot_bars(
        ["cat", "car"],
        {"AP": [81.25, float("nan")]},
        groups={"animal": ["cat"], "vehicle": ["car"]},
        value_format="{:.1f}",
    )
    assert [word.strip() for word in (text.get_text() for text in ax.texts)] == ["81.2", "0.0"]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["animal", "vehicle"]
