"""CIDEr-D against its formula written out with vectors, and against what must hold of it."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etabli.metrics.cider import cider, cider_d

WORDS = st.lists(st.sampled_from(["dog", "runs", "snow", "the", "a"]), min_size=1, max_size=7)
CORPUS = st.lists(st.tuples(WORDS, st.lists(WORDS, min_size=2, max_size=2)), min_size=2, max_size=4)


def runs(words, n):
    return [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]


def written_out(hypotheses, references):
    """The formula of the paper, with one dense vector for each caption and each n."""
    values = np.zeros(len(hypotheses))
    for n in range(1, 5):
        terms = sorted(
            {
                run
                for group in [hypotheses, *references]
                for words in group
                for run in runs(words, n)
            }
        )
        seen = [
            sum(any(term in runs(words, n) for words in group) for group in references)
            for term in terms
        ]
        weights = np.array([math.log(len(references) / max(1, number)) for number in seen])
        for row, (words, group) in enumerate(zip(hypotheses, references, strict=True)):
            h = weights * [runs(words, n).count(term) for term in terms]
            for reference in group:
                r = weights * [runs(reference, n).count(term) for term in terms]
                size = np.linalg.norm(h) * np.linalg.norm(r)
                near = math.exp(-((len(words) - len(reference)) ** 2) / 72)
                values[row] += (
                    10 / 4 / len(group) * near * (np.minimum(h, r) @ r) / size if size else 0.0
                )
    return values


@given(CORPUS)
def test_cider_d_is_its_formula_written_out(corpus):
    hypotheses, references = [pair[0] for pair in corpus], [pair[1] for pair in corpus]
    found = cider_d(hypotheses, references)
    sets = [
        {run for words in group for n in range(1, 5) for run in runs(words, n)}
        for group in references
    ]
    if set.union(*sets) == set.intersection(*sets):  # every weight is log 1
        assert np.isnan(found).all()
    else:
        np.testing.assert_allclose(found, written_out(hypotheses, references), atol=1e-12)


def test_a_caption_equal_to_its_only_reference_scores_ten():
    references = [[["a", "dog", "runs", "fast"]], [["the", "man", "eats", "bread"]]]
    np.testing.assert_allclose(
        cider_d([group[0] for group in references], references), [10.0, 10.0]
    )


def test_words_that_every_image_has_count_nothing():
    references = [["a", "dog"]], [["a", "cat"]]
    assert cider_d([["a"], ["a"]], references).tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    "references", [[["a dog"]], [["a dog", "a cat"]], [["a dog"], ["A dog ."], ["a dog"]]]
)
def test_one_image_or_references_all_alike_leave_it_undefined(references):
    score = cider(["a dog"] * len(references), references)
    assert np.isnan(score.value)
    assert score.is_undefined
    assert "undefined:" in score.signature


def test_saying_a_word_again_and_again_does_not_pay():
    references = [[["dog", "runs"]], [["cat", "sleeps"]]]
    plain, again = (
        cider_d([["dog", "runs"], ["cat"]], references)[0],
        cider_d([["dog"] * 9, ["cat"]], references)[0],
    )
    assert again < plain / 3


def test_an_empty_caption_scores_nothing():
    assert cider_d([[], ["cat"]], [[["dog"]], [["cat"]]])[0] == 0.0


def test_the_signature_says_where_the_weights_come_from():
    score = cider(["a dog .", "a cat ."], [["A dog"], ["A cat"]], beam=3)
    assert score.value > 0
    assert (
        score.signature == "cider:D | protocol:standard | idf:references | sigma:6 | n:2 | beam:3"
    )
