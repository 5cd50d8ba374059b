"""Captions in the order of what the others agree with: the formula by hand, and what must hold."""

import math

import numpy as np
import pytest

from etabli.metrics.cider import cider_d
from etabli.models.captioning.beam_search import SearchConfig, SearchResult
from etabli.models.captioning.reranking import agreement, compare_captions, rerank

CAPTIONS = [(3, 4, 5, 6, 1), (3, 4, 5, 7, 1), (8, 9, 1)]


def found(scores):
    words = np.full((1, 3, 6), -1, np.int32)
    for row, caption in zip(words[0], CAPTIONS, strict=True):
        row[: len(caption)] = caption
    return SearchResult(words, np.array([scores]))


def test_agreement_is_its_formula():
    shares = agreement(CAPTIONS, CAPTIONS)
    np.testing.assert_allclose(np.diag(shares)[:2], 1.0)
    assert np.diag(shares)[2] == pytest.approx(3 / 4)  # no run of four words
    assert shares[0, 1] == pytest.approx((4 / 5 + 2 / 4 + 1 / 3 + 0) / 4)
    near = math.exp(-(2**2) / 72)
    assert shares[0, 2] == pytest.approx(near * (1 / math.sqrt(15)) / 4)


def test_a_word_said_again_and_again_agrees_no_more():
    assert agreement([(3, 3, 3, 3, 1)], [(3, 1)])[0, 0] < agreement([(3, 1)], [(3, 1)])[0, 0]


def test_the_odd_one_out_loses_its_place_though_it_is_the_likeliest(frozen):
    given = found([-1.2, -1.3, -1.0])
    frozen(given.words, given.scores)
    best = rerank(compare_captions(given), SearchConfig(3, reranking_temperature=1.0))
    assert best.words[0, 0, :5].tolist() == list(CAPTIONS[0])
    assert best.scores[0].tolist() == [-1.2, -1.3, -1.0]
    assert best.words[0, -1, :3].tolist() == list(CAPTIONS[2])


def test_a_caption_that_is_sure_stays_first():
    sure = compare_captions(found([-9.0, -9.0, -1.0]))
    assert rerank(sure, SearchConfig(3, reranking_temperature=0.1)).words[
        0, 0, :3
    ].tolist() == list(CAPTIONS[2])


def test_words_of_the_others_that_ours_lack_make_them_agree_less():
    assert agreement([(3, 1)], [(3, 1, 5)])[0, 0] == pytest.approx(
        math.exp(-1 / 72) * (2 / math.sqrt(6) + 1 / math.sqrt(2)) / 4
    )


def test_agreement_is_cider_d_where_every_run_counts_alike():
    """With one other image, which shares no word, every n-gram, known or not, weighs log 2."""
    draw = np.random.default_rng(0)
    for _turn in range(20):
        caption, other = (draw.integers(0, 4, draw.integers(4, 9)).tolist() for _ in range(2))
        hypotheses = [list(map(str, caption)), ["x"]]
        value = cider_d(hypotheses, [[list(map(str, other))], [["y"]]])[0]
        assert 10 * agreement([caption], [other])[0, 0] == pytest.approx(value, abs=1e-9)


def test_what_similar_images_are_said_to_show_decides_the_more_the_more_it_is_trusted():
    given = found([-1.0, -1.1, -1.2])
    similar = [[[(8, 9, 1), (8, 9, 1)], [(3, 4, 5, 6, 1)] * 2]]
    both = compare_captions(given, similar)
    np.testing.assert_allclose(both[0].retrieved[:, 1], agreement(CAPTIONS, [CAPTIONS[0]])[:, 0])
    first = lambda how: rerank(both, how).words[0, 0, 0]  # noqa: E731
    assert first(SearchConfig(3, reranking_temperature=1.0)) == 3
    assert first(SearchConfig(3, reranking_temperature=1.0, neighbors=1, retrieval_weight=0.0)) == 3
    assert (
        first(SearchConfig(3, reranking_temperature=1.0, neighbors=1, retrieval_weight=50.0)) == 8
    )
