"""The curve that a run of an exercise shows: on the screen, or as a file where there is none."""

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
