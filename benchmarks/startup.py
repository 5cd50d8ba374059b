"""Starting: ``etabli --help`` over ``import typer``, and ``import etabli`` over bare Python.

Each candidate is a process of its own; ``tests/cli/test_startup.py`` counts what they import.
"""

import statistics
import subprocess
import sys
from collections.abc import Callable

import harness

HELP = "import sys; sys.argv = ['etabli', '--help']; from etabli.cli import main; main()"


def run(code: str) -> Callable[[], object]:
    command = [sys.executable, "-c", code]
    return lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    timings = harness.compare(
        {
            "etabli --help": run(HELP),
            "import typer": run("import typer"),
            "import etabli": run("import etabli"),
            "bare Python": run("pass"),
        },
        repeats=21,
        quiet=True,
    )
    pairs = zip(timings["import etabli"].seconds, timings["bare Python"].seconds, strict=True)
    harness.conclude(
        "startup",
        "Starting, each in a process of its own",
        timings,
        {
            "times the time of importing typer": (
                harness.ratio(timings, "etabli --help", "import typer"),
                "<= 1.3",
            ),
            "ms of 'import etabli' over bare Python": (
                1000 * statistics.median(ours - bare for ours, bare in pairs),
                "<= 50",
            ),
        },
    )


if __name__ == "__main__":
    main()
