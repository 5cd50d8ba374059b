"""The output of an exercise: a curve on the screen, or in a file where there is no screen."""

import sys
from collections.abc import Sequence
from pathlib import Path

from etabli.core.i18n import _


def show_curve(values: Sequence[float], x: str, y: str, file: str = "curve.png") -> None:
    """Print the first and the last value, and draw all of them.

    Args:
        values: The values, one for each position.
        x: What the positions are.
        y: What the values are.
        file: Where the figure is written if there is no screen.
    """
    import matplotlib.pyplot as plt

    print(f"{y}: {values[0]:.4g} -> {values[-1]:.4g}")
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
