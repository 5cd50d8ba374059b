"""Features in int8: the rate of ResNet-50, and the loss of accuracy on the photographs of VOC.

    python benchmarks/int8_features.py [--images 64] [--repeats 5] [--accuracy]

The rate is that of the net alone on decoded images, with random weights, which cost as much as any.
``--accuracy`` needs the data and the weights of ``ETABLI_DATA``: a linear classifier is trained on
MobileNetV2's features in each precision, and the mAP is that of the same test images.
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from harness import compare, conclude, ratio

from etabli.core.seeding import make_generator
from etabli.data.catalog.source import Source
from etabli.data.formats import images, voc
from etabli.data.synthetic import scenes
from etabli.experiments.tp3._shared import MEASURABLE
from etabli.features import extract
from etabli.features.engines import Engine, get_batch_size, open_engine, truncate_model
from etabli.features.quantization import N_CALIBRATION_IMAGES
from etabli.metrics import average_precision as ap
from etabli.models.vision import backbones, linear_head

SIZE, PRECISIONS = (224, 224), ("int8", "bf16", "f32")


def decode(count: int) -> np.ndarray:
    """Photographs of VOC where they are, drawn scenes otherwise, (N, 224, 224, 3) uint8."""
    real = Source.full().root / "voc"
    if real.is_dir():
        return np.stack([images.read(each, SIZE) for each in images.list_images(real)[:count]])
    draw = make_generator(0, "benchmark")
    return np.stack([np.asarray(scenes.draw_scene(draw, SIZE).image) for _number in range(count)])


def compute(engine: Engine, pixels: np.ndarray) -> Callable[[], None]:
    """The net on all images, by as many requests at once as the engine wants."""
    from concurrent.futures import ThreadPoolExecutor

    size = engine.batch_size
    batches = [pixels[start : start + size] for start in range(0, len(pixels), size)]

    def run() -> None:
        with ThreadPoolExecutor(engine.parallel) as pool:
            list(pool.map(engine, batches))

    return run


def measure_loss(folder: Path) -> tuple[dict[str, float], np.ndarray]:
    """Return the mAP (in percent) of each precision, and resamples of the loss of int8.

    A linear classifier (L2 0.1) learns the training list of VOC's subset; the resamples are of the
    images of its validation list.
    """
    source = Source.full()
    weights = source.root / "weights" / "mobilenet_v2_imagenet_notop.weights.h5"
    parts = [voc.load(source, split).select_classes(MEASURABLE) for split in ("train", "val")]
    truth, logits = parts[1].labels, {}
    for precision in PRECISIONS:
        rows = [
            extract(
                part.paths, "mobilenet_v2", folder / f"{precision}-{index}",
                names=part.names, weights=weights, precision=precision,
            ).array()
            for index, part in enumerate(parts)
        ]  # fmt: skip
        logits[precision] = linear_head.fit(rows[0], parts[0].labels, 0.1).logits(rows[1])
    generator, losses = np.random.default_rng(0), []
    for _resample in range(300):
        chosen = generator.integers(0, len(truth), len(truth))
        exact, rounded = (score(truth[chosen], logits[name][chosen]) for name in ("f32", "int8"))
        losses.append(exact - rounded)
    return {name: score(truth, each) for name, each in logits.items()}, np.array(losses)


def score(truth: np.ndarray, logits: np.ndarray) -> float:
    return 100 * ap.mean_average_precision(truth, logits).value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--accuracy", action="store_true")
    asked = parser.parse_args()
    net = backbones.get_backbone("resnet50")
    model = truncate_model(net.build(), net.map_layer, pooled=True)
    pixels = decode(asked.images)
    batch, first = get_batch_size("openvino"), pixels[:N_CALIBRATION_IMAGES]
    engines = {
        precision: open_engine(model, batch, "openvino", precision, calibration=first)
        for precision in PRECISIONS
    }
    timings = compare(
        {name: compute(engine, pixels) for name, engine in engines.items()}, asked.repeats
    )
    ratios = {
        "times the rate of bf16": (ratio(timings, "bf16", "int8"), ">= 1.7"),
        "times the rate of f32": (ratio(timings, "f32", "int8"), "> 1"),
    }
    notes = f"{len(pixels)} images, {batch} in a batch."
    if asked.accuracy:
        with tempfile.TemporaryDirectory() as folder:
            found, losses = measure_loss(Path(folder))
        ratios["points of mAP lost against f32 (MobileNetV2, VOC)"] = (
            found["f32"] - found["int8"],
            "stated",
        )
        low, high = np.percentile(losses, [2.5, 97.5])
        listed = ", ".join(f"{name} {value:.2f} %" for name, value in found.items())
        notes += f" mAP, MobileNetV2, VOC: {listed}; int8 loses {low:.2f} to {high:.2f} (95 %)."
    conclude("int8_features", "Features of ResNet-50, the net alone", timings, ratios, notes)


if __name__ == "__main__":
    main()
