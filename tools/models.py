"""Train the nets that the playground ships, and write them to ``src/etabli/pretrained``.

python tools/models.py [--run FOLDER]      where they are trained; an interrupted run is resumed

Needs the full data (``ETABLI_DATA``), and about 40 minutes on two cores. The same machine gives the
same bytes again. Only parameters and coordinates are written: no image, no text, no n-gram.
"""

import argparse
import json
import shutil
from pathlib import Path

from etabli import pretrained
from etabli.core.version import __version__
from etabli.data.catalog.source import Source
from etabli.data.synthetic import verse
from etabli.experiments import runner, select_experiments
from etabli.report import run_folder
from etabli.report.numbers import format_score, score_label

OUT = Path(pretrained.__file__).parent
MAX_BYTES = 12_000_000
MNIST = "MNIST (LeCun, Cortes, Burges), CC BY-SA 3.0"
BOOK = "Les Fleurs du mal (Baudelaire, 1857), public domain"
# Experiment -> the files that are shipped, and the data they were trained on.
SHIPPED = {
    "tp1.logistic": (("softmax_regression.safetensors",), MNIST),
    "tp1.mlp": (("mlp.safetensors",), MNIST),
    "tp2.cnn": (("model.keras",), MNIST),
    "tp2.raw": (("tsne.safetensors",), MNIST),
    "tp2.untangling": (("depth.jsonl",), MNIST),
    "tp4.poetry": (("model.keras",), BOOK),
    "tp4.poetry-modern": (("model.keras",), BOOK),
}


def ship(run: Path) -> list[run_folder.SeedRun]:
    """Copy the models of a run, each with a record of its settings and scores."""
    record = run_folder.read_run(run)
    kept = record.model_copy(update={"name": "pretrained", "machine": {}})
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
        shortened = {"report_items": [], "claims": [], "published": []}
        run_folder.write_record(
            run_folder.record_path(target), seed_run.model_copy(update=shortened)
        )
        records.append(seed_run)
    return records


def write_cards(records: list[run_folder.SeedRun]) -> None:
    """Write the model cards: files, data, recipe and scores."""
    lines = [
        "# Shipped nets",
        "",
        f"Written by `make models` with Établi {__version__}; trained on full data with seed 0.",
        "Parameters and coordinates only, under the license of this project.",
    ]
    for each in records:
        files, data = SHIPPED[each.experiment]
        lines += ["", f"## {each.experiment}: {each.title}", ""]
        lines += [f"- files: {', '.join(files)}", f"- data: {data}"]
        lines += [
            f"- {score_label(score.name)}: {format_score(score.name, score.value)} "
            f"({score.signature})"
            for score in each.scores
            if score.value is not None and score.name == each.headline
        ]
    (OUT / "README.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", type=Path, default=Path("runs/pretrained"))
    given = parser.parse_args()
    specs = select_experiments(list(SHIPPED))
    runner.run_experiments(specs, given.run, Source.full(), seeds=[0])
    write_cards(ship(given.run))
    size = sum(path.stat().st_size for path in OUT.rglob("*") if path.is_file())
    print(f"{OUT}: {size / 1e6:.1f} MB (at most {MAX_BYTES / 1e6:.0f})")


if __name__ == "__main__":
    main()
