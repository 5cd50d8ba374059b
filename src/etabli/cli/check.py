"""``etabli check``: grade a student's forward and backward functions by gradient check."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from etabli.cli import _errors
from etabli.cli._options import Json
from etabli.core.i18n import _

if TYPE_CHECKING:
    from etabli.pipelines.check import CheckResult


def check(
    file: Annotated[
        Path,
        typer.Argument(
            help="A Python file or a notebook: an exercise, or forward and backward.",
            metavar="FILE",
        ),
    ],
    timeout: Annotated[
        float, typer.Option(help="Seconds that a call may take.", min=1, max=3600)
    ] = 10.0,
    as_json: Json = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Print the returned and the expected arrays.")
    ] = False,
    report: Annotated[
        str | None,
        typer.Option(
            help="Report which items are right to your teacher's board, at this address; "
            "nothing is sent without the option.",
            metavar="ADDRESS",
        ),
    ] = None,
) -> None:
    """Check the functions of an exercise: which value is wrong, and how.

    A file that 'etabli exercise start' wrote declares its exercise. Without an exercise a file may
    define the functions of softmax regression, those of the perceptron, or both:

    \b
    forward(batch, W, b)                              -> Y_hat
    backward(batch, Y_hat, Y, W, b)                   -> grad_W, grad_b
    forward_mlp(batch, Wh, bh, Wy, by)                -> Y_hat, H
    backward_mlp(batch, Y_hat, Y, H, Wh, bh, Wy, by)  -> grad_Wh, grad_bh,
                                                         grad_Wy, grad_by

    batch is (N, D), for instance (N, 784), Y is one-hot (N, K), biases are (1, K) and (1, H). A
    forward of five arguments counts as that of the perceptron. backward gets the right Y_hat, so
    that it is graded independently of forward. A file may declare its loss: LOSS = "sum" for a sum
    over the examples, L2 = 0.01 for an L2 term of the weights.

    The file runs in a process of its own, with limits of time, memory and access.

    \b
    etabli exercise start tp1.softmax mine.py
    etabli check mine.py
    etabli check mine.ipynb --timeout 30 --verbose
    exit code 0: all correct; 1: something is wrong; 2: the file cannot be run
    """
    from etabli.pipelines import check as pipeline

    result = pipeline.check(file, seconds=timeout)
    if report is not None:
        from etabli.pipelines.course import board

        board.report_check(report, file, result)
    if as_json:
        names = ("function", "value", "right", "status", "error", "says")
        findings = [{name: getattr(each, name) for name in names} for each in result.findings]
        document = {"file": str(file), "right": result.is_right, "findings": findings}
        _errors.print_json({**document, "limits": result.limits, "output": result.output})
    else:
        _print(result, verbose)
    raise typer.Exit(0 if result.is_right else 1)


_SIGNS = {"right": "✓", "advice": "✓", "wrong": "✗", "todo": "…"}


def _print(result: "CheckResult", verbose: bool) -> None:
    from etabli.cli import _tables

    if result.output:
        typer.echo(_errors.escape_controls(result.output.rstrip("\n")), err=True)
    rows = []
    for finding in result.findings:
        error = "—" if finding.error is None else f"{finding.error:.0e}"
        rows.append([finding.function, finding.value, _SIGNS[finding.status], error, finding.says])
    columns = [_("function"), _("value"), "", _("relative error"), _("finding")]
    _tables.print_table("", [(column, "left") for column in columns], rows)
    for finding in result.findings if verbose else ():
        if not finding.right and finding.got is not None:
            typer.echo(f"\n{finding.function}, {finding.value}:\n{finding.got}")
            typer.echo(_("expected:") + f"\n{finding.expected}")
    if not result.is_right and not result.exercise:
        sizes = _("Sizes in this check: N = 7 examples, D = 5 inputs, H = 6 units, K = 4 classes.")
        typer.echo(sizes)
    typer.echo(result.limits, err=True)
