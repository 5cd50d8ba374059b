"""Estimate of what a very large collection takes, from rates of one core: writes docs/scale.md.

    python tools/scale.py               write the page from docs/scale.json
    python tools/scale.py --measure     measure first (about a minute of one core)
    python tools/scale.py --images 2e8 --core-hour 0.05 --gpu-rate 1500

Prices, failure rates and network are assumptions: options of this command, as is a GPU's rate.
"""

import argparse
import json
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from PIL import Image

from etabli.cli import _errors
from etabli.core import environment
from etabli.core.atomic_files import atomic_write
from etabli.core.seeding import make_generator
from etabli.data.catalog.source import Source
from etabli.data.formats import images
from etabli.data.synthetic import scenes
from etabli.features import engines, shards, store
from etabli.features.pipeline import Batch, NamedImage
from etabli.models.vision import backbones

DOCS = Path(__file__).parent.parent / "docs"
NETS = {"mobilenet_v2": 1280, "resnet50": 2048}
SIZE, BATCH, ROWS = (224, 224), 8, 256
BEST = "resnet50, openvino, bf16"
TEMPLATE = Path(__file__).with_name("scale_page.md")


@dataclass(frozen=True)
class Assumed:
    """What is not measured here; each field is an option of the command."""

    images: float = 1e9
    core_hour: float = 0.04
    gpu_hour: float = 2.50
    gpu_rate: float = 3361.0
    gigabyte_month: float = 0.023
    thousand_reads: float = 0.0004
    image_kilobytes: float = 100.0
    node_cores: float = 32.0
    node_failures: float = 0.001
    network: float = 1.0
    disk: float = 1.0
    points: float = 1e7
    passes: float = 130.0


HELP = {
    "images": "images of the collection",
    "core_hour": "price of one core for an hour",
    "gpu_hour": "price of one GPU with its host for an hour",
    "gpu_rate": "images per second of `features`, one GPU with 16 cores (measured: decision 0024)",
    "gigabyte_month": "price of a gigabyte stored for a month",
    "thousand_reads": "price of a thousand reads from the storage",
    "image_kilobytes": "kilobytes of a stored image",
    "node_cores": "cores of a machine",
    "node_failures": "failures of a machine per hour",
    "network": "gigabytes per second between two machines",
    "disk": "gigabytes per second from a disk",
    "points": "points of `untangle --cluster`, images of `transfer`",
    "passes": "steps of `transfer`, over all strengths of regularization",
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--measure", action="store_true", help="measure this machine first")
    for name, value in asdict(Assumed()).items():
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            type=float,
            default=value,
            help=f"{HELP[name]} ({value:g})",
        )
    asked = vars(parser.parse_args())
    record = DOCS / "scale.json"
    if asked.pop("measure") or not record.exists():
        found = json.dumps(measure_rates(), indent=1)
        with atomic_write(record) as stream:
            stream.write(found + "\n")
    page = DOCS / "scale.md"
    with atomic_write(page) as stream:
        rates = json.loads(record.read_text(encoding="utf-8"))
        stream.write(render_page(rates, Assumed(**asked)))
    print(page)


# CPU seconds of one core: they do not depend on other programs ------------------------------------


def measure_rates() -> dict[str, object]:
    """Measure one core: images decoded and run through nets, shards written and read, steps."""
    with tempfile.TemporaryDirectory() as folder:
        files = write_photographs(Path(folder))
        rates = {
            "decode": measure_rate(lambda: [images.read(each, SIZE) for each in files], len(files))
        }
        pixels = np.stack([images.read(each, SIZE) for each in files[:BATCH]])
        for name in NETS:
            rates |= measure_engines(name, pixels)
        rates |= measure_store(Path(folder)) | measure_streamed_training(Path(folder))
    rates |= measure_neighbors()
    rates |= measure_training()
    return {
        "rates": rates,
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": environment.describe_machine(),
        "versions": environment.installed_versions(),
    }


def measure_rate(work, count: int, least: float = 1.0) -> float:
    """Return ``count`` per CPU second of ``work``, after a first call, over ``least`` seconds."""
    work()
    started, rounds = time.process_time(), 0
    while (took := time.process_time() - started) < least:
        work()
        rounds += 1
    return rounds * count / took


def write_photographs(folder: Path, count: int = 32) -> list[Path]:
    """Write JPEG files of 500 pixels: VOC's photographs, or else drawn scenes."""
    real = Source.full().root / "voc" / "VOCdevkit" / "VOC2012" / "JPEGImages"
    draw = make_generator(0, "scale")
    for number in range(count):
        if real.is_dir():
            whole = Image.open(images.list_images(real)[number]).convert("RGB")
            whole = whole.resize(
                (500, round(500 * whole.height / whole.width)), Image.Resampling.LANCZOS
            )
        else:
            whole = scenes.draw_scene(draw, (375, 500)).image
        whole.save(folder / f"{number:03d}.jpg", quality=90)
    return images.list_images(folder)


def measure_engines(name: str, pixels: np.ndarray) -> dict[str, float]:
    """Measure images per second through a net, by engine and precision, on one thread."""
    net = backbones.get_backbone(name)
    model = engines.truncate_model(net.build(size=SIZE), net.map_layer, pooled=True)
    run = engines.open_engine(model, BATCH, "openvino", "bf16", threads=1)
    runs = {"openvino, bf16": run, "openvino, f32": run.in_float32()}
    if name == "mobilenet_v2":
        runs["keras, f32"] = engines.open_engine(model, BATCH, "keras")
    return {
        f"{name}, {how}": measure_rate(lambda run=run: run(pixels), len(pixels))
        for how, run in runs.items()
    }


def measure_store(folder: Path) -> dict[str, float]:
    """Measure shards written and read per second, and the bytes of memory per image name."""
    recipe = {"shape": [2048], "dtype": "float32"}
    named = [
        NamedImage(f"{number:09d}.jpg", folder / f"{number:09d}.jpg") for number in range(ROWS)
    ]
    shard = shards.Shard(0, named, "0" * 16)
    part = Batch([each.name for each in named], np.ones((ROWS, 2048), np.float32), [])
    path = store.shard_path(folder, 0)
    written = measure_rate(lambda: shards.join_batches([part], recipe).write(folder, shard), 1)
    read = measure_rate(lambda: store.read_shard(path), 1)
    listed = measure_rate(lambda: shards.compute_fingerprint(named), ROWS)
    held = (
        sum(
            sys.getsizeof(each) + sys.getsizeof(each.name) + sys.getsizeof(each.source)
            for each in named
        )
        / ROWS
    )
    return {
        "shards written": written,
        "shards read": read,
        "images listed": listed,
        "bytes per image": held,
    }


def measure_training() -> dict[str, float]:
    """Measure steps per second of practical 2's convolutional net; count its weights."""
    from etabli.models.vision import digit_classifiers
    from etabli.training import keras_trainer

    model = digit_classifiers.compile_model(digit_classifiers.build_cnn(0), learning_rate=0.1)
    draw = np.random.default_rng(0)
    digits, labels = (
        draw.random((2000, 28, 28, 1), dtype=np.float32),
        draw.integers(0, 10, 2000).astype(np.int32),
    )
    steps = measure_rate(
        lambda: keras_trainer.fit(model, digits, labels, epochs=1, batch_size=100), 20
    )
    return {"training steps": steps, "weights": float(model.count_params())}


def measure_neighbors(n: int = 60_000, queries: int = 2048) -> dict[str, float]:
    """Measure pairs of a query and a point of 128 dimensions that are compared per second."""
    from threadpoolctl import threadpool_limits

    from etabli.metrics.neighbors import find_nearest_neighbors

    points = np.random.default_rng(0).normal(size=(n, 128)).astype(np.float32)
    with threadpool_limits(1):
        rate = measure_rate(lambda: find_nearest_neighbors(points, 6, np.arange(queries)), queries)
    return {"neighbor pairs": rate * n}


def measure_streamed_training(folder: Path, n: int = 10_240, width: int = 2048) -> dict[str, float]:
    """Measure numbers per second of a step of a classifier of 20 classes on float16 in files."""
    from threadpoolctl import threadpool_limits

    from etabli.models.vision import linear_head
    from etabli.models.vision.streamed_rows import RowsFile, StreamedRows

    draw, files = np.random.default_rng(0), []
    for start in range(0, n, ROWS):
        path = folder / f"rows-{start}.bin"
        draw.normal(size=(ROWS, width)).astype(np.float16).tofile(path)
        files.append(RowsFile(path, 0, ROWS))
    labels = np.where(draw.integers(0, 20, n)[:, None] == np.arange(20), 1, -1).astype(np.int8)
    passes = 0

    class Counted(StreamedRows):
        def blocks(self):
            nonlocal passes
            passes += 1
            return super().blocks()

    rows = Counted(files, width, "float16", np.arange(n))
    with threadpool_limits(1):
        started = time.process_time()
        linear_head.fit(rows, labels, 0.1, is_exclusive=True, max_iterations=5)
    return {"numbers in a step": n * width * passes / (time.process_time() - started)}


# the page -----------------------------------------------------------------------------------------


def render_page(held: dict, assumed: Assumed) -> str:
    """Fill the template next to this file with the rates, the assumptions and the estimates."""
    rates, machine = held["rates"], held["machine"]
    words = {
        **asdict(assumed),
        "date": held["date"],
        "processor": machine["processor"],
        "rows": ROWS,
        **held["versions"],
    }
    words |= {
        name.replace(" ", "_"): value for name, value in rates.items() if not _is_engine(name)
    }
    words |= {
        "assumptions": _assumptions(assumed),
        "cores": _cores(rates, assumed),
        "storage": _storage(assumed),
    }
    words |= (
        _gpu(rates, assumed)
        | _failures(rates, assumed)
        | _training(rates, assumed)
        | _limits(rates, assumed)
        | _neighbors(rates, assumed)
        | _streamed(rates, assumed)
    )
    words["reads"] = assumed.images / 1000 * assumed.thousand_reads
    return TEMPLATE.read_text(encoding="utf-8").format(**words)


def one_core(rates: dict, engine: str) -> float:
    """Return images per second of a core that decodes and infers: 1 / (1/decode + 1/engine)."""
    return 1 / (1 / rates["decode"] + 1 / rates[engine])


def _is_engine(name: str) -> bool:
    return name.split(",")[0] in NETS


def _table(rows: list[str]) -> str:
    return "\n".join(rows)


def _assumptions(assumed: Assumed) -> str:
    return _table(
        [
            f"| {HELP[name]} | {value:g} | `--{name.replace('_', '-')}` |"
            for name, value in asdict(assumed).items()
        ]
    )


def _cores(rates: dict, assumed: Assumed) -> str:
    rows = []
    for engine in filter(_is_engine, rates):
        r = one_core(rates, engine)
        hours = assumed.images / r / 3600
        price, days = hours * assumed.core_hour, hours / 1000 / 24
        rows.append(
            f"| {engine} | {rates[engine]:.1f} | {r:.1f} "
            f"| {hours:,.0f} | {price:,.0f} | {days:,.1f} |"
        )
    return _table(rows)


def _gpu(rates: dict, assumed: Assumed) -> dict[str, float]:
    feeders = assumed.gpu_rate / rates["decode"]
    hours = assumed.images / assumed.gpu_rate / 3600
    return {
        "feeders": feeders,
        "gpu_hours": hours,
        "gpu_price": hours * (assumed.gpu_hour + feeders * assumed.core_hour),
    }


def _storage(assumed: Assumed) -> str:
    sizes = {"the images": assumed.images * assumed.image_kilobytes * 1e3}
    for name, width in NETS.items():
        for kind, size in (("float32", 4), ("float16", 2)):
            sizes[f"rows of {name}, {kind}"] = assumed.images * width * size
    price = assumed.gigabyte_month / 1e9
    return _table(
        [f"| {what} | {size / 1e12:,.1f} | {size * price:,.0f} |" for what, size in sizes.items()]
    )


def _failures(rates: dict, assumed: Assumed) -> dict[str, float]:
    """Estimate failures; a failing machine loses half a shard per core."""
    r = one_core(rates, BEST)
    hours = assumed.images / r / 3600
    machines = hours / assumed.node_cores
    failures, lost = machines * assumed.node_failures, assumed.node_cores * ROWS / (2 * r) / 3600
    return {
        "machine_hours": machines,
        "failures": failures,
        "again": failures * lost,
        "share": failures * lost / hours,
    }


def _training(rates: dict, assumed: Assumed) -> dict[str, float]:
    step, exchange = 1 / rates["training steps"], 8 * rates["weights"] / (assumed.network * 1e9)
    return {
        "step_ms": 1000 * step,
        "exchange_ms": 1000 * exchange,
        "useful_devices": step / exchange,
    }


def _neighbors(rates: dict, assumed: Assumed, queries: int = 20_000) -> dict[str, float]:
    """Estimate the core hours of all neighbors, and of those of a sample."""
    hours = assumed.points / rates["neighbor pairs"] / 3600
    return {
        "pairs": rates["neighbor pairs"] / 1e6,
        "neighbor_hours": assumed.points * hours,
        "sample_minutes": queries * hours * 60,
        "point_gigabytes": assumed.points * 128 * 4 / 1e9,
    }


def _streamed(rates: dict, assumed: Assumed, width: int = 2048) -> dict[str, float]:
    """Estimate a training on features of 2,048 numbers that stay in their files."""
    numbers = assumed.points * width
    computing = numbers * assumed.passes / rates["numbers in a step"] / 3600
    reading = numbers * 2 * assumed.passes / (assumed.disk * 1e9) / 3600
    return {
        "step_numbers": rates["numbers in a step"] / 1e6,
        "row_gigabytes": numbers * 2 / 1e9,
        "memory_gigabytes": numbers * 4 * 4 / 1e9,
        "computing_hours": computing,
        "reading_hours": reading,
        "row_names_gigabytes": assumed.points * rates["bytes per image"] / 1e9,
    }


def _limits(rates: dict, assumed: Assumed) -> dict[str, float]:
    count, pace = assumed.images / ROWS, rates["shards written"] * ROWS
    return {
        "count": count,
        "pace": pace,
        "writer_cores": pace / one_core(rates, BEST),
        "writing_hours": count / rates["shards written"] / 3600,
        "opening_hours": count / rates["shards read"] / 3600,
        "listing_hours": assumed.images / rates["images listed"] / 3600,
        "names_gigabytes": assumed.images * rates["bytes per image"] / 1e9,
    }


if __name__ == "__main__":
    _errors.run_with_error_handling(main)
