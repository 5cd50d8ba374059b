import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etabli.core.errors import BadArray
from etabli.metrics.text import (
    distinct,
    find_copied,
    find_words,
    known_words,
    negative_log_likelihood,
    next_character_accuracy,
    repetition,
)

LOG_P = np.log([[0.5, 0.25, 0.25], [0.1, 0.8, 0.1]])


def test_nats_are_the_mean_negative_log_probability():
    assert negative_log_likelihood(LOG_P, np.array([0, 1])).value == pytest.approx(
        -(np.log(0.5) + np.log(0.8)) / 2
    )


def test_the_uniform_guess_costs_ln_v():
    assert negative_log_likelihood(
        np.full((7, 60), -np.log(60)), np.arange(7)
    ).value == pytest.approx(np.log(60))


def test_the_signature_says_how_many_characters_and_how_many_symbols():
    assert (
        negative_log_likelihood(LOG_P, np.array([0, 1])).signature
        == "nats:per character | n:2 | v:3"
    )


def test_accuracy_is_the_share_of_correct_argmax_predictions():
    assert next_character_accuracy(LOG_P, np.array([0, 2])).value == 0.5


def test_of_equally_likely_symbols_the_first_counts():
    assert next_character_accuracy(np.zeros((2, 3)), np.array([0, 1])).value == 0.5


@pytest.mark.parametrize(("log_p", "targets"), [(LOG_P, [0]), (LOG_P[0], [0]), (LOG_P[:0], [])])
def test_predictions_of_other_targets_are_refused(log_p, targets):
    for metric in (negative_log_likelihood, next_character_accuracy):
        with pytest.raises(BadArray, match="do not match"):
            metric(log_p, np.array(targets, dtype=int))


def test_a_text_without_a_repeated_run_is_all_distinct():
    assert distinct("abcdefgh", 4).value == 1
    assert repetition("abcdefgh", 4).value == 0


def test_a_loop_is_repetition():
    assert repetition("la vie en mon coeur " * 20, 20).value == pytest.approx(1 - 20 / 381)


@given(st.text(min_size=4, max_size=60), st.integers(1, 4))
def test_distinct_is_a_share_and_repetition_its_complement(text, n):
    assert 0 < distinct(text, n).value <= 1
    assert repetition(text, n).value == pytest.approx(1 - distinct(text, n).value)


@pytest.mark.parametrize("n", [0, 5])
def test_n_grams_longer_than_the_sequence_are_refused(n):
    with pytest.raises(BadArray, match="no n-gram"):
        distinct("abcd", n)


def test_words_are_runs_of_letters():
    assert find_words("l'aube, été_2 «mer»") == ["l", "aube", "été", "mer"]


def test_known_words_are_counted_as_they_come():
    assert known_words("la mer la xyz", {"la", "mer"}).value == 0.75
    assert known_words("?!", {"la"}).value == 0


def longest_common(one, other):
    """The longest common substring, by all pairs."""
    lengths = {
        (i, j): next(
            n
            for n in range(len(one) + 1)
            if i + n >= len(one) or j + n >= len(other) or one[i + n] != other[j + n]
        )
        for i in range(len(one))
        for j in range(len(other))
    }
    return max(lengths.values(), default=0)


@given(st.text("ab", max_size=30), st.text("ab", max_size=40), st.integers(2, 12))
def test_a_copied_passage_is_the_longest_common_one(generated, source, shortest):
    found = find_copied(generated, source, shortest)
    expected = longest_common(generated, source)
    if found is None:
        assert expected < shortest
        return
    start, length, position = found
    assert length == expected >= shortest
    assert generated[start : start + length] == source[position : position + length]


def test_a_copied_passage_at_the_end_is_found_in_a_long_text():
    rng = np.random.default_rng(0)
    source = "".join(rng.choice(list("abcdefgh"), 200_000))
    found = find_copied("not copied, " + source[123_456:123_498], source)
    assert found == (12, 42, 123_456)
    assert find_copied("x" + source[5:35], source) is None
