import numpy as np
import pytest

from etabli.models.text.adaptive import (
    list_character_contexts,
    list_word_contexts,
    mix_online,
    read_online,
)
from etabli.models.text.contexts import place_in_run
from etabli.models.text.ngram import kneser_ney, mix
from etabli.models.text.ppm import read_ppm

LETTERS = "ab "
DRAWS = np.random.default_rng(0)
CODES = DRAWS.choice(3, size=900, p=(0.5, 0.3, 0.2))
FIRST = 700


def spell(codes) -> str:
    return "".join(LETTERS[code] for code in codes)


def read_characters(codes):
    return read_online(list_character_contexts(spell(codes), 3), codes, 3, FIRST)


def read_words(codes):
    return read_online(list_word_contexts(spell(codes), 2), codes, 3, FIRST)


def read_partial_matches(codes):
    return read_ppm(spell(codes), codes, 3, FIRST, 3)


def read_mixture(codes):
    models = [read_characters(codes), read_words(codes), read_partial_matches(codes)]
    return mix_online(models, codes[FIRST:], place_in_run(spell(codes))[FIRST:])


READERS = [read_characters, read_words, read_partial_matches, read_mixture]


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("cut", [0, 1, 57, 199])
def test_permuting_the_future_moves_no_prediction(read, cut):
    other = CODES.copy()
    other[FIRST + cut :] = DRAWS.permutation(other[FIRST + cut :])
    one, two = read(CODES), read(other)
    np.testing.assert_array_equal(one[: cut + 1], two[: cut + 1])
    assert cut > 100 or (one != two).any()


@pytest.mark.parametrize("read", READERS)
def test_every_prediction_is_a_distribution_without_zeros(read):
    p = np.exp(read(CODES))
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-12)
    assert (p > 0).all()


def test_the_first_prediction_is_that_of_the_static_kneser_ney_model():
    static = kneser_ney(CODES[:FIRST], 3, 3).log_probabilities(CODES, FIRST, FIRST + 1)
    np.testing.assert_allclose(read_characters(CODES)[:1], static, rtol=1e-12)


@pytest.mark.parametrize("read", [read_characters, read_partial_matches])
def test_a_passage_of_the_test_text_that_comes_again_is_predicted(read):
    codes = CODES.copy()
    codes[FIRST + 100 :] = codes[FIRST : FIRST + 100]
    before, after = (
        -read(each)[np.arange(100, 200), each[FIRST + 100 :]].mean() for each in (CODES, codes)
    )
    assert after < before - 0.1


def test_words_are_contexts_of_the_run_so_far():
    contexts = list_word_contexts("le chat, le ch", 2)
    assert contexts[0] == ["", "", ("", ""), ("", ""), ("", "", "")]
    assert contexts[-1] == ["", "c", ("c", "c"), ("c", "le"), ("c", "le", "chat")]
    assert contexts[7] == ["", "t", ("t", "chat"), ("chat", "le"), ("chat", "le", "")]
    assert contexts[9][2:] == [(" ", ", "), (", ", "chat"), (", ", "chat", "le")]


def test_each_context_determines_the_shorter_ones():
    for contexts in (list_character_contexts(spell(CODES), 3), list_word_contexts(spell(CODES), 2)):
        for order in range(1, len(contexts[-1])):
            pairs = {(each[order], each[order - 1]) for each in contexts if len(each) > order}
            assert len(pairs) == len({longer for longer, _shorter in pairs})


def test_without_a_rate_the_mixture_keeps_its_weights():
    models = [read_characters(CODES), read_words(CODES)]
    weights = np.array([0.7, 0.4])
    fixed = mix_online(models, CODES[FIRST:], rate=0.0, start=weights)
    np.testing.assert_allclose(fixed, mix(models, weights), rtol=1e-12)


def test_the_weights_learn_which_model_knows_and_in_which_group():
    count = 2000
    targets, groups = DRAWS.integers(0, 3, count), np.arange(count) % 2
    knows = np.log(np.where(np.eye(3)[targets] == 1, 0.8, 0.1))
    noise = np.log(DRAWS.dirichlet(np.ones(3), count))
    even, odd = (np.where(groups[:, None] == side, knows, noise) for side in (0, 1))
    found, alike = (mix_online([even, odd], targets, each, rate=0.02) for each in (groups, None))
    nats, without = (
        -each[np.arange(count), targets][count // 2 :].mean() for each in (found, alike)
    )
    assert nats < without - 0.1
    assert nats < -np.log(0.8) + 0.1


def test_partial_matching_escapes_as_method_d_and_excludes_what_was_known():
    # After "a": b twice, a once of 3 (D: 3/6, 1/6, escape 2/6). Order 0 has a, b excluded.
    codes = np.array([0, 0, 1, 0, 1, 0])
    found = np.exp(read_ppm(spell(codes) + " ", np.append(codes, 2), 3, 6, 1))
    np.testing.assert_allclose(found, [[1 / 6, 3 / 6, 2 / 6]])
