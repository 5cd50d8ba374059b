"""A folder with small versions of all files that the documented commands use."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from tiny import EXPERIMENT

from etabli.core import seeding
from etabli.data.catalog.source import Source
from etabli.data.formats import word_vectors
from etabli.data.synthetic import scenes, verse
from etabli.experiments import runner

HOMEWORK = """
import numpy as np

def forward(batch, W, b):
    z = batch @ W + b
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)

def backward(batch, Y_hat, Y, W, b):
    return batch.T @ (Y_hat - Y) / len(batch), (Y_hat - Y).mean(axis=0, keepdims=True)
"""


def draw(path: Path, seed: int, kind: str | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    scenes.draw_single(seeding.make_generator(seed, "site"), kind).image.convert("RGB").save(path)


def write_coco(home: Path) -> None:
    """Write a folder of images and their captions in COCO's format."""
    images = [{"id": number, "file_name": f"{number}.png"} for number in range(6)]
    captions = [{"image_id": number, "caption": "a red car ."} for number in range(6)]
    for image in images:
        draw(home / "val2014" / image["file_name"], 80 + image["id"])
    content = {"images": images, "annotations": captions}
    (home / "captions_val2014.json").write_text(json.dumps(content))


@pytest.fixture(scope="session")
def material(tmp_path_factory) -> Path:
    """Return the folder in which the commands of all pages run, one after the other."""
    from web import trained_models

    home = tmp_path_factory.mktemp("site")
    for index, name in enumerate(("cat", "dog")):
        for number in range(6):
            draw(
                home / "photos" / name / f"{number}.png",
                10 * index + number,
                ("car", "house")[index],
            )
    for number in range(2):
        draw(home / "new-photos" / f"{number}.png", 40 + number)
    draw(home / "photo.jpg", 50)
    rows = []
    for number in range(6):
        draw(home / "holidays" / f"{number}.png", 60 + number)
        rows.append(
            {"file_name": f"{number}.png", "captions": ["a red car .", "one car on the grass ."]}
        )
    (home / "holidays" / "metadata.jsonl").write_text(
        "".join(json.dumps(row) + "\n" for row in rows)
    )
    labels = np.arange(40) % 2
    points = np.random.default_rng(0).normal(size=(40, 5)) + 4 * labels[:, None]
    np.savez(home / "features.npz", features=points, labels=labels)
    header = ",".join([*(f"x{k}" for k in range(5)), "label"])
    lines = [
        ",".join([*map(str, row), str(label)]) for row, label in zip(points, labels, strict=True)
    ]
    for name in ("points.csv", "table.csv", "new.csv"):
        (home / name).write_text("\n".join([header, *lines]))
    species = ["setosa" if label else "virginica" for label in labels]
    (home / "species.csv").write_text("\n".join(["species", *species]))
    named = [f"{line[:-1]}{name}" for line, name in zip(lines, species, strict=True)]
    (home / "iris.data").write_text("\n".join(named))
    (home / "wine.data").write_text("\n".join(f"{line[-1]},{line[:-2]}" for line in lines))
    np.save(home / "points.npy", points)
    text = "La mer " + verse.load(Source.sample()).characters[:2500]
    (home / "poems").mkdir()
    for path, length in (("mytext.txt", 2507), ("poems/one.txt", 2507), ("short.txt", 400)):
        (home / path).write_text(text[:length], encoding="utf-8")
    write_coco(home)
    known = word_vectors.load(Source.sample())
    more = ("dog", "man", "king", "woman", "sea")
    words = [*known.words, *(word for word in more if word not in known.rows)]
    vectors = np.random.default_rng(0).normal(size=(len(words), 20)).astype(np.float32)
    for name in ("vectors.txt", "glove.6B.100d.txt"):
        word_vectors.write(home / name, words, vectors)
    with zipfile.ZipFile(home / "glove.6B.zip", "w") as archive:
        archive.write(home / "glove.6B.100d.txt", "glove.6B.100d.txt")
    (home / "mywords.txt").write_text("\n".join(words[-20:]))
    (home / "homework.py").write_text(HOMEWORK)
    for name in ("one", "two", "mine", "a", "b"):
        runner.run_experiments([EXPERIMENT], home / "runs" / name, Source.sample())
    trained_models.write(home / "runs")
    return home
