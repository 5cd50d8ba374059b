"""A GPU: ResNet-50 features, fine-tuning, an epoch of the CNN, experiments against the processor.

    make bench-gpu                                   on a machine with a GPU (under 8 minutes)
    python benchmarks/gpu.py --any-device --images 64 --only features     to try it without one

Images are drawn scenes as JPEG files of 256 pixels; weights are random, which costs as much as any.
Every command runs twice, and the second run counts: the compilation cache is warm. The command's
start (interpreter, imports, net, compiled programs) is measured by the same command on an eighth of
the images, and the rate is that of the other seven eighths; the whole command is printed, too.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

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
PARTS = ("features", "finetune", "epoch", "experiments")
BATCHES = 40  # of the net alone
CLASSES = 20
EXPERIMENTS = (
    *("tp1.logistic", "tp1.mlp", "tp2.mlp", "tp2.cnn", "tp2.cnn-modern"),
    *("tp3.transfer", "tp3.finetune", "tp4.poetry", "tp4.poetry-modern", "tp4.words"),
    *("tp5.caption", "tp5.caption-modern", "tp5.attention"),
)

Ratios = dict[str, tuple[float, str]]


def draw_images(folder: Path, count: int) -> list[Path]:
    """Draw scenes of 256 pixels as JPEG files; a hundred drawings, written again and again."""
    folder.mkdir(parents=True)
    draw = make_generator(0, "benchmark")
    drawn = []
    for number in range(min(100, count)):
        scenes.draw_scene(draw, (256, 256)).image.save(folder / f"{number:06d}.jpg", quality=90)
        drawn.append((folder / f"{number:06d}.jpg").read_bytes())
    for number in range(len(drawn), count):
        (folder / f"{number:06d}.jpg").write_bytes(drawn[number % len(drawn)])
    return sorted(folder.iterdir())


def run_command(arguments: list[str], seconds: float | None = None) -> float:
    """Run ``etabli`` in a process of its own, and return its seconds."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "etabli", *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=seconds, encoding="utf-8"
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)}: {done.stdout[-2000:]}{done.stderr[-4000:]}")
    return time.perf_counter() - started


def measure_features(folder: Path, count: int) -> tuple[dict[str, float], Ratios]:
    """Return images per second of the command, of decoding alone and of the net alone."""
    few, many = folder / "few", folder / "many"
    draw_images(few, count // 8)
    paths = draw_images(many, count)
    options = ["--engine", "keras", "--backbone", "resnet50", "--weights", "none"]

    def extract(images: Path, turn: str) -> float:
        out = folder / f"out-{images.name}-{turn}"
        return run_command(["features", str(images), "--out", str(out), *options])

    extract(few, "cold")
    start, whole = extract(few, "warm"), extract(many, "warm")
    print(f"features: {count // 8} images in {start:.1f} s, {count} in {whole:.1f} s", flush=True)
    work = plan_work(find_device())
    decoders = Decoders(make_reader("plain", SIZE), None, work.decodes_in_processes)
    named = name_images(paths)
    wait(decoders.submit(named[:256]))
    started = time.perf_counter()
    decoded = decoders.collect(decoders.submit(named[:8000]))
    decoding = len(decoded) / (time.perf_counter() - started)
    decoders.close()
    net, fed, batch, precision = measure_net(np.stack(decoded[:256]))
    steady = (count - count // 8) / (whole - start)
    rates = {
        "command after its start": steady,
        f"whole command, {count:,} images": count / whole,
        "decoding alone": decoding,
        f"net alone, batch {batch}, {precision}, images on the device": net,
        "net fed from memory": fed,
    }
    ratios: Ratios = {
        "images/s of features, after the start": (steady, ">= 1600"),
        "of what decoding and net can do together": (steady / min(decoding, net), ">= 0.8"),
        "of the net's rate when fed from memory": (fed / net, ">= 0.6"),
    }
    return rates, ratios


def measure_net(images: np.ndarray) -> tuple[float, float, int, str]:
    """Return the net's images per second, from the device and from memory; batch, precision."""
    import jax

    net = backbones.get_backbone("resnet50")
    model = truncate_model(net.build(), net.map_layer, pooled=True)
    run: Any = open_engine(model, engine="keras")
    batch = np.resize(images, (run.batch_size, *images.shape[1:]))
    run(batch)
    forward: Callable[[], Any]
    if hasattr(run, "_forward"):
        held = jax.device_put(batch)

        def forward() -> Any:
            return run._forward(run._weights, held)

    else:

        def forward() -> Any:
            return run(batch)

    jax.block_until_ready(forward())
    started = time.perf_counter()
    jax.block_until_ready([forward() for _number in range(BATCHES)])
    alone = BATCHES * len(batch) / (time.perf_counter() - started)
    started = time.perf_counter()
    with ThreadPoolExecutor(run.parallel) as pool:
        list(pool.map(run, [batch] * BATCHES))
    fed = BATCHES * len(batch) / (time.perf_counter() - started)
    return alone, fed, run.batch_size, run.precision


def measure_finetuning(count: int) -> tuple[dict[str, float], Ratios]:
    """Return images per second of fine-tuning a whole ResNet-50, and of its bare step."""
    import jax

    from etabli.models.vision import finetune
    from etabli.models.vision.linear_head import LinearClassifier

    draw = make_generator(0, "benchmark")
    pixels = draw.integers(0, 256, (count, *SIZE, 3), np.uint8)
    labels = np.where(draw.random((count, CLASSES)) < 0.1, 1, -1)
    net = backbones.get_backbone("resnet50")
    tail = finetune.build_tail(net.build(), None)
    head = LinearClassifier(np.zeros((2048, CLASSES), np.float32), np.zeros(CLASSES, np.float32))
    size = min(128, count)
    precision = "bf16" if find_device().has_bfloat16 else "f32"
    config = finetune.FinetuneConfig(epochs=4, batch_size=size, precision=precision)
    ends = []

    def watch(advance: int, **_numbers: Any) -> None:
        if advance == 0:
            ends.append(time.perf_counter())

    finetune.fine_tune(tail, head, lambda rows, _draw: pixels[rows], labels, config, watch=watch)
    trained = count / statistics.median(np.diff(ends))
    trainer = finetune._Trainer(tail, head, config, count // size)
    state = trainer.start()
    steps = finetune._iterate_batches(trainer, lambda rows, _draw: pixels[rows], labels, None, 1)
    held = jax.device_put(next(iter(steps)))
    state, loss = trainer.step(state, *held)
    jax.block_until_ready(loss)
    n_steps = max(2, count // size)
    started = time.perf_counter()
    for _number in range(n_steps):
        state, loss = trainer.step(state, *held)
    jax.block_until_ready(loss)
    step = n_steps * size / (time.perf_counter() - started)
    rates = {
        f"fine-tuning, batch {size}, {precision}, images in memory": trained,
        "its step alone, images on the device": step,
    }
    return rates, {"of the step's rate when fine-tuning": (trained / step, ">= 0.5")}


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


def measure_experiments(
    folder: Path, names: list[str], platforms: tuple[str, ...], seconds: float
) -> dict[str, dict[str, float]]:
    """Return the seconds of experiments on sample data by platform, with a warm cache."""
    found: dict[str, dict[str, float]] = {}
    ends = time.perf_counter() + seconds
    for turn, platform in ((turn, platform) for turn in ("cold", "warm") for platform in platforms):
        left = ends - time.perf_counter()
        out = folder / f"run-{platform}-{turn}"
        try:
            run_command(["--platform", platform, "run", *names, "--out", str(out)], left)
        except subprocess.TimeoutExpired:
            print(f"out of time: experiments on {platform}, {turn}", flush=True)
        for path in out.glob("*/seed-0/seed_run.json") if turn == "warm" else ():
            record = json.loads(path.read_text(encoding="utf-8"))
            found.setdefault(path.parts[-3], {})[platform] = record["seconds"]
    return found


def main() -> None:
    """Measure, print, and store the outcome for ``docs/benchmarks.md``."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=16_000)
    parser.add_argument("--only", choices=PARTS, nargs="*", default=PARTS)
    parser.add_argument("--experiments", nargs="*", default=list(EXPERIMENTS))
    parser.add_argument("--seconds", type=float, default=200, help="for the experiments")
    parser.add_argument("--any-device", action="store_true", help="also without a GPU")
    options = parser.parse_args()
    # This process takes what it needs; its commands take three quarters of the memory, as a user's.
    os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
    device = find_device()
    del os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"]
    if not device.is_accelerator and not options.any_device:
        raise SystemExit("There is no GPU that JAX can use: pip install 'etabli[gpu]'.")
    print(describe_device(device), flush=True)
    timings: dict[str, Timing] = {}
    notes, ratios = [describe_device(device)], Ratios()

    def store() -> None:  # after every part: the machine may be lent for a limited time
        conclude("gpu", "a GPU", timings, ratios, "; ".join(notes))

    with tempfile.TemporaryDirectory() as folder:
        if "features" in options.only:
            rates, found = measure_features(Path(folder), options.images)
            notes += [f"{name}: {rate:,.0f} images/s" for name, rate in rates.items()]
            ratios |= found
            store()
        if "epoch" in options.only:
            timings["epoch"] = measure_epoch()
            ratios["s an epoch of the CNN"] = (timings["epoch"].median, "<= 0.2")
            store()
        if "finetune" in options.only:
            rates, found = measure_finetuning(4096 if device.is_accelerator else 8)
            notes += [f"{name}: {rate:,.0f} images/s" for name, rate in rates.items()]
            ratios |= found
            store()
        if "experiments" in options.only:
            platforms = ("cpu", "gpu") if device.is_accelerator else ("cpu",)
            seconds = measure_experiments(
                Path(folder), options.experiments, platforms, options.seconds
            )
            for name, by in seconds.items():
                shown = ", ".join(f"{platform} {value:.1f} s" for platform, value in by.items())
                notes.append(f"{name}: {shown}")
            store()
    print("\n".join(notes))


if __name__ == "__main__":
    main()
