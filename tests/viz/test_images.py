"""Grids of images as figures."""

import numpy as np
import pytest

from etabli.core.errors import BadArray
from etabli.viz.images import show_images, show_photos, tile_images


def test_images_are_tiled_in_reading_order():
    images = np.arange(1, 6)[:, None, None] * np.ones((5, 2, 2))
    grid = tile_images(images, columns=3)
    assert grid.shape == (5, 8)
    assert grid[0, [0, 3, 6]].tolist() == [1, 2, 3]
    assert grid[3, [0, 3, 6]].tolist() == [4, 5, 0]


def test_a_flattened_image_is_refused():
    with pytest.raises(BadArray, match="expected \\(N, height, width\\)"):
        tile_images(np.zeros((5, 784)), 3)


def test_a_grid_has_a_title_for_each_image():
    ax = show_images(np.ones((3, 4, 4)), 2, titles=["a", "b", "c"])
    assert [text.get_text() for text in ax.texts] == ["a", "b", "c"]


def test_signed_weights_are_white_at_zero():
    ax = show_images(np.array([[[-1.0, 3.0]]]), 1, signed=True)
    assert ax.images[0].get_clim() == (-3, 3)


def test_every_photo_is_shown_with_its_title_and_frame():
    photos = [np.full((20, 20, 3), 40 * number, np.uint8) for number in range(5)]
    ax = show_photos(
        photos,
        3,
        titles=list("abcde"),
        is_correct=[True, False, None, True, False],
        row_names=["x", "y"],
    )
    assert [word for word in (text.get_text() for text in ax.texts) if word] == [*"abcde", "x", "y"]
    assert len(ax.patches) == 4
    grid = ax.images[0].get_array()
    assert {0, 40, 80, 120, 160} <= set(np.unique(grid))
