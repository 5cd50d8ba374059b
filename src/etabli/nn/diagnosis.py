"""A student's ``forward`` and ``backward`` held against the right ones: which value is wrong, and how.

Softmax regression: ``forward(batch, W, b)`` -> Ŷ, ``backward(batch, Y_hat, Y, W, b)`` -> (grad_W, grad_b). Perceptron:
``forward_mlp(batch, Wh, bh, Wy, by)`` -> (Ŷ, H), ``backward_mlp(batch, Y_hat, Y, H, Wh, bh, Wy, by)`` ->
(grad_Wh, grad_bh, grad_Wy, grad_by). The biases come as (1, K); their gradients may be (1, K) or (K,).

What is right comes from finite differences of the loss. What is wrong is compared with the values that the usual
mistakes give (``mistakes``): each mistake alone, and each times a factor.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from etabli.i18n import _
from etabli.nn import mistakes
from etabli.nn.gradient_check import numerical_gradient, relative_error
from etabli.nn.layers import linear, sigmoid, softmax
from etabli.nn.losses import one_hot, softmax_cross_entropy
from etabli.nn.mistakes import Problem

__all__ = ["Finding", "examine_mlp", "examine_softmax_regression"]

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


def examine_softmax_regression(forward: Callable | None, backward: Callable | None, seed: int = 0) -> list[Finding]:
    """The findings on the two functions of exercise 1; one that is ``None`` is left out."""
    problem = _problem(seed, hidden=False)
    given = [problem.x, problem.w, problem.b]
    findings = []
    if forward is not None:
        returned, changed = _called(forward, given)
        expected = {"Y_hat": (problem.y_hat, mistakes.of_prediction(problem.x, problem.w, problem.b))}
        findings += _compared("forward", _as_tuple(returned, 1), expected, changed, ("batch", "W", "b"))
        findings += _overflow("forward", forward, [problem.x, 1e4 * problem.w, problem.b], findings)
    if backward is not None:
        returned, changed = _called(backward, [problem.x, problem.y_hat, problem.y, problem.w, problem.b])
        right = _numerical(problem, [problem.w, problem.b])
        expected = {
            "grad_W": (right[0], mistakes.of_weights(problem.x, problem.delta, problem)),
            "grad_b": (right[1], mistakes.of_bias(problem.delta, problem)),
        }
        findings += _compared("backward", _as_tuple(returned, 2), expected, changed, ("batch", "Y_hat", "Y", "W", "b"))
    return findings


def examine_mlp(forward: Callable | None, backward: Callable | None, seed: int = 0) -> list[Finding]:
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
                mistakes.of_prediction(own, problem.w, problem.b),
            ),
            "H": (problem.h, mistakes.of_hidden(problem)),
        }
        findings += _compared("forward_mlp", returned, expected, changed, ("batch", *names))
        large = [problem.x, 1e4 * problem.w_hidden, problem.b_hidden, 1e4 * problem.w, problem.b]
        findings += _overflow("forward_mlp", forward, large, findings)
    if backward is not None:
        returned, changed = _called(backward, [problem.x, problem.y_hat, problem.y, problem.h, *parameters])
        right = _numerical(problem, parameters)
        expected = {
            "grad_Wh": (right[0], mistakes.of_hidden_weights(problem)),
            "grad_bh": (right[1], mistakes.of_hidden_bias(problem)),
            "grad_Wy": (right[2], mistakes.of_weights(problem.h, problem.delta, problem)),
            "grad_by": (right[3], mistakes.of_bias(problem.delta, problem)),
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
    return returned, [not np.array_equal(copy, array) for copy, array in zip(copies, given, strict=True)]


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
    expected: Mapping[str, tuple[np.ndarray, mistakes.Mistakes]],
    changed: list[bool],
    names: Sequence[str],
) -> list[Finding]:
    findings = [
        Finding(function, name, False, None, _("is changed in place: work on a copy, or make a new array"))
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
    known: mistakes.Mistakes,
    others: Mapping[str, np.ndarray],
) -> Finding:
    """One value against the right one, then against the known mistakes, then against the other values."""
    if value is None:
        return Finding(function, name, False, None, _("is not an array of numbers"))
    same_shape = value.shape == right.shape or (right.shape[0] == 1 and value.shape == right.shape[1:])
    if not np.isfinite(value).all():
        return Finding(function, name, False, None, _("holds NaN or infinity"))
    error = relative_error(value.reshape(right.shape), right) if same_shape else None
    if error is not None and error < TOLERANCE:
        return Finding(function, name, True, error, _("right"))
    says = mistakes.recognised(value, right, known, (N, K))
    for other, array in others.items():
        if says is None and value.size == array.size and relative_error(value.reshape(array.shape), array) < TOLERANCE:
            says = _("is {other}: the values come in another order").format(other=other)
    if says is None and not same_shape:
        says = _("has the shape {got}, expected {shape}").format(got=value.shape, shape=right.shape)
    if says is None:
        worst = np.unravel_index(np.abs(value.reshape(right.shape) - right).argmax(), right.shape)
        says = _("is wrong in a way of its own: at {place} it is {got:.4g}, expected {right:.4g}").format(
            place=list(map(int, worst)), got=value.reshape(right.shape)[worst], right=right[worst]
        )
    return Finding(function, name, False, error, says)


def _overflow(function: str, forward: Callable, large: list[np.ndarray], so_far: list[Finding]) -> list[Finding]:
    """A right ``forward`` is tried on large scores too, where a naive softmax overflows: advice, not a fault."""
    if not all(finding.right for finding in so_far):
        return []
    returned, _changed = _called(forward, large)
    y_hat = _as_array(_as_tuple(returned, 1)[0])
    if y_hat is None or np.isfinite(y_hat).all():
        return []
    says = _("advice: overflows for large scores; take the maximum of each row off before the exponential")
    return [Finding(function, "Y_hat", True, None, says)]
