import numpy as np

from etabli.viz.classes import class_counts, confusion


def test_bars_are_shares_of_their_part():
    ax = class_counts({"training": [30, 10], "test": [1, 1]}, ["a", "b"])
    assert [round(bar.get_height()) for bar in ax.patches] == [75, 25, 50, 50]


def test_a_confusion_shows_every_count_and_shades_the_mistakes_only(frozen):
    ax = confusion(frozen(np.array([[8, 2], [0, 5]])), ["a", "b"])
    assert sorted(text.get_text() for text in ax.texts) == ["2", "5", "8"]
    np.testing.assert_allclose(ax.images[0].get_array(), [[0, 0.2], [0, 0]])


def test_a_model_without_mistakes_can_be_drawn():
    confusion(np.eye(3, dtype=int), ["a", "b", "c"])
