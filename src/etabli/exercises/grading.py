"""Grading of the functions of an exercise against its model solution."""

import re
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from types import CodeType
from typing import Any

import numpy as np

from etabli.core.i18n import N_, _, join_translatable
from etabli.exercises.mutants import mutate
from etabli.exercises.spec import Exercise, Function, Value, Variant
from etabli.nn import student_process
from etabli.nn.grading import (
    NOT_DONE,
    UNKNOWN,
    Expected,
    Finding,
    as_function,
    grade_function,
)

__all__ = ["ItemResult", "Result", "grade"]

SIZES = 2  # cases of different sizes, so that a size that is hard-coded shows
_OTHER_SIZES = N_("right with one size, not with another; is a size hard-coded?")

_SHAPES = re.compile(r"\(\d+,[\d, ]*\)")
Runs = list[tuple[str, dict[str, np.ndarray]]]
"""What is wrong, and the values that a changed solution returns."""


@dataclass(frozen=True)
class ItemResult:
    """The verdict on one item, a function and its value.

    ``mistake`` is the finding in English, whatever the language in use: a key for statistics.
    """

    name: str
    passed: bool
    status: str
    message: str
    mistake: str


@dataclass(frozen=True)
class Result:
    """The findings on the functions of an exercise, and one result for each item."""

    findings: tuple[Finding, ...]
    items: tuple[ItemResult, ...]

    @property
    def is_right(self) -> bool:
        return all(item.passed for item in self.items)


def grade(
    exercise: Exercise, functions: Mapping[str, Any], variant: Variant | None = None
) -> Result:
    """Grade the functions of an exercise.

    Args:
        exercise: The exercise.
        functions: Functions of this process by name, or proxies of functions in another one;
            the namespace of ``exec`` may contain other names too.
        variant: Constants of the exercise (default: its first choices).

    Returns:
        The findings, and one result for each item of the exercise.
    """
    complete = exercise.complete_variant(variant)
    reference = _make_reference(exercise, tuple(complete.items()))
    findings: list[Finding] = []
    for function in exercise.functions:
        findings += _grade_function(reference, function, functions.get(function.name))
    return Result(tuple(findings), _summarize(exercise, findings))


def _grade_function(reference: "_Reference", function: Function, given: Any) -> list[Finding]:
    """Grade one function with every size; sizes after the first add only errors."""
    if not callable(given) and not hasattr(given, "invoke"):
        return [Finding(function.name, "call", False, None, _(NOT_DONE))]
    graded, findings = as_function(given), []
    for size in range(SIZES):
        arguments = reference.arguments(function.name, size)
        expected = reference.expect(function, size)
        found = grade_function(function.name, graded, arguments, expected)
        found = [reference.explain_failure(each, function, size) for each in found]
        if size == 0:
            findings = found
        else:
            wrong = {each.value: each for each in found if not each.right}
            findings = [_note_size(each, wrong.pop(each.value, None)) for each in findings]
            findings += [_note_size(each, each) for each in wrong.values()]
        if not all(each.right for each in findings):
            break
    return findings


def _note_size(finding: Finding, wrong: Finding | None) -> Finding:
    if wrong is None:
        return finding
    if wrong.value != "call" and getattr(wrong.says, "message", "") != UNKNOWN:
        return wrong  # it has a name
    return replace(wrong, says=join_translatable(": ", [_(_OTHER_SIZES), wrong.says]))


def _summarize(exercise: Exercise, findings: Iterable[Finding]) -> tuple[ItemResult, ...]:
    """Return the result of each item: it fails with its function, or by its own value."""
    items = []
    for function in exercise.functions:
        own = [each for each in findings if each.function == function.name]
        names = {value.name for value in function.values}
        for value in function.values:
            about = [each for each in own if each.value == value.name or each.value not in names]
            wrong = sorted(
                (each for each in about if not each.right),
                key=lambda each: ("call", value.name, each.value).index(each.value),
            )
            is_judged = any(each.value == value.name and each.right for each in about)
            found = wrong[0] if wrong else None
            says = found.says if found else _("right") if is_judged else _(NOT_DONE)
            items.append(
                ItemResult(
                    f"{function.name}.{value.name}",
                    is_judged and not wrong,
                    found.status if found else "right" if is_judged else "todo",
                    says,
                    "" if is_judged and not wrong else getattr(says, "source", str(says)),
                )
            )
    return tuple(items)


class _Reference:
    """The model solution of an exercise for one variant, and its versions with mistakes."""

    def __init__(self, exercise: Exercise, variant: Variant) -> None:
        self.exercise, self.variant = exercise, variant
        self.source = exercise.solution(variant)
        self._slips: dict[tuple[str, int], Runs] = {}
        self._listed: dict[tuple[str, int], Runs] = {}
        self._failures: dict[tuple[str, int], list[tuple[str, str]]] = {}

    def arguments(self, function: str, size: int) -> dict[str, Any]:
        """Return the arguments of a function, the same ones at every call."""
        generator = np.random.default_rng([self.variant["SEED"], size])
        return dict(self.exercise.make_case(generator, self.variant, size)[function])

    def expect(self, function: Function, size: int) -> dict[str, Expected]:
        """Return what a function should return, with the values of the known mistakes."""
        right = self._run(_execute(self.source), function, size)
        if right is None:
            raise AssertionError(f"the solution of {self.exercise.name} fails")
        listed = self._get_listed(function, size)
        return {
            value.name: Expected(
                right[value.name] + self._compute_decay(function, value, size),
                {_(says): _reduce(value, found[value.name]) for says, found in listed},
                parameter=self._find_parameter(function, value, size),
                slips=lambda value=value: self._get_slips(function, size, value),  # type: ignore[misc]
                reduce=value.reduce,
                tolerance=value.tolerance,
                sizes=self._sizes(function, size),
            )
            for value in function.values
        }

    def _find_parameter(
        self, function: Function, value: Value, size: int
    ) -> tuple[str, np.ndarray] | None:
        """Return the weights to which a gradient belongs: ``grad_W`` belongs to W."""
        if not self.exercise.has_loss:
            return None
        name = value.name.removeprefix("grad_").removeprefix("d")
        array = self.arguments(function.name, size).get(name)
        is_weight = name != value.name and name.startswith(("W", "C"))
        return (name, array) if is_weight and isinstance(array, np.ndarray) else None

    def _compute_decay(self, function: Function, value: Value, size: int) -> np.ndarray | float:
        """Return the gradient of the L2 term that a file declares."""
        weights = self._find_parameter(function, value, size)
        return self.variant.get("L2", 0.0) * weights[1] if weights else 0.0

    def explain_failure(self, finding: Finding, function: Function, size: int) -> Finding:
        """Add to an exception the mistake in the solution that raises the same one."""
        if finding.value != "call" or finding.status != "wrong" or ":" not in finding.says:
            return finding
        key = function.name, size
        if key not in self._failures:
            self._failures[key] = []
            self._run_all(mutate(self.source), function, size, self._failures[key])
        for says, failure in self._failures[key]:
            if _is_same_failure(failure, finding.says):
                return replace(finding, says=join_translatable("; ", (finding.says, says)))
        return finding

    def _sizes(self, function: Function, size: int) -> tuple[int, int] | None:
        """Return N and K where the exercise has a batch of targets."""
        target = self.arguments(function.name, size).get("Y")
        return target.shape if isinstance(target, np.ndarray) and target.ndim == 2 else None

    def _get_listed(self, function: Function, size: int) -> Runs:
        key = function.name, size
        if key not in self._listed:
            changed = (
                (each.says, self.source.replace(each.old, each.new))
                for each in self.exercise.mistakes
                if each.old in self.source
            )
            self._listed[key] = self._run_all(changed, function, size)
        return self._listed[key]

    def _get_slips(
        self, function: Function, size: int, value: Value
    ) -> list[tuple[str, np.ndarray]]:
        key = function.name, size
        if key not in self._slips:
            self._slips[key] = self._run_all(mutate(self.source), function, size)
        return [(says, _reduce(value, found[value.name])) for says, found in self._slips[key]]

    def _run_all(
        self,
        sources: Iterable[tuple[str, str | CodeType]],
        function: Function,
        size: int,
        failures: list[tuple[str, str]] | None = None,
    ) -> Runs:
        """Run changed solutions, keeping only the exception of those that fail."""
        runs = []
        for says, source in sources:
            try:
                runs.append((says, self._run(_execute(source), function, size)))
            except Exception as error:  # a mistake may raise anything
                if failures is not None:
                    failures.append((says, f"{type(error).__name__}: {error}"))
        return [(says, found) for says, found in runs if found is not None]

    def _run(
        self, namespace: Mapping[str, Any], function: Function, size: int
    ) -> dict[str, np.ndarray] | None:
        """Return the values of a function; None where it returns another number of arrays."""
        arguments = self.arguments(function.name, size)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            values, _changed, _keys = student_process.call(namespace[function.name], arguments)
        arrays = [each for each in values if isinstance(each, np.ndarray)]
        if len(arrays) != len(function.values):
            return None
        return {value.name: array for value, array in zip(function.values, arrays, strict=True)}


def _is_same_failure(failure: str, says: str) -> bool:
    """Return whether a message describes an exception: by the shapes in it, or else by its text."""
    shapes = [each.replace(" ", "") for each in _SHAPES.findall(failure)][:2]
    others = [each.replace(" ", "") for each in _SHAPES.findall(says)][:2]
    return shapes == others if shapes and others else failure in says


def _reduce(value: Value, array: np.ndarray) -> np.ndarray:
    """Return the part of a value that is compared."""
    return value.reduce(array) if value.reduce else array


def _execute(source: str | CodeType) -> dict[str, Any]:
    """Run the source of a solution, or the code of a changed one."""
    namespace: dict[str, Any] = {"__name__": "solution", "np": np}
    exec(source, namespace)
    return namespace


@cache
def _make_reference(exercise: Exercise, variant: tuple[tuple[str, Any], ...]) -> _Reference:
    return _Reference(exercise, dict(variant))
