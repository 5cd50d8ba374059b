import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etabli.core.errors import BadArray, BadSetting
from etabli.models.text.ngram import cross_predict, kneser_ney, witten_bell

CODES = np.random.default_rng(0).choice(5, size=400, p=[0.4, 0.3, 0.2, 0.06, 0.04])
CODES.setflags(write=False)


def slow_witten_bell(codes, vocabulary, context, history):
    """The recursion of the definition, one context at a time."""
    p = np.full(vocabulary, 1 / vocabulary)
    for k in range(context + 1):
        h = list(history[len(history) - k :])
        followed = np.zeros(vocabulary)
        for i in range(k, len(codes)):
            if list(codes[i - k : i]) == h:
                followed[codes[i]] += 1
        if followed.sum() == 0 or len(h) < k:
            return p
        kinds = (followed > 0).sum()
        p = (followed + kinds * p) / (followed.sum() + kinds)
    return p


def slow_kneser_ney(codes, vocabulary, context, history):
    grams = [
        [tuple(codes[i - k : i + 1]) for i in range(k, len(codes))] for k in range(context + 1)
    ]
    p = np.full(vocabulary, 1 / vocabulary)
    for k in range(context + 1):
        source = grams[k] if k == context else [gram[1:] for gram in set(grams[k + 1])]
        counts = {gram: source.count(gram) for gram in set(source)}
        n = [sum(count == size for count in counts.values()) for size in (1, 2, 3, 4)]
        y = n[0] / (n[0] + 2 * n[1]) if n[0] and n[1] else None
        discounts = [0.5, 0.75, 0.75]
        if y is not None:
            raw = [s - (s + 1) * y * n[s] / n[s - 1] if n[s - 1] else y for s in (1, 2, 3)]
            discounts = [min(max(d, 0.05), s - 0.05) for s, d in zip((1, 2, 3), raw, strict=True)]
        h = tuple(history[len(history) - k :])
        followed = np.array([counts.get((*h, w), 0) for w in range(vocabulary)])
        if followed.sum() == 0:
            continue
        taken = np.array([[0, *discounts][min(c, 3)] for c in followed])
        p = (followed - taken) / followed.sum() + taken.sum() / followed.sum() * p
    return p


@pytest.mark.parametrize("context", [0, 1, 3])
@pytest.mark.parametrize(
    ("fast", "slow"), [(witten_bell, slow_witten_bell), (kneser_ney, slow_kneser_ney)]
)
def test_the_vectorised_model_is_its_definition(fast, slow, context):
    held_out = np.array([0, 1, 2, 0, 0, 4, 3, 3, 1, 0])
    log_p = fast(CODES, 5, context).log_probabilities(held_out, 3)
    for row, position in zip(log_p, range(3, 11), strict=True):
        np.testing.assert_allclose(
            np.exp(row), slow(CODES, 5, context, held_out[:position]), atol=1e-12
        )


@pytest.mark.parametrize("fit", [witten_bell, kneser_ney])
@given(codes=st.lists(st.integers(0, 6), min_size=8, max_size=60), context=st.integers(0, 6))
def test_probabilities_are_positive_and_sum_to_one(fit, codes, context):
    log_p = fit(np.array(codes), 8, context).log_probabilities(np.array([7, *codes, 7]))
    np.testing.assert_allclose(np.exp(log_p).sum(1), 1)
    assert (log_p > -np.inf).all()


@pytest.mark.parametrize("fit", [witten_bell, kneser_ney])
def test_the_counts_see_only_the_training_text(fit):
    model = fit(CODES[:300], 5, 3)
    changed = CODES.copy()
    changed[390:] = 0
    np.testing.assert_array_equal(
        model.log_probabilities(CODES, 300, 390), model.log_probabilities(changed, 300, 390)
    )


def test_a_held_out_part_is_predicted_from_the_other_parts_alone():
    log_p = cross_predict(CODES, 5, 2, folds=4)
    assert log_p.shape == (400, 5)
    expected = kneser_ney(np.concatenate([CODES[:100], CODES[200:]]), 5, 2).log_probabilities(
        CODES, 100, 200
    )
    np.testing.assert_array_equal(log_p[100:200], expected)


def test_a_deterministic_text_is_learned_by_its_context():
    model = kneser_ney(np.tile([0, 1, 2, 1], 200), 3, 2)
    assert np.exp(model.log_probabilities(np.array([0, 1])))[-1].argmax() == 2
    assert np.exp(model.log_probabilities(np.array([2, 1])))[-1].argmax() == 0


def test_long_ranges_are_answered_in_chunks():
    codes = np.tile(CODES, 30)
    model = witten_bell(CODES, 5, 2)
    whole = model.log_probabilities(codes)
    assert whole.shape == (12_001, 5)
    np.testing.assert_array_equal(whole[9000:9005], model.log_probabilities(codes, 9000, 9005))


def test_many_contexts_at_once_are_read_each_by_itself():
    model = kneser_ney(CODES, 5, 3)
    for length in (1, 3, 6):
        contexts = np.stack([CODES[start : start + length] for start in (0, 7, 40)])
        each = [model.log_probabilities(row, length, length + 1)[0] for row in contexts]
        np.testing.assert_array_equal(model.next_log_probabilities(contexts), np.stack(each))


def test_one_distinct_symbol_is_certain():
    assert np.exp(
        kneser_ney(np.zeros(50, int), 1, 3).log_probabilities(np.zeros(4, int))
    ) == pytest.approx(1)


@pytest.mark.parametrize("codes", [[], [0, 1], [0, 1, 2, 9], [0, -1, 2, 1]])
def test_codes_that_cannot_be_counted_are_refused(codes):
    with pytest.raises(BadArray, match="cannot be counted"):
        witten_bell(np.array(codes, dtype=int), 5, 3)


def test_a_negative_context_is_refused():
    with pytest.raises(BadSetting, match="context"):
        kneser_ney(CODES, 5, -1)


@pytest.mark.full
@pytest.mark.parametrize(
    ("fit", "context", "accuracy", "nats"),
    [(witten_bell, 5, 0.521, 1.703), (witten_bell, 4, 0.514, 1.643), (kneser_ney, 6, 0.526, 1.546)],
)
def test_the_known_figures_on_les_fleurs_du_mal(full_data, fit, context, accuracy, nats):
    """Known figures of this split: 0.2 points and 0.01 nats (practical 4's issue)."""
    from etabli.data.formats import text

    poems = text.read(full_data / "fleurs_du_mal" / "fleurs_mal.txt", text.FLEURS_DU_MAL)
    boundary, targets = poems.boundary(), poems.codes[poems.boundary() :]
    log_p = fit(poems.codes[:boundary], 60, context).log_probabilities(
        poems.codes, boundary, len(poems.codes)
    )
    assert (log_p.argmax(1) == targets).mean() == pytest.approx(accuracy, abs=0.002)
    assert -log_p[np.arange(len(targets)), targets].mean() == pytest.approx(nats, abs=0.01)
