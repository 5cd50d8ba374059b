"""The usual mistakes in the gradients of practical 1, as the values that they give.

A catalogue maps what is wrong, in words, to the array that comes of it; ``recognised`` finds a value in it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from etabli.i18n import _
from etabli.nn.gradient_check import relative_error

__all__ = ["Mistakes", "Problem", "recognised"]

Mistakes = dict[str, np.ndarray]


@dataclass(frozen=True)
class Problem:
    """A batch x (N, D), its truth y (N, K), the parameters and the right prediction; h of the hidden layer, if any."""

    x: np.ndarray
    y: np.ndarray
    w: np.ndarray
    b: np.ndarray
    y_hat: np.ndarray
    w_hidden: np.ndarray | None = None
    b_hidden: np.ndarray | None = None
    h: np.ndarray | None = None

    @property
    def delta(self) -> np.ndarray:
        """Δ = Ŷ - Y, not yet divided by N."""
        return self.y_hat - self.y


def recognised(
    value: np.ndarray, right: np.ndarray, known: Mapping[str, np.ndarray], sizes: tuple[int, int]
) -> str | None:
    """The words for a wrong value: a factor too many, a known mistake, or both; ``None`` for one of its own.

    ``sizes`` are N and K.
    """
    n, k = sizes
    factors = {
        1.0: "",
        -1.0: _("has the wrong sign"),
        float(n): _("misses the factor 1/N"),
        1 / n: _("is divided by N once too often"),
        float(-n): _("has the wrong sign and misses the factor 1/N"),
        -1 / n: _("has the wrong sign and is divided by N once too often"),
        2.0: _("is twice too large"),
        0.5: _("is half of what it should be"),
        float(k): _("is K times too large"),
        1 / k: _("is divided by K: the mean is over the N examples, not over the classes"),
    }
    for mistake, array in {"": right, **known}.items():
        for factor, words in factors.items():
            if _fits(value, factor * array):
                return "; ".join(part for part in (mistake, words) if part)
    return None


def _fits(value: np.ndarray, array: np.ndarray) -> bool:
    array = np.asarray(array)
    flat = array.shape[0] == 1 and value.shape == array.shape[1:] if array.ndim > 1 else False
    if value.shape != array.shape and not flat:
        return False
    value = value.reshape(array.shape)
    return relative_error(value, array) < 1e-6 or bool(np.abs(value - array).max() < 1e-12)


def of_prediction(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> Mistakes:
    """Wrong ways from x (N, D) to Ŷ = softmax(xW + b)."""
    z = x @ w + b
    right = _softmax(z)
    return {
        _("the softmax is forgotten: these are the scores xW + b"): z,
        _("the bias is forgotten"): _softmax(x @ w),
        _("the softmax runs over the examples (axis=0), not over the classes (axis=1)"): _softmax(z.T).T,
        _("each score goes through a sigmoid, not all together through a softmax"): 1 / (1 + np.exp(-z)),
        _("the exponentials are not divided by their sum"): np.exp(z),
        _("the exponentials (less the maximum) are not divided by their sum"): np.exp(z - z.max(axis=1, keepdims=True)),
        _("the exponentials are divided by their sum over the whole batch"): np.exp(z) / np.exp(z).sum(),
        _("the softmax is applied twice"): _softmax(right),
        _("this is the logarithm of the softmax"): np.log(right),
        _("it is transposed"): right.T,
        _("this is the most probable class, not its probabilities"): np.eye(z.shape[1])[z.argmax(axis=1)],
    }


def of_hidden(problem: Problem) -> Mistakes:
    """Wrong ways to H = σ(x W_h + b_h)."""
    u = problem.x @ problem.w_hidden + problem.b_hidden
    return {
        _("the sigmoid is forgotten: these are the sums xWh + bh"): u,
        _("the bias bh is forgotten"): 1 / (1 + np.exp(-problem.x @ problem.w_hidden)),
        _("the sigmoid has the wrong sign in its exponential"): 1 / (1 + np.exp(u)),
        _("this is tanh, not the sigmoid"): np.tanh(u),
        _("this is relu, not the sigmoid"): np.maximum(u, 0),
        _("this is a softmax, not the sigmoid"): _softmax(u),
        _("the sigmoid is applied twice"): 1 / (1 + np.exp(-problem.h)),
        _("it is transposed"): problem.h.T,
    }


def of_weights(inputs: np.ndarray, delta: np.ndarray, problem: Problem) -> Mistakes:
    """Wrong ways to dL/dW = inputsᵀ Δ / N."""
    n, y_hat, y = len(delta), problem.y_hat, problem.y
    return {
        _("it is transposed"): (inputs.T @ delta / n).T,
        _("Y is forgotten: the error is Y_hat - Y, not Y_hat"): inputs.T @ y_hat / n,
        _("Y_hat is forgotten: the error is Y_hat - Y, not Y"): inputs.T @ y / n,
        _("the derivative of the softmax is applied once more; Y_hat - Y holds it already"): inputs.T
        @ (delta * y_hat * (1 - y_hat))
        / n,
        _("only the last example counts"): np.outer(inputs[-1], delta[-1]) / n,
        _("only the first example counts"): np.outer(inputs[0], delta[0]) / n,
        _("the absolute value of the error is taken"): inputs.T @ np.abs(delta) / n,
        _("the error is squared"): inputs.T @ delta**2 / n,
    }


def of_bias(delta: np.ndarray, problem: Problem) -> Mistakes:
    """Wrong ways to dL/db = Σ Δ / N."""
    n, y_hat, y = len(delta), problem.y_hat, problem.y
    return {
        _("it is not summed over the examples"): delta / n,
        _("it is summed over the classes (axis=1), not over the examples (axis=0)"): delta.sum(axis=1) / n,
        _("it is summed over everything to one number"): np.asarray(delta.sum() / n),
        _("it is transposed"): delta.sum(axis=0)[:, None] / n,
        _("Y is forgotten: the error is Y_hat - Y, not Y_hat"): y_hat.sum(axis=0, keepdims=True) / n,
        _("Y_hat is forgotten: the error is Y_hat - Y, not Y"): y.sum(axis=0, keepdims=True) / n,
        _("the derivative of the softmax is applied once more; Y_hat - Y holds it already"): (
            delta * y_hat * (1 - y_hat)
        ).sum(axis=0, keepdims=True)
        / n,
        _("only the last example counts"): delta[-1:] / n,
        _("only the first example counts"): delta[:1] / n,
        _("it is zero: the bias would never learn"): np.zeros((1, delta.shape[1])),
    }


def of_hidden_weights(problem: Problem) -> Mistakes:
    """Wrong ways to dL/dW_h = xᵀ (Δ W_yᵀ ∘ H (1 - H)) / N."""
    x, n = problem.x, len(problem.x)
    right = problem.delta @ problem.w.T * problem.h * (1 - problem.h)
    named = {words: x.T @ delta / n for words, delta in _hidden_deltas(problem).items()}
    return {
        _("it is transposed"): (x.T @ right / n).T,
        **named,
        _("only the last example counts"): np.outer(x[-1], right[-1]) / n,
        _("only the first example counts"): np.outer(x[0], right[0]) / n,
    }


def of_hidden_bias(problem: Problem) -> Mistakes:
    """Wrong ways to dL/db_h = Σ (Δ W_yᵀ ∘ H (1 - H)) / N."""
    n = len(problem.x)
    right = problem.delta @ problem.w.T * problem.h * (1 - problem.h)
    named = {words: delta.sum(axis=0, keepdims=True) / n for words, delta in _hidden_deltas(problem).items()}
    return {
        _("it is not summed over the examples"): right / n,
        _("it is summed over the units (axis=1), not over the examples (axis=0)"): right.sum(axis=1) / n,
        _("it is summed over everything to one number"): np.asarray(right.sum() / n),
        _("it is transposed"): right.sum(axis=0)[:, None] / n,
        **named,
        _("it is zero: the bias would never learn"): np.zeros((1, right.shape[1])),
    }


def _hidden_deltas(problem: Problem) -> Mistakes:
    """Wrong ways to bring the error back through the sigmoid layer."""
    h, back = problem.h, problem.delta @ problem.w.T
    u = problem.x @ problem.w_hidden + problem.b_hidden
    at_h = 1 / (1 + np.exp(-h))
    return {
        _("the derivative of the sigmoid, H(1 - H), is forgotten"): back,
        _("the derivative of the sigmoid is H(1 - H), not H"): back * h,
        _("the derivative of the sigmoid is H(1 - H), not 1 - H"): back * (1 - h),
        _("the derivative of the sigmoid is applied twice"): back * (h * (1 - h)) ** 2,
        _("the sigmoid is applied to H before its derivative: H is σ(u) already"): back * at_h * (1 - at_h),
        _("this is the derivative of tanh, 1 - H²; that of the sigmoid is H(1 - H)"): back * (1 - h**2),
        _("this is the derivative of relu; that of the sigmoid is H(1 - H)"): back * (u > 0),
        _("Y is forgotten: the error is Y_hat - Y, not Y_hat"): problem.y_hat @ problem.w.T * h * (1 - h),
    }


def _softmax(z: np.ndarray) -> np.ndarray:
    exponential = np.exp(z - z.max(axis=1, keepdims=True))
    return exponential / exponential.sum(axis=1, keepdims=True)
