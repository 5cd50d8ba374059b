import numpy as np
import pytest

from etabli.core.errors import BadSetting
from etabli.data.formats import images
from etabli.features import pipeline
from etabli.features.pipeline import NamedImage


@pytest.fixture
def picture(folder):
    path = images.list_images(folder)[0]
    return NamedImage(path.name, path)


def test_a_flip_mirrors_left_and_right(picture):
    plain, flip = (pipeline.make_reader(view, (16, 20))(picture) for view in ("plain", "flip"))
    np.testing.assert_array_equal(flip, plain[:, ::-1])


def test_a_crop_is_fixed_by_its_number_and_differs_between_numbers(picture):
    one, again, two = (
        pipeline.make_reader(view, (16, 20))(picture) for view in ("crop-1", "crop-1", "crop-2")
    )
    assert one.shape == (16, 20, 3) and one.dtype == np.uint8
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, two)


def test_an_unknown_view_is_refused():
    with pytest.raises(BadSetting, match="sideways"):
        pipeline.make_reader("sideways", (8, 8))
