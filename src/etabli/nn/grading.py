"""Grading of ``forward`` and ``backward`` functions: which value is wrong, and how.

Softmax regression: ``forward(batch, W, b)`` -> Ŷ, ``backward(batch, Y_hat, Y, W, b)`` ->
(grad_W, grad_b). Perceptron: ``forward_mlp(batch, Wh, bh, Wy, by)`` -> (Ŷ, H),
``backward_mlp(batch, Y_hat, Y, H, Wh, bh, Wy, by)`` -> (grad_Wh, grad_bh, grad_Wy, grad_by).
Biases have shape (1, K); their gradients may be (1, K) or (K,).

The expected gradients are finite differences of the loss. A wrong value is compared with the values
that common mistakes give: each mistake alone, and each mistake times a constant factor.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from etabli.core.i18n import _
from etabli.nn.gradient_check import numerical_gradient, relative_error
from etabli.nn.layers import linear, sigmoid, softmax
from etabli.nn.losses import one_hot, softmax_cross_entropy

__all__ = [
    "Finding",
    "Mistakes",
    "Problem",
    "grade_mlp",
    "grade_softmax_regression",
    "recognize_mistake",
]

TOLERANCE = 1e-6
N, D, K, H = 7, 5, 4, 6  # all different, so that no factor or shape matches by chance

Mistakes = dict[str, np.ndarray]
"""What is wrong, in words -> the array that results from it."""


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
    value: np.ndarray, right: np.ndarray, known: Mapping[str, np.ndarray], sizes: tuple[int, int]
) -> str | None:
    """Describe a wrong value: a wrong factor, a known mistake, or both; ``None`` if none matches.

    Args:
        value: The wrong value.
        right: The expected value.
        known: Values of known mistakes by their description.
        sizes: N and K, from which wrong factors come.
    """
    n, k = sizes
    factors = {
        1.0: "",
        -1.0: _("has the wrong sign"),
        float(n): _("is missing the factor 1/N"),
        1 / n: _("is divided by N once too often"),
        float(-n): _("has the wrong sign and is missing the factor 1/N"),
        -1 / n: _("has the wrong sign and is divided by N once too often"),
        2.0: _("is twice as large as it should be"),
        0.5: _("is half of what it should be"),
        float(k): _("is K times too large"),
        1 / k: _("is divided by K: the mean is over the N examples, not over the classes"),
    }
    for mistake, array in {"": right, **known}.items():
        for factor, words in factors.items():
            if _is_close(value, factor * array):
                return "; ".join(part for part in (mistake, words) if part)
    return None


def _is_close(value: np.ndarray, array: np.ndarray) -> bool:
    if not _has_shape(value, array):
        return False
    value = value.reshape(array.shape)
    # The absolute bound is for arrays of zeros, whose relative error is 0 or 1.
    return relative_error(value, array) < TOLERANCE or bool(np.abs(value - array).max() < 1e-12)


def _has_shape(value: np.ndarray, array: np.ndarray) -> bool:
    """Whether the shapes are equal; (K,) counts as (1, K)."""
    is_row = array.ndim > 1 and array.shape[0] == 1
    return value.shape == array.shape or (is_row and value.shape == array.shape[1:])


def compute_prediction_mistakes(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> Mistakes:
    """Compute the results of mistakes in Ŷ = softmax(xW + b), with x (N, D)."""
    z = x @ w + b
    right = _softmax(z)
    return {
        _("the softmax is forgotten: these are the scores xW + b"): z,
        _("the bias is forgotten"): _softmax(x @ w),
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
        _("the sigmoid is forgotten: these are the sums xWh + bh"): u,
        _("the bias bh is forgotten"): 1 / (1 + np.exp(-problem.x @ problem.w_hidden)),
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
        _("Y is forgotten: the error is Y_hat - Y, not Y_hat"): inputs.T @ y_hat / n,
        _("Y_hat is forgotten: the error is Y_hat - Y, not Y"): inputs.T @ y / n,
        _(
            "the derivative of the softmax is applied once more; Y_hat - Y already contains it"
        ): inputs.T @ (delta * y_hat * (1 - y_hat)) / n,
        _("only the last example counts"): np.outer(inputs[-1], delta[-1]) / n,
        _("only the first example counts"): np.outer(inputs[0], delta[0]) / n,
        _("the absolute value of the error is taken"): inputs.T @ np.abs(delta) / n,
        _("the error is squared"): inputs.T @ delta**2 / n,
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
        _("Y is forgotten: the error is Y_hat - Y, not Y_hat"): y_hat.sum(axis=0, keepdims=True)
        / n,
        _("Y_hat is forgotten: the error is Y_hat - Y, not Y"): y.sum(axis=0, keepdims=True) / n,
        _("the derivative of the softmax is applied once more; Y_hat - Y already contains it"): (
            delta * y_hat * (1 - y_hat)
        ).sum(axis=0, keepdims=True)
        / n,
        _("only the last example counts"): delta[-1:] / n,
        _("only the first example counts"): delta[:1] / n,
        _("it is zero: the bias would never be trained"): np.zeros((1, delta.shape[1])),
    }


def compute_hidden_weight_mistakes(problem: MLPProblem) -> Mistakes:
    """Compute the results of mistakes in dL/dW_h = xᵀ (Δ W_yᵀ ∘ H (1 - H)) / N."""
    x, n = problem.x, len(problem.x)
    right = problem.delta @ problem.w.T * problem.h * (1 - problem.h)
    named = {words: x.T @ delta / n for words, delta in _compute_hidden_deltas(problem).items()}
    return {
        _("it is transposed"): (x.T @ right / n).T,
        **named,
        _("only the last example counts"): np.outer(x[-1], right[-1]) / n,
        _("only the first example counts"): np.outer(x[0], right[0]) / n,
    }


def compute_hidden_bias_mistakes(problem: MLPProblem) -> Mistakes:
    """Compute the results of mistakes in dL/db_h = Σ (Δ W_yᵀ ∘ H (1 - H)) / N."""
    n = len(problem.x)
    right = problem.delta @ problem.w.T * problem.h * (1 - problem.h)
    named = {
        words: delta.sum(axis=0, keepdims=True) / n
        for words, delta in _compute_hidden_deltas(problem).items()
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


def _compute_hidden_deltas(problem: MLPProblem) -> Mistakes:
    """Compute the results of mistakes in back-propagating Δ through the sigmoid layer."""
    h, back = problem.h, problem.delta @ problem.w.T
    u = problem.x @ problem.w_hidden + problem.b_hidden
    at_h = 1 / (1 + np.exp(-h))
    return {
        _("the derivative of the sigmoid, H(1 - H), is forgotten"): back,
        _("the derivative of the sigmoid is H(1 - H), not H"): back * h,
        _("the derivative of the sigmoid is H(1 - H), not 1 - H"): back * (1 - h),
        _("the derivative of the sigmoid is applied twice"): back * (h * (1 - h)) ** 2,
        _("the sigmoid is applied to H before its derivative: H is already σ(u)"): back
        * at_h
        * (1 - at_h),
        _("this is the derivative of tanh, 1 - H²; that of the sigmoid is H(1 - H)"): back
        * (1 - h**2),
        _("this is the derivative of relu; that of the sigmoid is H(1 - H)"): back * (u > 0),
        _("Y is forgotten: the error is Y_hat - Y, not Y_hat"): problem.y_hat
        @ problem.w.T
        * h
        * (1 - h),
    }


def _softmax(z: np.ndarray) -> np.ndarray:
    return softmax(z)[0]


@dataclass(frozen=True)
class Finding:
    """The verdict on one value of a function, with its relative error to the expected value."""

    function: str
    value: str
    right: bool
    error: float | None
    says: str


def grade_softmax_regression(
    forward: Callable | None, backward: Callable | None, seed: int = 0
) -> list[Finding]:
    """Grade the two functions of exercise 1; one that is ``None`` is skipped."""
    problem = _make_problem(seed)
    batch, parameters = {"batch": problem.x}, {"W": problem.w, "b": problem.b}
    findings: list[Finding] = []
    if forward is not None:
        returned, changed = _call(forward, batch | parameters)
        mistakes = compute_prediction_mistakes(problem.x, problem.w, problem.b)
        expected = {"Y_hat": (problem.y_hat, mistakes)}
        findings += _compare("forward", returned, changed, expected)
        large = batch | parameters | {"W": 1e4 * problem.w}
        findings += _check_overflow("forward", forward, large, findings)
    if backward is not None:
        returned, changed = _call(
            backward, batch | {"Y_hat": problem.y_hat, "Y": problem.y} | parameters
        )
        grad_w, grad_b = _compute_gradients(problem, [problem.w, problem.b])
        expected = {
            "grad_W": (grad_w, compute_weight_mistakes(problem.x, problem.delta, problem)),
            "grad_b": (grad_b, compute_bias_mistakes(problem.delta, problem)),
        }
        findings += _compare("backward", returned, changed, expected)
    return findings


def grade_mlp(forward: Callable | None, backward: Callable | None, seed: int = 0) -> list[Finding]:
    """Grade the two functions of exercise 2; one that is ``None`` is skipped."""
    problem = _make_mlp_problem(seed)
    batch = {"batch": problem.x}
    parameters = {
        "Wh": problem.w_hidden, "bh": problem.b_hidden, "Wy": problem.w, "by": problem.b
    }  # fmt: skip
    findings: list[Finding] = []
    if forward is not None:
        returned, changed = _call(forward, batch | parameters)
        hidden = _as_array(returned[1]) if len(returned) == 2 else None
        if hidden is None or hidden.shape != problem.h.shape:
            hidden = problem.h
        expected = {  # Ŷ is graded on the student's own H, so that one mistake is reported once
            "Y_hat": (
                _softmax(linear(hidden, problem.w, problem.b)[0]),
                compute_prediction_mistakes(hidden, problem.w, problem.b),
            ),
            "H": (problem.h, compute_hidden_mistakes(problem)),
        }
        findings += _compare("forward_mlp", returned, changed, expected)
        large = batch | parameters | {"Wh": 1e4 * problem.w_hidden, "Wy": 1e4 * problem.w}
        findings += _check_overflow("forward_mlp", forward, large, findings)
    if backward is not None:
        returned, changed = _call(
            backward, batch | {"Y_hat": problem.y_hat, "Y": problem.y, "H": problem.h} | parameters
        )
        gradients = _compute_gradients(problem, list(parameters.values()))
        mistakes = {
            "grad_Wh": compute_hidden_weight_mistakes(problem),
            "grad_bh": compute_hidden_bias_mistakes(problem),
            "grad_Wy": compute_weight_mistakes(problem.h, problem.delta, problem),
            "grad_by": compute_bias_mistakes(problem.delta, problem),
        }
        expected = dict(zip(mistakes, zip(gradients, mistakes.values(), strict=True), strict=True))
        findings += _compare("backward_mlp", returned, changed, expected)
    return findings


def _make_problem(seed: int) -> Problem:
    """Draw a small batch and the parameters of softmax regression."""
    generator = np.random.default_rng(seed)
    x, y = _draw_batch(generator)
    w, b = generator.normal(size=(D, K)), generator.normal(size=(1, K))
    return Problem(x, y, w, b, _softmax(linear(x, w, b)[0]))


def _make_mlp_problem(seed: int) -> MLPProblem:
    """Draw a small batch and the parameters of the perceptron."""
    generator = np.random.default_rng(seed)
    x, y = _draw_batch(generator)
    w_hidden, b_hidden = generator.normal(size=(D, H)), generator.normal(size=(1, H))
    w, b = generator.normal(size=(H, K)), generator.normal(size=(1, K))
    h = sigmoid(linear(x, w_hidden, b_hidden)[0])[0]
    return MLPProblem(x, y, w, b, _softmax(linear(h, w, b)[0]), w_hidden, b_hidden, h)


def _draw_batch(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    return generator.normal(size=(N, D)), one_hot(generator.permutation(np.arange(N) % K), K)


def _compute_gradients(problem: Problem, parameters: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Compute the gradient of the mean cross-entropy for each parameter by finite differences."""

    def loss() -> float:
        h = problem.x
        if isinstance(problem, MLPProblem):
            h = sigmoid(linear(h, problem.w_hidden, problem.b_hidden)[0])[0]
        return float(softmax_cross_entropy(linear(h, problem.w, problem.b)[0], problem.y)[0])

    return [numerical_gradient(loss, parameter) for parameter in parameters]


def _call(function: Callable, arguments: Mapping[str, np.ndarray]) -> tuple[tuple, list[str]]:
    """Call a function with copies; return its values and the names of the arguments it changed."""
    copies = {name: array.copy() for name, array in arguments.items()}
    with np.errstate(all="ignore"):
        returned = function(*copies.values())
    values = tuple(returned) if isinstance(returned, tuple | list) else (returned,)
    return values, [
        name for name, array in arguments.items() if not np.array_equal(copies[name], array)
    ]


def _as_array(value: object) -> np.ndarray | None:
    try:
        return np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        return None


def _compare(
    function: str,
    returned: tuple,
    changed: Sequence[str],
    expected: Mapping[str, tuple[np.ndarray, Mistakes]],
) -> list[Finding]:
    """Compare the returned values with the expected ones and with those of known mistakes."""
    says = _("is changed in place: work on a copy, or create a new array")
    findings = [Finding(function, name, False, None, says) for name in changed]
    if len(returned) != len(expected):
        says = _("returns {n} value(s), expected {m}: {names}").format(
            n=len(returned), m=len(expected), names=", ".join(expected)
        )
        return [*findings, Finding(function, "return", False, None, says)]
    for value, (name, (right, known)) in zip(returned, expected.items(), strict=True):
        others = {other: pair[0] for other, pair in expected.items() if other != name}
        is_right, error, says = _judge(_as_array(value), right, known, others)
        findings.append(Finding(function, name, is_right, error, says))
    return findings


def _judge(
    value: np.ndarray | None,
    right: np.ndarray,
    known: Mistakes,
    others: Mapping[str, np.ndarray],
) -> tuple[bool, float | None, str]:
    """Return whether a value is right, its relative error, and what is wrong with it.

    ``others`` are the other values that the function returns: they may be in the wrong order.
    """
    if value is None:
        return False, None, _("is not an array of numbers")
    if not np.isfinite(value).all():
        return False, None, _("holds NaN or infinity")
    same_shape = _has_shape(value, right)
    error = relative_error(value.reshape(right.shape), right) if same_shape else None
    if error is not None and error < TOLERANCE:
        return True, error, _("right")
    if says := recognize_mistake(value, right, known, (N, K)):
        return False, error, says
    for other, array in others.items():
        if (
            value.size == array.size
            and relative_error(value.reshape(array.shape), array) < TOLERANCE
        ):
            says = _("is {other}: the values are returned in another order")
            return False, error, says.format(other=other)
    if not same_shape:
        says = _("has the shape {got}, expected {shape}")
        return False, None, says.format(got=value.shape, shape=right.shape)
    value = value.reshape(right.shape)
    worst = np.unravel_index(np.abs(value - right).argmax(), right.shape)
    says = _("matches no common mistake: at {place} it is {got:.4g}, expected {right:.4g}").format(
        place=list(map(int, worst)), got=value[worst], right=right[worst]
    )
    return False, error, says


def _check_overflow(
    function: str, forward: Callable, large: Mapping[str, np.ndarray], findings: list[Finding]
) -> list[Finding]:
    """Try a right ``forward`` on large scores, where a naive softmax overflows; only advise."""
    if not all(finding.right for finding in findings):
        return []
    y_hat = _as_array(_call(forward, large)[0][0])
    if y_hat is None or np.isfinite(y_hat).all():
        return []
    says = _(
        "advice: overflows for large scores; subtract the maximum of each row before "
        "the exponential"
    )
    return [Finding(function, "Y_hat", True, None, says)]
