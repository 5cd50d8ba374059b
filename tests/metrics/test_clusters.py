import pytest

from etabli.core.errors import BadArray
from etabli.metrics.clusters import adjusted_rand, select_unambiguous


def test_the_same_groups_under_other_names_agree_wholly():
    assert adjusted_rand("aabbc", [2, 2, 0, 0, 1]).value == 1


def test_a_known_value():
    """By hand: pairs together in both 1, in each 3 and 3, of 15: (1 - 9/15) / (3 - 9/15) = 1/6."""
    assert adjusted_rand([0, 0, 0, 1, 2, 3], [0, 0, 1, 1, 1, 2]).value == pytest.approx(
        (1 - 12 / 15) / (3.5 - 12 / 15)
    )


def test_the_signature_says_over_how_many_things():
    assert adjusted_rand([0, 1], [0, 1]).signature == "index:adjusted Rand | n:2"


def test_labels_of_other_things_are_refused():
    for one, other in (([0, 1], [0]), ([0], [0])):
        with pytest.raises(BadArray, match="cannot be compared"):
            adjusted_rand(one, other)


def test_items_of_two_groups_belong_to_none():
    assert select_unambiguous({"x": ["a", "b", "a"], "y": ["b", "c"]}) == {"a": "x", "c": "y"}
