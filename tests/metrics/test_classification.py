"""Scores of classifiers against scikit-learn, and their intervals against plain resampling."""

import numpy as np
import pytest
from scipy.special import softmax
from sklearn import metrics

from etabli.core.errors import BadArray
from etabli.metrics import average_precision as ap
from etabli.metrics import classification
from etabli.metrics.classification import score_exclusive, score_labels


def draw(n=300, k=7, seed=0, skill=1.5):
    generator = np.random.default_rng(seed)
    truth = generator.integers(k, size=n)
    logits = generator.normal(size=(n, k)) + skill * (truth[:, None] == np.arange(k))
    return truth, softmax(logits, axis=1), tuple(f"class {each}" for each in range(k))


def test_scores_of_exclusive_classes_are_those_of_scikit_learn():
    truth, probabilities, classes = draw()
    scores, by_class = score_exclusive(truth, probabilities, classes, np.random.default_rng(0))
    predicted = probabilities.argmax(1)
    expected = {
        "accuracy": metrics.accuracy_score(truth, predicted),
        "balanced_accuracy": metrics.balanced_accuracy_score(truth, predicted),
        "top_5_accuracy": metrics.top_k_accuracy_score(truth, probabilities, k=5),
        "macro_f1": metrics.f1_score(truth, predicted, average="macro"),
        "log_loss": metrics.log_loss(truth, probabilities),
    }
    assert list(scores) == [*expected, "calibration_error"]
    for name, value in expected.items():
        assert scores[name].value == pytest.approx(value, abs=1e-12), name
        assert scores[name].low < value < scores[name].high
    table = metrics.precision_recall_fscore_support(truth, predicted)
    for position, name in enumerate(("precision", "recall", "f1")):
        found = [by_class[each][name].value for each in classes]
        np.testing.assert_allclose(found, table[position], atol=1e-12)


def test_top_5_accuracy_exists_only_where_there_are_more_than_five_classes():
    scores, _by_class = score_exclusive(*draw(k=5), np.random.default_rng(0))
    assert "top_5_accuracy" not in scores


def test_the_calibration_error_is_the_mean_gap_of_confidence_and_accuracy_over_bins():
    truth, probabilities, classes = draw(n=500, k=3)
    scores, _by_class = score_exclusive(truth, probabilities, classes, np.random.default_rng(0))
    confidence, right = probabilities.max(1), probabilities.argmax(1) == truth
    total = 0.0
    for low in np.arange(15) / 15:
        inside = (confidence > low) & (confidence <= low + 1 / 15)
        total += abs(right[inside].sum() - confidence[inside].sum())
    assert scores["calibration_error"].value == pytest.approx(total / len(truth), abs=1e-12)


def test_probabilities_of_the_right_class_drawn_as_stated_are_calibrated():
    generator = np.random.default_rng(0)
    probabilities = generator.dirichlet(np.ones(3), size=20_000)
    truth = (generator.random((20_000, 1)) > probabilities.cumsum(1)).sum(1)
    scores, _ = score_exclusive(truth, probabilities, ("a", "b", "c"), generator, resamples=20)
    assert scores["calibration_error"].value < 0.01


def test_intervals_are_quantiles_over_test_sets_drawn_one_by_one():
    truth, probabilities, classes = draw(n=120, k=3)
    scores, by_class = score_exclusive(
        truth, probabilities, classes, np.random.default_rng(5), resamples=4000
    )
    generator, drawn = np.random.default_rng(6), []
    for _each in range(400):
        rows = generator.integers(len(truth), size=len(truth))
        guess = probabilities[rows].argmax(1)
        own = truth[rows] == 0
        drawn.append(
            (
                metrics.accuracy_score(truth[rows], guess),
                metrics.f1_score(truth[rows], guess, average="macro"),
                metrics.log_loss(truth[rows], probabilities[rows], labels=[0, 1, 2]),
                metrics.average_precision_score(own, probabilities[rows, 0]),
            )
        )
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    found = [scores[name] for name in ("accuracy", "macro_f1", "log_loss")]
    found.append(by_class["class 0"]["average_precision"])
    np.testing.assert_allclose([each.low for each in found], low, atol=0.03)
    np.testing.assert_allclose([each.high for each in found], high, atol=0.03)


def test_weights_of_one_give_the_average_precision_of_scikit_learn_with_ties():
    generator = np.random.default_rng(0)
    labels = generator.choice([-1, 0, 1], size=200, p=[0.6, 0.1, 0.3])
    ranks = generator.integers(0, 9, size=200) / 10
    weights = generator.integers(0, 4, size=(3, 200)).astype(float)
    found = classification._weighted_ap(weights, labels, ranks)
    known = labels != 0
    for row, value in zip(weights, found, strict=True):
        expected = metrics.average_precision_score(
            labels[known] == 1, ranks[known], sample_weight=row[known]
        )
        assert value == pytest.approx(expected, abs=1e-12)


def test_scores_of_several_labels_are_those_of_scikit_learn_without_difficult_ones():
    generator = np.random.default_rng(1)
    labels = generator.choice([-1, 0, 1], size=(250, 4), p=[0.6, 0.05, 0.35])
    probabilities = np.clip(0.5 + 0.2 * labels + 0.2 * generator.normal(size=labels.shape), 0, 1)
    thresholds = np.array([0.4, 0.5, 0.6, 0.5])
    scores, by_class = score_labels(labels, probabilities, thresholds, "abcd", generator)
    assert scores["mean_average_precision"].value == (
        ap.mean_average_precision(labels, probabilities).value
    )
    f1 = [
        metrics.f1_score(
            labels[labels[:, k] != 0, k] == 1, probabilities[labels[:, k] != 0, k] >= thresholds[k]
        )
        for k in range(4)
    ]
    assert scores["macro_f1"].value == pytest.approx(np.mean(f1), abs=1e-12)
    assert by_class["c"]["f1"].value == pytest.approx(f1[2], abs=1e-12)
    assert scores["macro_f1"].low < scores["macro_f1"].value < scores["macro_f1"].high


def test_a_few_images_all_of_them_right_do_not_give_an_interval_without_width():
    truth = np.array([0, 0, 1, 1])
    scores, by_class = score_exclusive(truth, np.eye(2)[truth], "ab", np.random.default_rng(0))
    accuracy = scores["accuracy"]
    assert (accuracy.value, accuracy.high) == (1.0, 1.0) and 0.4 < accuracy.low < 0.6
    assert by_class["a"]["recall"].low < 1 and "Wilson" in accuracy.signature


def test_the_order_of_classes_changes_no_score():
    truth, probabilities, classes = draw(k=6)
    order = np.random.default_rng(3).permutation(6)
    one, _ = score_exclusive(truth, probabilities, classes, np.random.default_rng(0))
    other, _ = score_exclusive(
        np.argsort(order)[truth],
        probabilities[:, order],
        [classes[k] for k in order],
        np.random.default_rng(0),
    )
    for name, score in one.items():
        assert score.value == pytest.approx(other[name].value, abs=1e-12)
        assert score.low == pytest.approx(other[name].low, abs=1e-9)


def test_a_class_without_images_is_left_out_of_means_and_has_no_recall():
    truth = np.array([0, 1, 1, 0, 1])
    probabilities = softmax(np.random.default_rng(0).normal(size=(5, 3)), axis=1)
    scores, by_class = score_exclusive(truth, probabilities, "abc", np.random.default_rng(0))
    guess = probabilities.argmax(1)
    expected = np.mean([(guess[truth == k] == k).mean() for k in (0, 1)])
    assert scores["balanced_accuracy"].value == pytest.approx(expected)
    assert np.isnan(by_class["c"]["recall"].value)


def test_shapes_that_differ_and_no_images_are_refused():
    with pytest.raises(BadArray, match="shape"):
        score_exclusive(np.zeros(3, int), np.ones((2, 2)), "ab", np.random.default_rng(0))
    with pytest.raises(BadArray):
        score_exclusive(np.zeros(0, int), np.ones((0, 2)), "ab", np.random.default_rng(0))
