"""CPU time and memory of the commands for your own images, against extracting features alone.

    python benchmarks/image_commands.py [--images 3000] [--repeats 3] [--labels one|several]
        [--finetune]

Every round runs whole commands, each a process of its own with an empty cache: ``features``, then
``transfer`` and ``evaluate`` on those features, and ``inspect`` on the images. Photographs of the
VOC 2012 subset of ``ETABLI_DATA``: those of exactly one animal in a folder a class, or a VOC tree
with several labels an image. Seconds are those of the processor (user and system), which a shared
machine changes less than the clock; the wall time is in the notes. ``--finetune`` also measures the
memory of two epochs of fine-tuning.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from harness import Quotient, Timing, conclude, count_rounds

from etabli.data.catalog.source import Source

ANIMALS = ("cat", "cow", "dog", "horse", "sheep")
NET = "mobilenet_v2"


def copy_images(folder: Path, count: int, has_several: bool) -> Path:
    """Copy photographs into a folder a class, or into a VOC tree, and return the place."""
    root = Source.full().path("voc") / "VOCdevkit" / "VOC2012"
    lists = root / "ImageSets" / "Main"
    if has_several:
        kept = [*_read(lists / "val.txt"), *_read(lists / "train.txt")][:count]
        tree = folder / "VOCdevkit" / "VOC2012"
        (tree / "ImageSets" / "Main").mkdir(parents=True)
        (tree / "JPEGImages").mkdir()
        for name in kept:
            shutil.copy(root / "JPEGImages" / f"{name}.jpg", tree / "JPEGImages")
        for path in lists.glob("*.txt"):
            lines = [line for line in _read(path) if line.split()[0] in set(kept)]
            (tree / "ImageSets" / "Main" / path.name).write_text("\n".join(lines) + "\n")
        return folder / "VOCdevkit"
    shown: dict[str, list[str]] = {}
    for animal in ANIMALS:
        for line in _read(lists / f"{animal}_trainval.txt"):
            name, label = line.split()
            if label == "1":
                shown.setdefault(name, []).append(animal)
    single = [(name, found[0]) for name, found in sorted(shown.items()) if len(found) == 1]
    for name, animal in single[:count]:
        (folder / "photos" / animal).mkdir(parents=True, exist_ok=True)
        shutil.copy(root / "JPEGImages" / f"{name}.jpg", folder / "photos" / animal)
    return folder / "photos"


def _read(path: Path) -> list[str]:
    return [line for line in path.read_text().split("\n") if line.strip()]


class Runner:
    """Runs commands and keeps the processor time, peak memory and wall time of each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.timings: dict[str, Timing] = {}
        self.wall: dict[str, list[float]] = {}

    def run(self, name: str, *arguments: object) -> None:
        """Run a command of ``etabli``; a failure ends the benchmark."""
        environment = os.environ | {"ETABLI_CACHE": str(self.folder / "cache")}
        started = time.perf_counter()
        with (self.folder / "log.txt").open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "etabli", name, *map(str, arguments)],
                env=environment, stdout=log, stderr=log,
            )  # fmt: skip
            _pid, status, used = os.wait4(process.pid, 0)
        if status:
            raise SystemExit((self.folder / "log.txt").read_text())
        seconds = used.ru_utime + used.ru_stime
        timing = self.timings.setdefault(name, Timing(name, first=seconds))
        timing.seconds.append(seconds)
        self.wall.setdefault(name, []).append(time.perf_counter() - started)
        timing.memory_mb = max(timing.memory_mb or 0, used.ru_maxrss / 1024)
        print(f"  {name:10} {seconds:7.1f} s CPU, {timing.memory_mb:.0f} MB", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=3000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--labels", choices=("one", "several"), default="one")
    parser.add_argument("--finetune", action="store_true")
    asked = parser.parse_args()
    if not os.environ.get("ETABLI_DATA"):
        print("not measured: ETABLI_DATA names no full data")
        return
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        images = copy_images(folder, asked.images, asked.labels == "several")
        runner, net = Runner(folder), ("--backbone", NET)
        for _round in range(count_rounds(asked.repeats) or 1):
            for old in ("cache", "features", "model", "evaluation", "inspection"):
                shutil.rmtree(folder / old, ignore_errors=True)
            features, model = folder / "features", folder / "model"
            runner.run("features", images, "--out", features, *net)
            runner.run("transfer", features, "--out", model)
            runner.run("evaluate", features, "--model", model, "--out", folder / "evaluation")
            shutil.rmtree(folder / "cache", ignore_errors=True)
            runner.run("inspect", images, "--out", folder / "inspection", *net)
        if asked.finetune:
            runner.run("finetune", images, "--out", folder / "tuned", "--epochs", 2, *net)
    seconds = {name: np.array(each.seconds) for name, each in runner.timings.items()}
    alone = seconds["features"]
    three = alone + seconds["transfer"] + seconds["evaluate"]
    ratios = {
        "times extraction alone: features, transfer and evaluate": (
            Quotient.of(list(three / alone)), "<= 1.15",
        ),
        "times extraction alone: inspect": (
            Quotient.of(list(seconds["inspect"] / alone)), "<= 1.2",
        ),
    }  # fmt: skip
    if asked.finetune:
        peak = runner.timings["finetune"].memory_mb or 0
        ratios["GB at the peak of finetune, two epochs"] = (peak / 1024, "<= 2")
    wall = ", ".join(f"{name} {np.median(each):.0f} s" for name, each in runner.wall.items())
    kind = "one label an image" if asked.labels == "one" else "several labels an image"
    conclude(
        "image_commands",
        f"The commands for your own images, {asked.images} JPEG files, {kind}: processor time",
        runner.timings,
        ratios,
        f"{NET}, empty cache. Memory: of the whole process. Median wall time: {wall}.",
    )


if __name__ == "__main__":
    main()
