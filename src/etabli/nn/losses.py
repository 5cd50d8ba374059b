"""Losses: ``loss, backprop = loss_function(prediction, target)``, the mean over N examples.

``target`` is one-hot, of shape (N, K): 1 at the label of the example and 0 elsewhere.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import DTypeLike

from etabli.core.errors import BadArray
from etabli.core.i18n import _

__all__ = ["cross_entropy", "one_hot", "softmax_cross_entropy"]

Backprop = Callable[[float], np.ndarray]


def one_hot(labels: np.ndarray, classes: int, dtype: DTypeLike = "float64") -> np.ndarray:
    """Return Y (N, classes), Y[i, c] = 1 if c is the label of example i, else 0, of labels (N,)."""
    labels = np.asarray(labels)
    if labels.size and (labels.min() < 0 or labels.max() >= classes):
        raise BadArray(
            _("a label is out of range"),
            expected=_("labels from 0 to {last}").format(last=classes - 1),
            got=_("labels from {low} to {high}").format(low=labels.min(), high=labels.max()),
        )
    target = np.zeros((len(labels), classes), dtype)
    target[np.arange(len(labels)), labels] = 1
    return target


def cross_entropy(probabilities: np.ndarray, target: np.ndarray) -> tuple[float, Backprop]:
    """Compute L = -1/N Σᵢ Σ_c y*_{c,i} log ŷ_{c,i}, with probabilities ŷ and targets y* (N, K)."""
    n = len(probabilities)
    tiny = np.finfo(probabilities.dtype).tiny  # log 0 would be infinite
    safe = np.maximum(probabilities, tiny)
    loss = -(target * np.log(safe)).sum() / n

    def backprop(dloss: float = 1.0) -> np.ndarray:
        return -dloss * target / safe / n  # dL/dŷ = -y* / ŷ / N

    return loss, backprop


def softmax_cross_entropy(logits: np.ndarray, target: np.ndarray) -> tuple[float, Backprop]:
    """Compute L = -1/N Σᵢ log softmax(zᵢ)[c*ᵢ] = 1/N Σᵢ (log Σⱼ e^{zⱼ} - z_{c*}), logits z (N, K).

    Softmax and cross-entropy in one step: the product of their Jacobians is Ŷ - Y*, without a
    division by a probability that may be tiny.
    """
    n = len(logits)
    shifted = logits - logits.max(axis=1, keepdims=True)
    exponential = np.exp(shifted)
    total = exponential.sum(axis=1, keepdims=True)
    loss = (np.log(total).sum() - (target * shifted).sum()) / n

    def backprop(dloss: float = 1.0) -> np.ndarray:
        return dloss * (exponential / total - target) / n  # dL/dz = (Ŷ - Y*) / N

    return loss, backprop
