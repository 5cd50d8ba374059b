"""What is known before a symbol, scores of its probability, and averages over shifted images."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from properties.arrays import numbers, quick, seeds

from etabli.metrics.text import mean_nats, negative_log_likelihood
from etabli.models.text.contexts import (
    find_followers,
    find_matches,
    list_contexts,
    list_selectors,
)
from etabli.models.vision.augmentation import average_over_shifts
from etabli.training.keras_trainer import score_probabilities

texts = st.lists(st.integers(0, 2), min_size=30, max_size=60)


def spell(codes):
    return "".join("ab "[code] for code in codes)


def partition(numbers_of_contexts):
    """Return which positions have equal contexts, whatever numbers stand for them."""
    return [list(numbers_of_contexts).index(each) for each in numbers_of_contexts]


@quick
@given(texts, st.integers(5, 25), seeds)
def test_no_context_of_a_position_depends_on_its_symbol_or_a_later_one(text, cut, seed):
    codes = np.array(text)
    later = codes.copy()
    later[cut:] = np.random.default_rng(seed).integers(0, 3, len(codes) - cut)
    for list_groups in (list_contexts, list_selectors):
        groups = zip(
            list_groups(spell(codes), codes), list_groups(spell(later), later), strict=True
        )
        for one, other in groups:
            assert len(one) == len(codes)
            assert partition(one[: cut + 1]) == partition(other[: cut + 1])


@quick
@given(texts, st.integers(1, 3))
def test_followers_are_the_symbols_after_the_last_two_occurrences(text, order):
    found = find_followers(np.array(text), order)
    for position in range(order, len(text)):
        context = text[position - order : position]
        ends = [at for at in range(order, position) if text[at - order : at] == context]
        expected = [text[at] for at in ends[::-1][:2]]
        assert list(found[position]) == [*expected, -1, -1][:2]


@quick
@given(texts)
def test_a_match_is_a_passage_that_was_there_before_and_what_followed_it(text):
    characters = spell(text)
    expected, lengths = find_matches(characters, np.array(text), 3)
    for position, length in enumerate(lengths.tolist()):
        if not length:
            assert expected[position] == -1
            continue
        passage = characters[position - length : position]
        ends = [at for at in range(length, position) if characters[at - length : at] == passage]
        assert expected[position] in [text[at] for at in ends]


@quick
@given(numbers((3, 12), 4), seeds)
def test_nats_of_the_targets_alone_are_those_of_whole_distributions(logits, seed):
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    targets = np.random.default_rng(seed).integers(0, 4, len(log_p))
    alone = mean_nats(log_p[np.arange(len(log_p)), targets], 4)
    np.testing.assert_allclose(alone.value, negative_log_likelihood(log_p, targets).value)
    loss, accuracy = score_probabilities(np.exp(log_p), targets)
    assert accuracy == (log_p.argmax(axis=1) == targets).mean()
    if log_p[np.arange(len(log_p)), targets].min() > np.log(1e-7):
        np.testing.assert_allclose(loss, alone.value, rtol=1e-6)


@quick
@given(numbers((1, 4), 5, 6, 1))
def test_what_no_shift_changes_is_the_mean_of_itself(images):
    def total(views):
        assert views.shape == images.shape
        return views.sum(axis=(1, 2, 3), keepdims=True)

    inner = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))

    def total_inner(views):
        return views.sum(axis=(1, 2, 3))

    np.testing.assert_allclose(average_over_shifts(total_inner, inner), total_inner(inner))
    np.testing.assert_array_equal(average_over_shifts(total, images, 0), total(images))
