"""The long commands, each so small that it takes seconds; tests and ``make stress`` kill them."""

import gzip
import json
import random
import shutil
import sys
from functools import partial
from importlib.resources import files
from pathlib import Path

import numpy as np
from faults import outcomes
from faults.killing import Command
from mirrors import LOOPBACK
from toyset import sha256, toy

BEST = {"epochs": 5, "averaging": 0.5}
NET = ("--backbone", "small_residual", "--weights", "none")
# Name -> experiments on sample data, settings. Curves, scores, claims, weights, figures and
# tables are compared.
RUNS = {
    "nets in NumPy": (
        ("tp1.logistic", "tp1.mlp"),
        {"epochs": 4, "best": BEST, "zeros_learning_rates": [1.0]},
    ),
    "nets in Keras": (("tp2.logistic", "tp2.mlp", "tp2.cnn"), {"epochs": 3}),
    "poetry, SimpleRNN": (("tp4.poetry",), {"units": 16, "max_epochs": 6}),
    "poetry, LSTM": (("tp4.poetry-modern",), {"units": 16, "embedding": 8, "max_epochs": 5}),
    "GloVe": (("tp4.glove",), {"epochs": 60}),
    "captions, SimpleRNN": (("tp5.caption",), {"epochs": 4, "sizes": [], "draws": 1}),
    "captions, learned embeddings": (
        ("tp5.caption-modern",),
        {"epochs": 3, "beams": [3], "alphas": [0.7]},
    ),
    "captions, attention": (("tp5.attention",), {"epochs": 3, "beams": [3], "alphas": [0.7]}),
    "captions, trained encoder": (
        ("tp5.caption-tuned",),
        {"epochs": 3, "units": 8, "stage": "stage2"},
    ),
    "fine-tuning": (
        ("tp3.finetune",),
        {"epochs": 2, "n_ensemble": 2, "stage": "stage3", "tsne_iterations": 20},
    ),
    "transfer": (
        ("tp3.transfer",),
        {"epochs": 3, "folds": 2, "sizes": [40, 80], "scratch_epochs": 2, "scratch_image_size": 32},
    ),
}
NOISE = random.Random(3).randbytes(120_000)


def etabli(*words: object) -> None:
    """Run the command line in this process."""
    from etabli.cli import app

    sys.argv = ["etabli", *map(str, words)]
    app(standalone_mode=False)


def run_experiments(names: tuple[str, ...], settings: dict[str, object], folder: Path) -> None:
    if is_complete(folder / "run"):
        return
    changed = [f"--set={key}={json.dumps(value)}" for key, value in settings.items()]
    etabli("run", *names, "--out", folder / "run", *changed)


def is_complete(run: Path) -> bool:
    """Return whether a run is complete: a second call would refuse to overwrite it."""
    from etabli.report import run_folder

    if not (run / "report.html").exists() or not (run / "run.json").exists():
        return False
    record = run_folder.read_run(run)
    found = run_folder.list_seed_runs(run)
    is_whole = len(found) == len(record.experiments) * len(record.seeds)
    return is_whole and not any(each.interrupted for _folder, each in found)


def written(pattern: str, folder: Path) -> bool:
    return any(folder.glob(pattern))


def made(name: str, folder: Path) -> object:
    found = outcomes.of_folder(folder / name)
    found.pop("report.html", None)  # it contains the time that everything took
    found.pop("training_images.safetensors", None)  # and this the paths of the images
    features = found.get("card.json", {}).get("features")
    if isinstance(features, dict):  # a captioner names its features, a head describes them
        features.pop("folder", None)
    return found


def prepared_images(folder: Path) -> Path:
    """Write a folder for each of two classes of drawn objects, and two captions of each image."""
    from etabli.core.seeding import make_generator
    from etabli.data.synthetic import scenes

    place, unfinished, draw, lines = (
        folder / "images",
        folder / "images.part",
        make_generator(0, "faults"),
        [],
    )
    if place.exists():
        return place
    shutil.rmtree(unfinished, ignore_errors=True)
    for kind in ("house", "star"):
        (unfinished / kind).mkdir(parents=True)
        for number in range(24):
            scenes.draw_single(draw, kind).image.save(unfinished / kind / f"{number}.jpg")
            captions = [f"a {kind} .", f"one {kind} of {number % 3} ."]
            lines.append(json.dumps({"file_name": f"{kind}/{number}.jpg", "captions": captions}))
    (folder / "metadata.jsonl").write_text("\n".join(lines))
    unfinished.replace(place)
    return place


def extract_features(folder: Path) -> None:
    from etabli.data.formats import images
    from etabli.features import extract

    paths = images.list_images(prepared_images(folder))
    extract(
        paths,
        "small_residual",
        folder / "features",
        batch_size=4,
        shard_rows=4,
        engine="keras",
        workers=2,
    )


def predict_on_cluster(folder: Path) -> None:
    """Predict by a random net, in shards of two images, on a cluster in this process."""
    import pytest
    from clusters import use_in_process

    from etabli.features import cluster_outputs
    from etabli.models.vision import backbones
    from etabli.models.vision.linear_head import LinearClassifier, attach_head
    from etabli.pipelines.predict import predict, write_predictions
    from etabli.saved_models.classifier import ImageClassifier, ModelCard

    if (folder / "p.csv").exists():
        return
    net = backbones.get_backbone("small_residual").build(seed=5, size=(32, 32))
    head = LinearClassifier(np.eye(net.output_shape[-1], 2, dtype=np.float32), np.zeros(2))
    card = ModelCard("", "", (32, 32), "", ("a", "b"), (0.5, 0.5), "", "", "", task="single")
    model = ImageClassifier(attach_head(net, head, activation="softmax"), card)
    with pytest.MonkeyPatch.context() as patched:
        use_in_process(patched)
        patched.setattr(cluster_outputs, "SHARD_ROWS", 2)
        patched.setattr("etabli.pipelines.predict.get_batch_size", lambda engine: 2)
        place = prepared_images(folder)
        found = predict(place, model, engine="keras", cluster="auto", out=folder / "p.csv")
    write_predictions(folder / "p.csv", found)


def is_trained(folder: Path) -> bool:
    """Return whether the model is complete: a second call would refuse to overwrite it."""
    model = folder / "model"
    return (model / "card.json").exists() and not (model / "checkpoints").exists()


def finetune_own(folder: Path) -> None:
    if is_trained(folder):
        return
    few = ("--epochs", 4, "--batch-size", 8, "--stage", "stage3")
    etabli("finetune", prepared_images(folder), "--out", folder / "model", *NET, *few)


def transfer_own(folder: Path) -> None:
    if is_trained(folder):
        return
    own, held = prepared_images(folder), folder / "features"
    if not (held / "source.json").exists():
        etabli("features", own, "--out", held, "--engine", "keras", *NET)
    etabli("transfer", held, "--labels", own, "--out", folder / "model", *NET[2:])


def poetry_own(kind: str, folder: Path) -> None:
    if is_trained(folder):
        return
    verse = files("etabli.data") / "files" / "verse.txt"
    few = ("--units", 16, "--epochs", 5)
    etabli("poetry", "train", verse, "--model", kind, *few, "--out", folder / "model")


def caption_own(folder: Path) -> None:
    if is_trained(folder):
        return
    own = prepared_images(folder)
    if not (own / "metadata.jsonl").exists():
        (folder / "metadata.jsonl").replace(own / "metadata.jsonl")
    few = ("--features", "cells", "--epochs", 6, "--units", 16, "--attention-dim", 8)
    etabli("caption", "train", own, "--out", folder / "model", *few)


def captions_outcome(folder: Path) -> object:
    found = made("model", folder)
    found["card.json"]["card"].pop("trained_on")  # the folder, which is another
    return found


def write_report(folder: Path) -> None:
    run = folder / "run"
    if not run.exists():
        if not is_complete(folder / "making"):
            etabli("run", "tp1.gradients", "--out", folder / "making")
        (folder / "making").replace(run)
    for number in range(8):
        etabli("report", run, "--out", folder / "reports" / f"{number}.html")


def verify_claims(folder: Path) -> None:
    """Verify a number of two nets; one that is not reproduced ends it too."""
    settings = {"epochs": 4, "best": BEST, "zeros_learning_rates": [1.0]}
    claim = {"score": "test_accuracy", "value": 0.5, "tolerance": 0.5, "data": "sample"}
    nets = ("tp1.mlp", "tp1.logistic")
    claims = [{**claim, "experiment": net, "settings": settings} for net in nets]
    claims[1]["settings"] = {"epochs": 4}
    path = folder / "claims.json"
    if not path.exists():
        path.write_text(json.dumps({"format": "etabli-claims/1", "claims": claims}))
    etabli("verify", path, "--out", folder / "out")


def verify_outcome(folder: Path) -> object:
    table = (folder / "out" / "verify.md").read_text(encoding="utf-8")
    return {"table": table, "runs": made("out/runs", folder)}


def race_tiny_nets(folder: Path) -> None:
    recipe = {"layers": "5x4s2 3x4p", "epochs": 2, "batch_size": 50, "ema_decay": 0.5}
    path = folder / "recipe.json"
    path.write_text(json.dumps(recipe))
    words = ("--data", "sample", "--seeds", 4, "--recipe", path, "--out", folder / "out")
    etabli("race", "mnist", *words)


def race_outcome(folder: Path) -> object:
    """Return what each seed reached; its seconds are never the same."""
    record = json.loads((folder / "out" / "race.json").read_text(encoding="utf-8"))
    return [(each["seed"], each["accuracy"]) for each in record["seeds"]]


def publish_small_site(folder: Path) -> None:
    """Publish the pages of the nets in NumPy, which load at once."""
    from etabli.web import pages

    if (folder / "site").exists():
        return
    small = ("digits.linear", "digits.mlp", "words")
    pages.MODELS = tuple(spec for spec in pages.MODELS if spec.key in small)
    etabli("publish", "--out", folder / "site")


def report_outcome(folder: Path) -> object:
    """Return whether each page is complete."""
    pages = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("reports/*.html")}
    return {name: page.rstrip().endswith("</html>") for name, page in pages.items()}


def download_of(url: str, content: bytes) -> Command:
    """Return a download from a mirror that unpacks its file; the checksum is of the content."""
    from etabli.data.catalog.registry import File, Part

    file = File("noise.gz", len(NOISE), sha256(NOISE))
    dataset = toy(Part((url,), len(content), (file,)))
    return Command(
        "download",
        partial(_fetch, dataset),
        partial(written, ".downloads/**/*.part"),
        partial(made, "toy"),
        "toy/*",
    )


def _fetch(dataset: object, folder: Path) -> None:
    from etabli.data.catalog import fetch
    from etabli.data.catalog.source import Source

    fetch.fetch("toy", Source.full(folder), dataset=dataset, policy=LOOPBACK)


PACKED = gzip.compress(NOISE, mtime=0)
UNFINISHED, SHARDS = "model/checkpoints/*", "features/shard-*"
COMMANDS = [
    *(
        Command(
            name,
            partial(run_experiments, *RUNS[name]),
            partial(written, "run/*/*/checkpoints/*.safetensors"),
            partial(made, "run"),
        )
        for name in RUNS
    ),
    Command(
        "extraction",
        extract_features,
        partial(written, SHARDS),
        partial(made, "features"),
        "features/shard-*",
    ),
    Command(
        "prediction on a cluster",
        predict_on_cluster,
        partial(written, "p.csv.shards/shard-*"),
        lambda folder: (folder / "p.csv").read_text(encoding="utf-8"),
    ),
    Command(
        "finetune",
        finetune_own,
        partial(written, UNFINISHED),
        partial(made, "model"),
    ),
    Command(
        "transfer of own images", transfer_own, partial(written, SHARDS), partial(made, "model")
    ),
    Command(
        "poetry train",
        partial(poetry_own, "simple-rnn"),
        partial(written, UNFINISHED),
        partial(made, "model"),
    ),
    Command(
        "poetry train, LSTM",
        partial(poetry_own, "lstm"),
        partial(written, UNFINISHED),
        partial(made, "model"),
    ),
    Command("caption train", caption_own, partial(written, UNFINISHED), captions_outcome),
    Command(
        "verify",
        verify_claims,
        partial(written, "out/runs/**/checkpoints/*.safetensors"),
        verify_outcome,
        "out/runs/**/seed_run.json",
    ),
    Command("race", race_tiny_nets, partial(written, "out/race.json"), race_outcome),
    Command(
        "publish",
        publish_small_site,
        partial(written, ".site.part/site/**/*"),
        partial(made, "site"),
    ),
    Command(
        "report",
        write_report,
        partial(written, "reports/*.html"),
        report_outcome,
        "run/*/*/seed_run.json",
    ),
]
