"""A GPU: ResNet-50 features, an epoch of the CNN, every experiment against the processor.

    make bench-gpu                                   on a machine with a GPU (under 8 minutes)
    python benchmarks/gpu.py --any-device --images 64 --only features     to try it without one

Images are drawn scenes as JPEG files of 256 pixels; weights are random, which costs as much as any.
Every command runs twice, and the second run counts: the compilation cache is warm.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from concurrent.futures import wait
from pathlib import Path

import numpy as np
from harness import Timing, compare, conclude

from etabli.core.seeding import make_generator
from etabli.data.synthetic import scenes
from etabli.features.decoding import Decoders
from etabli.features.engines import open_engine, truncate_model
from etabli.features.extraction import name_images
from etabli.features.pipeline import make_reader
from etabli.models.vision import backbones
from etabli.training.devices import describe_device, find_device, plan_work

SIZE = (224, 224)
EXPERIMENT_SECONDS = 150  # of the eight minutes


def draw_images(folder: Path, count: int) -> list[Path]:
    """Draw scenes of 256 pixels as JPEG files; a hundred drawings, written again and again."""
    draw = make_generator(0, "benchmark")
    drawn = [scenes.draw_scene(draw, (256, 256)).image for _number in range(min(100, count))]
    paths = [folder / f"{number:05d}.jpg" for number in range(count)]
    for number, path in enumerate(paths):
        drawn[number % len(drawn)].save(path, quality=90)
    return paths


def measure_features(folder: Path, count: int) -> dict[str, float]:
    """Return images per second of the whole command, of decoding alone, and of the net alone."""
    paths = draw_images(folder, count)
    seconds = []
    for turn in range(2):
        started = time.perf_counter()
        command = ["features", str(folder), "--out", str(folder / f"out-{turn}"), "--engine"]
        run_command([*command, "keras", "--backbone", "resnet50", "--weights", "none"])
        seconds.append(time.perf_counter() - started)
    named = name_images(paths)
    work = plan_work(find_device())
    decoders = Decoders(make_reader("plain", SIZE), None, work.decodes_in_processes)
    wait(decoders.submit(named[:64]))
    started = time.perf_counter()
    decoded = decoders.collect(decoders.submit(named))
    decoding = time.perf_counter() - started
    decoders.close()
    net = backbones.get_backbone("resnet50")
    model = truncate_model(net.build(), net.map_layer, pooled=True)
    run = open_engine(model, engine="keras")
    batch = np.stack(decoded[: run.batch_size])
    alone = compare({"net": lambda: run(batch)}, 20, quiet=True)["net"].median
    return {
        "whole command": count / seconds[1],
        "decoding alone": count / decoding,
        f"net alone, batch {run.batch_size}, {run.precision}": len(batch) / alone,
    }


def run_command(arguments: list[str]) -> None:
    """Run ``etabli`` in a process of its own."""
    command = [sys.executable, "-m", "etabli", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)}: {done.stderr}")


def measure_epoch() -> Timing:
    """Time an epoch of the CNN of practical 2 on 60,000 images."""
    from etabli.models.vision import digit_classifiers
    from etabli.training.data_loader import DataLoader
    from etabli.training.jax_trainer import JaxTrainer

    generator = make_generator(0, "benchmark")
    images = generator.random((60_000, 28, 28, 1), np.float32)
    labels = generator.integers(0, 10, len(images))
    net = digit_classifiers.compile_model(digit_classifiers.build_cnn(), learning_rate=0.1)
    net.optimizer.build(net.trainable_variables)
    trainer = JaxTrainer(net, DataLoader(images, labels, 300, 0, None))
    return compare({"epoch": lambda: trainer.train_epoch(0)}, 7)["epoch"]


def measure_experiments(folder: Path, platforms: tuple[str, ...]) -> list[dict[str, object]]:
    """Return the seconds of every experiment on sample data by platform, within the time."""
    found: dict[str, dict[str, float]] = {}
    for platform in platforms:
        out = folder / f"run-{platform}"
        command = [sys.executable, "-m", "etabli", "--platform", platform, "run", "--out", str(out)]
        try:
            subprocess.run(command, capture_output=True, check=False, timeout=EXPERIMENT_SECONDS)
        except subprocess.TimeoutExpired:
            print(f"  {platform}: the experiments after {EXPERIMENT_SECONDS} s were left out")
        for record in out.glob("*/seed-0/seed_run.json"):
            document = json.loads(record.read_text(encoding="utf-8"))
            found.setdefault(record.parts[-3], {})[platform] = document["seconds"]
    return [{"experiment": name, **found[name]} for name in sorted(found)]


def main() -> None:
    """Measure, print, and store the outcome for ``docs/benchmarks.md``."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=4000)
    parser.add_argument("--only", choices=("features", "epoch", "experiments"))
    parser.add_argument("--any-device", action="store_true", help="also without a GPU")
    options = parser.parse_args()
    device = find_device()
    if not device.is_accelerator and not options.any_device:
        raise SystemExit("There is no GPU that JAX can use: pip install 'etabli[gpu]'.")
    print(describe_device(device))
    timings, notes, ratios = {}, [describe_device(device)], {}
    with tempfile.TemporaryDirectory() as folder:
        if options.only in (None, "features"):
            images = Path(folder) / "images"
            images.mkdir()
            rates = measure_features(images, options.images)
            notes += [f"{name}: {rate:,.0f} images/s" for name, rate in rates.items()]
            whole, decoding, net = rates.values()
            ratios["of what decoding and net can do together"] = (
                whole / min(decoding, net),
                ">= 0.8",
            )
        if options.only in (None, "epoch"):
            timings["epoch"] = measure_epoch()
            ratios["s an epoch of the CNN"] = (timings["epoch"].median, "<= 0.2")
        if options.only in (None, "experiments"):
            platforms = ("cpu", "gpu") if device.is_accelerator else ("cpu",)
            for row in measure_experiments(Path(folder), platforms):
                notes.append(", ".join(f"{key} {value}" for key, value in row.items()))
    print("\n".join(notes))
    conclude("gpu", "a GPU", timings, ratios, "; ".join(notes))


if __name__ == "__main__":
    main()
