"""A linear classifier on features that stay in their files, against the same ones in memory.

The features are made here, in shards as `etabli features` writes them. Each of the two trainings is
a process of its own and does what `etabli transfer` does between reading the labels and writing the
report: it chooses the regularization on a held-out tenth, trains, and scores the test split with
intervals. Memory is the largest resident set of that process beyond that of 2,000 such images.
Bars: at most the size of the shards (names, labels and answers are in it), and probabilities within
0.001 of those of features in memory.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import harness
import numpy as np

CLASSES, ROWS = 10, 256


def name_image(number: int) -> str:
    return f"{number:09d}.jpg"


def make_labels(n: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, CLASSES, n)


def write(folder: Path, n: int, width: int) -> None:
    """Write float16 features of overlapping Gaussian classes, a few directions with most of it."""
    from etabli.features import store

    draw, labels = np.random.default_rng(1), make_labels(n)
    centers = draw.normal(0, 0.5, (CLASSES, 32))
    mixing = draw.normal(0, 1, (32, width)) * np.geomspace(1, 0.03, 32)[:, None]
    recipe = {"shape": [width], "dtype": "float16"}
    store.open_recipe(folder, recipe)
    for number, start in enumerate(range(0, n, ROWS)):
        codes = labels[start : start + ROWS]
        inner = centers[codes] + draw.normal(0, 1, (len(codes), 32))
        rows = inner @ mixing + draw.normal(0.5, 0.1, (len(codes), width))
        names = [name_image(start + row) for row in range(len(codes))]
        store.write_shard(
            store.shard_path(folder, number), names, rows.astype(np.float16), [], "benchmark"
        )
    store.finish(folder, recipe, -(-n // ROWS), {})


def train(folder: Path, is_streamed: bool, answer: Path) -> None:
    """Train as `etabli transfer` does, and write the probabilities of the test split."""
    from threadpoolctl import threadpool_limits

    from etabli.core.progress import Silent
    from etabli.data.formats.labeled_images import ABSENT, PRESENT, LabeledImages
    from etabli.features.store import Features
    from etabli.pipelines import _splits
    from etabli.pipelines.transfer import _Fit

    features = Features(folder)
    labels = np.full((len(features), CLASSES), ABSENT, np.int8)
    labels[np.arange(len(features)), make_labels(len(features))] = PRESENT
    paths = (Path("none.jpg"),) * len(features)
    classes = tuple(f"class {k}" for k in range(CLASSES))
    images = LabeledImages(tuple(features.names), paths, classes, labels)
    parts = _splits.split(images, "single", None, 0, needs_validation=False)
    fit = _Fit(features, "single", False, 0, Silent(), is_streamed)
    with threadpool_limits(1):
        _head, l2, evaluation = fit.run(parts, ())
    np.savez(answer, probabilities=evaluation.probabilities)
    scores = {"l2": l2, "accuracy": evaluation.scores["accuracy"].value}
    answer.with_suffix(".json").write_text(json.dumps(scores))


@dataclass
class Process:
    """What a process took: seconds, processor seconds, and bytes of peak memory."""

    seconds: float
    processor: float
    peak: float


def measure(arguments: list[str]) -> Process:
    """Run this script with these arguments."""
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, __file__, *arguments])
    _pid, status, usage = os.wait4(process.pid, 0)  # of this child alone
    if status:
        raise SystemExit(f"{arguments} ended with {os.waitstatus_to_exitcode(status)}")
    seconds, processor = time.perf_counter() - started, usage.ru_utime + usage.ru_stime
    return Process(seconds, processor, 1024.0 * usage.ru_maxrss)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=1_000_000)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--only-streamed", action="store_true", help="compare with nothing")
    parser.add_argument("--only", nargs=2, metavar=("STEP", "FOLDER"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.only:
        step, place = chosen.only[0], Path(chosen.only[1])
        if step == "write":
            write(place / "features", chosen.images, chosen.width)
        else:
            train(place / "features", step == "streamed", place / f"{step}.npz")
        return
    steps = {"streamed": "features in files"}
    if not chosen.only_streamed:
        steps["whole"] = "features in memory"
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        few = str(place / "few")
        measure(["--images=2000", f"--width={chosen.width}", "--only", "write", few])
        base = measure(["--only", "streamed", few]).peak
        measure([f"--images={chosen.images}", f"--width={chosen.width}", "--only", "write", folder])
        held = sum(each.stat().st_size for each in (place / "features").glob("shard-*"))
        found = {step: measure(["--only", step, folder]) for step in steps}
        answers = [np.load(place / f"{step}.npz")["probabilities"] for step in steps]
        scores = [json.loads((place / f"{step}.json").read_text()) for step in steps]
    ratios = {
        "times the size of the shards as memory": ((found["streamed"].peak - base) / held, "<= 1"),
        "processor minutes": (found["streamed"].processor / 60, ""),
    }
    if len(steps) == 2:
        whole = found["whole"]
        difference = float(np.abs(answers[0] - answers[1]).max())
        ratios |= {
            "times the size of the shards, features in memory": ((whole.peak - base) / held, ""),
            "processor minutes, features in memory": (whole.processor / 60, ""),
            "largest difference between the probabilities": (difference, "<= 0.001"),
        }
    harness.conclude(
        "streamed_transfer",
        f"{chosen.images:,} x {chosen.width} float16 features of {CLASSES} classes, "
        f"{held / 1e6:.0f} MB in shards: a linear classifier whose regularization a held-out "
        "tenth chooses; one run each",
        {
            title: harness.Timing(
                title, found[step].seconds, [found[step].seconds], (found[step].peak - base) / 2**20
            )
            for step, title in steps.items()
        },
        ratios,
        "; ".join(f"accuracy {each['accuracy']:.4f}, L2 {each['l2']:g}" for each in scores)
        + f"; load at the end: {os.getloadavg()[0]:.1f}",
    )


if __name__ == "__main__":
    main()
