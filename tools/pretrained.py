"""Train the nets that the playground ships, and write them to ``src/etabli/pretrained``.

python tools/pretrained.py [--run FOLDER]      where they are trained; an interrupted run is resumed

Needs the full data (``ETABLI_DATA``), and about 50 minutes on two cores. The same machine gives the
same bytes again. Only parameters and coordinates are written: no image, no text, no n-gram.
"""

import argparse
import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import scene_captioner
from safetensors.numpy import save_file

from etabli import pretrained
from etabli.core.version import __version__
from etabli.data.catalog.source import Source
from etabli.data.formats import word_vectors
from etabli.data.synthetic import verse
from etabli.experiments import runner, select_experiments
from etabli.models.text import word_similarity
from etabli.projection.tsne import tsne
from etabli.report import run_folder
from etabli.report.numbers import format_score, score_label
from etabli.saved_models.captioner import NET
from etabli.training import keras_io

OUT = Path(pretrained.__file__).parent
MAX_BYTES = 12_000_000
MNIST = "MNIST (LeCun, Cortes, Burges), CC BY-SA 3.0"
N_WORDS, N_CLUSTERS = 1000, 12
GLOVE = "GloVe 6B, 100 dimensions (Pennington, Socher, Manning 2014), PDDL 1.0"
BOOK = "Les Fleurs du mal (Baudelaire, 1857), public domain"
# Experiment -> the files that are shipped, and the data they were trained on.
SHIPPED = {
    "tp1.logistic": (("softmax_regression.safetensors",), MNIST),
    "tp1.mlp": (("mlp.safetensors",), MNIST),
    "tp2.cnn": (("model.keras",), MNIST),
    "tp2.raw": (("tsne.safetensors",), MNIST),
    "tp2.untangling": (("depth.jsonl", "planes.safetensors", "planes.json"), MNIST),
    "tp4.poetry": (("model.keras",), BOOK),
    "tp4.poetry-modern": (("model.keras",), BOOK),
}
CHANGES = {"tp2.untangling.n_projected": 10_000}  # all test images of MNIST
# Times and memory would make the same models different files.
SAME_EACH_TIME = {
    "started": datetime(2026, 1, 1, tzinfo=UTC),
    "seconds": 0.0,
    "cpu_seconds": None,
    "peak_memory_mb": 0.0,
}
WORDS = ("words.json", "words.safetensors", "clusters.safetensors")
CAPTIONER = ("model.safetensors", "features.keras", "known.safetensors", "card.json")
SCENES = "scenes drawn by this project, free for any use"
N_SCENES = 500
MADE_HERE = {"tp4.words": (WORDS, GLOVE), "tp5.attention": (CAPTIONER, SCENES)}


def ship(run: Path) -> list[run_folder.SeedRun]:
    """Copy the models of a run, each with a record of its settings and scores."""
    record = run_folder.read_run(run)
    changes = {
        "name": "pretrained",
        "experiments": [*SHIPPED, "tp4.words", "tp5.attention"],
        "machine": {},
        "created": SAME_EACH_TIME["started"],
    }
    kept = record.model_copy(update=changes)
    run_folder.write_record(OUT / "run.json", kept)
    records = []
    for name, (files, _data) in SHIPPED.items():
        source = run_folder.seed_run_folder(run, name, 0)
        target = run_folder.seed_run_folder(OUT, name, 0)
        target.mkdir(parents=True, exist_ok=True)
        for file in files:
            shutil.copyfile(source / file, target / file)
        if name.startswith("tp4"):
            vocabulary = "".join(verse.load(Source.full()).vocabulary)
            (target / "vocabulary.json").write_text(
                json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8"
            )
        seed_run = run_folder.read_seed_run(source)
        shortened = {"report_items": [], "claims": [], "published": [], **SAME_EACH_TIME}
        run_folder.write_record(
            run_folder.record_path(target), seed_run.model_copy(update=shortened)
        )
        records.append(seed_run)
    return records


def ship_words() -> run_folder.SeedRun:
    """Write the first words of GloVe 6B with their clusters and their t-SNE plane.

    They are chosen by their rank in GloVe, so that nothing comes from the captions of Flickr8k.
    """
    known = word_vectors.load(Source.full())
    chosen = [word for word in known.words if word.isalpha() and len(word) > 1][:N_WORDS]
    vectors = known.lookup(chosen).astype(np.float16)
    unit = word_similarity.normalize(vectors.astype(np.float32))
    clusters = word_similarity.cluster(chosen, unit, N_CLUSTERS, seed=0)
    points = tsne(np.concatenate([unit, clusters.centers]), seed=0)
    target = run_folder.seed_run_folder(OUT, "tp4.words", 0)
    target.mkdir(parents=True, exist_ok=True)
    arrays = {"labels": clusters.labels, "centers": clusters.centers, "points": points}
    save_file(
        {name: np.ascontiguousarray(value) for name, value in arrays.items()},
        target / "clusters.safetensors",
    )
    save_file({"vectors": vectors}, target / "words.safetensors")
    (target / "words.json").write_text(json.dumps(chosen), encoding="utf-8")
    record = run_folder.SeedRun(
        experiment="tp4.words",
        title="Words and their vectors",
        seed=0,
        data="full",
        settings={"words": N_WORDS, "clusters": N_CLUSTERS},
        **SAME_EACH_TIME,
    )
    run_folder.write_record(run_folder.record_path(target), record)
    return record


def ship_captioner() -> run_folder.SeedRun:
    """Train the captioner of drawn scenes, and score it on new ones."""
    target = run_folder.seed_run_folder(OUT, "tp5.attention", 0)
    folder = target / "captioner"
    folder.mkdir(parents=True, exist_ok=True)
    captioner = scene_captioner.train_captioner(folder)
    net = keras_io.load(folder / NET)
    right = scene_captioner.score(captioner, net, N_SCENES)
    signature = f"accuracy:all objects named, no others | data:drawn scenes | n:{N_SCENES}"
    record = run_folder.SeedRun(
        experiment="tp5.attention",
        title="A captioner of drawn scenes",
        headline="test_accuracy",
        seed=0,
        data="sample",
        settings={"images": scene_captioner.N_CAPTIONED, "epochs": scene_captioner.EPOCHS},
        scores=[run_folder.ScoreRecord(name="test_accuracy", value=right, signature=signature)],
        **SAME_EACH_TIME,
    )
    run_folder.write_record(run_folder.record_path(target), record)
    return record


def write_model_cards(records: list[run_folder.SeedRun]) -> None:
    """Write the model cards: files, data, recipe and scores."""
    lines = [
        "# Shipped nets",
        "",
        f"Written by `make models` with Établi {__version__}; trained on full data with seed 0,",
        "the captioner on drawn scenes.",
        "Parameters and coordinates only, under the license of this project.",
    ]
    for each in records:
        files, data = {**SHIPPED, **MADE_HERE}[each.experiment]
        lines += ["", f"## {each.experiment}: {each.title}", ""]
        lines += [f"- files: {', '.join(files)}", f"- data: {data}"]
        lines += [
            f"- {score_label(score.name)}: {format_score(score.name, score.value)} "
            f"({score.signature})"
            for score in each.scores
            if score.value is not None and score.name == each.headline
        ]
    (OUT / "README.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def list_files() -> list[Path]:
    """List what is shipped, without the module itself, readable by everyone."""
    files = sorted(
        path for path in OUT.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")
    )
    for path in files:
        path.chmod(0o644)
    return files


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", type=Path, default=Path("runs/pretrained"))
    given = parser.parse_args()
    specs = select_experiments(list(SHIPPED))
    runner.run_experiments(specs, given.run, Source.full(), seeds=[0], changes=CHANGES)
    write_model_cards([*ship(given.run), ship_words(), ship_captioner()])
    size = sum(path.stat().st_size for path in list_files())
    print(f"{OUT}: {size / 1e6:.1f} MB (at most {MAX_BYTES / 1e6:.0f})")


if __name__ == "__main__":
    main()
