"""Grading of ``forward`` and ``backward`` functions: which value is wrong, and how.

Softmax regression: ``forward(batch, W, b)`` -> Ŷ, ``backward(batch, Y_hat, Y, W, b)`` ->
(grad_W, grad_b). Perceptron: ``forward_mlp(batch, Wh, bh, Wy, by)`` -> (Ŷ, H),
``backward_mlp(batch, Y_hat, Y, H, Wh, bh, Wy, by)`` -> (grad_Wh, grad_bh, grad_Wy, grad_by).
Biases have shape (1, K); their gradients may be (1, K) or (K,).

The expected gradients are finite differences of the loss. A wrong value is compared with the values
that common mistakes give (``etabli.nn.mistakes``). Nothing here starts a process: a function may be
one of this process, or stand for one of another.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from etabli.core.i18n import N_, _, join_translatable
from etabli.nn import mistakes, student_process
from etabli.nn.gradient_check import numerical_gradient, relative_error
from etabli.nn.layers import linear, sigmoid, softmax
from etabli.nn.losses import one_hot, softmax_cross_entropy
from etabli.nn.mistakes import TOLERANCE, D, H, K, Mistakes, MLPProblem, N, Problem

__all__ = [
    "NOT_DONE",
    "Declared",
    "Expected",
    "Finding",
    "NotReturned",
    "Returned",
    "StudentFailure",
    "describe_failure",
    "grade_function",
    "grade_mlp",
    "grade_softmax_regression",
]

_SHAPE = N_("has the shape {got}, expected {shape}")
_ACTIVATIONS = ("Y_hat", "H", "h", "z", "p", "dh", "dy", "logits", "scores")
NOT_DONE = N_("not done yet")
UNKNOWN = N_("does not match any common mistake: at {place} it is {got:.4g}, expected {right:.4g}")


class StudentFailure(Exception):
    """A function raised, did not end, or ended its process; the text says what happened."""


class NotReturned(StudentFailure):
    """A function did not end in time or within its memory, or ended its process."""


@dataclass(frozen=True)
class Returned:
    """What a function returned: arrays, or the name of the type of what is none.

    ``changed`` are the arguments that it changed; ``keys`` those of a dict that it returned.
    """

    values: Sequence[np.ndarray | str]
    changed: Sequence[str] = ()
    keys: Sequence[str] | None = None


class Function(Protocol):
    """A function to grade, of this process or of another one."""

    @property
    def parameters(self) -> Sequence[str] | None: ...

    def invoke(self, arguments: Mapping[str, Any]) -> Returned:
        """Call it. Raises ``StudentFailure``."""


class LocalFunction:
    """A function of this process."""

    def __init__(self, function: Callable) -> None:
        self.function = function
        self.parameters = student_process.list_parameters(function)

    def invoke(self, arguments: Mapping[str, Any]) -> Returned:
        try:
            values, changed, keys = student_process.call(self.function, arguments)
        except Exception as error:
            code = getattr(self.function, "__code__", None)
            filename = code.co_filename if code else ""
            described = student_process.explain_exception(error, filename)
            raise StudentFailure(describe_failure(described)) from error
        return Returned(values, list(changed), keys)


@dataclass(frozen=True)
class Declared:
    """What a file declares of its loss: a sum over the examples, and the weight of an L2 term."""

    is_sum: bool = False
    l2: float = 0.0

    @classmethod
    def read(cls, declared: Mapping[str, Any]) -> "Declared":
        """Read ``LOSS = "sum"`` and ``L2 = 0.01``."""
        l2 = declared.get("L2", 0.0)
        return cls(declared.get("LOSS") == "sum", float(l2) if isinstance(l2, int | float) else 0.0)

    def change(self, gradient: np.ndarray, parameter: np.ndarray) -> np.ndarray:
        """Return the gradient of the declared loss from that of the mean cross-entropy."""
        # A bias is not regularized.
        decay = self.l2 * parameter if parameter.shape[0] > 1 else 0
        return gradient * (N if self.is_sum else 1) + decay


def describe_failure(error: Mapping[str, Any]) -> str:
    """Return a sentence on an exception that ``student_process.explain_exception`` described."""
    kind, message = error["type"], error["message"]
    if kind == "NotImplementedError" or "ellipsis" in message:
        return _(NOT_DONE)
    said = {
        "EOFError": _("calls input(): nobody can answer"),
        "MemoryError": _("needs more memory than it may use"),
        "RecursionError": _("calls itself without end"),
        "SystemExit": _("ends the program: SystemExit"),
    }.get(kind, f"{kind}: {message}" if message else kind)
    if kind == "OSError" and "File too large" in message:
        said = _("prints or writes more than 1 MB")
    parts = [_("line {line}").format(line=error["line"])] if "line" in error else []
    if "operands" in error:
        if "transpose" in error:
            fix = _("transpose {name}?").format(name=error["transpose"])
        elif "keepdims" in error:
            fix = _("keepdims=True in the sum?")
        else:
            fix = _("these shapes do not fit")
        said = join_translatable("; ", (error["operands"], fix))
    return join_translatable(": ", (*parts, said)) if parts else said


@dataclass(frozen=True)
class Finding:
    """The verdict on one value of a function, with its relative error to the expected value."""

    function: str
    value: str
    right: bool
    error: float | None
    says: str
    got: np.ndarray | None = field(default=None, compare=False)
    expected: np.ndarray | None = field(default=None, compare=False)

    @property
    def status(self) -> str:
        """``right``, ``wrong``, ``todo`` (not written yet) or ``advice``."""
        if self.right:
            return "advice" if self.error is None else "right"
        return "todo" if getattr(self.says, "message", "") == NOT_DONE else "wrong"


Gradable = Callable | Function | None


def as_function(function: Gradable) -> Any:
    if function is None or hasattr(function, "invoke"):
        return function
    return LocalFunction(function)


def grade_softmax_regression(
    forward: Gradable,
    backward: Gradable,
    seed: int = 0,
    declared: Declared | None = None,
) -> list[Finding]:
    """Grade the two functions of exercise 1; one that is ``None`` is skipped.

    Args:
        forward: Returns Ŷ.
        backward: Returns grad_W, grad_b.
        seed: Seed of the batch and the parameters.
        declared: What the file declares of its loss.

    Returns:
        One finding for each value, and advice.
    """
    problem, declared = _make_problem(seed), declared or Declared()
    batch, parameters = {"batch": problem.x}, {"W": problem.w, "b": problem.b}
    findings: list[Finding] = []
    if function := as_function(forward):
        known = mistakes.compute_prediction_mistakes(problem.x, problem.w, problem.b)
        expected = {"Y_hat": Expected(problem.y_hat, known)}
        large = {"W": 1e4 * problem.w}
        findings += grade_function("forward", function, batch | parameters, expected, large=large)
    if function := as_function(backward):
        gradients = _compute_gradients(problem, [problem.w, problem.b])
        expected = _expect_gradients(
            {
                "grad_W": mistakes.compute_weight_mistakes(problem.x, problem.delta, problem),
                "grad_b": mistakes.compute_bias_mistakes(problem.delta, problem),
            },
            gradients,
            parameters,
            declared,
        )
        given = batch | {"Y_hat": problem.y_hat, "Y": problem.y} | parameters
        findings += grade_function("backward", function, given, expected)
    return findings


def grade_mlp(
    forward: Gradable,
    backward: Gradable,
    seed: int = 0,
    declared: Declared | None = None,
) -> list[Finding]:
    """Grade the two functions of exercise 2; one that is ``None`` is skipped.

    Args:
        forward: Returns Ŷ and H.
        backward: Returns grad_Wh, grad_bh, grad_Wy, grad_by.
        seed: Seed of the batch and the parameters.
        declared: What the file declares of its loss.

    Returns:
        One finding for each value, and advice.
    """
    problem, declared = _make_mlp_problem(seed), declared or Declared()
    batch = {"batch": problem.x}
    parameters = {
        "Wh": problem.w_hidden, "bh": problem.b_hidden, "Wy": problem.w, "by": problem.b
    }  # fmt: skip
    findings: list[Finding] = []
    if function := as_function(forward):
        expected = {
            "Y_hat": Expected(
                problem.y_hat,
                mistakes.compute_prediction_mistakes(problem.h, problem.w, problem.b),
            ),
            "H": Expected(problem.h, mistakes.compute_hidden_mistakes(problem)),
        }
        large = {"Wh": 1e4 * problem.w_hidden, "Wy": 1e4 * problem.w}
        findings += grade_function(
            "forward_mlp",
            function,
            batch | parameters,
            expected,
            large=large,
            follow=lambda values: _follow_hidden(values, problem, expected),
        )
    if function := as_function(backward):
        is_relu = any(each.value == "H" and "relu" in each.says for each in findings)
        expected = _expect_gradients(
            {
                "grad_Wh": mistakes.compute_hidden_weight_mistakes(problem, is_relu),
                "grad_bh": mistakes.compute_hidden_bias_mistakes(problem, is_relu),
                "grad_Wy": {
                    **mistakes.compute_weight_mistakes(problem.h, problem.delta, problem),
                    _("the batch is used in place of H"): problem.x.T @ problem.delta / N,
                },
                "grad_by": mistakes.compute_bias_mistakes(problem.delta, problem),
            },
            _compute_gradients(problem, list(parameters.values())),
            parameters,
            declared,
        )
        given = batch | {"Y_hat": problem.y_hat, "Y": problem.y, "H": problem.h} | parameters
        findings += grade_function("backward_mlp", function, given, expected)
    return findings


def _follow_hidden(
    values: Sequence[np.ndarray | str],
    problem: MLPProblem,
    expected: Mapping[str, "Expected"],
) -> dict[str, "Expected"]:
    """Expect the Ŷ that follows from the student's own H, so that one mistake is one finding."""
    hidden = values[1] if len(values) > 1 else None
    if not isinstance(hidden, np.ndarray) or hidden.shape != problem.h.shape:
        return dict(expected)
    y_hat = _softmax(linear(hidden, problem.w, problem.b)[0])
    known = mistakes.compute_prediction_mistakes(hidden, problem.w, problem.b)
    return {**expected, "Y_hat": Expected(y_hat, known)}


@dataclass(frozen=True)
class Expected:
    """The right value, those of known mistakes, and how a returned value is compared.

    ``parameter`` is that whose gradient the value is; ``slips`` computes further wrong values where
    they are needed; ``reduce`` keeps what is compared; ``sizes`` are N and K.
    """

    right: np.ndarray
    known: Mistakes
    parameter: tuple[str, np.ndarray] | None = None
    slips: mistakes.Slips | None = None
    reduce: Callable[[np.ndarray], np.ndarray] | None = None
    tolerance: float = TOLERANCE
    sizes: tuple[int, int] | None = (N, K)


def _expect_gradients(
    known: Mapping[str, Mistakes],
    gradients: Sequence[np.ndarray],
    parameters: Mapping[str, np.ndarray],
    declared: Declared,
) -> dict[str, Expected]:
    pairs = zip(known.items(), gradients, parameters.items(), strict=True)
    return {
        name: Expected(declared.change(gradient, parameter[1]), wrong, parameter)
        for (name, wrong), gradient, parameter in pairs
    }


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


def _softmax(z: np.ndarray) -> np.ndarray:
    return softmax(z)[0]


def grade_function(
    name: str,
    function: Function,
    arguments: Mapping[str, Any],
    expected: Mapping[str, Expected],
    *,
    large: Mapping[str, np.ndarray] | None = None,
    follow: Callable[..., Mapping[str, Expected]] | None = None,
) -> list[Finding]:
    """Call a function and judge every value that it returned.

    Args:
        name: Name of the function.
        function: The function.
        arguments: Its arguments by name, in order.
        expected: Expected values by name, in order.
        large: Arguments with which a naive softmax overflows.
        follow: Returns the expected values that follow from those returned.

    Returns:
        The findings.
    """
    findings = []
    if (wrong := _judge_parameters(name, function, list(arguments))) is not None:
        findings.append(wrong)
        if not set(function.parameters or ()) <= set(arguments):
            return findings
        arguments = {key: arguments[key] for key in function.parameters or ()}
    is_called_as_expected = not findings
    try:
        returned = function.invoke(arguments)
    except NotReturned as failure:
        return [*findings, Finding(name, "call", False, None, failure.args[0])]
    except StudentFailure as failure:
        turned = is_called_as_expected and _grade_columns(name, function, arguments, expected)
        return turned or [*findings, Finding(name, "call", False, None, failure.args[0])]
    findings += _compare(name, returned, follow(returned.values) if follow else expected)
    if all(finding.right for finding in findings):
        more = {**arguments, **large} if large else None
        return findings + (_advise_on_overflow(name, function, more) if more else [])
    has_name = all(
        finding.right or getattr(finding.says, "message", "") not in (UNKNOWN, _SHAPE)
        for finding in findings
    )
    if has_name or not is_called_as_expected:
        return findings
    return _grade_columns(name, function, arguments, expected) or findings


def _judge_parameters(name: str, function: Function, wanted: Sequence[str]) -> Finding | None:
    """Return a finding on a function that takes other arguments, or these in another order."""
    given = function.parameters
    if given is None or (len(given) == len(wanted) and not set(given) <= set(wanted)):
        return None
    if list(given) == list(wanted):
        return None
    says = _("takes {n} arguments, expected {name}({arguments})")
    if len(given) == len(wanted):
        says = _("takes its arguments in another order, expected {name}({arguments})")
    said = says.format(n=len(given), name=name, arguments=", ".join(wanted))
    return Finding(name, "call", False, None, said)


def _grade_columns(
    name: str,
    function: Function,
    arguments: Mapping[str, Any],
    expected: Mapping[str, Expected],
) -> list[Finding] | None:
    """Try a wrong function with the examples in columns; None where it is wrong with them too."""
    turned = {key: _turn(argument) for key, argument in arguments.items()}
    if all(turned[key] is argument for key, argument in arguments.items()):
        return None
    try:
        returned = function.invoke(turned)
    except StudentFailure:
        return None
    values = [
        value.T if isinstance(value, np.ndarray) and value.ndim == 2 else value
        for value in returned.values
    ]
    findings = _compare(name, replace(returned, values=values), expected)
    if not all(finding.right for finding in findings):
        return None
    says = _("advice: the examples are in columns; the course has one in each row")
    return [*findings, Finding(name, "batch", True, None, says)]


def _turn(argument: Any) -> Any:
    """Return a matrix transposed, and everything else as it is."""
    is_matrix = isinstance(argument, np.ndarray) and argument.ndim == 2
    return np.ascontiguousarray(argument.T) if is_matrix else argument


def _compare(function: str, returned: Returned, expected: Mapping[str, Expected]) -> list[Finding]:
    """Compare the returned values with the expected ones and with those of known mistakes."""
    findings = [_judge_changed(function, name) for name in returned.changed]
    values = list(returned.values)
    if returned.keys is not None and set(expected) <= set(returned.keys):
        values = [values[returned.keys.index(name)] for name in expected]
    if len(values) == 1 and isinstance(values[0], str) and values[0] == "NoneType":
        says = _("returns nothing: is the return statement missing?")
        return [*findings, Finding(function, "return", False, None, says)]
    if len(values) < len(expected):
        says = _("returns {n} value(s), expected {m}: {names}").format(
            n=len(values), m=len(expected), names=", ".join(expected)
        )
        findings.append(Finding(function, "return", False, None, says))
    elif len(values) > len(expected):
        says = _("advice: returns {n} values more than needed").format(
            n=len(values) - len(expected)
        )
        findings.append(Finding(function, "return", True, None, says))
    for value, (name, each) in zip(values, expected.items(), strict=False):
        others = {other: pair.right for other, pair in expected.items() if other != name}
        findings.append(_judge(function, name, value, each, others))
    return findings


def _judge_changed(function: str, name: str) -> Finding:
    """Return a finding on an argument that was changed in place: activations may be, as advice."""
    if name in _ACTIVATIONS:
        says = _("advice: is changed in place; a copy is safer")
        return Finding(function, name, True, None, says)
    says = _("is changed in place: work on a copy, or create a new array")
    return Finding(function, name, False, None, says)


def _judge(
    function: str,
    name: str,
    value: np.ndarray | str,
    expected: Expected,
    others: Mapping[str, np.ndarray],
) -> Finding:
    """Return whether a value is right, its relative error, and what is wrong with it.

    Args:
        function: The function that returned it.
        name: Name of the value.
        value: The value, or the name of the type of what is no array.
        expected: What it should be.
        others: The other values that the function returns: they may be in the wrong order.
    """
    right = expected.right
    if isinstance(value, str) and value == "ellipsis":
        return Finding(function, name, False, None, _(NOT_DONE), None, right)
    if isinstance(value, str):
        says = _("is not an array of numbers but {type}: use NumPy").format(type=value)
        return Finding(function, name, False, None, says, None, right)
    if not np.isfinite(value).all():
        known = mistakes.recognize_mistake(value, right, expected.known, None)
        says = known or _("holds NaN or infinity")
        return Finding(function, name, False, None, says, value, right)
    same_shape = mistakes.has_shape(value, right)
    if expected.reduce and same_shape:
        value = expected.reduce(value.reshape(right.shape))
        expected = replace(expected, right=expected.reduce(right))
    error = (
        relative_error(value.reshape(expected.right.shape), expected.right) if same_shape else None
    )
    if error is not None and error < expected.tolerance:
        return Finding(function, name, True, error, _("right"), value, expected.right)
    says = _explain(value, expected, others)
    return Finding(function, name, False, error, says, value, expected.right)


def _explain(value: np.ndarray, expected: Expected, others: Mapping[str, np.ndarray]) -> str:
    """Say what is wrong with a value."""
    right = expected.right
    recognized = mistakes.recognize_mistake(
        value, right, expected.known, expected.sizes, expected.slips, expected.tolerance
    )
    if recognized:
        return recognized
    if expected.parameter and (
        says := mistakes.recognize_parameter(value, right, *expected.parameter)
    ):
        return says
    for other, array in others.items():
        if (
            value.size == array.size
            and relative_error(value.reshape(array.shape), array) < TOLERANCE
        ):
            says = _("is {other}: the values are returned in another order")
            return says.format(other=other)
    if not mistakes.has_shape(value, right):
        return _(_SHAPE).format(got=value.shape, shape=right.shape)
    value = value.reshape(right.shape)
    worst = np.unravel_index(np.abs(value - right).argmax(), right.shape)
    return _(UNKNOWN).format(place=list(map(int, worst)), got=value[worst], right=right[worst])


def _advise_on_overflow(
    name: str, function: Function, large: Mapping[str, np.ndarray]
) -> list[Finding]:
    """Try a right ``forward`` on large scores, where a naive softmax overflows; only advise."""
    try:
        y_hat = function.invoke(large).values[0]
    except StudentFailure:
        return []
    if not isinstance(y_hat, np.ndarray) or np.isfinite(y_hat).all():
        return []
    says = _(
        "advice: overflows for large scores; subtract the maximum of each row before "
        "the exponential"
    )
    return [Finding(name, "Y_hat", True, None, says)]
