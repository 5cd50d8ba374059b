"""Runs compared with the first of them: what differs, then scores, differences and paired tests."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from etabli.core.i18n import N_, _, localize_number
from etabli.report import numbers
from etabli.report.run_folder import ScoreSummary

if TYPE_CHECKING:
    from etabli.report import RunContents

__all__ = [
    *("ComparedRow", "ComparedScore", "Difference", "compare_facts", "compare_scores"),
    *("compare_settings", "find_reason", "list_unshared", "parse_recipe"),
]

# The words of a recipe that say how a score is measured, not how the model was trained: two values
# are comparable only where these are equal.
_MEASURES = {
    "ap": N_("the AP rule"),
    "difficult": N_("the treatment of difficult objects"),
    "data": N_("the data set"),
    "n": N_("the number of examples"),
    "classes": N_("the number of classes"),
    "positives": N_("the number of positives"),
    "accuracy": N_("the kind of accuracy"),
    "threshold": N_("the threshold"),
    "v": N_("the number of characters"),
    "nats": N_("the unit of the loss"),
    "cross-entropy": N_("the unit of the loss"),
    "neighborhood-hit": N_("the number of neighbors"),
    "dimensions": N_("the number of dimensions"),
    "hull-overlap": N_("the rule of the overlap"),
    "ellipse-overlap": N_("the rule of the overlap"),
    "trimmed": N_("the rule of the overlap"),
    "deviations": N_("the rule of the overlap"),
    "tokens": N_("the tokens"),
    "tokenizer": N_("the tokens"),
    "smoothing": N_("the smoothing"),
    "references": N_("the reference captions"),
    "on": N_("the part of the data"),
}


class ComparedRow(NamedTuple):
    """A setting or a fact and its value in each run; a fact has no experiment."""

    experiment: str
    setting: str
    values: list[object]


class Difference(NamedTuple):
    """The difference of a score of a run from that of the first run.

    ``reason`` says why there is none. ``low``, ``high`` (95 %) and ``p`` are of Student's paired
    test over the ``n_seeds`` seeds that both have; None where it does not apply (one seed, or the
    same difference with every seed).
    """

    value: float | None
    reason: str = ""
    low: float | None = None
    high: float | None = None
    p: float | None = None
    n_seeds: int = 0

    def describe(self, score: str) -> str:
        """Write the difference with its interval and p, or why there is none."""
        if self.value is None:
            return self.reason or "—"
        text = numbers.format_difference(score, self.value, 0.0)
        if self.low is None or self.high is None or self.p is None:
            return text
        low, high = (numbers.format_signed(score, each) for each in (self.low, self.high))
        p = "p < 0.001" if self.p < 0.001 else f"p = {self.p:.3f}"
        seeds = _("{count} {count:seed|seeds}").format(count=self.n_seeds)
        return f"{text} [{low}, {high}], {localize_number(p)}, {seeds}"


@dataclass(frozen=True)
class ComparedScore:
    """One score in several runs; None where a run does not have it.

    ``differences`` are those of the second, the third, ... from the first run.
    """

    experiment: str
    title: str
    score: str
    published: float | None
    cells: list[ScoreSummary | None]
    differences: list[Difference]


def compare_facts(runs: Sequence["RunContents"]) -> list[ComparedRow]:
    """Return the data, seeds, versions and machine where they are not the same in all runs."""
    facts = [
        {
            _("data"): _describe_data(run),
            _("seeds"): ", ".join(map(str, run.record.seeds)),
            **run.record.versions,
            _("processor"): run.record.machine.get("processor", "—"),
        }
        for run in runs
    ]
    return list(_rows_that_differ("", facts))


def _describe_data(run: "RunContents") -> str:
    if run.record.is_other_data:
        return run.record.dataset_title
    return _("sample data") if run.record.data == "sample" else _("full data")


def compare_settings(runs: Sequence["RunContents"]) -> list[ComparedRow]:
    """Return the settings that differ, of the experiments that several runs have."""
    rows: list[ComparedRow] = []
    for experiment in _shared_experiments(runs):
        own = [
            next((s.first.settings for s in run.sections if s.first.experiment == experiment), None)
            for run in runs
        ]
        rows += _rows_that_differ(experiment, own)
    return rows


def _rows_that_differ(
    experiment: str, columns: Sequence[dict[str, object] | None]
) -> Iterable[ComparedRow]:
    known = [column for column in columns if column is not None]
    for key in dict.fromkeys(key for column in known for key in column):
        if any(column.get(key, "—") != known[0].get(key, "—") for column in known):
            values = ["—" if column is None else column.get(key, "—") for column in columns]
            yield ComparedRow(experiment, key, values)


def _shared_experiments(runs: Sequence["RunContents"]) -> list[str]:
    """Return the experiments that at least two runs have, all of them for a single run."""
    found = [{each.experiment for each in run.summaries} for run in runs]
    found = [
        own | {section.first.experiment for section in run.sections}
        for own, run in zip(found, runs, strict=True)
    ]
    names = dict.fromkeys(section.first.experiment for run in runs for section in run.sections)
    return [name for name in names if sum(name in own for own in found) >= min(2, len(runs))]


def list_unshared(runs: Sequence["RunContents"]) -> list[tuple[str, list[str]]]:
    """Return the experiments that only one run has, by its name; other runs are left out."""
    shared = set(_shared_experiments(runs))
    own = [
        (
            run.folder.name,
            [s.first.experiment for s in run.sections if s.first.experiment not in shared],
        )
        for run in runs
    ]
    return [(name, experiments) for name, experiments in own if experiments]


def compare_scores(runs: Sequence["RunContents"]) -> list[ComparedScore]:
    """Return every score of the experiments that several runs have, in order of appearance."""
    found = [{(each.experiment, each.score): each for each in run.summaries} for run in runs]
    titles = {s.first.experiment: s.first.title for run in runs for s in run.sections}
    shared = set(_shared_experiments(runs))
    data = [(run.record.data, run.record.dataset or "mnist") for run in runs]
    rows = []
    for experiment, score in dict.fromkeys(key for scores in found for key in scores):
        if experiment not in shared:
            continue
        cells = [scores.get((experiment, score)) for scores in found]
        known = (each.published for each in cells if each and each.published is not None)
        differences = [
            _compare(cells[0], cells[place], data[0] == data[place])
            for place in range(1, len(cells))
        ]
        title = titles.get(experiment, experiment)
        rows.append(ComparedScore(experiment, title, score, next(known, None), cells, differences))
    return rows


def _compare(
    first: ScoreSummary | None, other: ScoreSummary | None, is_same_data: bool
) -> Difference:
    if first is None or other is None or first.value is None or other.value is None:
        return Difference(None)
    reason = find_reason(first.signature, other.signature)
    if not reason and not is_same_data:
        reason = _("not comparable, because {what} differs").format(what=_(_MEASURES["data"]))
    if reason:
        return Difference(None, reason)
    value = other.value - first.value
    seeds = sorted(first.by_seed.keys() & other.by_seed.keys())
    gaps = [other.by_seed[seed] - first.by_seed[seed] for seed in seeds]
    if len(gaps) < 2:
        return Difference(value, n_seeds=len(gaps))
    value = statistics.fmean(gaps)
    if statistics.stdev(gaps) == 0:  # the same with every seed: no test applies
        return Difference(value, n_seeds=len(gaps))
    low, high, p = _test_mean(gaps)
    return Difference(value, "", low, high, p, len(gaps))


def _test_mean(gaps: Sequence[float]) -> tuple[float, float, float]:
    """Return the 95 % interval of a mean, and Student's p that it is 0, two-sided."""
    from scipy.special import stdtr, stdtrit  # scipy.stats takes seconds to import

    degrees, mean = len(gaps) - 1, statistics.fmean(gaps)
    error = statistics.stdev(gaps) / len(gaps) ** 0.5
    half = float(stdtrit(degrees, 0.975)) * error
    return mean - half, mean + half, 2 * float(stdtr(degrees, -abs(mean) / error))


def parse_recipe(signature: str) -> dict[str, str]:
    """Return the words of a recipe by their keys."""
    return dict(word.partition(":")[::2] for word in signature.split(" | "))


def is_same_word(one: str | None, two: str | None) -> bool:
    """Return whether two words of recipes agree; one may be of more seeds (``3/5`` and ``3``)."""
    if one is None or two is None:
        return one is two
    first, second = set(one.split("/")), set(two.split("/"))
    return first <= second or second <= first


def find_reason(first: str, other: str) -> str:
    """Say which words of two recipes make two values incomparable; empty for none."""
    one, two = parse_recipe(first), parse_recipe(other)
    differing = [
        (key, one.get(key, "—"), two.get(key, "—"))
        for key in _MEASURES
        if (key in one or key in two) and not is_same_word(one.get(key), two.get(key))
    ]
    if not differing:
        return ""
    key, before, after = differing[0]
    return _("not comparable, because {what} differs ({first}, {second})").format(
        what=_(_MEASURES[key]), first=before, second=after
    )
