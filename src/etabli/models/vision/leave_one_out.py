"""Probabilities of images by a linear classifier that has not seen them, in closed form.

Regularized least squares on the labels (+1, -1): with the singular values s and vectors U of the
standardized features, H = U diag(s^2 / (s^2 + c)) U', the score of image i by the classifier of
all others is y_i - (y_i - (Hy)_i) / (1 - H_ii). Rifkin, Lippert 2007, Notes on regularized least
squares, section 3. So one decomposition replaces as many trainings as there are images.
"""

import numpy as np
from scipy.optimize import minimize, minimize_scalar
from scipy.special import expit, log_softmax, softmax
from threadpoolctl import threadpool_limits

from etabli.core.errors import BadArray
from etabli.core.i18n import _

__all__ = ["compute_scores", "predict_exclusive", "predict_multilabel"]

_GRID = (0.1, 0.3, 1.0, 3.0, 10.0)  # c, as a multiple of the mean of s^2


def compute_scores(features: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return scores (N, K) of every image by the classifier that was fitted on all others.

    The regularization is the one with the smallest squared error on the images left out.

    Args:
        features: (N, D).
        targets: (N, K), +1, -1, or 0 where nothing is known.

    Raises:
        BadArray: The arrays do not match, or there are fewer than three images.
    """
    features, targets = np.asarray(features, np.float32), np.asarray(targets, np.float64)
    if features.ndim != 2 or targets.shape[:1] != features.shape[:1] or len(features) < 3:
        raise BadArray(
            _("features and labels do not match"),
            expected="(N, D), (N, K), N > 2",
            got=(features.shape, targets.shape),
        )
    z = (features - features.mean(0)) / (features.std(0) + 1e-6)
    vectors, squares = _decompose(z)
    aligned = vectors.T @ (targets - targets.mean(0))
    best, least = targets, np.inf
    for multiple in _GRID:
        # Constant features leave no singular value: the score is the mean of the other labels.
        shrink = squares / (squares + multiple * squares.sum() / max(1, len(squares)))
        fitted = vectors @ (shrink[:, None] * aligned) + targets.mean(0)
        leverage = np.minimum((vectors**2) @ shrink + 1 / len(z), 1 - 1e-6)
        error = (targets - fitted) / (1 - leverage[:, None])
        loss = float((error**2)[targets != 0].mean())
        if loss < least:
            best, least = targets - error, loss
    return best


def predict_exclusive(features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the probabilities (N, K) of exclusive classes, each by the classifier of the others.

    They are the softmax of the scores times the factor with the highest likelihood.

    Args:
        features: (N, D).
        labels: (N, K), 1 in one column of each row.
    """
    scores = compute_scores(features, np.where(labels == 1, 1, -1))

    def loss(log_factor: float) -> float:
        return -float(log_softmax(np.exp(log_factor) * scores, axis=1)[labels == 1].mean())

    found = minimize_scalar(loss, bounds=(-3, 4), method="bounded")
    return softmax(np.exp(found.x) * scores, axis=1)


def predict_multilabel(features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the probabilities (N, K) of each class, by the classifier of the other images.

    They are sigmoids of the scores, with the slope and offset of the highest likelihood for each
    class (Platt 1999, Probabilistic outputs for support vector machines).

    Args:
        features: (N, D).
        labels: (N, K), 1 present, 0 difficult, -1 absent.
    """
    scores = compute_scores(features, labels)
    return np.stack(
        [_calibrate(*pair) for pair in zip(scores.T, np.asarray(labels).T, strict=True)], axis=1
    )


def _calibrate(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    known, signs = labels != 0, labels[labels != 0]

    def loss(line: np.ndarray) -> float:
        return float(np.logaddexp(0, -signs * (line[0] * scores[known] + line[1])).mean())

    slope, offset = minimize(loss, np.array([2.0, 0.0]), bounds=[(0, 50), (-20, 20)]).x
    return expit(slope * scores + offset)


def _decompose(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the left singular vectors (N, R) of ``z`` and its squared singular values (R,)."""
    is_tall = z.shape[0] > z.shape[1]
    gram = z.T @ z if is_tall else z @ z.T
    with threadpool_limits(1):  # more threads wait for each other, and take ten times as long
        squares, vectors = np.linalg.eigh(gram)
    kept = squares > squares[-1] * 1e-6
    squares, vectors = squares[kept].astype(np.float64), vectors[:, kept]
    if is_tall:
        vectors = z @ vectors / np.sqrt(squares).astype(np.float32)
    return vectors.astype(np.float64), squares
