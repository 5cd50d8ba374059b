"""Finished pieces for every page, with models that learnt next to nothing: what a story leaves, in a second."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from etabli.core import seeding
from etabli.data.catalog.source import Source
from etabli.data.formats import mnist
from etabli.data.synthetic import verse
from etabli.report import run_folder

PAGE = "<!doctype html><title>explorer</title><canvas></canvas><script>document.title = 'drawn'</script>"


def write(home: Path) -> Path:
    """The run ``sample`` with a piece for every tool of the playground."""
    run = home / "sample"
    run.mkdir(parents=True)
    record = run_folder.Run(
        name="sample",
        created=run_folder.current_time(),
        data="sample",
        experiments=list(PIECES),
        seeds=[0],
    )
    run_folder.write_record(run / "run.json", record)
    for name, fill in PIECES.items():
        place = run_folder.seed_run_folder(run, name, 0)
        place.mkdir(parents=True)
        more = fill(place) or {}
        known = {"experiment": name, "title": name, "seed": 0, "data": "sample", "settings": {}}
        known |= {
            "started": run_folder.current_time(),
            "seconds": 1.0,
            "peak_memory_mb": 1.0,
            **more,
        }
        run_folder.write_record(place / "piece.json", run_folder.SeedRun(**known))
    return run


def _digits() -> tuple[np.ndarray, np.ndarray]:
    digits = mnist.load(Source.sample())
    return digits.flattened()[0], digits.train_labels


def _logistic(place: Path) -> None:
    from etabli.models.estimators.softmax_regression import SoftmaxRegression

    SoftmaxRegression(epochs=2, random_state=0).fit(*_digits()).save(
        place / "softmax_regression.safetensors"
    )


def _mlp(place: Path) -> None:
    from etabli.models.estimators.mlp import MLP

    MLP(epochs=2, random_state=0).fit(*_digits()).save(place / "mlp.safetensors")


def _cnn(place: Path) -> None:
    from etabli.models.vision import digit_classifiers

    digit_classifiers.convolutional(0).save(place / "model.keras")


def _raw(place: Path) -> None:
    points = seeding.make_generator(0, "pieces").normal(
        size=(len(mnist.load(Source.sample()).test_labels), 2)
    )
    _safetensors(place / "tsne.safetensors", points=points.astype(np.float32))


def _hidden(place: Path) -> dict[str, object]:
    (place / "explorer.html").write_text(PAGE)
    return {
        "exhibits": [
            run_folder.Exhibit(kind="page", key="explorer", title="Explorer", file="explorer.html")
        ]
    }


def _untangling(place: Path) -> None:
    rows = [
        {"epoch": epoch, "pixels": 0.9, "relu1": 0.8, "softmax": 0.5 + 0.1 * epoch}
        for epoch in (0, 1, 4)
    ]
    (place / "depth.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def _poetry(place: Path) -> dict[str, object]:
    from etabli.models.text import simple_rnn

    simple_rnn.build(10, len(verse.load(Source.sample()).vocabulary), 8).save(place / "model.keras")
    return {"settings": {"length": 10}}


def _poetry_modern(place: Path) -> None:
    from etabli.models.text import lstm

    lstm.build(len(verse.load(Source.sample()).vocabulary), 8, 4, 0).save(place / "model.keras")


def _words(place: Path) -> None:
    from etabli.data.formats import word_vectors
    from etabli.experiments.tp4 import words

    source = Source.sample()
    known = word_vectors.load(source, words.words(source))
    draw = seeding.make_generator(0, "pieces")
    clusters, centres = 3, known.vectors[:3]
    points = draw.normal(size=(len(known.words) + clusters, 2)).astype(np.float32)
    labels = draw.integers(clusters, size=len(known.words))
    _safetensors(place / "clusters.safetensors", labels=labels, centres=centres, points=points)


def _transfer(place: Path) -> None:
    draw = seeding.make_generator(0, "pieces")
    features = np.stack([mean_colour(pixels)[0] for pixels in scenes()])
    kernel = draw.normal(size=(3, len(CLASSES))).astype(np.float32)
    _safetensors(
        place / "head.safetensors",
        kernel=kernel,
        bias=np.zeros(len(CLASSES), np.float32),
        features=features,
    )


CLASSES = ("dark", "bright")


def scenes() -> list[np.ndarray]:
    """Five training images for ``tp3.transfer``."""
    from etabli.data.synthetic.scenes import draw_scene

    return [
        np.asarray(draw_scene(seeding.make_generator(seed, "pieces"), (48, 48)).image)
        for seed in range(5)
    ]


def mean_colour(pixels: np.ndarray) -> np.ndarray:
    """The eyes of a net of three features."""
    return (pixels.reshape(-1, 3).mean(axis=0, keepdims=True) / 255).astype(np.float32)


def material(folder: Path):
    """What stands in for ``rooms.transfer.material``: the five scenes as files, seen by their mean colour."""
    from PIL import Image

    from etabli.web.pages.transfer import Material

    def made(_found: object, features: np.ndarray) -> Material:
        paths = [folder / f"{row}.png" for row in range(len(features))]
        for path, pixels in zip(paths, scenes(), strict=True):
            Image.fromarray(pixels).save(path)
        labels = np.array([[1, -1], [-1, 1], [1, 1], [-1, -1], [1, -1]])
        return Material(CLASSES, paths, labels, features, mean_colour)

    return made


def _attention(place: Path) -> None:
    from etabli.features.regions import cells
    from etabli.models.captioning import attention
    from etabli.models.captioning.beam_search import Search
    from etabli.models.captioning.vocabulary import Vocabulary
    from etabli.saved_models.captioner import Captioner

    vocabulary = Vocabulary.most_frequent(
        ["a red car on the left of a tree .", "a blue house by the sea ."]
    )
    seen = cells(np.zeros((112, 112, 3), np.uint8)).shape[-1]
    shape = attention.Shape(len(vocabulary), features=seen, embedding=8, hidden=8, attention=4)
    arrays = attention.initial(shape, seeding.make_generator(0, "pieces"))
    Captioner("attention", vocabulary, arrays, "cells", Search(beam=3, steps=8)).save(
        place / "captioner"
    )


def _safetensors(path: Path, **arrays: np.ndarray) -> None:
    from safetensors.numpy import save_file

    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, path)


PIECES: dict[str, Callable[[Path], dict[str, object] | None]] = {
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
