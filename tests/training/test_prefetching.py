"""Items computed in a thread while those before are used."""

import threading

import pytest

from etabli.training.prefetching import prefetch


def test_items_come_in_order_and_none_is_lost() -> None:
    assert list(prefetch(range(5))) == [0, 1, 2, 3, 4]
    assert list(prefetch([])) == []


def test_none_is_an_item_like_any_other() -> None:
    assert list(prefetch([None, 1, None])) == [None, 1, None]


def test_the_next_item_is_computed_before_it_is_asked_for() -> None:
    computed = [threading.Event() for _number in range(3)]

    def compute():
        for number, event in enumerate(computed):
            event.set()
            yield number

    items = prefetch(compute())
    assert next(items) == 0
    assert computed[1].wait(10), "the second item is computed while the caller has the first"
    assert not computed[2].is_set(), "and no further one: memory is bounded"
    assert list(items) == [1, 2]


def test_an_error_comes_where_its_item_would_have_come() -> None:
    def compute():
        yield 1
        raise ValueError("no second item")

    items = prefetch(compute())
    assert next(items) == 1
    with pytest.raises(ValueError, match="no second item"):
        next(items)
