import numpy as np

from etabli.viz.curves import level_lines


def test_points_are_marked_by_name():
    xs = np.linspace(-1, 1, 5)
    ax = level_lines(xs, xs, 1 + xs[:, None] ** 2 + xs**2, points={"A": (0, 0)})
    assert ax.lines[0].get_xydata().tolist() == [[0, 0]]
    assert "A" in [text.get_text() for text in ax.texts]


def test_a_flat_loss_can_be_drawn():
    xs = np.linspace(-1, 1, 5)
    level_lines(xs, xs, np.full((5, 5), 2.0))
