import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from etabli.core.errors import BadArray, BadSetting
from etabli.metrics import average_precision as ap


def devkit(labels, scores):
    """VOCevalcls.m of 2007, line by line: difficult images are dropped, ties keep their order."""
    order = sorted(range(len(scores)), key=lambda row: -scores[row])
    hits, misses, recall, precision = 0, 0, [], []
    count = sum(label == 1 for label in labels)
    for row in order:
        if labels[row] == 0:
            continue
        hits, misses = hits + (labels[row] == 1), misses + (labels[row] == -1)
        recall.append(hits / count)
        precision.append(hits / (hits + misses))
    matlab = [0, 0.1, 0.2, 3 * 0.1, 0.4, 0.5, 0.6, 1 - 3 * 0.1, 0.8, 0.9, 1]
    return (
        sum(
            max((p for p, r in zip(precision, recall, strict=True) if r >= t), default=0)
            for t in matlab
        )
        / 11
    )


rankings = st.integers(2, 60).flatmap(
    lambda n: st.tuples(
        st.lists(st.sampled_from([-1, 0, 1]), min_size=n, max_size=n),
        st.lists(st.integers(0, 8).map(lambda k: k / 8), min_size=n, max_size=n),
    )
)


@settings(max_examples=200, deadline=None)
@given(rankings)
def test_both_rules_equal_their_references_on_scores_with_ties(ranking):
    labels, scores = map(np.array, ranking)
    kept = labels != 0
    if not (labels == 1).any():
        assert np.isnan(ap.average_precision(labels, scores))
        return
    area = ap.average_precision(labels, scores)
    assert area == pytest.approx(
        average_precision_score(labels[kept] == 1, scores[kept]), abs=1e-12
    )
    assert ap.average_precision(labels, scores, "11pt") == pytest.approx(
        devkit(labels, scores), abs=1e-12
    )
    hardened = np.where(labels == 0, -1, labels)
    for rule in ap.RULES:
        as_negative = ap.average_precision(labels, scores, rule, "negative")
        assert as_negative == ap.average_precision(hardened, scores, rule)


def test_a_perfect_ranking_has_ap_one_and_the_worst_its_known_value():
    labels = np.array([1, 1, -1, -1])
    for rule in ap.RULES:
        assert ap.average_precision(labels, np.array([4.0, 3, 2, 1]), rule) == pytest.approx(1)
    assert ap.average_precision(labels, np.array([1.0, 2, 3, 4])) == pytest.approx(
        (1 / 3 + 2 / 4) / 2
    )


def test_a_random_ranking_has_the_prevalence():
    generator = np.random.default_rng(0)
    labels = np.where(generator.random(20_000) < 0.2, 1, -1)
    assert ap.average_precision(labels, generator.random(20_000)) == pytest.approx(0.2, abs=0.01)


def test_a_class_without_a_positive_is_left_out_of_the_mean_and_the_recipe_says_so():
    labels = np.array([[1, -1], [-1, -1], [1, 0]])
    score = ap.mean_average_precision(labels, np.array([[3.0, 1], [1, 2], [2, 3]]))
    assert score.value == 1.0
    assert score.signature == "ap:area | difficult:ignored | n:3 | classes:1"
    named = ap.compute_scores(labels, np.ones((3, 2)), ["big dog", "cat"])
    assert "average_precision_big_dog" in named and "average_precision_cat" not in named
    with pytest.raises(BadArray, match="no class"):
        ap.mean_average_precision(-np.ones((3, 2), int), np.ones((3, 2)))


def test_saying_never_is_right_on_every_absent_object():
    labels = np.array([[1, -1, 0, -1], [-1, -1, -1, 1]])
    assert ap.element_accuracy(labels, np.zeros((2, 4))).value == 6 / 8


@pytest.mark.parametrize(
    ("labels", "scores", "options"),
    [
        ([1, -1], [0.1, 0.2, 0.3], {}),
        ([1, 2], [0.1, 0.2], {}),
        ([1, -1], [0.1, np.nan], {}),
    ],
)
def test_arrays_that_make_no_sense_are_refused(labels, scores, options):
    with pytest.raises(BadArray):
        ap.average_precision(np.array(labels), np.array(scores), **options)


def test_a_mistyped_rule_is_refused():
    for options in ({"rule": "12pt"}, {"difficult": "maybe"}):
        with pytest.raises(BadSetting):
            ap.average_precision(np.array([1, -1]), np.array([0.0, 1]), **options)


def test_the_standard_error_is_the_spread_of_test_sets_of_one_distribution():
    draws = np.random.default_rng(5)

    def listed():
        labels = np.where(draws.random((150, 3)) < 0.3, 1, -1)
        return labels, labels + draws.normal(scale=2.0, size=labels.shape)

    apart = np.std([ap.mean_average_precision(*listed()).value for _list in range(150)], ddof=1)
    estimated = np.mean(
        [ap.bootstrap_standard_error(*listed(), draws, resamples=60).value for _list in range(5)]
    )
    assert estimated == pytest.approx(apart, rel=0.3)


def test_the_area_equals_that_of_scikit_learn_to_the_last_digit():
    generator = np.random.default_rng(0)
    for count in (1, 7, 300):
        for scores in (generator.normal(size=count), generator.integers(0, 9, count) / 7):
            positive = generator.random(count) < 0.4
            positive[0] = True
            found = ap.average_precision(np.where(positive, 1, -1), scores)
            assert found == average_precision_score(positive, scores)
