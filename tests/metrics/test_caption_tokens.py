"""What counts as a word in each protocol."""

import pytest

from etabli.core.errors import BadArray
from etabli.metrics.caption_tokens import tokenize


def test_the_course_keeps_the_capitals_of_references_and_lower_cases_what_is_scored():
    assert tokenize(["A Dog ."], [["A Dog ."]], "course") == (
        [["a", "dog", "."]],
        [[["A", "Dog", "."]]],
    )


def test_the_standard_drops_punctuation_and_capitals_on_both_sides():
    captions = tokenize(
        ['A boy \'s " T-shirt " !'], [["Two dogs , 3 cats ; café -- ."]], "standard"
    )
    assert captions == ([["a", "boy", "'s", "t-shirt"]], [[["two", "dogs", "3", "cats", "café"]]])


@pytest.mark.parametrize("protocol", ["course", "standard"])
def test_the_marks_of_start_and_end_are_no_words(protocol):
    assert tokenize(["<start> a <end>"], [["<start> a <end>"]], protocol) == ([["a"]], [[["a"]]])


def test_a_corpus_of_nothing_is_refused():
    with pytest.raises(BadArray, match="0 captions"):
        tokenize([], [])
