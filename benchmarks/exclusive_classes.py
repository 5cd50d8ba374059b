"""Accuracy of ``etabli transfer`` with one label an image, against scikit-learn's tuned classifier.

The VOC 2012 subset of ``ETABLI_DATA``: images of exactly one of cat, dog and horse, 60 training
images of each class in every draw, evaluated on all such validation images. Both learn from the
same MobileNetV2 features; scikit-learn's C, and whether features are standardized, are chosen by
cross-validation. The interval is that of the mean difference over draws (Student's t).

    ETABLI_DATA=... python benchmarks/exclusive_classes.py [--draws 6]
"""

import argparse
import csv
import os
import tempfile
from pathlib import Path

import numpy as np
from harness import conclude
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from etabli.data.catalog.source import Source
from etabli.features.extraction import extract_to_cache
from etabli.features.store import Features
from etabli.features.weights import find_weights
from etabli.pipelines.predict import predict
from etabli.pipelines.transfer import transfer

CLASSES, PER_CLASS, NET = ("cat", "dog", "horse"), 60, "mobilenet_v2"
Labeled = dict[Path, str]


def read_images(split: str) -> Labeled:
    """Return the images of a split that show exactly one of the classes, with its name."""
    root = Source.full().path("voc") / "VOCdevkit" / "VOC2012"
    shown: dict[str, list[str]] = {}
    for name in CLASSES:
        lines = (root / "ImageSets" / "Main" / f"{name}_{split}.txt").read_text().split("\n")
        for image, label in (line.split() for line in lines if line.strip()):
            if label == "1":
                shown.setdefault(image, []).append(name)
    return {
        root / "JPEGImages" / f"{image}.jpg": names[0]
        for image, names in sorted(shown.items())
        if len(names) == 1
    }


def draw_training(images: Labeled, generator: np.random.Generator) -> Labeled:
    """Return 60 images of each class."""
    chosen: Labeled = {}
    for name in CLASSES:
        paths = [path for path, label in images.items() if label == name]
        rows = generator.choice(len(paths), PER_CLASS, replace=False)
        chosen |= {paths[row]: name for row in rows}
    return chosen


def measure_etabli(features: Features, train: Labeled, evaluated: Labeled, folder: Path) -> float:
    """Return the accuracy of the labels of a model that ``transfer`` trained on a table."""
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(("file_name", "label", "split"))
        for split, part in (("train", train), ("test", evaluated)):
            writer.writerows((path.name, label, split) for path, label in part.items())
    result = transfer(features.folder, folder / "labels.csv", folder / "model", overwrite=True)
    found = result.evaluation
    assert found is not None and len(found) == len(evaluated)
    right = [
        labels == (evaluated[path],)
        for labels, path in zip(found.labels, sorted(evaluated, key=_by(found.names)), strict=True)
    ]
    return float(np.mean(right))


def _by(names: tuple[str, ...]):
    places = {name: place for place, name in enumerate(names)}
    return lambda path: places[path.name]


def measure_scikit_learn(features: Features, train: Labeled, evaluated: Labeled) -> float:
    """Return the accuracy of a logistic regression whose settings cross-validation chooses."""
    rows, held = (
        features.array([path.name for path in part], "float32").astype(float)
        for part in (train, evaluated)
    )
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    grid = {
        "standardscaler": [StandardScaler(), "passthrough"],
        "logisticregression__C": np.logspace(-4, 2, 7),
    }
    search = GridSearchCV(model, grid, cv=5).fit(rows, list(train.values()))
    return float(search.score(held, list(evaluated.values())))


def main() -> None:
    """Measure both accuracies and their difference over draws of the training images."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=6)
    draws = parser.parse_args().draws
    if not os.environ.get("ETABLI_DATA"):
        print("not measured: ETABLI_DATA names no full data")
        return
    pool, evaluated = read_images("train"), read_images("val")
    paths = [*pool, *evaluated]
    features = extract_to_cache(
        "exclusive", paths, NET, names=[path.name for path in paths], weights=find_weights(NET)
    )
    accuracies = []
    with tempfile.TemporaryDirectory() as place:
        for number in range(draws):
            train = draw_training(pool, np.random.default_rng(number))
            ours = measure_etabli(features, train, evaluated, Path(place))
            theirs = measure_scikit_learn(features, train, evaluated)
            accuracies.append((ours, theirs))
            print(f"  draw {number + 1}: etabli {ours:.4f}, scikit-learn {theirs:.4f}", flush=True)
        labels = predict(list(evaluated), Path(place) / "model").labels
    written = np.mean(
        [each == (label,) for each, label in zip(labels, evaluated.values(), strict=True)]
    )
    ours, theirs = np.array(accuracies).T
    difference = 100 * (ours - theirs)
    half = stats.t.ppf(0.975, draws - 1) * difference.std(ddof=1) / np.sqrt(draws)
    mean = difference.mean()
    conclude(
        "exclusive_classes",
        f"Accuracy of etabli transfer, {PER_CLASS} training images of each of {len(CLASSES)} "
        "exclusive classes",
        {},
        {"points of accuracy more than scikit-learn, tuned": (float(mean), ">= -1")},
        f"etabli {100 * ours.mean():.2f} %, scikit-learn {100 * theirs.mean():.2f} %; 95 % "
        f"interval of the difference {mean - half:+.2f} to {mean + half:+.2f} points; "
        f"{len(evaluated)} evaluated images, {draws} draws. Label column of etabli predict, last "
        f"draw: {100 * written:.2f} %.",
    )


if __name__ == "__main__":
    main()
