import numpy as np

from etabli.viz.embedding import word_images, word_map


def test_each_centre_is_a_cross_with_its_name():
    points = np.random.default_rng(0).normal(size=(6, 2))
    ax = word_map(points, np.array([0, 0, 0, 1, 1, 1]), points[:2], ("love", "dog"))
    assert [each.get_text() for each in ax.texts] == ["love", "dog"]
    assert sum(len(each.get_offsets()) for each in ax.collections) == 6 + 2


def test_each_word_is_a_picture_with_ink():
    pictures = word_images(("dog", "été", "well-groomed-and-very-long"))
    assert pictures.shape == (3, 18, 84)
    assert (pictures.max(axis=(1, 2)) > 128).all()
    assert pictures[2][:, -2:].max() == 0
