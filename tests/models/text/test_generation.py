import numpy as np
import pytest
from scipy.stats import chisquare

from etabli.core.errors import BadArray, BadSetting
from etabli.models.text import lstm, simple_rnn
from etabli.models.text.generation import (
    LstmPredictor,
    NGramPredictor,
    ResidualPredictor,
    WindowPredictor,
    generate,
)
from etabli.models.text.ngram import kneser_ney
from etabli.models.text.sampling import Decoding, apply_temperature

V = 6
CODES = np.random.default_rng(0).integers(0, V, 300)
GREEDY = Decoding(top_k=1)
PLAIN = Decoding()


def residual_weights():
    """With a gate that says something."""
    weights = lstm.build(V, 8, 4, seed=3, residual=True).get_weights()
    weights[4] = np.linspace(-2, 2, 8, dtype=np.float32)[:, None]
    return weights


def readers():
    ngram = NGramPredictor(kneser_ney(CODES, V, 3))
    return {
        "window": WindowPredictor(simple_rnn.build(4, V, 8).get_weights(), 4),
        "lstm": LstmPredictor(lstm.build(V, 8, 4).get_weights()),
        "window, 3 layers": WindowPredictor(simple_rnn.build(4, V, 8, layers=3).get_weights(), 4),
        "lstm, 3 layers": LstmPredictor(lstm.build(V, 8, 4, layers=3).get_weights()),
        "ngram": ngram,
        "residual": ResidualPredictor(residual_weights(), kneser_ney(CODES, V, 3)),
    }


def written(reader, seed, decoding=PLAIN, **more):
    steps = generate(reader, CODES[:5], 30, decoding, np.random.default_rng(seed), **more)
    return np.stack(list(steps), axis=1)


@pytest.mark.parametrize("name", list(readers()))
def test_a_step_is_as_good_as_reading_from_the_start(name):
    reader = readers()[name]
    stepwise = [reader.start(CODES[None, :5])]
    stepwise += [reader.step(CODES[None, i]) for i in range(5, 12)]
    for end, log_p in zip(range(5, 13), stepwise, strict=True):
        np.testing.assert_allclose(log_p, reader.start(CODES[None, :end]), atol=1e-6)
        assert np.exp(log_p).sum() == pytest.approx(1)


def test_the_lstm_reader_agrees_with_the_compiled_net():
    weights = lstm.build(V, 8, 4, seed=2).get_weights()
    expected = lstm.log_probabilities(weights, CODES, 20, 21, streams=1, warm_up=20)
    np.testing.assert_allclose(LstmPredictor(weights).start(CODES[None, :20]), expected, atol=1e-5)


def test_the_residual_reader_agrees_with_the_compiled_net():
    counted = kneser_ney(CODES, V, 3).log_probabilities(CODES, 20, 21)
    weights = residual_weights()
    expected = lstm.log_probabilities(
        weights, CODES, 20, 21, streams=1, warm_up=20, ngram_log_p=counted
    )
    reader = ResidualPredictor(weights, kneser_ney(CODES, V, 3))
    np.testing.assert_allclose(reader.start(CODES[None, :20]), expected, atol=1e-5)


@pytest.mark.parametrize("name", ["window", "lstm", "ngram", "residual"])
def test_the_same_seed_writes_the_same_poem(name):
    reader = readers()[name]
    np.testing.assert_array_equal(written(reader, 1), written(reader, 1))
    assert not np.array_equal(written(reader, 1), written(reader, 2))


def test_several_poems_at_once_are_several_poems():
    poems = written(readers()["lstm"], 0, texts=4)
    assert poems.shape == (4, 30)
    assert len({tuple(poem) for poem in poems}) == 4


def test_top_1_takes_the_likeliest_character_each_time():
    reader = readers()["window"]
    poem = written(reader, 0, GREEDY)[0]
    log_p = simple_rnn.log_probabilities(
        reader.weights, np.lib.stride_tricks.sliding_window_view([*CODES[1:5], *poem], 4)[:-1]
    )
    np.testing.assert_array_equal(poem, log_p.argmax(1))


def test_what_is_written_first_follows_the_softmax_at_the_temperature():
    reader = readers()["lstm"]
    poems = next(
        generate(reader, CODES[:5], 1, Decoding(0.7), np.random.default_rng(0), texts=5000)
    )
    expected = np.exp(apply_temperature(reader.start(CODES[None, :5]), 0.7))[0] * 5000
    assert chisquare(np.bincount(poems, minlength=V), expected).pvalue > 0.001


def test_nothing_to_begin_with_is_refused():
    with pytest.raises(BadArray, match="the prompt is empty"):
        generate(readers()["lstm"], CODES[:0], 3, Decoding(), np.random.default_rng(0))


@pytest.mark.parametrize("bad", [{"length": 0}, {"texts": 0}])
def test_lengths_and_numbers_out_of_range_are_refused(bad):
    arguments = {"length": 5, "texts": 1, **bad}
    with pytest.raises(BadSetting, match="out of range"):
        generate(
            readers()["lstm"],
            CODES[:3],
            decoding=GREEDY,
            generator=np.random.default_rng(0),
            **arguments,
        )
