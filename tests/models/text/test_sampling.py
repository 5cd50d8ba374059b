import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from etabli.core.errors import BadArray, BadSetting
from etabli.models.text.sampling import (
    Decoding,
    apply_temperature,
    entropy,
    keep_nucleus,
    keep_top_k,
    penalize_repetition,
    sample,
)

SHARES = np.array([0.5, 0.2, 0.15, 0.1, 0.05])
LOG_P = np.log(SHARES)
LOG_P.setflags(write=False)

log_rows = st.lists(st.floats(-50, 50), min_size=2, max_size=12).map(np.array)
temperatures = st.floats(1e-3, 1e3)


@given(log_rows, temperatures)
def test_temperature_is_the_formula_of_the_report(log_p, temperature):
    log_p = log_p - np.log(np.exp(log_p).sum())
    scaled = np.exp(log_p / temperature - (log_p / temperature).max())
    np.testing.assert_allclose(
        np.exp(apply_temperature(log_p, temperature)), scaled / scaled.sum(), atol=1e-12
    )


def test_a_temperature_of_one_changes_nothing():
    np.testing.assert_allclose(apply_temperature(LOG_P, 1.0), LOG_P, atol=1e-12)


@pytest.mark.parametrize("temperature", [0.001, 1e-300])
def test_a_temperature_near_zero_is_the_argmax(temperature):
    np.testing.assert_allclose(
        np.exp(apply_temperature(LOG_P, temperature)), [1, 0, 0, 0, 0], atol=1e-12
    )


def test_equally_likely_symbols_share_at_a_temperature_near_zero():
    np.testing.assert_allclose(
        np.exp(apply_temperature(np.log([0.4, 0.4, 0.2]), 0.001)), [0.5, 0.5, 0], atol=1e-12
    )


def test_a_large_temperature_is_nearly_uniform():
    np.testing.assert_allclose(np.exp(apply_temperature(LOG_P, 1000.0)), 0.2, atol=1e-3)


def test_no_overflow_for_extreme_logits():
    out = apply_temperature(np.array([1e5, -1e5, 0.0]), 0.001)
    assert out[0] == 0 and not np.isnan(out).any()


def test_an_impossible_symbol_stays_impossible_at_any_temperature():
    assert np.exp(apply_temperature(np.array([-0.7, -0.7, -np.inf]), 1000.0))[2] == 0


@given(log_rows, temperatures, temperatures)
def test_entropy_grows_with_temperature(log_p, one, other):
    low, high = sorted([one, other])
    assert entropy(apply_temperature(log_p, low)) <= entropy(apply_temperature(log_p, high)) + 1e-9


@pytest.mark.parametrize("temperature", [0, -1, np.nan, np.inf])
def test_a_temperature_that_is_not_above_zero_is_refused(temperature):
    with pytest.raises(BadSetting, match="temperature"):
        apply_temperature(LOG_P, temperature)
    with pytest.raises(BadSetting, match="temperature"):
        Decoding(temperature=temperature)


def test_top_k_keeps_the_k_likeliest_and_their_proportions():
    np.testing.assert_allclose(np.exp(keep_top_k(LOG_P, 2)), np.array([5, 2, 0, 0, 0]) / 7)


def test_top_k_beyond_the_vocabulary_keeps_all():
    np.testing.assert_allclose(keep_top_k(LOG_P, 99), LOG_P)


def test_top_1_is_greedy():
    out = keep_top_k(np.stack([LOG_P, LOG_P[::-1]]), 1)
    np.testing.assert_array_equal(np.exp(out).argmax(-1), [0, 4])
    np.testing.assert_allclose(np.exp(out).max(-1), 1)


@pytest.mark.parametrize(
    ("share", "kept"), [(0.4, 1), (0.5, 1), (0.6, 2), (0.7, 2), (0.85, 3), (1.0, 5)]
)
def test_the_nucleus_is_the_smallest_set_that_reaches_the_share(share, kept):
    assert (keep_nucleus(LOG_P, share) > -np.inf).sum() == kept


@given(log_rows, st.floats(0.01, 1))
def test_the_nucleus_holds_the_share_and_sums_to_one(log_p, share):
    log_p = apply_temperature(log_p, 1.0)
    out = keep_nucleus(log_p, share)
    kept = out > -np.inf
    assert np.exp(log_p[kept]).sum() >= share - 1e-9
    assert np.exp(out).sum() == pytest.approx(1)
    assert kept[log_p.argmax()]


def test_the_nucleus_does_not_depend_on_the_order_of_the_symbols():
    shuffled = [3, 0, 4, 1, 2]
    np.testing.assert_allclose(
        keep_nucleus(LOG_P[shuffled], 0.8), keep_nucleus(LOG_P, 0.8)[shuffled]
    )


def test_the_repetition_penalty_lowers_only_what_was_written():
    out = np.exp(penalize_repetition(LOG_P, [0, 0, 2], 2.0))
    expected = SHARES ** np.array([2, 1, 2, 1, 1])
    np.testing.assert_allclose(out, expected / expected.sum())


def test_a_penalty_of_higher_order_lowers_what_would_repeat_a_run():
    out = np.exp(penalize_repetition(LOG_P, [1, 2, 3, 4, 1, 2], 3.0, order=3))
    expected = SHARES ** np.array([1, 1, 1, 3, 1])
    np.testing.assert_allclose(out, expected / expected.sum())


def test_a_short_history_repeats_no_long_run():
    np.testing.assert_allclose(penalize_repetition(LOG_P, [1], 3.0, order=4), LOG_P)


def test_sampling_frequencies_agree_with_the_probabilities():
    draws = sample(np.tile(LOG_P, (20_000, 1)), np.random.default_rng(0))
    assert chisquare(np.bincount(draws, minlength=5), SHARES * len(draws)).pvalue > 0.001


def test_an_impossible_symbol_is_never_drawn():
    log_p = np.array([-np.inf, 0, -np.inf])
    assert set(sample(np.tile(log_p, (1000, 1)), np.random.default_rng(1))) == {1}


def test_the_same_seed_gives_the_same_choices():
    rows = np.tile(LOG_P, (50, 1))
    one, other = (
        Decoding(0.8, top_p=0.9).choose(rows, [()] * 50, np.random.default_rng(3)) for _ in range(2)
    )
    np.testing.assert_array_equal(one, other)


def test_each_row_has_its_own_history():
    rows = np.log(np.array([[0.5, 0.5], [0.5, 0.5]]))
    chosen = Decoding(repetition_penalty=1e4).choose(rows, [[0], [1]], np.random.default_rng(0))
    np.testing.assert_array_equal(chosen, [1, 0])


def test_entropy_of_the_uniform_distribution_is_ln_v():
    assert entropy(np.zeros(60)) == pytest.approx(np.log(60))
    assert entropy(np.array([0.0, -np.inf])) == 0


@pytest.mark.parametrize(
    "settings",
    [
        {"top_k": 0},
        {"top_k": 1.5},
        {"top_p": 0},
        {"top_p": 1.1},
        {"repetition_penalty": 0},
        {"repetition_order": 0},
    ],
)
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(BadSetting, match=next(iter(settings))):
        Decoding(**settings)


@pytest.mark.parametrize(
    "rows", [np.full(3, -np.inf), np.full(3, np.nan), np.empty((2, 0)), np.array(0.0)]
)
def test_rows_without_a_possible_symbol_are_refused(rows):
    with pytest.raises(BadArray, match="no symbol has"):
        sample(rows, np.random.default_rng(0))
