"""Grading of a student's file: its functions run in a process of their own, judged in this one."""

import ast
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from etabli import exercises
from etabli.core.atomic_files import parse_json
from etabli.core.errors import BadSetting, CorruptFile, DataMissing
from etabli.core.i18n import _
from etabli.nn import grading
from etabli.nn.grading import Declared, Finding, Returned
from etabli.pipelines.check.isolation import StudentFile, describe_limits

__all__ = ["CheckResult", "check", "check_functions"]

_NAMES = ("forward", "backward", "forward_mlp", "backward_mlp")
SKIPPED = "etabli-skip"  # the tag of notebook cells that only show something


@dataclass(frozen=True)
class CheckResult:
    """The findings on a file, what it printed (its beginning), and the limits that it had.

    ``exercise`` is the name of the exercise, with one result an item; both are empty for a file
    that was graded by the names of its functions.
    """

    findings: tuple[Finding, ...]
    output: str
    limits: str
    exercise: str = ""
    items: tuple[exercises.ItemResult, ...] = ()

    @property
    def is_right(self) -> bool:
        return all(finding.right for finding in self.findings)


@dataclass(frozen=True)
class RemoteFunction:
    """A function of the child process, as ``etabli.nn.grading`` calls it."""

    file: StudentFile
    name: str
    parameters: Sequence[str] | None

    def invoke(self, arguments: Mapping[str, Any]) -> Returned:
        header, arrays = self.file.call(self.name, arguments)
        values = [
            arrays[f"value{index}"] if kind is None else str(kind)
            for index, kind in enumerate(header["kinds"])
        ]
        return Returned(values, header["changed"], header["keys"])


def check(
    path: Path | str,
    *,
    seconds: float = 10.0,
    exercise: str | None = None,
    variant: Mapping[str, Any] | None = None,
) -> CheckResult:
    """Grade the functions of a file: those of an exercise, or those of softmax regression and MLP.

    The file runs in a process of its own: nothing that it does counts as a verdict.

    Args:
        path: A Python file or a notebook.
        seconds: How long a call may take.
        exercise: The exercise; by default the file declares it, or its functions have its names.
        variant: The constants of the exercise; by default those that the file declares.

    Returns:
        The findings.

    Raises:
        DataMissing: There is no such file.
        BadSetting: It is no Python file, cannot be run, or defines none of the functions.
        UnknownName: There is no such exercise.
    """
    path = Path(path)
    if not path.is_file():
        raise DataMissing(_("there is no file {path}").format(path=path))
    if path.suffix not in (".py", ".ipynb"):
        raise BadSetting(
            _("only Python files and notebooks can be checked"),
            expected="*.py, *.ipynb",
            got=str(path),
        )
    with tempfile.TemporaryDirectory(prefix="etabli-check-") as folder:
        script = path if path.suffix == ".py" else _extract_code(path, Path(folder))
        file = StudentFile(script, seconds)
        try:
            functions = {
                name: RemoteFunction(file, name, parameters)
                for name, parameters in file.functions.items()
            }
            name = exercise or _find_exercise(file.declared, functions)
            if name is None and not set(functions) & set(_NAMES):
                raise _refuse_file(script)
            result = _grade(functions, file.declared, name, variant)
            limits = describe_limits(seconds)
            return CheckResult(
                result.findings, file.read_output(), limits, name or "", result.items
            )
        finally:
            file.close()


def check_functions(functions: Sequence[Callable], exercise: str | None = None) -> list[Finding]:
    """Grade functions of this process, as a notebook has them.

    Raises ``BadSetting`` for what is no function, or where none has a known name, and
    ``UnknownName`` for an unknown exercise.
    """
    for each in functions:
        if isinstance(each, type) or not hasattr(each, "__name__"):
            raise BadSetting(
                _("only functions can be checked"),
                expected="check(forward, backward)",
                got=type(each).__name__ if not isinstance(each, type) else each.__name__,
                fix=_("Write them as functions, outside any class."),
            )
    named = {each.__name__: grading.as_function(each) for each in functions}
    constants = getattr(functions[0], "__globals__", {}) if functions else {}
    declared = {name: value for name, value in constants.items() if name.isupper()}
    name = exercise or _find_exercise(declared, named)
    if name is None and not set(named) & set(_NAMES):
        raise BadSetting(
            _("no function has a name that can be checked"),
            got=", ".join(named) or None,
            fix=_("See the names with: etabli exercise list"),
        )
    return list(_grade(named, declared, name, None).findings)


def _grade(
    functions: Mapping[str, Any],
    declared: Mapping[str, Any],
    exercise: str | None,
    variant: Mapping[str, Any] | None,
) -> exercises.Result:
    """Grade the functions of an exercise; without one, those of two known models."""
    if exercise is None:
        return exercises.Result(tuple(_grade_models(functions, declared)), ())
    given = declared if variant is None else variant
    return exercises.grade(exercises.get_exercise(exercise), functions, given)


def _find_exercise(declared: Mapping[str, Any], functions: Mapping[str, Any]) -> str | None:
    """Return the exercise that a file declares, or whose functions it defines most of."""
    if "EXERCISE" in declared:
        return str(declared["EXERCISE"])
    if any(name in functions for name in _NAMES):
        return None
    shares = {
        each.name: sum(function.name in functions for function in each.functions)
        / len(each.functions)
        for each in exercises.list_exercises()
    }
    best = max(shares, key=lambda name: shares[name])
    return best if shares[best] else None


def _extract_code(notebook: Path, folder: Path) -> Path:
    """Write the code cells of a notebook as a Python file; lines of IPython are left out."""
    try:
        cells = parse_json(notebook.read_text(encoding="utf-8"))["cells"]
        sources = [
            "".join(cell["source"])
            for cell in cells
            if cell["cell_type"] == "code"
            and SKIPPED not in cell.get("metadata", {}).get("tags", ())
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorruptFile(_("{path} is not a notebook").format(path=notebook)) from error
    lines = "\n\n".join(sources).split("\n")
    code = [line for line in lines if not line.lstrip().startswith(("%", "!"))]
    path = folder / f"{notebook.stem}.py"
    path.write_text("\n".join(code) + "\n", encoding="utf-8")
    return path


def _grade_models(given: Mapping[str, Any], declares: Mapping[str, Any]) -> list[Finding]:
    """Grade the functions of softmax regression and of the perceptron."""
    functions = {name: function for name, function in given.items() if name in _NAMES}
    for name, count in (("forward", 5), ("backward", 8)):  # those of the perceptron
        function = functions.get(name)
        is_of_mlp = function and function.parameters and len(function.parameters) == count
        if function and is_of_mlp and f"{name}_mlp" not in functions:
            functions[f"{name}_mlp"] = functions.pop(name)
    declared = Declared.read(declares)
    return [
        *grading.grade_softmax_regression(
            functions.get("forward"), functions.get("backward"), declared=declared
        ),
        *grading.grade_mlp(
            functions.get("forward_mlp"), functions.get("backward_mlp"), declared=declared
        ),
    ]


def _refuse_file(script: Path) -> BadSetting:
    """Return the error on a file that defines no function to check: a class may have it."""
    tree = ast.parse(script.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        methods = [each for each in getattr(node, "body", ()) if hasattr(each, "name")]
        if isinstance(node, ast.ClassDef) and {each.name for each in methods} & set(_NAMES):
            return BadSetting(
                _("the functions are in the class {name}").format(name=node.name),
                fix=_("Write them as functions of the file, outside any class."),
            )
    return BadSetting(
        _("{path} defines neither forward nor backward, nor the functions of an exercise").format(
            path=script.name
        ),
        fix=_("See their arguments and return values: etabli check --help, etabli exercise list"),
    )
