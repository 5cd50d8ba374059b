"""A text table of 1,000,000 points of 50 numbers and a label (500 MB): ours, and pyarrow's reader.

The peak of memory is that of a process of its own that reads the table once.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import harness
import numpy as np
from pyarrow import csv as arrow_csv

from etabli.data.formats import tabular

PEAK = """
import sys
import pyarrow.csv
from etabli.core import environment
from etabli.data.formats import tabular
if sys.argv[2] == "without":
    tabular.text_table._MIN_FOR_ARROW = 2**62
environment.reset_peak_memory()
before = environment.peak_memory_mb()
table = tabular.read(sys.argv[1])
more = (environment.peak_memory_mb() - before) * 2**20
print(more / (table.points.shape[0] * table.points.shape[1] * 4))
"""


def make(path: Path, rows: int, width: int) -> None:
    """Write the file, from 2,000 distinct rows."""
    generator = np.random.default_rng(0)
    lines = [
        ",".join(f"{value:.7f}" for value in generator.normal(size=width)) + f",class{at % 10}\n"
        for at in range(2000)
    ]
    block = "".join(lines)
    with path.open("w", encoding="utf-8") as stream:
        stream.write(",".join(f"x{at}" for at in range(width)) + ",label\n")
        for _block in range(rows // 2000):
            stream.write(block)


def measure_peak(path: Path, how: str = "with") -> float:
    """Return the peak of memory over that of the float32 array."""
    words = [sys.executable, "-c", PEAK, str(path), how]
    return float(subprocess.run(words, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--width", type=int, default=50)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "points.csv"
        make(path, options.rows, options.width)
        theirs = arrow_csv.read_csv(path)
        first = np.stack([theirs.column(at).slice(0, 100) for at in range(options.width)], axis=1)
        assert np.allclose(tabular.read(path).points[:100], first, rtol=1e-6)
        del theirs
        names = "etabli", "pyarrow.csv.read_csv"
        calls = (lambda: tabular.read(path)), (lambda: arrow_csv.read_csv(path))
        timings = harness.compare(dict(zip(names, calls, strict=True)), repeats=options.repeats)
        peak, peak_without = measure_peak(path), measure_peak(path, "without")
    harness.conclude(
        "table_reading",
        f"a text table of {options.rows:,} x {options.width} numbers and a label",
        timings,
        {
            "of the time of pyarrow's reader": (harness.ratio(timings, *names), "<= 2"),
            "of the float32 array, peak of memory": (peak, "<= 2"),
            "of the float32 array, peak of memory without pyarrow": (peak_without, "<= 2"),
        },
    )


if __name__ == "__main__":
    main()
