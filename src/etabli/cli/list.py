"""``etabli list`` and ``etabli info``: the experiments, and what this machine has."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from etabli.cli import _errors
from etabli.cli._options import Json
from etabli.core.errors import EtabliError
from etabli.core.i18n import _
from etabli.core.paths import RUNS

if TYPE_CHECKING:
    from etabli.experiments.spec import ExperimentSpec
    from etabli.report.run_folder import ScoreSummary


def list_experiments(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME...",
            help="Practicals or experiments; a single experiment is shown with its settings.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Print the settings of every experiment.")
    ] = False,
) -> None:
    """List the experiments: headline score, published value, and the last result here.

    \b
    etabli list
    etabli list tp1.mlp     settings, time, memory, published values, claims
    """
    from etabli import experiments

    specs = experiments.select_experiments(names or [])
    last = last_results(RUNS)
    if as_json:
        _errors.print_json([_as_document(spec, last.get(spec.name, [])) for spec in specs])
    elif verbose or (names and len(specs) == 1 and names[0] not in experiments.PRACTICALS):
        for spec in specs:
            _print_experiment(spec, last.get(spec.name, []))
    else:
        _print_experiments(specs, last)


def last_results(home: Path) -> dict[str, list[tuple[Path, str, "ScoreSummary"]]]:
    """Return each experiment's scores in the newest run that has it: (run, data, summary).

    Runs that cannot be read are left out; ``etabli report`` says what is wrong with one.
    """
    from etabli.report import run_folder

    last: dict[str, list[tuple[Path, str, ScoreSummary]]] = {}
    for folder in reversed(run_folder.find_runs(home)):
        try:
            record, summaries = run_folder.read_run(folder), run_folder.summarize_scores(folder)
        except EtabliError:
            continue
        for experiment, own in groupby(summaries, key=lambda each: each.experiment):
            last[experiment] = [(folder, record.data_title, each) for each in own]
    return last


def _as_document(spec: "ExperimentSpec", last: list[tuple[Path, str, "ScoreSummary"]]) -> dict:
    scores = {each.score: (each.value, each.spread) for _run, _data, each in last}
    return {
        "experiment": spec.name,
        "title": _(spec.title),
        "measures": _(spec.measures),
        "headline": spec.headline,
        "data": list(spec.data),
        "minutes": spec.minutes,
        "memory_mb": spec.memory_mb,
        "published": {known.score: known.value for known in spec.published},
        "settings": spec.settings().model_dump(mode="json"),
        "last": {"run": str(last[0][0]), "data": last[0][1], "scores": scores} if last else None,
    }


def _print_experiments(
    specs: Sequence["ExperimentSpec"], last: dict[str, list[tuple[Path, str, "ScoreSummary"]]]
) -> None:
    from etabli.cli import _tables
    from etabli.report.numbers import format_score, score_label

    rows = []
    for spec in specs:
        name = spec.headline
        published = next((each.value for each in spec.published if each.score == name), None)
        found = next((each for each in last.get(spec.name, []) if each[2].score == name), None)
        label = score_label(name) if name else _("figures and tables only")
        result = format_score(name, found[2].value, found[2].spread) if found else ""
        # What was measured on other data than MNIST is not compared with it.
        is_compared = found is None or found[1] in ("sample", "full")
        shown = format_score(name, published) if published is not None and is_compared else ""
        rows.append([spec.name, label, shown, result, found[1] if found else ""])
    columns = [
        (_("experiment"), "left"),
        (_("score"), "left"),
        (_("published"), "right"),
        (_("last here"), "right"),
        (_("data"), "left"),
    ]
    _tables.print_table("", columns, rows, wrap=False)
    typer.echo(_("\nSettings, time and memory of one: etabli list {name}").format(name=rows[0][0]))


def _print_experiment(spec: "ExperimentSpec", last: list[tuple[Path, str, "ScoreSummary"]]) -> None:
    from etabli.cli._tables import print_text
    from etabli.experiments import timing
    from etabli.report.numbers import format_duration, format_score

    print_text(f"{spec.name}: {_(spec.title)}")
    print_text(f"{_(spec.measures)} ({_(spec.source)})", indent=2)
    needs = _("Full data ({data}): {time}; {memory} MB of memory.")
    print_text(
        needs.format(
            data=", ".join(spec.data) or "—", time=_full_time(spec), memory=spec.memory_mb
        ),
        indent=2,
    )
    if found := timing.find_duration(spec, "sample", RUNS):
        took = _("Sample data: {time}, as in {run}.")
        print_text(took.format(time=format_duration(found.seconds), run=found.run), indent=2)
    typer.echo("\n" + _("Settings (--set key=value)"))
    for name, field in spec.settings.model_fields.items():
        value = f"{name} = {_plainly(field.default)}"
        if name in spec.on_sample:
            value += " " + _("(sample data: {value})").format(value=_plainly(spec.on_sample[name]))
        print_text(value, indent=2)
        bounds = _range(field)
        description = _(field.description) if field.description else ""
        print_text(f"{description} ({bounds})" if bounds else description, indent=6)
    for known in spec.published:
        text = _("Published {score}: {value} ({where})")
        value = format_score(known.score, known.value)
        print_text(text.format(score=known.score, value=value, where=_(known.where)))
    for claim in spec.claims:
        print_text(_("Claim: {says} ({where})").format(says=_(claim.says), where=_(claim.where)))
    for run, data, each in last:
        text = _("Last result: {score} {value} ({run}, {data})")
        value = format_score(each.score, each.value, each.spread)
        print_text(text.format(score=each.score, value=value, run=run, data=data))


def _full_time(spec: "ExperimentSpec") -> str:
    """Return how long a seed on full data takes here: as in a run, or estimated in a second."""
    from etabli import experiments
    from etabli.experiments import timing
    from etabli.report.numbers import format_duration

    if found := timing.find_duration(spec, "full", RUNS):
        text = _("{time} per seed here, as in {run}")
        return text.format(time=format_duration(found.seconds), run=found.run)
    specs = experiments.select_experiments([])
    estimate = timing.estimate_duration(spec, specs, RUNS)
    text = _(
        "about {time} per seed here, after the earlier experiments of its practical (estimated; "
        "{reference} on two cores of an AMD EPYC)"
    )
    return text.format(
        time=format_duration(estimate.seconds), reference=format_duration(60 * spec.minutes)
    )


def _plainly(value: Any) -> str:
    """Return a default as one would type it; of a group, only what differs from its defaults."""
    if hasattr(value, "model_dump"):
        changed = value.model_dump(exclude_defaults=True)
        return ", ".join(f"{key}={each}" for key, each in changed.items())
    return _("none") if value is None else str(value)


def _range(field: Any) -> str:
    """Return the bounds of a setting, or the words that it may be."""
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    bounds = []
    for limit in field.metadata:
        bounds += [
            f"{sign} {getattr(limit, key)}" for key, sign in signs.items() if hasattr(limit, key)
        ]
        if getattr(limit, "pattern", None):
            words = limit.pattern.strip("^$")
            words = words[1:-1] if words.startswith("(") else words
            bounds.append(words.replace("|", " | "))
    return ", ".join(bounds)


def info(as_json: Json = False) -> None:
    """Show versions, backend, device, data sets and extras, found or missing."""
    from etabli.cli import _tables
    from etabli.core import environment
    from etabli.core.paths import user_cache
    from etabli.data.catalog import inventory
    from etabli.training import devices

    versions, machine = environment.installed_versions(), environment.describe_machine()
    machine["device"] = devices.describe_device(devices.find_device())
    extras = {
        name: environment.installed_version(package)
        for name, (package, _use) in environment.EXTRAS.items()
    }
    data, home = inventory.find_datasets(), str(user_cache())
    if as_json:
        _errors.print_json(
            {
                "versions": versions,
                "machine": machine,
                "cache": home,
                "extras": extras,
                "data": data,
            }
        )
        return
    rows = [[name, str(value)] for name, value in (*versions.items(), *machine.items())]
    rows.append([_("cache"), home])
    absent = _("missing: pip install 'etabli[{extra}]' ({use})")
    rows += [
        [package, extras[name] or absent.format(extra=name, use=_(use))]
        for name, (package, use) in environment.EXTRAS.items()
    ]
    unfetched = _("missing: etabli data fetch {name}")
    rows += [
        [_("data: {name}").format(name=name), where or unfetched.format(name=name)]
        for name, where in data.items()
    ]
    _tables.print_table("", [(_("what"), "left"), (_("here"), "left")], rows)
