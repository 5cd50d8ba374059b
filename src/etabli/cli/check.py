"""``etabli check``: grade a student's forward and backward functions by gradient check."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from etabli.cli import _errors
from etabli.core.i18n import _

if TYPE_CHECKING:
    from etabli.nn import grading


def check(
    file: Annotated[
        Path,
        typer.Argument(help="A Python file that defines forward and backward.", metavar="FILE"),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Check the forward and backward functions of a file: which gradient is wrong, and how.

    The file may define those of softmax regression, those of the perceptron, or both:

    \b
    forward(batch, W, b)                              -> Y_hat
    backward(batch, Y_hat, Y, W, b)                   -> grad_W, grad_b
    forward_mlp(batch, Wh, bh, Wy, by)                -> Y_hat, H
    backward_mlp(batch, Y_hat, Y, H, Wh, bh, Wy, by)  -> grad_Wh, grad_bh, grad_Wy, grad_by

    batch is (N, D), for instance (N, 784), Y is one-hot (N, K), biases are (1, K) and (1, H). A
    forward of five arguments counts as that of the perceptron. backward gets the right Y_hat, so
    that it is graded independently of forward.

    \b
    etabli check mine.py
    exit code 0: all correct; 1: something is wrong; 2: the file cannot be run
    """
    findings = grade_file(file)
    right = all(finding.right for finding in findings)
    if as_json:
        _errors.print_json(
            {"file": str(file), "right": right, "findings": [vars(finding) for finding in findings]}
        )
    else:
        _print(findings)
    raise typer.Exit(0 if right else 1)


def grade_file(path: Path) -> list["grading.Finding"]:
    """Grade every function that the file defines."""
    from etabli.nn import grading

    functions = _load_functions(path)
    findings: list[grading.Finding] = []
    with _report_errors(path):
        if functions["forward"] or functions["backward"]:
            findings += grading.grade_softmax_regression(
                functions["forward"], functions["backward"]
            )
        if functions["forward_mlp"] or functions["backward_mlp"]:
            findings += grading.grade_mlp(functions["forward_mlp"], functions["backward_mlp"])
    return findings


def _load_functions(path: Path) -> dict[str, Callable | None]:
    """Load the four functions by name, ``None`` for each that the file does not define."""
    import importlib.util

    from etabli.core.errors import BadSetting, DataMissing

    if not path.is_file():
        raise DataMissing(_("there is no file {path}").format(path=path))
    spec = importlib.util.spec_from_file_location(f"etabli_checked_{path.stem}", path)
    if path.suffix != ".py" or spec is None or spec.loader is None:
        raise BadSetting(_("only Python files can be checked"), expected="*.py", got=str(path))
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parent.resolve()))
    try:
        with _report_errors(path):
            spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(path.parent.resolve()))
    found = {
        name: getattr(module, name, None)
        for name in ("forward", "backward", "forward_mlp", "backward_mlp")
    }
    functions = {name: each if callable(each) else None for name, each in found.items()}
    _move_mlp_functions(functions)
    if not any(functions.values()):
        raise BadSetting(
            _("{path} defines neither forward nor backward").format(path=path),
            fix=_("See their arguments and return values: etabli check --help"),
        )
    return functions


def _move_mlp_functions(functions: dict[str, Callable | None]) -> None:
    """Rename ``forward`` with five and ``backward`` with eight parameters: the perceptron's."""
    import inspect

    for name, count in (("forward", 5), ("backward", 8)):
        function = functions[name]
        if function is not None and functions[f"{name}_mlp"] is None:
            with contextlib.suppress(TypeError, ValueError):  # no signature (a built-in)
                if len(inspect.signature(function).parameters) == count:
                    functions[f"{name}_mlp"], functions[name] = function, None


@contextlib.contextmanager
def _report_errors(path: Path) -> Iterator[None]:
    """Send output of the file to standard error; report its exceptions in one line."""
    from etabli.experiments import explain_broken_file

    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    except (Exception, SystemExit) as error:
        raise explain_broken_file(path, error) from error


def _print(findings: list["grading.Finding"]) -> None:
    from etabli.cli import _tables

    rows = []
    for finding in findings:
        error = "—" if finding.error is None else f"{finding.error:.0e}"
        rows.append(
            [finding.function, finding.value, "✓" if finding.right else "✗", error, finding.says]
        )
    columns = [_("function"), _("value"), "", _("relative error"), _("finding")]
    _tables.print_table("", [(column, "left") for column in columns], rows)
