"""The output of an exercise: a curve on the screen, or in a file where there is no screen."""

import sys
from collections.abc import Sequence
from pathlib import Path

from etabli.core.i18n import N_, _

LABELS = (
    N_("-log10 of the step, from 1"),
    N_("BLEU-4"),
    N_("KL divergence"),
    N_("alpha (0.001 at 0, 10 at 19)"),
    N_("average precision"),
    N_("distance of the classes (5 at 19)"),
    N_("distance of the scores (4 at 24)"),
    N_("entropy of the next word"),
    N_("layer"),
    N_("log-probability of the best caption"),
    N_("log10 of the relative error"),
    N_("loss"),
    N_("neighborhood hit"),
    N_("norm of the cell state: how long it remembers"),
    N_("norm of the state: how long it remembers"),
    N_("number of directions, less 1"),
    N_("number of wrong words"),
    N_("perplexity"),
    N_("share of the variance"),
    N_("squared error"),
    N_("squared error of the context"),
    N_("standard deviation of the activations"),
    N_("step"),
    N_("temperature (0.1 at 0, 3 at 29)"),
    N_("time step"),
    N_("width, less 1"),
)  # of the axes, which the code of an exercise gives in English


def show_curve(values: Sequence[float], x: str, y: str, file: str = "curve.png") -> None:
    """Print the first and the last value, and draw all of them.

    Args:
        values: The values, one for each position.
        x: What the positions are.
        y: What the values are.
        file: Where the figure is written if there is no screen.
    """
    import matplotlib.pyplot as plt

    x, y = _(x), _(y)
    ends = {"first": float(values[0]), "last": float(values[-1])}
    print(_("{y}: {first:.4g} -> {last:.4g}").format(y=y, **ends))
    _figure, axes = plt.subplots()
    axes.plot(values)
    axes.set(xlabel=x, ylabel=y)
    if plt.get_backend().lower() == "agg":
        plt.savefig(file)
        print(_("Curve: {file}").format(file=Path(file).resolve()))
    else:
        plt.show()
    plt.close()


def stop_at_todo(file: str) -> None:
    """Print which lines of a file are still to do, or the next command, and end the program."""
    lines = Path(file).read_text(encoding="utf-8").split("\n")
    left = [str(number) for number, line in enumerate(lines, 1) if "= ...  # TODO" in line]
    name = Path(file).name
    if left:
        print(_("not done yet: line {lines} of {file}").format(lines=", ".join(left), file=name))
        print(_("Check what you have done so far with: etabli check {file}").format(file=name))
        sys.exit(1)
    print(_("Check the functions with: etabli check {file}").format(file=name))
