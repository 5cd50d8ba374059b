"""Curves and contours as figures."""

import numpy as np

from etabli.viz.curves import plot_contours, plot_curves, plot_learning_curves

HISTORY = [{"epoch": 1, "loss": 2.0, "test_loss": 2.1}, {"epoch": 2, "loss": 1.0}]


def test_each_key_of_a_history_becomes_a_curve_of_the_rows_that_contain_it():
    ax = plot_learning_curves(HISTORY, {"loss": "training", "test_loss": "test"})
    first, second = ax.lines
    assert first.get_xydata().tolist() == [[1, 2], [2, 1]]
    assert second.get_xydata().tolist() == [[1, 2.1]]
    assert [text.get_text() for text in ax.get_legend().texts] == ["training", "test"]


def test_a_single_curve_needs_no_legend():
    assert plot_curves({"": ([1, 2], [3, 4])}, log_x=True, log_y=True).get_legend() is None


def test_twenty_curves_differ_in_color_or_line_style():
    ax = plot_curves({str(k): ([0, 1], [k, k]) for k in range(20)})
    styles = {(line.get_color(), line.get_linestyle()) for line in ax.lines}
    assert len(styles) == 20


def test_points_of_a_contour_plot_are_labeled():
    xs = np.linspace(-1, 1, 5)
    ax = plot_contours(xs, xs, 1 + xs[:, None] ** 2 + xs**2, points={"A": (0, 0)})
    assert ax.lines[0].get_xydata().tolist() == [[0, 0]]
    assert "A" in [text.get_text() for text in ax.texts]


def test_contours_of_a_constant_loss_can_be_drawn():
    xs = np.linspace(-1, 1, 5)
    plot_contours(xs, xs, np.full((5, 5), 2.0))
