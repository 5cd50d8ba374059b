"""``etabli check``: a student's own forward and backward, by gradient check."""

import contextlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from etabli.cli import _errors
from etabli.core.i18n import _


def check(
    file: Annotated[
        Path,
        typer.Argument(help="A Python file that defines forward and backward.", metavar="FILE"),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Check a file's forward and backward, and say which gradient is wrong and how.

    The file may define those of softmax regression, those of the perceptron, or both:

    \b
    forward(batch, W, b)                                 -> Y_hat
    backward(batch, Y_hat, Y, W, b)                      -> grad_W, grad_b
    forward_mlp(batch, Wh, bh, Wy, by)                   -> Y_hat, H
    backward_mlp(batch, Y_hat, Y, H, Wh, bh, Wy, by)     -> grad_Wh, grad_bh, grad_Wy, grad_by

    batch is (N, 784) or any (N, D), Y is one-hot (N, K), biases are (1, K) and (1, H). A forward of five arguments
    counts as that of the perceptron. backward is given the right Y_hat, so that it is judged by itself.

    \b
    etabli check mine.py          ends with 0 when all is right, 1 when something is wrong, 2 when it cannot be run
    """
    findings = examined(file)
    right = all(finding.right for finding in findings)
    if as_json:
        _errors.print_json(
            {"file": str(file), "right": right, "findings": [vars(finding) for finding in findings]}
        )
    else:
        _print(findings)
    raise typer.Exit(0 if right else 1)


def examined(path: Path) -> list:
    """The findings on every function that the file defines."""
    from etabli.nn import grading

    functions = _functions(path)
    findings = []
    with _own_errors(path):
        if functions["forward"] or functions["backward"]:
            findings += grading.examine_softmax_regression(
                functions["forward"], functions["backward"]
            )
        if functions["forward_mlp"] or functions["backward_mlp"]:
            findings += grading.examine_mlp(functions["forward_mlp"], functions["backward_mlp"])
    return findings


def _functions(path: Path) -> dict[str, Callable | None]:
    """The four functions by name, ``None`` for one that the file does not define; refuses a file that has none."""
    import importlib.util

    from etabli.core.errors import BadSetting, DataMissing

    if not path.is_file():
        raise DataMissing(_("there is no file {path}").format(path=path))
    if path.suffix != ".py":
        raise BadSetting(_("a Python file is checked"), expected="*.py", got=str(path))
    spec = importlib.util.spec_from_file_location(f"etabli_checked_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parent.resolve()))
    try:
        with _own_errors(path):
            spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(path.parent.resolve()))
    found = {
        name: getattr(module, name, None)
        for name in ("forward", "backward", "forward_mlp", "backward_mlp")
    }
    _move_five_arguments(found)
    if not any(callable(function) for function in found.values()):
        raise BadSetting(
            _("{path} defines neither forward nor backward").format(path=path),
            fix=_("See what they take and return with: etabli check --help"),
        )
    return {name: function if callable(function) else None for name, function in found.items()}


def _move_five_arguments(found: dict[str, object]) -> None:
    """``forward`` with five arguments and ``backward`` with eight are the perceptron's, whatever they are called."""
    import inspect

    for name, wanted in (("forward", 5), ("backward", 8)):
        function = found[name]
        if callable(function) and found[f"{name}_mlp"] is None:
            with contextlib.suppress(TypeError, ValueError):
                if len(inspect.signature(function).parameters) == wanted:
                    found[f"{name}_mlp"], found[name] = function, None


@contextlib.contextmanager
def _own_errors(path: Path):
    """What the file prints goes to standard error; what it raises becomes one sentence with its line."""
    from etabli.experiments import explain_broken_file

    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    except (Exception, SystemExit) as error:
        raise explain_broken_file(path, error) from error


def _print(findings: list) -> None:
    from etabli.cli import _tables

    rows = []
    for finding in findings:
        error = "—" if finding.error is None else f"{finding.error:.0e}"
        rows.append(
            [finding.function, finding.value, "✓" if finding.right else "✗", error, finding.says]
        )
    columns = [_("function"), _("value"), "", _("relative error"), _("finding")]
    _tables.table("", [(column, "left") for column in columns], rows)
