"""A student's ``forward`` and ``backward`` held against the right ones: which value is wrong, and how.

Softmax regression: ``forward(batch, W, b)`` -> Ŷ, ``backward(batch, Y_hat, Y, W, b)`` -> (grad_W, grad_b). Perceptron:
``forward_mlp(batch, Wh, bh, Wy, by)`` -> (Ŷ, H), ``backward_mlp(batch, Y_hat, Y, H, Wh, bh, Wy, by)`` ->
(grad_Wh, grad_bh, grad_Wy, grad_by). The biases come as (1, K); their gradients may be (1, K) or (K,).

What is right comes from finite differences of the loss. What is wrong is compared with the values that the usual
mistakes give (``mistakes``): each mistake alone, and each times a factor.

The usual mistakes in the gradients of practical 1, as the values that they give.

A catalogue maps what is wrong, in words, to the array that comes of it; ``recognised`` finds a value in it.
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
    "examine_mlp",
    "examine_softmax_regression",
    "recognised",
]

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
        _(
            "the derivative of the softmax is applied once more; Y_hat - Y holds it already"
        ): inputs.T @ (delta * y_hat * (1 - y_hat)) / n,
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
        _("it is summed over the classes (axis=1), not over the examples (axis=0)"): delta.sum(
            axis=1
        )
        / n,
        _("it is summed over everything to one number"): np.asarray(delta.sum() / n),
        _("it is transposed"): delta.sum(axis=0)[:, None] / n,
        _("Y is forgotten: the error is Y_hat - Y, not Y_hat"): y_hat.sum(axis=0, keepdims=True)
        / n,
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
    named = {
        words: delta.sum(axis=0, keepdims=True) / n
        for words, delta in _hidden_deltas(problem).items()
    }
    return {
        _("it is not summed over the examples"): right / n,
        _("it is summed over the units (axis=1), not over the examples (axis=0)"): right.sum(axis=1)
        / n,
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
        _("the sigmoid is applied to H before its derivative: H is σ(u) already"): back
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
    exponential = np.exp(z - z.max(axis=1, keepdims=True))
    return exponential / exponential.sum(axis=1, keepdims=True)


TOLERANCE = 1e-6
N, D, K, H = 7, 5, 4, 6  # all different, so that no factor and no shape is met by chance


@dataclass(frozen=True)
class Finding:
    """What was found about one value: ``function`` gave ``value``; ``right`` or not, by which relative error."""

    function: str
    value: str
    right: bool
    error: float | None
    says: str


def examine_softmax_regression(
    forward: Callable | None, backward: Callable | None, seed: int = 0
) -> list[Finding]:
    """The findings on the two functions of exercise 1; one that is ``None`` is left out."""
    problem = _problem(seed, hidden=False)
    given = [problem.x, problem.w, problem.b]
    findings = []
    if forward is not None:
        returned, changed = _called(forward, given)
        expected = {"Y_hat": (problem.y_hat, of_prediction(problem.x, problem.w, problem.b))}
        findings += _compared(
            "forward", _as_tuple(returned, 1), expected, changed, ("batch", "W", "b")
        )
        findings += _overflow("forward", forward, [problem.x, 1e4 * problem.w, problem.b], findings)
    if backward is not None:
        returned, changed = _called(
            backward, [problem.x, problem.y_hat, problem.y, problem.w, problem.b]
        )
        right = _numerical(problem, [problem.w, problem.b])
        expected = {
            "grad_W": (right[0], of_weights(problem.x, problem.delta, problem)),
            "grad_b": (right[1], of_bias(problem.delta, problem)),
        }
        findings += _compared(
            "backward", _as_tuple(returned, 2), expected, changed, ("batch", "Y_hat", "Y", "W", "b")
        )
    return findings


def examine_mlp(
    forward: Callable | None, backward: Callable | None, seed: int = 0
) -> list[Finding]:
    """The findings on the two functions of exercise 2; one that is ``None`` is left out."""
    problem = _problem(seed, hidden=True)
    parameters = [problem.w_hidden, problem.b_hidden, problem.w, problem.b]
    names = ("Wh", "bh", "Wy", "by")
    findings = []
    if forward is not None:
        returned, changed = _called(forward, [problem.x, *parameters])
        returned = _as_tuple(returned, 2)
        hidden = _as_array(returned[1]) if len(returned) == 2 else None
        own = hidden if hidden is not None and hidden.shape == problem.h.shape else problem.h
        expected = {  # Ŷ is judged on the student's own H, so that one mistake is told once
            "Y_hat": (
                softmax(linear(own, problem.w, problem.b)[0])[0],
                of_prediction(own, problem.w, problem.b),
            ),
            "H": (problem.h, of_hidden(problem)),
        }
        findings += _compared("forward_mlp", returned, expected, changed, ("batch", *names))
        large = [problem.x, 1e4 * problem.w_hidden, problem.b_hidden, 1e4 * problem.w, problem.b]
        findings += _overflow("forward_mlp", forward, large, findings)
    if backward is not None:
        returned, changed = _called(
            backward, [problem.x, problem.y_hat, problem.y, problem.h, *parameters]
        )
        right = _numerical(problem, parameters)
        expected = {
            "grad_Wh": (right[0], of_hidden_weights(problem)),
            "grad_bh": (right[1], of_hidden_bias(problem)),
            "grad_Wy": (right[2], of_weights(problem.h, problem.delta, problem)),
            "grad_by": (right[3], of_bias(problem.delta, problem)),
        }
        given = ("batch", "Y_hat", "Y", "H", *names)
        findings += _compared("backward_mlp", _as_tuple(returned, 4), expected, changed, given)
    return findings


def _problem(seed: int, *, hidden: bool) -> Problem:
    """A small batch with its parameters; with ``hidden``, those of the perceptron."""
    stream = np.random.default_rng(seed)
    x, y = stream.normal(size=(N, D)), one_hot(stream.permutation(np.arange(N) % K), K)
    if not hidden:
        w, b = stream.normal(size=(D, K)), stream.normal(size=(1, K))
        return Problem(x=x, y=y, w=w, b=b, y_hat=softmax(linear(x, w, b)[0])[0])
    w_hidden, b_hidden = stream.normal(size=(D, H)), stream.normal(size=(1, H))
    w, b = stream.normal(size=(H, K)), stream.normal(size=(1, K))
    h = sigmoid(linear(x, w_hidden, b_hidden)[0])[0]
    y_hat = softmax(linear(h, w, b)[0])[0]
    return Problem(x=x, y=y, w=w, b=b, y_hat=y_hat, w_hidden=w_hidden, b_hidden=b_hidden, h=h)


def _numerical(problem: Problem, parameters: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The gradient of the mean cross-entropy for each parameter, by differences."""

    def loss() -> float:
        h = problem.x
        if problem.h is not None:
            h = sigmoid(linear(h, problem.w_hidden, problem.b_hidden)[0])[0]
        return float(softmax_cross_entropy(linear(h, problem.w, problem.b)[0], problem.y)[0])

    return [numerical_gradient(loss, parameter) for parameter in parameters]


def _called(function: Callable, given: list[np.ndarray]) -> tuple[object, list[bool]]:
    """What the function returns for copies, and which of them it changed."""
    copies = [array.copy() for array in given]
    with np.errstate(all="ignore"):
        returned = function(*copies)
    return returned, [
        not np.array_equal(copy, array) for copy, array in zip(copies, given, strict=True)
    ]


def _as_tuple(returned: object, wanted: int) -> tuple:
    if wanted == 1 and not isinstance(returned, tuple):
        return (returned,)
    return tuple(returned) if isinstance(returned, tuple | list) else (returned,)


def _as_array(value: object) -> np.ndarray | None:
    try:
        return np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        return None


def _compared(
    function: str,
    returned: tuple,
    expected: Mapping[str, tuple[np.ndarray, Mistakes]],
    changed: list[bool],
    names: Sequence[str],
) -> list[Finding]:
    findings = [
        Finding(
            function,
            name,
            False,
            None,
            _("is changed in place: work on a copy, or make a new array"),
        )
        for name, was in zip(names, changed, strict=True)
        if was
    ]
    if len(returned) != len(expected):
        says = _("returns {n} value(s), expected {m}: {names}").format(
            n=len(returned), m=len(expected), names=", ".join(expected)
        )
        return [*findings, Finding(function, "return", False, None, says)]
    values = [_as_array(value) for value in returned]
    for index, (name, (right, known)) in enumerate(expected.items()):
        others = {other: pair[0] for other, pair in expected.items() if other != name}
        findings.append(_judged(function, name, values[index], right, known, others))
    return findings


def _judged(
    function: str,
    name: str,
    value: np.ndarray | None,
    right: np.ndarray,
    known: Mistakes,
    others: Mapping[str, np.ndarray],
) -> Finding:
    """One value against the right one, then against the known mistakes, then against the other values."""
    if value is None:
        return Finding(function, name, False, None, _("is not an array of numbers"))
    same_shape = value.shape == right.shape or (
        right.shape[0] == 1 and value.shape == right.shape[1:]
    )
    if not np.isfinite(value).all():
        return Finding(function, name, False, None, _("holds NaN or infinity"))
    error = relative_error(value.reshape(right.shape), right) if same_shape else None
    if error is not None and error < TOLERANCE:
        return Finding(function, name, True, error, _("right"))
    says = recognised(value, right, known, (N, K))
    for other, array in others.items():
        if (
            says is None
            and value.size == array.size
            and relative_error(value.reshape(array.shape), array) < TOLERANCE
        ):
            says = _("is {other}: the values come in another order").format(other=other)
    if says is None and not same_shape:
        says = _("has the shape {got}, expected {shape}").format(got=value.shape, shape=right.shape)
    if says is None:
        worst = np.unravel_index(np.abs(value.reshape(right.shape) - right).argmax(), right.shape)
        says = _(
            "is wrong in a way of its own: at {place} it is {got:.4g}, expected {right:.4g}"
        ).format(
            place=list(map(int, worst)), got=value.reshape(right.shape)[worst], right=right[worst]
        )
    return Finding(function, name, False, error, says)


def _overflow(
    function: str, forward: Callable, large: list[np.ndarray], so_far: list[Finding]
) -> list[Finding]:
    """A right ``forward`` is tried on large scores too, where a naive softmax overflows: advice, not a fault."""
    if not all(finding.right for finding in so_far):
        return []
    returned, _changed = _called(forward, large)
    y_hat = _as_array(_as_tuple(returned, 1)[0])
    if y_hat is None or np.isfinite(y_hat).all():
        return []
    says = _(
        "advice: overflows for large scores; take the maximum of each row off before the exponential"
    )
    return [Finding(function, "Y_hat", True, None, says)]
