"""Cells of Python in one namespace: practical 1 in a browser (Pyodide), a notebook, or CPython.

A page talks to a ``Session`` in JSON. Its request is ``{"id", "cell", "source", "check"}``, where
``check`` lists functions; the session posts ``{"kind": "output", "id", "text"}`` and ``{"kind":
"row", "id", "step", "values"}`` while the cell runs, and one ``{"kind": "result", "id", "error",
"findings"}`` at its end. It opens no connection and starts no process.
"""

import ast
import contextlib
import html
import io
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from etabli.core.i18n import _
from etabli.nn import grading, student_process
from etabli.nn.gradient_check import relative_error
from etabli.nn.grading import Finding
from etabli.nn.mistakes import TOLERANCE, D, K

__all__ = ["Findings", "Session", "check", "grade_update", "report"]

MAX_OUTPUT = 20_000  # characters of one run: a page does not grow without end
_FLUSH_SECONDS = 0.1
_EXERCISES = ("forward", "backward", "update", "forward_mlp", "backward_mlp")


class Findings(list[Finding]):
    """Findings as a table, also in a notebook."""

    @property
    def is_right(self) -> bool:
        return all(finding.right for finding in self)

    def __repr__(self) -> str:
        return "\n".join(
            f"{'✓' if each.right else '✗'} {each.function}, {each.value}: {each.says}"
            for each in self
        )

    def _repr_html_(self) -> str:
        rows = (
            (f"{each.function}, {each.value}", "✓" if each.right else "✗", str(each.says))
            for each in self
        )
        cells = ("".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in rows)
        return "<table>" + "".join(f"<tr>{row}</tr>" for row in cells) + "</table>"


def check(*functions: Callable) -> Findings:
    """Grade functions by their names: forward, backward, update, forward_mlp, backward_mlp."""
    given = {getattr(function, "__name__", ""): function for function in functions}
    for name in given:
        if name not in _EXERCISES:
            from etabli.core.errors import UnknownName

            raise UnknownName(_("function to check"), name, _EXERCISES)
    return Findings(
        [
            *grading.grade_softmax_regression(given.get("forward"), given.get("backward")),
            *grade_update(given.get("update")),
            *grading.grade_mlp(given.get("forward_mlp"), given.get("backward_mlp")),
        ]
    )


def report(epoch: int, **values: float) -> None:
    """Report values of an epoch: the page draws them as curves, elsewhere they are printed."""
    post_row = getattr(sys.stdout, "post_row", None)
    if post_row is not None:
        post_row(epoch, {name: float(value) for name, value in values.items()})
    else:
        print(f"{epoch:4d}", *(f"{name} = {value:.4f}" for name, value in values.items()))


def grade_update(update: Callable | None, seed: int = 0) -> list[Finding]:
    """Grade ``update(W, b, grad_W, grad_b, learning_rate)`` -> (W, b), a step of gradient descent.

    Args:
        update: The function; ``None`` is skipped.
        seed: Seed of the parameters and the gradients.

    Returns:
        One finding for each value.
    """
    if update is None:
        return []
    generator = np.random.default_rng(seed)
    shapes = {"W": (D, K), "b": (1, K), "grad_W": (D, K), "grad_b": (1, K)}
    arrays = {name: generator.normal(size=shape) for name, shape in shapes.items()}
    arguments = {**arrays, "learning_rate": np.array(0.3)}
    try:
        values, _changed, _keys = student_process.call(update, arguments)
    except Exception as error:
        described = student_process.explain_exception(error, _filename_of(update))
        return [Finding("update", "call", False, None, grading.describe_failure(described))]
    if len(values) == 1 and isinstance(values[0], str):
        says = _("returns nothing: is the return statement missing?")
        return [Finding("update", "return", False, None, says)]
    if len(values) != 2:
        says = _("returns {n} value(s), expected {m}: {names}")
        said = says.format(n=len(values), m=2, names="W, b")
        return [Finding("update", "return", False, None, said)]
    return [
        _judge_update(name, value, arrays[name], arrays[f"grad_{name}"])
        for name, value in zip(("W", "b"), values, strict=True)
    ]


def _filename_of(function: Callable) -> str:
    code = getattr(function, "__code__", None)
    return code.co_filename if code else ""


def _judge_update(
    name: str, value: np.ndarray | str, parameter: np.ndarray, gradient: np.ndarray
) -> Finding:
    """Return whether a parameter was updated, or which mistake explains its value."""
    right = parameter - 0.3 * gradient
    if isinstance(value, str):
        says = _("is not an array of numbers but {type}: use NumPy").format(type=value)
        return Finding("update", name, False, None, says, None, right)
    if value.shape != right.shape:
        says = _("has the shape {got}, expected {shape}")
        said = says.format(got=value.shape, shape=right.shape)
        return Finding("update", name, False, None, said, value, right)
    error = relative_error(value, right)
    if error < TOLERANCE:
        return Finding("update", name, True, error, _("right"), value, right)
    mistakes = {
        _("has the wrong sign: the step increases the loss"): parameter + 0.3 * gradient,
        _("is not changed"): parameter,
        _("the learning rate is missing"): parameter - gradient,
        _("the learning rate is missing, and the sign is wrong"): parameter + gradient,
        _("is divided by the learning rate, not multiplied"): parameter - gradient / 0.3,
        _("is the step alone: subtract it from the parameter"): 0.3 * gradient,
        _("is the step alone: add it to the parameter"): -0.3 * gradient,
        _("is the gradient, not the parameter"): gradient,
    }
    known = (says for says, wrong in mistakes.items() if relative_error(value, wrong) < TOLERANCE)
    says = next(known, _("does not match any common mistake"))
    return Finding("update", name, False, error, says, value, right)


class _Output(io.TextIOBase):
    """Posts what a cell prints, in parts of a tenth of a second, up to ``MAX_OUTPUT``."""

    def __init__(self, post: Callable[[dict[str, Any]], None]) -> None:
        self._post, self._parts, self._posted = post, list[str](), time.monotonic()
        self._left, self._is_full = MAX_OUTPUT, False

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if not self._is_full:
            self._parts.append(text[: self._left])
            self._left -= len(text)
        if self._left < 0 and not self._is_full:
            self._parts.append("\n" + _("[the rest of the output is left out]") + "\n")
            self._is_full = True
        if time.monotonic() - self._posted > _FLUSH_SECONDS:
            self.flush()
        return len(text)

    def flush(self) -> None:
        if self._parts:
            self._post({"kind": "output", "text": "".join(self._parts)})
            self._parts.clear()
        self._posted = time.monotonic()

    def post_row(self, step: int, values: Mapping[str, float]) -> None:
        """Post a point of each curve; values that are not finite are ``None``."""
        plain = {name: value if np.isfinite(value) else None for name, value in values.items()}
        self._post({"kind": "row", "step": step, "values": plain})


class Session:
    """The namespace that the cells of a page share.

    Args:
        post: Takes each message, as JSON.
        folder: Where the source of each cell is written, so that an error can quote its line.
    """

    def __init__(self, post: Callable[[str], None], folder: str = "/tmp") -> None:
        self._post, self._folder = post, Path(folder)
        self.namespace: dict[str, Any] = {"__name__": "__main__"}

    def answer(self, request: str) -> None:
        """Run the cell of a request and check its functions; post its output and the result."""
        wanted = json.loads(request)
        own = {"id": wanted["id"]}
        output = _Output(lambda message: self._post(json.dumps({**message, **own})))
        path = self._folder / f"{wanted['cell']}.py"
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            result = self._run(wanted["source"], path, wanted.get("check", []))
        output.flush()
        self._post(json.dumps({"kind": "result", **own, **result}))

    def _run(self, source: str, path: Path, names: Sequence[str]) -> dict[str, Any]:
        try:
            path.write_text(source, encoding="utf-8")
            self._execute(source, str(path))
            findings = self._check(source, names)
        except BaseException as error:  # also SystemExit: the session outlives a cell
            described = student_process.explain_exception(error, str(path))
            return {"error": grading.describe_failure(described), "findings": []}
        kept = ("function", "value", "right", "says")
        return {
            "error": None,
            "findings": [{name: getattr(each, name) for name in kept} for each in findings],
        }

    def _execute(self, source: str, filename: str) -> None:
        """Run the statements; print the value of the last one if it is an expression."""
        tree = ast.parse(source, filename)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, filename, "exec"), self.namespace)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), filename, "eval"), self.namespace)
            if value is not None:
                print(repr(value))

    def _check(self, source: str, names: Sequence[str]) -> list[Finding]:
        functions = [self.namespace[name] for name in names if callable(self.namespace.get(name))]
        missing = [name for name in names if not callable(self.namespace.get(name))]
        says = _("is not defined in this cell")
        findings = [Finding(name, "def", False, None, says) for name in missing]
        findings += check(*functions) if functions else []
        if "TODO" in source:
            unfinished = _("not done yet: write it where the TODO is")
            findings = [
                Finding(each.function, each.value, False, None, unfinished)
                if each.value == "return" and not each.right
                else each
                for each in findings
            ]
        return findings
