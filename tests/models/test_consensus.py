"""Captions in the order of what the others agree with: the formula by hand, and what must hold."""

import math

import numpy as np
import pytest

from etabli.models.beam import Found
from etabli.models.consensus import agreement, reranked

CAPTIONS = [(3, 4, 5, 6, 1), (3, 4, 5, 7, 1), (8, 9, 1)]


def found(scores):
    words = np.full((1, 3, 6), -1, np.int32)
    for row, caption in zip(words[0], CAPTIONS, strict=True):
        row[: len(caption)] = caption
    return Found(words, np.array([scores]))


def test_agreement_is_its_formula():
    shares = agreement(CAPTIONS)
    np.testing.assert_allclose(np.diag(shares)[:2], 1.0)
    assert np.diag(shares)[2] == pytest.approx(3 / 4)  # no run of four words
    assert shares[0, 1] == pytest.approx((4 / 5 + 2 / 4 + 1 / 3 + 0) / 4)
    near = math.exp(-(2**2) / 72)
    assert shares[0, 2] == pytest.approx(near * (1 / math.sqrt(15)) / 4)


def test_a_word_said_again_and_again_agrees_no_more():
    assert agreement([(3, 1), (3, 3, 3, 3, 1)])[1, 0] < agreement([(3, 1), (3, 1)])[1, 0]


def test_the_odd_one_out_loses_its_place_though_it_is_the_likeliest(frozen):
    given = found([-1.2, -1.3, -1.0])
    frozen(given.words, given.scores)
    best = reranked(given, temperature=1.0)
    assert best.words[0, 0, :5].tolist() == list(CAPTIONS[0])
    assert best.scores[0].tolist() == [-1.2, -1.3, -1.0]
    assert best.words[0, -1, :3].tolist() == list(CAPTIONS[2])


def test_a_caption_that_is_sure_stays_first():
    assert reranked(found([-9.0, -9.0, -1.0]), temperature=0.1).words[0, 0, :3].tolist() == list(CAPTIONS[2])
