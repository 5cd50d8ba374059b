"""The table of results of the project: from a run on the full data to ``docs/results.md``, beside the last one.

The first screen of README: a few results, taken from ``docs/results.json`` and never typed.
"""

import json
import statistics
from pathlib import Path

from etabli.core.atomic_files import atomic_write, parse_json
from etabli.report import run_folder
from etabli.report.numbers import difference, duration, shown

Results = dict[str, dict[str, object]]


def gathered(run: Path) -> Results:
    """Every score of a run, by ``experiment/score``: value, spread, seeds, published, recipe, range, time, date."""
    pieces = [piece for _place, piece in run_folder.list_seed_runs(run)]
    newest = {piece.experiment: piece for piece in pieces}
    return {
        f"{each.experiment}/{each.score}": {
            **each.model_dump(mode="json"),
            "expects": newest[each.experiment].expects.get(each.score),
            **_took([piece for piece in pieces if piece.experiment == each.experiment]),
            "date": newest[each.experiment].started.date().isoformat(),
        }
        for each in run_folder.summarize_scores(run)
    }


def _took(pieces: list[run_folder.SeedRun]) -> dict[str, float | None]:
    """Median seconds of a seed, on the clock and of the processor (of all its cores together)."""
    worked = [piece.cpu_seconds for piece in pieces if piece.cpu_seconds is not None]
    return {
        "seconds_a_seed": statistics.median(piece.seconds for piece in pieces),
        "cpu_seconds_a_seed": statistics.median(worked) if worked else None,
    }


def read(path: Path) -> Results:
    """The results that a former reproduction left, or none."""
    return parse_json(path.read_text(encoding="utf-8"))["results"] if path.exists() else {}


def write(folder: Path, new: Results, machine: dict[str, object], versions: dict[str, str]) -> Path:
    """Update ``results.json`` and ``results.md`` in ``folder``, of the scores that are new; returns the page."""
    together = {**read(folder / "results.json")}
    together |= {key: {**each, "processor": machine["processor"]} for key, each in new.items()}
    with atomic_write(folder / "results.json") as stream:
        json.dump(
            {"machine": machine, "versions": versions, "results": together},
            stream,
            indent=1,
            ensure_ascii=False,
        )
        stream.write("\n")
    with atomic_write(folder / "results.md") as stream:
        stream.write(page(together, machine, versions))
    return folder / "results.md"


def changes(before: Results, new: Results) -> list[str]:
    """A line for every score that moved by more than twice the larger spread (or at all, without spreads)."""
    lines = []
    for key, now in new.items():
        last = before.get(key)
        if last is None:
            continue
        noise = 2 * max(now["spread"] or 0, last["spread"] or 0)
        if abs(now["value"] - last["value"]) > noise:
            lines.append(
                f"{key}: {shown(now['score'], last['value'])} -> {shown(now['score'], now['value'])}"
            )
    return lines


def page(results: Results, machine: dict[str, object], versions: dict[str, str]) -> str:
    """The results as Markdown: one table a practical."""
    lines = [
        "# Results",
        "",
        "Written by `make reproduce` (`tools/reproduce.py`) from run folders on the full data; not typed by hand.",
        "Mean over the seeds ± their sample standard deviation. *Published* is the lab report's value;",
        "*expected* the range on the experiment's card, to which the tests hold a run; *a seed* its time on the clock",
        "and, in brackets, of the processor (which a busy machine does not lengthen).",
        "",
        f"Last machine: {machine['processor']}, {machine['cores']} cores, {machine['memory_gb']} GB. "
        + ", ".join(f"{name} {number}" for name, number in versions.items())
        + ".",
    ]
    practicals = sorted({key.split(".")[0] for key in results})
    for practical in practicals:
        lines += ["", f"## {practical.upper()}", ""]
        lines.append(
            "| experiment | score | published | measured | difference | expected | seeds | recipe | a seed | date |"
        )
        lines.append("|---|---|---:|---:|---:|---|---:|---|---|---|")
        lines += [_row(each) for key, each in results.items() if key.startswith(f"{practical}.")]
    return "\n".join(lines) + "\n"


def _row(each: dict[str, object]) -> str:
    name = each["score"]
    low, high = each["expects"] or (None, None)
    expected = f"{shown(name, low)} to {shown(name, high)}" if low is not None else ""
    cells = [
        each["experiment"],
        f"`{name}`",
        shown(name, each["published"]),
        f"**{shown(name, each['value'], each['spread'])}**",
        difference(name, each["value"], each["published"]),
        expected,
        str(each["n"]),
        str(each["signature"]).replace(" | ", "; "),
        _time(each),
        f"{each['date']}, {each['processor']}" if "processor" in each else each["date"],
    ]
    return "| " + " | ".join(cells) + " |"


def _time(each: dict[str, object]) -> str:
    if not each.get("seconds_a_seed"):
        return ""
    worked = each.get("cpu_seconds_a_seed")
    return duration(each["seconds_a_seed"]) + (f" ({duration(worked)})" if worked else "")


START, END = "<!-- results: written by tools/reproduce.py -->", "<!-- end of results -->"

# What the first screen tells, where it has been measured: (experiment, score, in words). {data} and other words of
# its recipe stand where one experiment may run on several.
HEADLINES = (
    ("tp1.logistic", "test_accuracy", "softmax regression by hand"),
    ("tp1.logistic", "test_accuracy_best", "the same in its best setting"),
    ("tp1.mlp", "test_accuracy", "perceptron by hand, 100 sigmoid units"),
    ("tp1.mlp", "test_accuracy_best", "the same in its best setting"),
    ("tp2.logistic", "test_accuracy", "softmax regression in Keras"),
    ("tp2.mlp", "test_accuracy", "perceptron in Keras"),
    (
        "tp2.cnn",
        "test_accuracy",
        "convolutional net of the report, setting chosen on a validation part",
    ),
    ("tp2.cnn-modern", "test_accuracy", "small convolutional net, as one would build it now"),
    ("tp2.raw", "neighborhood_hit_pixels", "neighborhood hit of raw pixels"),
    ("tp2.raw", "neighborhood_hit_pca", "in the plane of PCA"),
    ("tp2.raw", "neighborhood_hit_tsne", "in the plane of t-SNE"),
    (
        "tp3.transfer",
        "mean_average_precision",
        "mAP of deep features, the report's way ({backbone}, {data})",
    ),
    ("tp3.transfer", "mean_average_precision_best", "the same in its best setting"),
    ("tp3.finetune", "mean_average_precision", "mAP of the fine-tuned net ({backbone}, {data})"),
    ("tp4.poetry", "test_accuracy", "next character, SimpleRNN of the report"),
    ("tp4.poetry-modern", "test_accuracy", "next character, a modern small net"),
    ("tp5.caption", "bleu_1", "BLEU-1 of the course's captioner ({decoding})"),
    ("tp5.caption", "bleu_1_as_trained", "the same net ({decoding})"),
    ("tp5.caption-modern", "cider_d", "CIDEr-D with learned words"),
    ("tp5.attention", "cider_d", "CIDEr-D with attention"),
)


def block(results: Results) -> str:
    """The table between the marks; only what was measured."""
    lines = ["| | | published | measured |", "|---|---|---:|---:|"]
    for experiment, score, words in HEADLINES:
        each = results.get(f"{experiment}/{score}")
        if each:
            measured = shown(score, each["value"], each["spread"])
            words = words.format_map(
                dict(part.partition(":")[::2] for part in each["signature"].split(" | "))
            )
            seeds = f" ({each['n']} seeds)" if each["n"] > 1 else ""
            lines.append(
                f"| `{experiment}` | {words} | {shown(score, each['published'])} | **{measured}**{seeds} |"
            )
    return "\n".join([START, *lines, END])


def with_block(readme: str, results: Results) -> str:
    """README with its table written anew."""
    before, _start, rest = readme.partition(START)
    _old, _end, after = rest.partition(END)
    return f"{before}{block(results)}{after}"
