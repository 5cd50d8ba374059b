import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import precision_recall_curve

from etabli.core.errors import BadArray
from etabli.metrics.precision_recall import compute_precision_recall


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=1, max_size=30))
def test_the_curve_is_that_of_scikit_learn(rows):
    labels = np.array([1 if positive else -1 for positive, _score in [(True, 0), *rows]])
    scores = np.array([score / 5 for _positive, score in [(True, 3), *rows]])
    recall, precision = compute_precision_recall(labels, scores)
    expected, sensitivity, _thresholds = precision_recall_curve(labels == 1, scores)
    np.testing.assert_allclose(recall, sensitivity[:-1][::-1])
    np.testing.assert_allclose(precision, expected[:-1][::-1])


def test_difficult_labels_are_ignored():
    labels, scores = np.array([1, 0, -1]), np.array([0.9, 0.8, 0.1])
    recall, precision = compute_precision_recall(labels, scores)
    assert recall.tolist() == [1, 1]
    assert precision.tolist() == [1, 0.5]


def test_a_class_without_images_is_refused():
    with pytest.raises(BadArray, match="do not match"):
        compute_precision_recall(np.array([-1, -1]), np.array([0.1, 0.2]))
