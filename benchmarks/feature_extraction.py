"""Deep features from JPEG files: end to end, decoding and net alone, Keras' predict, timm.

    python benchmarks/feature_extraction.py [--backbone resnet50|mobilenet_v2] [--images 96]
        [--batch 2] [--repeats 3] [--memory]

Photographs of VOC are taken where ``ETABLI_DATA`` has them, drawn scenes of 500 x 375 otherwise;
weights are random, which costs as much as any. timm (PyTorch) reads the same images with our
reader, in two threads ahead of its net. ``--memory`` also extracts 500 and 3,500 images in
processes of their own.
"""

import argparse
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
from harness import compare, conclude, ratio

from etabli.core.seeding import make_generator
from etabli.data.catalog.source import Source
from etabli.data.formats import images
from etabli.data.synthetic import scenes
from etabli.features.engines import get_batch_size, open_engine, truncate_model
from etabli.features.extraction import name_images
from etabli.features.pipeline import stream_features
from etabli.models.vision import backbones

SIZE = (224, 224)
TIMM = {"resnet50": "resnet50", "mobilenet_v2": "mobilenetv2_100"}
TITLES = {"resnet50": "ResNet-50", "mobilenet_v2": "MobileNetV2"}
# Times as fast as Keras predict; measured for ResNet-50.
KERAS_BARS = {"resnet50": {"bf16": ">= 2.3", "f32": ">= 1.5"}}


def photographs(folder: Path, count: int) -> list[Path]:
    """JPEG files to read: VOC's where they are, drawn ones otherwise."""
    real = Source.full().root / "voc" / "VOCdevkit" / "VOC2012" / "JPEGImages"
    if real.is_dir():
        return images.list_images(real)[:count]
    draw = make_generator(0, "benchmark")
    for number in range(count):
        scenes.draw_scene(draw, (375, 500)).image.save(folder / f"{number:05d}.jpg", quality=85)
    return images.list_images(folder)


def candidates(backbone: str, paths: list[Path], batch: int) -> dict:
    """Everything that is timed, each over all images."""
    net = backbones.get_backbone(backbone)
    model = truncate_model(net.build(), net.map_layer, pooled=True)
    named = name_images(paths, [f"{number}" for number in range(len(paths))])
    parts = [named[start : start + batch] for start in range(0, len(named), batch)]
    decoded = {each.name: images.read(each.source, SIZE) for each in named}
    pixels = np.stack(list(decoded.values())).astype(np.float32)
    made = {}
    for precision in ("bf16", "f32"):
        engine = open_engine(model, batch, "openvino", precision)
        made[f"end to end, {precision}"] = lambda run=engine: list(
            stream_features(parts, run, lambda each: images.read(each.source, SIZE))
        )
        made[f"engine alone, {precision}"] = lambda run=engine: list(
            stream_features(parts, run, lambda each: decoded[each.name])
        )

    def decode() -> None:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda each: images.read(each.source, SIZE), named))

    made["decoding alone"] = decode
    made["Keras predict on JAX, decoded images"] = lambda: model.predict(
        pixels, batch_size=32, verbose=0
    )
    return made | timm_candidates(TIMM[backbone], paths)


def timm_candidates(name: str, paths: list[Path]) -> dict:
    """Extraction with timm's net: batches of 32, channels last, bfloat16 by autocast."""
    import timm
    import torch

    net = timm.create_model(name, pretrained=False, num_classes=0).eval()
    net = net.to(memory_format=torch.channels_last)

    def extract_all(precision: str) -> list[np.ndarray]:
        made = []
        with (
            ThreadPoolExecutor(2) as pool,
            torch.inference_mode(),
            torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"),
        ):
            read = pool.map(lambda each: images.read(each, SIZE), paths)  # ahead of the net
            while pixels := list(islice(read, 32)):
                batch = torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2)
                made.append(net(batch.float() / 127.5 - 1).float().numpy())
        return made

    return {f"timm on PyTorch, {each}": partial(extract_all, each) for each in ("bf16", "f32")}


_CHILD = """
import sys
from pathlib import Path
from etabli.core.environment import peak_memory_mb
from etabli.features import extract
paths = [Path(line) for line in Path(sys.argv[1]).read_text().splitlines()]
count = int(sys.argv[2])
chosen, names = [paths[n % len(paths)] for n in range(count)], [str(n) for n in range(count)]
extract(chosen, "mobilenet_v2", sys.argv[3], names=names)
print(peak_memory_mb())  # not ru_maxrss, which a child inherits from the process that started it
"""


def peak_memory(paths: list[Path], count: int) -> float:
    """Megabytes at the peak of a process that extracts ``count`` images."""
    with tempfile.TemporaryDirectory() as folder:
        listing = Path(folder) / "paths.txt"
        listing.write_text("\n".join(map(str, paths)))
        command = [
            sys.executable,
            "-c",
            _CHILD,
            str(listing),
            str(count),
            str(Path(folder) / "out"),
        ]
        return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbone", choices=TIMM, default="resnet50")
    parser.add_argument("--images", type=int, default=96)
    parser.add_argument("--batch", type=int, default=get_batch_size("openvino"))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--memory", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        paths = photographs(Path(folder), asked.images)
        timings = compare(candidates(asked.backbone, paths, asked.batch), asked.repeats)
        keras = "Keras predict on JAX, decoded images"
        ratios = {}
        for precision in ("bf16", "f32"):
            whole, engine = (
                timings[f"end to end, {precision}"],
                timings[f"engine alone, {precision}"],
            )
            rounds = zip(
                whole.seconds, engine.seconds, timings["decoding alone"].seconds, strict=True
            )
            share = float(np.median([(net + decoding) / both for both, net, decoding in rounds]))
            ratios[f"of what engine and decoding can do together, {precision}"] = (share, ">= 0.9")
            times = ratio(timings, keras, whole.name)
            bar = KERAS_BARS.get(asked.backbone, {}).get(precision, "> 1")
            ratios[f"times faster than Keras predict, {precision}"] = (times, bar)
            times = ratio(timings, f"timm on PyTorch, {precision}", whole.name)
            ratios[f"times faster than timm on PyTorch, {precision}"] = (times, "> 1")
        notes = f"{len(paths)} images, {asked.batch} in a batch (Keras and timm: 32)."
        if asked.memory:
            few, many = peak_memory(paths, 500), peak_memory(paths, 3500)
            ratios["peak memory of 3,500 images over that of 500"] = (many / few, "<= 1.1")
            notes += f" Peak memory: {few:.0f} MB for 500 images, {many:.0f} MB for 3,500."
    key = "feature_extraction" + ("" if asked.backbone == "resnet50" else f"_{asked.backbone}")
    what = f"Deep features of {TITLES[asked.backbone]} from JPEG files"
    conclude(key, what, timings, ratios, notes)


if __name__ == "__main__":
    main()
