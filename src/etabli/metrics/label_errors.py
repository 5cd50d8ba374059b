"""Probable label errors by confident learning, from probabilities of models that did not see them.

Northcutt, Jiang, Chuang 2021, Confident learning: estimating uncertainty in dataset labels. The
threshold of a class is the mean probability of that class over the images labeled with it (equation
2); an image counts as class j where j is the most probable of the classes at or above their
thresholds (equation 1). The counts of labels against such classes are the confident joint.
"""

import numpy as np

from etabli.core.errors import BadArray
from etabli.core.i18n import _

__all__ = ["count_confident_joint", "find_label_errors"]


def count_confident_joint(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return (K, K) counts: images labeled i that are confidently of class j.

    Raises ``BadArray`` where the labels (N,) are not columns of the probabilities (N, K).
    """
    labels, probabilities = _check(labels, probabilities)
    found, classes = _find_confident_classes(labels, probabilities), probabilities.shape[1]
    cells = (labels * classes + found)[found >= 0]
    return np.bincount(cells, minlength=classes**2).reshape(classes, classes)


def find_label_errors(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return the images whose label is probably wrong, the most certain first.

    They are the off-diagonal images of the confident joint whose most probable class is not their
    label, ordered by p(most probable class) - p(label).

    Args:
        labels: Class index (N,) of each image.
        probabilities: (N, K), of models that were not trained on the image.

    Raises:
        BadArray: The labels are not columns of the probabilities.
    """
    labels, probabilities = _check(labels, probabilities)
    found = _find_confident_classes(labels, probabilities)
    given = probabilities[np.arange(len(labels)), labels]
    margins = probabilities.max(axis=1, initial=0) - given
    is_error = (found >= 0) & (found != labels) & (margins > 0)
    order = np.argsort(-margins, kind="stable")
    return order[is_error[order]]


def _check(labels: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    labels, probabilities = np.asarray(labels), np.asarray(probabilities, np.float64)
    fits = probabilities.ndim == 2 and labels.shape == probabilities.shape[:1]
    if not fits or (len(labels) and not 0 <= labels.min() <= labels.max() < probabilities.shape[1]):
        raise BadArray(
            _("labels and probabilities do not match"),
            expected="(N,), (N, K)",
            got=(labels.shape, probabilities.shape),
        )
    return labels, probabilities


def _find_confident_classes(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return the class (N,) that each image confidently belongs to, -1 for none."""
    counts = np.bincount(labels, minlength=probabilities.shape[1])
    own = probabilities[np.arange(len(labels)), labels]
    sums = np.bincount(labels, weights=own, minlength=len(counts))
    # A class that no image is labeled with has no threshold: nothing is confidently of it.
    thresholds = np.where(counts > 0, sums / np.maximum(counts, 1), np.inf)
    reached = np.where(probabilities >= thresholds - 1e-12, probabilities, -np.inf)
    best = reached.argmax(axis=1) if len(labels) else np.zeros(0, int)
    return np.where(np.isfinite(reached[np.arange(len(labels)), best]), best, -1)
