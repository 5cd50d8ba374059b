"""The first use: `make run` after set-up, with an empty cache and again, and its first result.

    python benchmarks/first_use.py [--jobs 2] [NAME ...]     experiments; none runs all

The cache (data, features, compiled programs, arrays) is a new empty folder, so that the cold run
compiles everything; the warm run finds what it left, in another run folder.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import harness
import psutil
from harness import Timing

BARS = {"cold": ("<= 90", "<= 5"), "warm": ("", "")}


def run(names: list[str], jobs: int, cache: Path, out: Path) -> tuple[float, float, float]:
    """Run experiments in a process; return its seconds, those until a result, and of processors."""
    command = [sys.executable, "-m", "etabli", "run", *names, "--jobs", str(jobs), "--out", out]
    before, started, first = psutil.Process().cpu_times(), time.perf_counter(), 0.0
    with subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "ETABLI_CACHE": str(cache)},
    ) as process:
        for line in process.stderr:
            # In processes, the heading of an experiment is printed when it is finished.
            if not first and line.startswith("[" if jobs > 1 else "  "):
                first = time.perf_counter() - started
    if process.returncode:
        sys.exit(f"etabli run failed: {process.returncode}")
    after, kinds = psutil.Process().cpu_times(), ("children_user", "children_system")
    worked = sum(getattr(after, kind) - getattr(before, kind) for kind in kinds)
    return time.perf_counter() - started, first, worked


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    timings, ratios, worked = {}, {}, {}
    with tempfile.TemporaryDirectory() as home:
        for name, (bar, first_bar) in BARS.items():
            whole, first, worked[name] = run(
                options.names, options.jobs, Path(home) / "cache", Path(home) / name
            )
            label = f"etabli run, {name} cache"
            timings[label] = Timing(label, first, [whole])
            if options.names:
                bar = ""
            ratios[f"seconds, {name} cache"] = (whole, bar)
            ratios[f"seconds until the first result, {name} cache"] = (first, first_bar)
    used = ", ".join(f"{seconds:.0f} s with a {name} cache" for name, seconds in worked.items())
    notes = f"processor time: {used}; the column of the first call has the time to the first result"
    harness.conclude("first_use", "The first run of all experiments", timings, ratios, notes)


if __name__ == "__main__":
    main()
