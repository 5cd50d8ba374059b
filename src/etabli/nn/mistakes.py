"""Common mistakes in backpropagation, and the values that they give.

Each mistake is a sentence and the array that results from it; a wrong value is compared with each,
alone and times a constant factor.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from etabli.core.i18n import _, join_translatable
from etabli.nn.gradient_check import relative_error
from etabli.nn.layers import softmax

TOLERANCE = 1e-6
N, D, K, H = 7, 5, 4, 6  # all different, so that no factor or shape matches by chance

Mistakes = dict[str, np.ndarray]
"""What is wrong, in words -> the array that results from it."""
Slips = Callable[[], Iterable[tuple[str, np.ndarray]]]
"""Computes more of them; a sentence may occur several times."""


@dataclass(frozen=True)
class Problem:
    """A batch x (N, D), targets y (N, K), weights w, biases b, and the prediction ŷ (N, K)."""

    x: np.ndarray
    y: np.ndarray
    w: np.ndarray
    b: np.ndarray
    y_hat: np.ndarray

    @property
    def delta(self) -> np.ndarray:
        """Δ = Ŷ - Y, not yet divided by N."""
        return self.y_hat - self.y


@dataclass(frozen=True)
class MLPProblem(Problem):
    """A problem of the perceptron: w and b are those of the output layer, h (N, H) is hidden."""

    w_hidden: np.ndarray
    b_hidden: np.ndarray
    h: np.ndarray


def recognize_mistake(
    value: np.ndarray,
    right: np.ndarray,
    known: Mapping[str, np.ndarray],
    sizes: tuple[int, int] | None,
    slips: Slips | None = None,
    tolerance: float = TOLERANCE,
) -> str | None:
    """Describe a wrong value: a wrong factor, a known mistake, or both; ``None`` if none matches.

    Args:
        value: The wrong value.
        right: The expected value.
        known: Values of known mistakes by their description.
        sizes: N and K, from which wrong factors come; None where nothing is averaged.
        slips: Computes the values of further mistakes, which are compared without a factor.
        tolerance: The largest relative error of equal values.
    """
    for mistake, array in known.items():
        if _is_close(value, array, tolerance):
            return mistake
    factors = _list_factors(sizes)
    for mistake, array in {"": right, **known}.items():
        for factor, words in factors.items():
            if _is_close(value, factor * array, tolerance):
                return (
                    join_translatable("; ", (mistake, words))
                    if mistake and words
                    else (mistake or words)
                )
    for mistake, array in slips() if slips else []:
        if _is_close(value, array, tolerance):
            return mistake
    return _recognize_factor(value, right, sizes[0] if sizes else 0)


def _list_factors(sizes: tuple[int, int] | None) -> dict[float, str]:
    """Return what a wrong factor means."""
    factors = {1.0: "", -1.0: _("has the wrong sign")}
    if sizes is not None:
        n, k = sizes
        factors |= {
            float(n): _(
                'is missing the factor 1/N (a loss that is a sum is declared: LOSS = "sum")'
            ),
            1 / n: _("is divided by N once too often"),
            float(-n): _("has the wrong sign and is missing the factor 1/N"),
            -1 / n: _("has the wrong sign and is divided by N once too often"),
            float(k): _("is K times too large"),
            1 / k: _("is divided by K: the mean is over the N examples, not over the classes"),
        }
    return {
        **factors,
        2.0: _("is twice as large as it should be"),
        0.5: _("is half of what it should be"),
    }


def _recognize_factor(value: np.ndarray, right: np.ndarray, n: int) -> str | None:
    """Describe a value that is the expected one times any constant."""
    if right.size == 1 or not has_shape(value, right) or not right.any():
        return None
    factor = float((value.reshape(right.shape) * right).sum() / (right**2).sum())
    if abs(factor) < TOLERANCE or not _is_close(value, factor * right):
        return None
    divisor = n / factor
    if n and abs(divisor - round(divisor)) < TOLERANCE and divisor > 1:
        says = _("is divided by {m}, not by N = {n}: count the examples with len(batch)")
        return says.format(m=round(divisor), n=n)
    return _("is {factor:.4g} times the expected value").format(factor=factor)


def recognize_parameter(
    value: np.ndarray, right: np.ndarray, name: str, parameter: np.ndarray
) -> str | None:
    """Describe a gradient that is an updated parameter, or that has an additional L2 term."""
    if not has_shape(value, right):
        return None
    value = value.reshape(right.shape)
    for base, column, says in (
        (
            parameter,
            right,
            _("this is {name} after an update, not the gradient: return the gradient"),
        ),
        (
            right,
            parameter,
            _("contains an L2 term, {factor:.4g} times {name}: declare it (L2 = {l2})"),
        ),
    ):
        rest = value - base
        factor = float((rest * column).sum() / max((column**2).sum(), 1e-30))
        if abs(factor) > TOLERANCE and relative_error(rest, factor * column) < TOLERANCE:
            # l2 is formatted here: it is copied into code, where French has no decimal comma
            return says.format(name=name, factor=factor, l2=f"{factor:.4g}")
    return None


def _is_close(value: np.ndarray, array: np.ndarray, tolerance: float = TOLERANCE) -> bool:
    if not has_shape(value, array):
        return False
    value = value.reshape(array.shape)
    # The absolute bound is for arrays of zeros, whose relative error is 0 or 1.
    if not (np.isfinite(value).all() and np.isfinite(array).all()):
        return np.array_equal(value, array, equal_nan=True)
    if not array.size:
        return True
    return relative_error(value, array) < tolerance or bool(np.abs(value - array).max() < 1e-12)


def has_shape(value: np.ndarray, array: np.ndarray) -> bool:
    """Whether the shapes are equal; (K,) counts as (1, K), and one element as a number."""
    is_row = array.ndim > 1 and array.shape[0] == 1
    if array.ndim == 0:
        return value.size == 1
    return value.shape == array.shape or (is_row and value.shape == array.shape[1:])


def compute_prediction_mistakes(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> Mistakes:
    """Compute the results of mistakes in Ŷ = softmax(xW + b), with x (N, D)."""
    z = x @ w + b
    right = _softmax(z)
    return {
        _("the softmax is missing: these are the scores xW + b"): z,
        _("the bias is missing"): _softmax(x @ w),
        _("the softmax runs over the examples (axis=0), not over the classes (axis=1)"): _softmax(
            z.T
        ).T,
        _("each score goes through a sigmoid, not all together through a softmax"): 1
        / (1 + np.exp(-z)),
        _("the exponentials are not divided by their sum"): np.exp(z),
        _("the exponentials (less the maximum) are not divided by their sum"): np.exp(
            z - z.max(axis=1, keepdims=True)
        ),
        _("the exponentials are divided by their sum over the whole batch"): np.exp(z)
        / np.exp(z).sum(),
        _("the softmax is applied twice"): _softmax(right),
        _("this is the logarithm of the softmax"): np.log(right),
        _("it is transposed"): right.T,
        _("this is the most probable class, not its probabilities"): np.eye(z.shape[1])[
            z.argmax(axis=1)
        ],
    }


def compute_hidden_mistakes(problem: MLPProblem) -> Mistakes:
    """Compute the results of mistakes in H = σ(x W_h + b_h)."""
    u = problem.x @ problem.w_hidden + problem.b_hidden
    return {
        _("the sigmoid is missing: these are the sums xWh + bh"): u,
        _("the bias bh is missing"): 1 / (1 + np.exp(-problem.x @ problem.w_hidden)),
        _("the sigmoid has the wrong sign in its exponential"): 1 / (1 + np.exp(u)),
        _("this is tanh, not the sigmoid"): np.tanh(u),
        _("this is relu, not the sigmoid"): np.maximum(u, 0),
        _("this is a softmax, not the sigmoid"): _softmax(u),
        _("the sigmoid is applied twice"): 1 / (1 + np.exp(-problem.h)),
        _("it is transposed"): problem.h.T,
    }


def compute_weight_mistakes(inputs: np.ndarray, delta: np.ndarray, problem: Problem) -> Mistakes:
    """Compute the results of mistakes in dL/dW = inputsᵀ Δ / N."""
    n, y_hat, y = len(delta), problem.y_hat, problem.y
    return {
        _("it is transposed"): (inputs.T @ delta / n).T,
        _("Y is missing: the error is Y_hat - Y, not Y_hat"): inputs.T @ y_hat / n,
        _("Y_hat is missing: the error is Y_hat - Y, not Y"): inputs.T @ y / n,
        _(
            "the derivative of the softmax is applied once more; Y_hat - Y already contains it"
        ): inputs.T @ (delta * y_hat * (1 - y_hat)) / n,
        _("only the last example counts"): np.outer(inputs[-1], delta[-1]) / n,
        _("only the first example counts"): np.outer(inputs[0], delta[0]) / n,
        _("the absolute value of the error is taken"): inputs.T @ np.abs(delta) / n,
        _("the error is squared"): inputs.T @ delta**2 / n,
        **{words: inputs.T @ other / n for words, other in _compute_wrong_deltas(problem).items()},
    }


def compute_bias_mistakes(delta: np.ndarray, problem: Problem) -> Mistakes:
    """Compute the results of mistakes in dL/db = Σ Δ / N."""
    n, y_hat, y = len(delta), problem.y_hat, problem.y
    return {
        _("it is not summed over the examples"): delta / n,
        _("it is summed over the classes (axis=1), not over the examples (axis=0)"): delta.sum(
            axis=1
        )
        / n,
        _("it is summed over everything to one number"): np.asarray(delta.sum() / n),
        _("it is transposed"): delta.sum(axis=0)[:, None] / n,
        _("Y is missing: the error is Y_hat - Y, not Y_hat"): y_hat.sum(axis=0, keepdims=True) / n,
        _("Y_hat is missing: the error is Y_hat - Y, not Y"): y.sum(axis=0, keepdims=True) / n,
        _("the derivative of the softmax is applied once more; Y_hat - Y already contains it"): (
            delta * y_hat * (1 - y_hat)
        ).sum(axis=0, keepdims=True)
        / n,
        _("only the last example counts"): delta[-1:] / n,
        _("only the first example counts"): delta[:1] / n,
        _("it is zero: the bias would never be trained"): np.zeros((1, delta.shape[1])),
        **{
            words: other.sum(axis=0, keepdims=True) / n
            for words, other in _compute_wrong_deltas(problem).items()
        },
    }


def _compute_wrong_deltas(problem: Problem) -> Mistakes:
    """Compute dL/dz of other losses, and of wrong ways through the softmax."""
    y_hat, y, error = problem.y_hat, problem.y, 2 * problem.delta
    return {
        _("this is the gradient of the squared error, not of the cross-entropy"): y_hat
        * (error - (error * y_hat).sum(axis=1, keepdims=True)),
        _("this is the gradient with respect to Y_hat: that of the softmax is missing"): -y / y_hat,
        _("Y_hat is rounded to 0 or 1: use the probabilities"): (y_hat > 0.5) - y,
        _("Y_hat is replaced by its most probable class: use the probabilities"): np.eye(
            y.shape[1]
        )[y_hat.argmax(axis=1)]
        - y,
    }


def compute_hidden_weight_mistakes(problem: MLPProblem, is_relu: bool = False) -> Mistakes:
    """Compute the results of mistakes in dL/dW_h = xᵀ (Δ W_yᵀ ∘ H (1 - H)) / N."""
    x, n = problem.x, len(problem.x)
    right = problem.delta @ problem.w.T * problem.h * (1 - problem.h)
    named = {
        words: x.T @ delta / n for words, delta in _compute_hidden_deltas(problem, is_relu).items()
    }
    return {
        _("it is transposed"): (x.T @ right / n).T,
        **named,
        _("only the last example counts"): np.outer(x[-1], right[-1]) / n,
        _("only the first example counts"): np.outer(x[0], right[0]) / n,
    }


def compute_hidden_bias_mistakes(problem: MLPProblem, is_relu: bool = False) -> Mistakes:
    """Compute the results of mistakes in dL/db_h = Σ (Δ W_yᵀ ∘ H (1 - H)) / N."""
    n = len(problem.x)
    right = problem.delta @ problem.w.T * problem.h * (1 - problem.h)
    named = {
        words: delta.sum(axis=0, keepdims=True) / n
        for words, delta in _compute_hidden_deltas(problem, is_relu).items()
    }
    return {
        _("it is not summed over the examples"): right / n,
        _("it is summed over the units (axis=1), not over the examples (axis=0)"): right.sum(axis=1)
        / n,
        _("it is summed over everything to one number"): np.asarray(right.sum() / n),
        _("it is transposed"): right.sum(axis=0)[:, None] / n,
        **named,
        _("it is zero: the bias would never be trained"): np.zeros((1, right.shape[1])),
    }


def _compute_hidden_deltas(problem: MLPProblem, is_relu: bool) -> Mistakes:
    """Compute the results of mistakes in back-propagating Δ through the sigmoid layer."""
    h, back = problem.h, problem.delta @ problem.w.T
    u = problem.x @ problem.w_hidden + problem.b_hidden
    at_h = 1 / (1 + np.exp(-h))
    # With a sigmoid's H, all of it positive, the derivative of relu leaves everything as it is.
    forgotten = _("the derivative of the sigmoid, H(1 - H), is missing")
    if is_relu:
        forgotten = _("this is the derivative of relu (H > 0); that of the sigmoid is H(1 - H)")
    return {
        forgotten: back,
        _("the derivative of the sigmoid is H(1 - H), not H"): back * h,
        _("the derivative of the sigmoid is H(1 - H), not 1 - H"): back * (1 - h),
        _("the derivative of the sigmoid is applied twice"): back * (h * (1 - h)) ** 2,
        _("the sigmoid is applied to H before its derivative: H is already σ(u)"): back
        * at_h
        * (1 - at_h),
        _("this is the derivative of tanh, 1 - H²; that of the sigmoid is H(1 - H)"): back
        * (1 - h**2),
        _("this is the derivative of relu; that of the sigmoid is H(1 - H)"): back * (u > 0),
        _("Y is missing: the error is Y_hat - Y, not Y_hat"): problem.y_hat
        @ problem.w.T
        * h
        * (1 - h),
        _("Y_hat is missing: the error is Y_hat - Y, not Y"): problem.y @ problem.w.T * h * (1 - h),
    }


def _softmax(z: np.ndarray) -> np.ndarray:
    return softmax(z)[0]
