"""The table of results of the project: from run folders on the full data to ``docs/results.md``.

The table of README is taken from ``docs/results.json`` and never typed.
"""

import functools
import json
import statistics
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from etabli import experiments
from etabli.core.atomic_files import atomic_write, parse_json
from etabli.experiments.ranges import select_ranges
from etabli.pipelines.verify import ClaimFile
from etabli.pipelines.verify.claim_file import FORMAT, SAME, compute_checksums
from etabli.report import run_folder
from etabli.report.numbers import format_difference, format_duration, format_score
from etabli.report.run_folder import write_document

Results = dict[str, dict[str, Any]]


def gather_results(run: Path) -> Results:
    """Gather every score of a run, by ``experiment/score``: value, spread, recipe, range, time."""
    seed_runs = [each for _folder, each in run_folder.list_seed_runs(run)]
    newest = {each.experiment: each for each in seed_runs}
    return {
        f"{each.experiment}/{each.score}": {
            **each.model_dump(mode="json"),
            "by_seed": {str(seed): value for seed, value in each.by_seed.items()},
            "expects": _find_range(each, newest[each.experiment]),
            "checksums": _compute_checksums(each.experiment),
            **_measure_times([own for own in seed_runs if own.experiment == each.experiment]),
            "date": newest[each.experiment].started.date().isoformat(),
        }
        for each in run_folder.summarize_scores(run)
    }


def _find_range(
    summary: run_folder.ScoreSummary, seed_run: run_folder.SeedRun
) -> dict[str, Any] | None:
    """Return the range of a score in the code of now, which may be newer than the run."""
    known = seed_run.experiment in experiments.EXPERIMENTS
    if not known or seed_run.data_read is None:
        return summary.expected.model_dump(mode="json") if summary.expected else None
    spec = experiments.load_experiment(seed_run.experiment)
    if seed_run.settings != spec.settings_for("full").model_dump(mode="json"):
        return None
    found = select_ranges(spec.expected_ranges, seed_run.data_read).get(summary.score)
    return run_folder.RangeRecord(**asdict(found)).model_dump(mode="json") if found else None


@functools.cache
def _compute_checksums(experiment: str) -> dict[str, str]:
    """Return the checksums of the data sets that an experiment reads."""
    known = experiment in experiments.EXPERIMENTS
    return compute_checksums(experiments.load_experiment(experiment).data if known else ())


def _measure_times(seed_runs: list[run_folder.SeedRun]) -> dict[str, float | None]:
    """Return seconds per seed, as median and of the first: wall time, and CPU time of all cores.

    The first seed also makes the figures and comparisons that one seed is enough for.
    """
    first = min(seed_runs, key=lambda each: each.seed)
    cpu = [each.cpu_seconds for each in seed_runs if each.cpu_seconds is not None]
    return {
        "seconds_a_seed": statistics.median(each.seconds for each in seed_runs),
        "cpu_seconds_a_seed": statistics.median(cpu) if cpu else None,
        "seconds_first_seed": first.seconds,
        "cpu_seconds_first_seed": first.cpu_seconds,
    }


def read_results(path: Path) -> Results:
    """Read the results of an earlier reproduction, if any."""
    return parse_json(path.read_text(encoding="utf-8"))["results"] if path.exists() else {}


def write_results(
    folder: Path,
    new: Results,
    machine: dict[str, object],
    versions: dict[str, str],
    ran: Iterable[str] = (),
) -> Path:
    """Update ``results.json`` and ``results.md`` in ``folder``; return the path of the page.

    Scores that the experiments of ``new`` and ``ran`` no longer make are dropped.
    """
    ran = {*ran, *(each["experiment"] for each in new.values())}
    before = read_results(folder / "results.json")
    together = {
        key: each for key, each in before.items() if key in new or each["experiment"] not in ran
    }
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
        stream.write(render_page(together, machine, versions))
    write_claims(folder / "claims.json", together)
    return folder / "results.md"


def write_claims(path: Path, results: Results) -> None:
    """Write the rows of README as claims, for ``etabli verify``."""
    claims = [
        state_claim(results[key], words)
        for experiment, score, words in HEADLINES
        if (key := f"{experiment}/{score}") in results
    ]
    if not claims:
        return
    document = {"format": FORMAT, "title": "Établi: the table of README", "claims": claims}
    write_document(path, ClaimFile.model_validate(document).model_dump(exclude_defaults=True))


def state_claim(each: dict[str, Any], words: str) -> dict[str, Any]:
    """Return a result as a claim: its value, spread, recipe, seeds, data and time."""
    expected = each["expects"]
    seeds = each.get("by_seed") or range(each["n"])
    return {
        "id": f"{each['experiment']} {each['score']}",
        "experiment": each["experiment"],
        "score": each["score"],
        "value": each["value"],
        **({"spread": each["spread"]} if each["spread"] else {"tolerance": SAME}),
        "range": (expected["low"], expected["high"]) if expected else None,
        "recipe": each["signature"],
        "seeds": sorted(map(int, seeds)),
        "by_seed": each.get("by_seed") or {},
        "checksums": each.get("checksums", {}),
        "seconds": each.get("seconds_a_seed"),
        "note": words,
    }


def list_changes(before: Results, new: Results) -> list[str]:
    """List the scores that moved by more than twice the larger spread (without spreads: at all)."""
    lines = []
    for key, now in new.items():
        last = before.get(key)
        if last is None:
            continue
        noise = 2 * max(now["spread"] or 0, last["spread"] or 0)
        values = [each["value"] for each in (last, now)]
        is_undefined = None in values and values != [None, None]
        if is_undefined or (None not in values and abs(values[1] - values[0]) > noise):
            before_after = (format_score(now["score"], each["value"]) for each in (last, now))
            lines.append(f"{key}: {' -> '.join(before_after)}")
    return lines


def render_page(results: Results, machine: dict[str, object], versions: dict[str, str]) -> str:
    """Render the results as Markdown: one table per practical."""
    lines = [
        "# Results",
        "",
        "Written by `make reproduce` (`tools/reproduce.py`) from run folders on the full data.",
        "Mean over the seeds ± their sample standard deviation. *Published* is the value of the",
        "lab report; *expected* the range in the specification (mean of at least five seeds ± 4",
        "standard deviations, or a theorem), † where it was set from fewer seeds. A score outside",
        "of it is marked **outside**; *seeds* counts those of the row, of those that its",
        "experiment asks for. *per seed* is the wall time and, in brackets, the CPU time",
        "(independent of other programs). Each seed's value is in `docs/results.json`.",
        "",
        f"Last machine: {machine['processor']}, {machine['cores']} cores, "
        f"{machine['memory_gb']} GB. "
        + ", ".join(f"{name} {number}" for name, number in versions.items())
        + ".",
    ]
    practicals = sorted({key.split(".")[0] for key in results})
    for practical in practicals:
        lines += ["", f"## {practical.upper()}", ""]
        lines.append(
            "| experiment | score | published | measured | difference | expected "
            "| seeds | recipe | per seed | date |"
        )
        lines.append("|---|---|---:|---:|---:|---|---:|---|---|---|")
        lines += [_row(each) for key, each in results.items() if key.startswith(f"{practical}.")]
    return "\n".join(lines) + "\n"


def _row(each: dict[str, object]) -> str:
    name = each["score"]
    cells = [
        each["experiment"],
        f"`{name}`",
        format_score(name, each["published"]),
        f"**{_measured(each)}**",
        format_difference(name, each["value"], each["published"]),
        _range(each),
        count_seeds(each),
        str(each["signature"]).replace(" | ", "; "),
        _time(each),
        f"{each['date']}, {each['processor']}" if "processor" in each else each["date"],
    ]
    return "| " + " | ".join(cells) + " |"


def _measured(each: dict[str, Any]) -> str:
    """Write the mean with its spread; without one where it is the same with every seed."""
    return format_score(each["score"], each["value"], each["spread"] or None)


def _range(each: dict[str, Any]) -> str:
    """Write the expected range, with a mark for few seeds and one for a value outside of it."""
    if not each["expects"]:
        return ""
    name, expected = each["score"], run_folder.RangeRecord.model_validate(each["expects"])
    low, high = (format_score(name, value) for value in (expected.low, expected.high))
    is_outside = each["value"] is None or not expected.low <= each["value"] <= expected.high
    text = f"{low} to {high}{'†' if expected.is_from_few_seeds else ''}"
    return f"{text}, **outside**" if is_outside else text


def count_seeds(each: dict[str, Any]) -> str:
    """Write the number of seeds, and where they are fewer than asked for, of how many."""
    known = each["experiment"] in experiments.EXPERIMENTS
    wanted = experiments.load_experiment(each["experiment"]).seeds if known else each["n"]
    return str(each["n"]) if each["n"] >= wanted else f"{each['n']} of {wanted}"


def _time(each: dict[str, object]) -> str:
    if not each.get("seconds_a_seed"):
        return ""
    worked = each.get("cpu_seconds_a_seed")
    return format_duration(each["seconds_a_seed"]) + (
        f" ({format_duration(worked)})" if worked else ""
    )


START, END = "<!-- results: written by tools/reproduce.py -->", "<!-- end of results -->"

# The table of README, where measured: (experiment, score, in words). Words of its recipe ({data})
# are filled in where one experiment may run on several.
HEADLINES = (
    ("tp1.logistic", "test_accuracy", "softmax regression in NumPy"),
    ("tp1.logistic", "test_accuracy_best", "the same with its best settings"),
    ("tp1.mlp", "test_accuracy", "multilayer perceptron in NumPy, 100 sigmoid units"),
    ("tp1.mlp", "test_accuracy_best", "the same with its best settings"),
    ("tp2.logistic", "test_accuracy", "softmax regression in Keras"),
    ("tp2.mlp", "test_accuracy", "multilayer perceptron in Keras"),
    (
        "tp2.cnn",
        "test_accuracy",
        "convolutional net of the lab report, settings chosen on a validation set",
    ),
    ("tp2.cnn-modern", "test_accuracy", "small modern convolutional net"),
    ("tp2.raw", "neighborhood_hit_pixels", "neighborhood hit of raw pixels"),
    ("tp2.raw", "neighborhood_hit_pca", "the same after PCA to two dimensions"),
    ("tp2.raw", "neighborhood_hit_tsne", "the same after t-SNE to two dimensions"),
    (
        "tp3.transfer",
        "mean_average_precision",
        "mAP of a linear classifier, trained as in the lab report ({backbone}, {data})",
    ),
    ("tp3.transfer", "mean_average_precision_best", "the same with its best settings"),
    (
        "tp3.finetune",
        "mean_average_precision_frozen",
        "frozen features at the size and with the views of fine-tuning",
    ),
    ("tp3.finetune", "mean_average_precision", "mAP of the fine-tuned net ({backbone}, {data})"),
    ("tp4.poetry", "test_accuracy", "next-character accuracy, SimpleRNN of the lab report"),
    ("tp4.poetry-modern", "test_accuracy", "next-character accuracy, LSTM"),
    (
        "tp4.poetry-modern",
        "test_nats_adaptive",
        "nats per character of models that learn from the test text as they read it",
    ),
    ("tp5.caption", "bleu_1_as_trained", "BLEU-1, captioner of the lab report as trained (greedy)"),
    ("tp5.caption", "bleu_1", "the same with the end-of-sequence bias chosen for BLEU"),
    ("tp5.caption-modern", "cider_d", "CIDEr-D, captioner with learned word embeddings, one net"),
    ("tp5.attention", "cider_d", "CIDEr-D, captioner with attention, two nets together"),
    (
        "tp5.caption-tuned",
        "cider_d",
        "CIDEr-D, one net with attention, its image encoder trained too",
    ),
)


def render_block(results: Results) -> str:
    """Render the table between the marks; only what was measured."""
    lines = ["| | | published | measured |", "|---|---|---:|---:|"]
    for experiment, score, words in HEADLINES:
        each = results.get(f"{experiment}/{score}")
        if each:
            measured = _measured({**each, "score": score})
            words = words.format_map(
                dict(part.partition(":")[::2] for part in each["signature"].split(" | "))
            )
            count = count_seeds({**each, "experiment": experiment})
            seeds = "" if count == "1" else f" ({count} seeds)"
            published = format_score(score, each["published"])
            lines.append(f"| `{experiment}` | {words} | {published} | **{measured}**{seeds} |")
    return "\n".join([START, *lines, END])


def replace_block(readme: str, results: Results) -> str:
    """Return README with its table replaced."""
    before, _start, rest = readme.partition(START)
    _old, _end, after = rest.partition(END)
    return f"{before}{render_block(results)}{after}"
