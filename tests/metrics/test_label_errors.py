import numpy as np
import pytest

from etabli.core.errors import BadArray
from etabli.metrics.label_errors import count_confident_joint, find_label_errors


def slow_joint(labels, probabilities):
    """Equations 1 and 2 of Northcutt et al. 2021, image by image."""
    classes = probabilities.shape[1]
    thresholds = {
        j: sum(p[j] for y, p in zip(labels, probabilities, strict=True) if y == j)
        / sum(1 for y in labels if y == j)
        for j in set(labels.tolist())
    }
    joint, errors = np.zeros((classes, classes), int), []
    for index, (label, p) in enumerate(zip(labels, probabilities, strict=True)):
        reached = [j for j in thresholds if p[j] >= thresholds[j] - 1e-12]
        if reached:
            best = max(reached, key=lambda j: p[j])
            joint[label, best] += 1
            if best != label and p.max() > p[label]:
                errors.append((p.max() - p[label], index))
    return joint, [index for _margin, index in sorted(errors, reverse=True)]


@pytest.mark.parametrize("seed", range(5))
def test_errors_are_those_of_the_equations_written_out(seed):
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 4, 200)
    probabilities = generator.dirichlet([0.5] * 5, 200)
    joint, errors = slow_joint(labels, probabilities)
    np.testing.assert_array_equal(count_confident_joint(labels, probabilities), joint)
    assert find_label_errors(labels, probabilities).tolist() == errors


def test_certain_and_right_probabilities_give_no_error():
    labels = np.arange(9) % 3
    assert find_label_errors(labels, np.eye(3)[labels]).size == 0


def test_nothing_is_found_in_nothing():
    assert find_label_errors(np.zeros(0, int), np.zeros((0, 3))).size == 0


def test_labels_that_are_no_columns_are_refused():
    with pytest.raises(BadArray, match="do not match"):
        find_label_errors(np.array([0, 3]), np.full((2, 3), 1 / 3))
