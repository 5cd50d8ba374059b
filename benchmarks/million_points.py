"""A million points: `etabli untangle` on a file of float32 numbers, its time and its peak memory.

The file is made here: 100 overlapping Gaussian classes. The command is run once, as a process of
its own, with a stated sample of queries; memory is the largest resident set of that process. Bars:
at most twice the size of the file (of the float32 array, for CSV), and 15 minutes on two cores.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import harness
import numpy as np

CLASSES = 100
CHUNK = 50_000
FORMATS = ("safetensors", "parquet", "csv")


def make_points(n: int, dimensions: int) -> tuple[np.ndarray, np.ndarray]:
    """Return points of overlapping classes on few dimensions, with noise on all."""
    draw = np.random.default_rng(0)
    labels = draw.integers(0, CLASSES, n).astype(np.int32)
    centers = draw.normal(0, 1, (CLASSES, 16))
    spread = draw.normal(0, 1, (16, dimensions)).astype(np.float32)
    points = np.empty((n, dimensions), np.float32)
    for start in range(0, n, CHUNK):
        part = slice(start, start + CHUNK)
        inner = centers[labels[part]] + draw.normal(0, 0.7, (len(labels[part]), 16))
        points[part] = inner @ spread + draw.normal(0, 0.5, (len(inner), dimensions))
    return points, labels


def write(path: Path, n: int, dimensions: int) -> None:
    points, labels = make_points(n, dimensions)
    if path.suffix == ".safetensors":
        from safetensors.numpy import save_file

        save_file({"features": points, "labels": labels}, path)
        return
    import pyarrow as pa

    columns = {f"x{at}": points[:, at] for at in range(dimensions)}
    table = pa.table(columns | {"label": [f"c{code}" for code in labels]})
    if path.suffix == ".parquet":
        from pyarrow import parquet

        parquet.write_table(table, path)
    else:
        from pyarrow import csv

        csv.write_csv(table, path)


def measure(path: Path, out: Path, options: list[str]) -> dict[str, float]:
    """Run the command; return its seconds, processor seconds and peak memory in bytes."""
    command = [sys.executable, "-m", "etabli", "untangle", str(path), "--out", str(out), *options]
    environment = {**os.environ, "ETABLI_CACHE": str(out.parent / "cache")}
    started = time.perf_counter()
    process = subprocess.Popen(command, env=environment)
    _pid, status, usage = os.wait4(process.pid, 0)  # of this child alone
    if status:
        raise SystemExit(f"{command} ended with {os.waitstatus_to_exitcode(status)}")
    return {
        "seconds": time.perf_counter() - started,
        "processor": usage.ru_utime + usage.ru_stime,
        "peak": 1024.0 * usage.ru_maxrss,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--dimensions", type=int, default=128)
    parser.add_argument(
        "--format", choices=["safetensors", "parquet", "csv"], default="safetensors"
    )
    parser.add_argument("--queries", type=int, default=20_000)
    parser.add_argument("--max-points", type=int, default=20_000)
    parser.add_argument("--only-write", type=Path, help="write the points and stop")
    chosen = parser.parse_args()
    if chosen.only_write:
        write(chosen.only_write, chosen.points, chosen.dimensions)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"points.{chosen.format}"
        # A child's peak counts what its parent had in memory: another process makes the points.
        subprocess.run([sys.executable, *sys.argv, "--only-write", str(path)], check=True)
        size = path.stat().st_size
        if chosen.format == "csv":
            size = 4 * chosen.points * chosen.dimensions
        out = Path(folder) / "run"
        found = measure(
            path,
            out,
            ["--score-points", str(chosen.queries), "--max-points", str(chosen.max_points)],
        )
        record = json.loads((out / "untangle" / "seed-0" / "seed_run.json").read_text())
        print(json.dumps(record["scores"], indent=1))
    seconds, peak = found["seconds"], found["peak"]
    timing = harness.Timing("etabli untangle", seconds, [seconds], peak / 2**20)
    size_of = "the float32 array" if chosen.format == "csv" else "the file"
    harness.conclude(
        f"million_points_{chosen.format}",
        f"{chosen.points:,} x {chosen.dimensions} float32 from {chosen.format}: neighborhood "
        f"hit of {chosen.queries:,} queries among all points, plane of {chosen.max_points:,}, the "
        "others placed; one run",
        {"etabli untangle": timing},
        {
            f"times {size_of} as peak memory": (peak / size, "<= 2"),
            "minutes": (seconds / 60, "<= 15"),
            "processor minutes": (found["processor"] / 60, ""),
        },
        f"load at the end: {os.getloadavg()[0]:.1f}",
    )


if __name__ == "__main__":
    main()
