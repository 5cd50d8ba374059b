import numpy as np
import pytest

from etabli.core.errors import BadArray
from etabli.viz.images import image_grid, mosaic


def test_a_mosaic_puts_images_in_reading_order():
    images = np.arange(1, 6)[:, None, None] * np.ones((5, 2, 2))
    sheet = mosaic(images, columns=3)
    assert sheet.shape == (5, 8)
    assert sheet[0, [0, 3, 6]].tolist() == [1, 2, 3]
    assert sheet[3, [0, 3, 6]].tolist() == [4, 5, 0]


def test_a_flattened_image_is_refused():
    with pytest.raises(BadArray, match="expected \\(N, height, width\\)"):
        mosaic(np.zeros((5, 784)), 3)


def test_a_grid_has_a_title_for_each_image():
    ax = image_grid(np.ones((3, 4, 4)), 2, titles=["a", "b", "c"])
    assert [text.get_text() for text in ax.texts] == ["a", "b", "c"]


def test_signed_weights_are_white_at_zero():
    ax = image_grid(np.array([[[-1.0, 3.0]]]), 1, signed=True)
    assert ax.images[0].get_clim() == (-3, 3)
