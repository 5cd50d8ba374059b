"""A run with a barely trained model for every page, written in seconds."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from etabli.core import seeding
from etabli.data.catalog.source import Source
from etabli.data.formats import mnist
from etabli.data.synthetic import verse
from etabli.report import run_folder

PAGE = (
    "<!doctype html><title>explorer</title><canvas></canvas>"
    "<script>document.title = 'drawn'</script>"
)


def write(home: Path) -> Path:
    """Write the run ``sample`` with a seed run for every model of the playground."""
    run = home / "sample"
    run.mkdir(parents=True)
    record = run_folder.Run(
        name="sample",
        created=run_folder.current_time(),
        data="sample",
        experiments=list(SEED_RUNS),
        seeds=[0],
    )
    run_folder.write_record(run / "run.json", record)
    for name, fill in SEED_RUNS.items():
        folder = run_folder.seed_run_folder(run, name, 0)
        folder.mkdir(parents=True)
        more = fill(folder) or {}
        known = {"experiment": name, "title": name, "seed": 0, "data": "sample", "settings": {}}
        known |= {
            "started": run_folder.current_time(),
            "seconds": 1.0,
            "peak_memory_mb": 1.0,
            **more,
        }
        run_folder.write_record(folder / "seed_run.json", run_folder.SeedRun(**known))
    return run


def _digits() -> tuple[np.ndarray, np.ndarray]:
    digits = mnist.load(Source.sample())
    return digits.flatten()[0], digits.train_labels


def _logistic(folder: Path) -> None:
    from etabli.models.estimators.softmax_regression import SoftmaxRegression

    SoftmaxRegression(epochs=2, random_state=0).fit(*_digits()).save(
        folder / "softmax_regression.safetensors"
    )


def _mlp(folder: Path) -> None:
    from etabli.models.estimators.mlp import MLP

    MLP(epochs=2, random_state=0).fit(*_digits()).save(folder / "mlp.safetensors")


def _cnn(folder: Path) -> None:
    from etabli.models.vision import digit_classifiers

    digit_classifiers.build_cnn(0).save(folder / "model.keras")


def _raw(folder: Path) -> None:
    points = seeding.make_generator(0, "tests").normal(
        size=(len(mnist.load(Source.sample()).test_labels), 2)
    )
    _safetensors(folder / "tsne.safetensors", points=points.astype(np.float32))


def _hidden(folder: Path) -> dict[str, object]:
    (folder / "explorer.html").write_text(PAGE)
    return {
        "report_items": [
            run_folder.ReportItem(
                kind="page", key="explorer", title="Explorer", file="explorer.html"
            )
        ]
    }


def _untangling(folder: Path) -> None:
    rows = [
        {"epoch": epoch, "pixels": 0.9, "relu1": 0.8, "softmax": 0.5 + 0.1 * epoch}
        for epoch in (0, 1, 4)
    ]
    (folder / "depth.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    write_planes(folder)


def write_planes(folder: Path, n: int = 40) -> None:
    """Write planes of two nets with a layer each, after epochs 0 and 4."""
    labels = mnist.load(Source.sample()).test_labels[:n].astype(np.uint16)
    generator = seeding.make_generator(0, "planes")
    guesses = np.stack([np.zeros_like(labels), labels])
    _safetensors(
        folder / "planes.safetensors",
        points=generator.integers(0, 65536, (5, n, 2)).astype(np.uint16),
        labels=labels,
        predicted_cnn=guesses,
        predicted_mlp=guesses,
    )
    layers = {"epochs": [0, 4], "layers": ["pixels", "softmax"]}
    layers |= {"hits": [[0.9, 0.4], [0.9, 0.95]]}
    nets = [{"net": net, **layers} for net in ("cnn", "mlp")]
    described = {"k": 6, "hits": [0.8, 0.4, 0.9, 0.3, 0.85], "nets": nets}
    (folder / "planes.json").write_text(json.dumps(described))


def _poetry(folder: Path) -> dict[str, object]:
    import keras

    from etabli.models.text import simple_rnn

    keras.utils.set_random_seed(0)
    model = simple_rnn.build(10, len(verse.load(Source.sample()).vocabulary), 8)
    # Sharp enough for temperatures to differ: nearly uniform probabilities sample the same text.
    kernel = model.trainable_variables[-2]
    kernel.assign(10 * kernel)
    model.save(folder / "model.keras")
    score = run_folder.ScoreRecord(name="test_nats", value=2.5)
    return {"settings": {"sequence_length": 10}, "scores": [score]}


def _poetry_modern(folder: Path) -> None:
    from etabli.models.text import lstm

    lstm.build(len(verse.load(Source.sample()).vocabulary), 8, 4, 0).save(folder / "model.keras")


def _words(folder: Path) -> None:
    from etabli.data.formats import word_vectors
    from etabli.experiments.tp4 import words

    source = Source.sample()
    known = word_vectors.load(source, words.words(source))
    draw = seeding.make_generator(0, "tests")
    clusters, centres = 3, known.vectors[:3]
    points = draw.normal(size=(len(known.words) + clusters, 2)).astype(np.float32)
    labels = draw.integers(clusters, size=len(known.words))
    _safetensors(folder / "clusters.safetensors", labels=labels, centres=centres, points=points)


def _transfer(folder: Path) -> None:
    draw = seeding.make_generator(0, "tests")
    features = np.stack([mean_color(pixels)[0] for pixels in scenes()])
    kernel = draw.normal(size=(3, len(CLASSES))).astype(np.float32)
    _safetensors(
        folder / "head.safetensors",
        kernel=kernel,
        bias=np.zeros(len(CLASSES), np.float32),
        features=features,
    )


CLASSES = ("dark", "bright")


def scenes() -> list[np.ndarray]:
    """Draw five training images for ``tp3.transfer``."""
    from etabli.data.synthetic.scenes import draw_scene

    return [
        np.asarray(draw_scene(seeding.make_generator(seed, "tests"), (48, 48)).image)
        for seed in range(5)
    ]


def mean_color(pixels: np.ndarray) -> np.ndarray:
    """Extract three features of an image: its mean color."""
    return (pixels.reshape(-1, 3).mean(axis=0, keepdims=True) / 255).astype(np.float32)


def fake_training_set(folder: Path):
    """Return a replacement of ``load_training_set``: five scenes and their mean colors."""
    from PIL import Image

    from etabli.web.pages.transfer import TrainingSet

    def load(_found: object, features: np.ndarray) -> TrainingSet:
        paths = [folder / f"{row}.png" for row in range(len(features))]
        for path, pixels in zip(paths, scenes(), strict=True):
            Image.fromarray(pixels).save(path)
        labels = np.array([[1, -1], [-1, 1], [1, 1], [-1, -1], [1, -1]])
        return TrainingSet(CLASSES, paths, labels, features, mean_color, (48, 48))

    return load


def _attention(folder: Path) -> None:
    from etabli.features.regions import compute_cells
    from etabli.models.captioning import attention
    from etabli.models.captioning.beam_search import SearchConfig
    from etabli.models.captioning.vocabulary import Vocabulary
    from etabli.saved_models.captioner import Captioner

    vocabulary = Vocabulary.most_frequent(
        ["a red car on the left of a tree .", "a blue house by the sea ."]
    )
    seen = compute_cells(np.zeros((112, 112, 3), np.uint8)).shape[-1]
    shape = attention.ModelConfig(
        len(vocabulary), features=seen, embedding=8, units=8, attention_dim=4
    )
    arrays = attention.init_weights(shape, seeding.make_generator(0, "tests"))
    Captioner("attention", vocabulary, arrays, "cells", SearchConfig(beam=3, steps=8)).save(
        folder / "captioner"
    )


def _safetensors(path: Path, **arrays: np.ndarray) -> None:
    from safetensors.numpy import save_file

    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, path)


SEED_RUNS: dict[str, Callable[[Path], dict[str, object] | None]] = {
    "tp1.logistic": _logistic,
    "tp1.mlp": _mlp,
    "tp2.cnn": _cnn,
    "tp2.raw": _raw,
    "tp2.hidden": _hidden,
    "tp2.untangling": _untangling,
    "tp3.transfer": _transfer,
    "tp4.poetry": _poetry,
    "tp4.poetry-modern": _poetry_modern,
    "tp4.words": _words,
    "tp5.attention": _attention,
}
