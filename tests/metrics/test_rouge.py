"""ROUGE-L by hand, and the longest common subsequence against trying all."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etabli.metrics.rouge import longest_common_subsequence, rouge, rouge_l

SHORT = st.lists(st.sampled_from("abc"), max_size=6)


def by_trying_all(first, second):
    runs = lambda words: {c for n in range(len(words) + 1) for c in combinations(words, n)}  # noqa: E731
    return max(map(len, runs(first) & runs(second)))


@given(SHORT, SHORT)
def test_the_longest_common_subsequence_is_the_one_found_by_trying_all(first, second):
    assert longest_common_subsequence(first, second) == by_trying_all(first, second)


def test_rouge_l_by_hand():
    precision, recall = 2 / 3, 2 / 4
    wanted = (1 + 1.44) * precision * recall / (recall + 1.44 * precision)
    assert rouge_l([["a", "b", "c"]], [[["a", "x", "c", "y"]]])[0] == pytest.approx(wanted)


def test_an_equal_caption_scores_one_and_a_foreign_one_zero():
    assert rouge_l([["a", "b"], ["c"], []], [[["a", "b"]], [["d"]], [["a"]]]).tolist() == [
        1.0,
        0.0,
        0.0,
    ]


def test_the_best_of_the_references_counts():
    assert rouge_l([["a", "b"]], [[["x"], ["a", "b"]]])[0] == pytest.approx(1.0)


def test_the_score_is_the_mean_over_images_with_its_signature():
    score = rouge(["A dog !", "cat"], [["a dog"], ["bird"]])
    assert score.value == pytest.approx(0.5)
    assert score.signature == "rouge:L | protocol:standard | beta:1.2 | n:2"
