"""``etabli list`` and ``etabli info``: what there is, and what this machine has."""

from pathlib import Path
from typing import Annotated

import typer

from etabli.cli import _errors
from etabli.core.i18n import _


def list_experiments(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME...",
            help="Practicals or experiments; one experiment shows its whole card.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """List the experiments: what they measure, time and memory, published value, last result here.

    \b
    etabli list
    etabli list tp1.mlp     its card: settings, ranges, published values, claims
    """
    from etabli import experiments as practicals

    experiments = practicals.select_experiments(names or [])
    last = last_results(Path("runs"))
    if as_json:
        _errors.print_json([_as_document(card, last.get(card.name)) for card in experiments])
    elif names and len(experiments) == 1 and names[0] not in experiments.PRACTICALS:
        _print_card(experiments[0], last.get(experiments[0].name))
    else:
        _print_table(experiments, last)


def last_results(home: Path) -> dict[str, dict[str, object]]:
    """For every experiment, the scores of the newest run below ``home`` that has it; runs that cannot be read are
    left out, ``etabli report`` tells what is wrong with one.
    """
    from etabli.core.errors import EtabliError
    from etabli.report import run_folder

    last: dict[str, dict[str, object]] = {}
    for folder in reversed(run_folder.find_runs(home)):
        try:
            data, scores = run_folder.read_run(folder).data, run_folder.summarize_scores(folder)
        except EtabliError:
            continue
        for each in scores:
            known = last.setdefault(
                each.experiment, {"run": str(folder), "data": data, "scores": {}}
            )
            if known["run"] != str(folder):
                known.update({"run": str(folder), "data": data, "scores": {}})
            known["scores"][each.score] = (each.value, each.spread)
    return last


def _as_document(card, last: dict | None) -> dict[str, object]:
    return {
        "experiment": card.name,
        "title": _(card.title),
        "measures": _(card.measures),
        "data": list(card.data),
        "minutes": card.minutes,
        "memory_mb": card.memory_mb,
        "published": {known.score: known.value for known in card.published},
        "settings": card.settings().model_dump(mode="json"),
        "last": last,
    }


def _headline(card, last: dict | None) -> tuple[str, str]:
    """The published value and the last result, of the card's first published score or of its first score."""
    from etabli.report.numbers import shown

    known = card.published[0] if card.published else None
    published = shown(known.score, known.value) if known else "—"
    scores = (last or {}).get("scores", {})
    name = known.score if known and known.score in scores else next(iter(scores), None)
    if name is None:
        return published, "—"
    return published, f"{shown(name, *scores[name])} ({last['data']})"


def _print_table(experiments, last: dict) -> None:
    from itertools import groupby

    from etabli.cli import _tables
    from etabli.report.numbers import duration

    columns = [
        (_("experiment"), "left"),
        (_("measures"), "left"),
        (_("full data"), "right"),
        (_("memory"), "right"),
        (_("published"), "right"),
        (_("last result here"), "left"),
    ]
    for practical, cards in groupby(experiments, key=lambda card: card.practical):
        rows = []
        for card in cards:
            published, result = _headline(card, last.get(card.name))
            time, memory = duration(60 * card.minutes), f"{card.memory_mb} MB"
            rows.append([card.name, _(card.measures), time, memory, published, result])
        _tables.table(
            f"\n{practical}  {_(experiments.PRACTICALS.get(practical, ''))}", columns, rows
        )


def _print_card(card, last: dict | None) -> None:
    from etabli.cli import _tables
    from etabli.report.numbers import duration, shown

    typer.echo(f"{card.name}: {_(card.title)}\n{_(card.measures)}. {_(card.source)}.")
    takes = _("Full data ({data}): {time} and {memory} MB on two cores.")
    typer.echo(
        takes.format(
            data=", ".join(card.data), time=duration(60 * card.minutes), memory=card.memory_mb
        )
    )
    _tables.table(
        "",
        [
            (_("setting"), "left"),
            (_("value"), "left"),
            (_("range"), "left"),
            (_("meaning"), "left"),
        ],
        [_setting(card, name, field) for name, field in card.settings.model_fields.items()],
    )
    for known in card.published:
        value = shown(known.score, known.value)
        told = _("Published {score}: {value} ({where})")
        typer.echo(told.format(score=known.score, value=value, where=_(known.where)))
    for claim in card.claims:
        typer.echo(_("Claim: {says} ({where})").format(says=_(claim.says), where=_(claim.where)))
    for name, values in (last or {}).get("scores", {}).items():
        told = _("Last here: {score} {value} ({run})")
        typer.echo(told.format(score=name, value=shown(name, *values), run=last["run"]))


def _setting(card, name: str, field) -> list[str]:
    """Name, value (and that on sample data), range and meaning of a setting."""
    value = _plainly(field.default)
    if name in card.on_sample:
        value = _("{value} (sample: {other})").format(
            value=value, other=_plainly(card.on_sample[name])
        )
    return [name, value, _range(field), _(field.description) if field.description else ""]


def _plainly(value: object) -> str:
    """A default as one would type it; of a group of settings, only those that differ from their own defaults."""
    if hasattr(value, "model_dump"):
        return ", ".join(
            f"{key}={each}" for key, each in value.model_dump(exclude_defaults=True).items()
        )
    return _("none") if value is None else str(value)


def _range(field) -> str:
    """The bounds of a setting, or the words that it may be."""
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    bounds = []
    for limit in field.metadata:
        bounds += [
            f"{sign} {getattr(limit, key)}" for key, sign in signs.items() if hasattr(limit, key)
        ]
        if getattr(limit, "pattern", None):
            bounds.append(limit.pattern.strip("^$"))
    return ", ".join(bounds)


def info(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Show versions, backend, threads, data sets and extras, found or missing."""
    from etabli.cli import _tables
    from etabli.core import environment
    from etabli.core.paths import user_cache

    document = {
        "versions": environment.installed_versions(),
        "machine": environment.describe_machine(),
        "cache": str(user_cache()),
        "extras": {
            name: environment.installed_version(package)
            for name, (package, _use) in environment.EXTRAS.items()
        },
        "data": _data_found(),
    }
    if as_json:
        _errors.print_json(document)
        return
    rows = [[name, value] for name, value in document["versions"].items()]
    rows += [[key, str(value)] for key, value in document["machine"].items()]
    rows.append([_("cache"), document["cache"]])
    for name, (package, use) in environment.EXTRAS.items():
        found = document["extras"][name] or _("missing: pip install 'etabli[{extra}]'").format(
            extra=name
        )
        rows.append([f"{package} ({_(use)})", found])
    rows += [
        [
            _("data: {name}").format(name=name),
            where or _("missing: etabli data fetch {name}").format(name=name),
        ]
        for name, where in document["data"].items()
    ]
    _tables.table("", [(_("what"), "left"), (_("here"), "left")], rows)


def _data_found() -> dict[str, str | None]:
    from etabli.data.catalog import inventory

    return inventory.found()
