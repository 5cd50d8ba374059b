import numpy as np
import pytest
from scipy.stats import chisquare

from etabli.core.errors import BadArray
from etabli.models.text import synthetic_text
from etabli.models.text.generation import NGramPredictor
from etabli.models.text.ngram import kneser_ney
from etabli.models.text.synthetic_text import SyntheticText

V = 5
CODES = np.random.default_rng(0).choice(V, 400, p=[0.4, 0.3, 0.15, 0.1, 0.05]).astype(np.int32)
CODES.setflags(write=False)
TEACHER = kneser_ney(CODES, V, 2)


def written(seed=0, texts=8, length=24):
    return synthetic_text.generate(NGramPredictor(TEACHER), CODES, texts, length, seed)


def test_what_is_expected_is_what_the_teacher_says_after_the_text_so_far():
    text = written()
    for row, expected in zip(text.codes, text.probabilities, strict=True):
        log_p = TEACHER.log_probabilities(row, 2, len(row) + 1)
        np.testing.assert_allclose(expected[1:], np.exp(log_p), atol=1e-3)


def test_the_characters_come_as_often_as_the_teacher_expected():
    text = written(texts=200, length=40)
    came = np.bincount(text.codes[:, 1:].ravel(), minlength=V)
    expected = text.probabilities[:, :-1].astype(float).sum(axis=(0, 1))
    assert chisquare(came, expected * came.sum() / expected.sum()).pvalue > 1e-3


def test_the_same_seed_writes_the_same_text():
    np.testing.assert_array_equal(written(1).codes, written(1).codes)
    assert not np.array_equal(written(1).codes, written(2).codes)


def test_texts_are_read_side_by_side_to_their_end_and_then_the_next_ones():
    texts = np.arange(4 * 6).reshape(4, 6)
    text = SyntheticText(texts, np.zeros((4, 6, 2), np.float16))
    codes, expected = text.chunks(0, 6, streams=2, steps=3)
    assert codes.shape == (6, 3, 2) and expected.shape == (6, 3, 2, 2)
    for piece, (rows, start) in enumerate(
        [((0, 1), 0), ((0, 1), 3), ((2, 3), 0), ((2, 3), 3), ((0, 1), 0)]
    ):
        np.testing.assert_array_equal(codes[piece].T, texts[list(rows), start : start + 3])
    np.testing.assert_array_equal(text.chunks(2, 2, 2, 3)[0], codes[2:4])


def test_as_much_is_written_as_is_read_of_the_book():
    text = synthetic_text.generate_for_epochs(
        NGramPredictor(TEACHER), CODES, epochs=5, streams=2, steps=8, seed=0
    )
    assert 5 * len(CODES) <= text.codes.size < 5 * len(CODES) + 32 * 8
    assert text.codes.shape[1] % 8 == 0


def test_too_little_text_is_refused():
    with pytest.raises(BadArray, match="too little"):
        written(texts=2).chunks(0, 1, streams=4, steps=8)
