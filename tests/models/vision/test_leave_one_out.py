import numpy as np
import pytest
from sklearn.linear_model import Ridge

from etabli.core.errors import BadArray
from etabli.metrics.label_errors import find_label_errors
from etabli.models.vision import leave_one_out


@pytest.mark.parametrize("shape", [(30, 6), (14, 40)])
def test_scores_are_those_of_a_ridge_regression_without_each_image(shape, monkeypatch):
    generator = np.random.default_rng(0)
    features = generator.normal(size=shape).astype(np.float32)
    targets = np.where(generator.random((shape[0], 3)) < 0.4, 1, -1)
    monkeypatch.setattr(leave_one_out, "_GRID", (0.7,))
    scores = leave_one_out.compute_scores(features, targets)
    # standardized over all images; the mean is a column without penalty
    z = (features - features.mean(0)) / (features.std(0) + 1e-6)
    squares = np.linalg.svd(z, compute_uv=False) ** 2
    penalty = 0.7 * squares[squares > squares[0] * 1e-6].mean()
    for row in range(len(z)):
        rest = np.arange(len(z)) != row
        model = Ridge(alpha=penalty).fit(z[rest], targets[rest])
        np.testing.assert_allclose(scores[row], model.predict(z[row : row + 1])[0], atol=1e-3)


def plant(classes, count=300, seed=0):
    """Return separable features, their classes, and labels of which a tenth are changed."""
    generator = np.random.default_rng(seed)
    true = generator.integers(0, classes, count)
    centers = generator.normal(size=(classes, 20)) * 1.5
    features = centers[true] + generator.normal(size=(count, 20))
    changed = generator.permutation(count)[: count // 10]
    labels = true.copy()
    labels[changed] = (labels[changed] + generator.integers(1, classes, len(changed))) % classes
    return features, labels, changed


def test_changed_labels_are_found():
    features, labels, changed = plant(4)
    one_hot = np.where(np.eye(4)[labels] > 0, 1, -1)
    probabilities = leave_one_out.predict_exclusive(features, one_hot)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    found = find_label_errors(labels, probabilities)
    hits = np.isin(found, changed).sum()
    assert hits / len(found) >= 0.8
    assert hits / len(changed) >= 0.8


def test_probabilities_of_several_labels_are_calibrated():
    features, labels, _changed = plant(3)
    several = np.where(np.eye(3)[labels] > 0, 1, -1)
    probabilities = leave_one_out.predict_multilabel(features, several)
    np.testing.assert_allclose(probabilities.mean(0), (several == 1).mean(0), atol=0.02)


def test_arrays_that_do_not_match_are_refused():
    with pytest.raises(BadArray, match="do not match"):
        leave_one_out.compute_scores(np.zeros((4, 2)), np.zeros((3, 2)))
