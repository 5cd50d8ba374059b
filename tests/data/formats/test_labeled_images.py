from pathlib import Path

import numpy as np
import pytest

from etabli.core.errors import BadArray, UnknownName
from etabli.core.seeding import make_generator
from etabli.data.formats.labeled_images import LabeledImages, from_names


def some(count=40):
    items = [
        (
            f"{n}.jpg",
            Path(f"{n}.jpg"),
            ("even",) if n % 2 == 0 else ("odd", "rare")[: 1 + (n in (3, 9))],
        )
        for n in range(count)
    ]
    return from_names(items)


def test_labels_hold_what_was_named():
    held = some()
    assert held.classes == ("even", "odd", "rare")
    np.testing.assert_array_equal(held.labels[3], [-1, 1, 1])
    np.testing.assert_array_equal(held.labels[4], [1, -1, -1])


def test_classes_can_be_chosen_and_an_unknown_one_is_answered():
    assert some().select_classes(["rare", "even"]).labels[4].tolist() == [-1, 1]
    with pytest.raises(UnknownName, match="even"):
        some().select_classes(["evn"])


@pytest.mark.parametrize("seed", range(5))
def test_both_halves_hold_every_class_and_every_image_is_in_one(seed):
    held = some()
    large, small = held.split_validation(0.2, make_generator(seed, "halves"))
    assert sorted(large.names + small.names) == sorted(held.names)
    assert 6 <= len(small) <= 10
    assert (large.labels == 1).any(0).all() and (small.labels == 1).any(0).all()


def test_labels_that_do_not_fit_are_refused():
    with pytest.raises(BadArray):
        LabeledImages(("a",), (Path("a"),), ("x", "y"), np.zeros((1, 3), np.int8))
