"""``etabli run`` and ``etabli new``: play the practicals, and take one into one's own hands."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from etabli.cli import _errors
from etabli.cli._distributed import Coordinator, Devices, Processes, ProcessId, folder_of, spreading
from etabli.core.i18n import _

RUNS = Path("runs")


def run(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME...",
            help="Practicals (tp1), experiments (tp1.mlp) or files (./mine.py); none runs all.",
            show_default=False,
        ),
    ] = None,
    data: Annotated[
        str,
        typer.Option(
            help="sample: inside the project; full: the real data sets.", metavar="sample|full"
        ),
    ] = "sample",
    seed: Annotated[int, typer.Option(help="The first seed.", min=0, metavar="N")] = 0,
    seeds: Annotated[
        int, typer.Option(help="How many seeds; scores become mean and spread.", min=1, metavar="N")
    ] = 1,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change a setting; may be repeated.", metavar="key=value"),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="The run folder; one that was interrupted goes on.", metavar="FOLDER"),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Do anew what the run folder holds already.")
    ] = False,
    devices: Devices = None,
    coordinator: Coordinator = None,
    processes: Processes = 1,
    process_id: ProcessId = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Download without asking.")] = False,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print one JSON document and nothing else on standard output."),
    ] = False,
) -> None:
    """Run practicals or experiments; ends with a table and a report.

    \b
    etabli run tp1                               practical 1 on sample data
    etabli run tp1.mlp --data full --seeds 5     mean and spread on the whole of MNIST
    etabli run tp1.logistic --set rate=0.5       another rate
    etabli run tp2.cnn --devices 4               every batch dealt out over four devices
    etabli run tp2.cnn --coordinator first-host:4567 --processes 2 --process-id 0      and over two machines
    """
    from etabli import experiments as practicals
    from etabli import report
    from etabli.cli import _tables
    from etabli.cli._progress import Terminal
    from etabli.core.progress import Silent
    from etabli.experiments import runner
    from etabli.report import run_folder

    experiments = practicals.select_experiments(names or [])
    changes = _errors.parse_settings(settings or [])
    source = _source(data)
    runner.resolve_settings(experiments, source.kind, changes)
    if (devices or 1) * processes > 1:
        _all_spread(experiments)
    folder = out or RUNS / f"{datetime.now():%Y%m%d-%H%M%S}-{_short(names)}"
    seeds_of = range(seed, seed + seeds)
    with (
        spreading(devices, coordinator, processes, process_id) as leads,
        folder_of(folder, leads) as place,
    ):
        reporter = Terminal() if leads else Silent()
        _have_data(experiments, source, reporter, yes)
        try:
            runner.run_experiments(
                experiments,
                place,
                source,
                seeds=seeds_of,
                changes=changes,
                again=again,
                reporter=reporter,
            )
        except KeyboardInterrupt:
            _errors.print_error(
                _("To go on from here: add --out {folder} to the same command.").format(
                    folder=folder
                )
            )
            raise
        finally:
            if leads and (folder / "run.json").exists() and run_folder.list_seed_runs(folder):
                page = report.write(folder)
        if leads and as_json:
            _errors.print_json(run_folder.run_document(folder))
        elif leads:
            _tables.scores(folder)
            typer.echo(_("\nReport: {page}").format(page=page))


def _all_spread(experiments) -> None:
    """Refuse what does not train in batches that can be dealt out: every process would do the same work."""
    from etabli import experiments as practicals
    from etabli.core.errors import BadSetting

    alone = [card.name for card in experiments if not card.is_data_parallel]
    if alone:
        raise BadSetting(
            _("{names} cannot be spread over devices or processes").format(names=", ".join(alone)),
            fix=_(
                "Only these deal out their batches: {names}. Run the others without these options."
            ).format(
                names=", ".join(
                    card.name for card in practicals.select_experiments([]) if card.is_data_parallel
                )
            ),
        )


def new(
    experiment: Annotated[
        str, typer.Argument(help="The experiment to start from, for example tp1.logistic.")
    ],
    file: Annotated[Path, typer.Argument(help="The file to write, for example mine.py.")],
) -> None:
    """Write an experiment as one Python file to change and to run.

    \b
    etabli new tp1.logistic mine.py
    etabli run ./mine.py
    """
    import inspect as python_inspect
    import sys

    from etabli import experiments as practicals
    from etabli.core.atomic_files import atomic_write
    from etabli.core.errors import BadSetting

    card = practicals.load_experiment(experiment)
    if file.suffix != ".py":
        raise BadSetting(_("an experiment is a Python file"), expected="*.py", got=str(file))
    if file.exists():
        raise BadSetting(
            _("{file} exists already").format(file=file),
            fix=_("Choose another name; nothing was overwritten."),
        )
    source = python_inspect.getsource(sys.modules[practicals.module_name(experiment)])
    head = _("# Your own copy of {name}. Change what you like, then: etabli run {file}").format(
        name=experiment, file=file if file.is_absolute() else f"./{file}"
    )
    named = source.replace(f'name="{card.name}"', f'name="{card.name}.{_word(file.stem)}"')
    with atomic_write(file) as stream:
        stream.write(f"{head}\n{named}")
    typer.echo(_("Wrote {file}. Run it with: etabli run ./{file}").format(file=file))


def _word(text: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in text)


def _short(names: list[str] | None) -> str:
    words = [Path(name).stem for name in names or ["all"]]
    return "+".join(words)[:60]


def _source(kind: str):
    from etabli.core.errors import UnknownName
    from etabli.data.catalog.source import Source

    if kind not in ("sample", "full"):
        raise UnknownName(_("kind of data"), kind, ["sample", "full"])
    return Source.full() if kind == "full" else Source.sample()


def _have_data(experiments, source, reporter, yes: bool) -> None:
    """On full data: fetch what is missing, after saying how much it is."""
    from etabli.cli import data

    if not source.is_sample:
        data.ensure([name for card in experiments for name in card.data], source, yes)
