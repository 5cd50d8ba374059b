import numpy as np
import pytest

from etabli.data import images
from etabli.errors import BadSetting
from etabli.features import views
from etabli.features.stream import Picture


@pytest.fixture
def picture(folder):
    path = images.list_images(folder)[0]
    return Picture(path.name, path)


def test_a_flip_mirrors_left_and_right(picture):
    plain, flip = (views.reader(view, (16, 20))(picture) for view in ("plain", "flip"))
    np.testing.assert_array_equal(flip, plain[:, ::-1])


def test_a_crop_is_fixed_by_its_number_and_differs_between_numbers(picture):
    one, again, two = (views.reader(view, (16, 20))(picture) for view in ("crop-1", "crop-1", "crop-2"))
    assert one.shape == (16, 20, 3) and one.dtype == np.uint8
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, two)


def test_an_unknown_view_is_refused():
    with pytest.raises(BadSetting, match="sideways"):
        views.reader("sideways", (8, 8))
