"""``etabli run`` and ``etabli new``: run experiments, and copy one to change it."""

import inspect
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from etabli.cli import _errors
from etabli.cli._distributed import (
    Coordinator,
    Devices,
    Processes,
    ProcessId,
    output_folder,
    train_distributed,
)
from etabli.cli._options import Json, Overwrite, Seed, Verbose, Yes
from etabli.core.errors import BadSetting, UnknownName
from etabli.core.i18n import _

if TYPE_CHECKING:
    from etabli.data.catalog.source import Source
    from etabli.experiments.spec import ExperimentSpec

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
    seed: Seed = 0,
    seeds: Annotated[
        int, typer.Option(help="How many seeds; scores become mean and spread.", min=1, metavar="N")
    ] = 1,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change a setting; may be repeated.", metavar="key=value"),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="The run folder; an interrupted run resumes.", metavar="FOLDER"),
    ] = None,
    overwrite: Overwrite = False,
    devices: Devices = None,
    coordinator: Coordinator = None,
    processes: Processes = 1,
    process_id: ProcessId = None,
    yes: Yes = False,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Run practicals or experiments; ends with a table of scores and a report.

    \b
    etabli run tp1                             practical 1 on sample data
    etabli run tp1.mlp --data full --seeds 5   mean and spread on all of MNIST
    etabli run tp1.mlp --set epochs=5          another setting
    etabli run tp2.cnn --devices 4             batches sharded over four devices
    etabli run tp2.cnn --processes 2 --process-id 0 --coordinator HOST:4567
    """
    from etabli import experiments, report
    from etabli.cli import _tables
    from etabli.cli._progress import Terminal
    from etabli.cli.data import fetch_missing
    from etabli.core.progress import Reporter, Silent
    from etabli.experiments import runner
    from etabli.report import run_folder

    specs = experiments.select_experiments(names or [])
    changes = _errors.parse_settings(settings or [])
    source = _source(data)
    runner.resolve_settings(specs, source.kind, changes)
    if (devices or 1) * processes > 1:
        _check_data_parallel(specs)
    folder = out or RUNS / f"{datetime.now():%Y%m%d-%H%M%S}-{short_name(names or ['all'])}"
    with (
        train_distributed(devices, coordinator, processes, process_id) as is_main,
        output_folder(folder, is_main) as place,
    ):
        reporter: Reporter = Terminal() if is_main else Silent()
        if not source.is_sample:
            fetch_missing([name for each in specs for name in each.data], source, yes)
        try:
            runner.run_experiments(
                specs,
                place,
                source,
                seeds=range(seed, seed + seeds),
                changes=changes,
                overwrite=overwrite,
                reporter=reporter,
            )
        except KeyboardInterrupt:
            resume = _("To resume, add --out {folder} to the same command.")
            _errors.print_error(resume.format(folder=folder))
            raise
        finally:
            if is_main and (folder / "run.json").exists() and run_folder.list_seed_runs(folder):
                page = report.write_report(folder)
        if is_main and as_json:
            _errors.print_json(run_folder.run_document(folder))
        elif is_main:
            _tables.print_scores(folder, verbose=verbose)
            typer.echo(_("\nReport: {page}").format(page=page))
            if source.is_sample:
                following = " ".join(["etabli run", *(names or []), "--data full"])
            else:
                following = f"etabli serve --runs {folder.parent}"
            typer.echo(_("Next:   {command}").format(command=following))


def _check_data_parallel(specs: Sequence["ExperimentSpec"]) -> None:
    """Refuse experiments whose batches cannot be sharded: every process would repeat the work."""
    from etabli import experiments

    others = [each.name for each in specs if not each.is_data_parallel]
    if others:
        able = [each.name for each in experiments.select_experiments([]) if each.is_data_parallel]
        raise BadSetting(
            _("{names} cannot use several devices or processes").format(names=", ".join(others)),
            fix=_("Only these can: {names}. Run the others without these options.").format(
                names=", ".join(able)
            ),
        )


def new(
    experiment: Annotated[
        str, typer.Argument(help="The experiment to start from, for example tp1.logistic.")
    ],
    file: Annotated[
        Path | None,
        typer.Argument(
            help="The file to write, for example mine.py.", show_default="logistic.py, ..."
        ),
    ] = None,
) -> None:
    """Copy an experiment to a Python file of your own, to change and to run.

    \b
    etabli new tp1.logistic mine.py
    etabli run ./mine.py
    """
    from etabli import experiments
    from etabli.core.atomic_files import atomic_write

    if experiment in experiments.PRACTICALS:
        names = experiments.experiments_of(experiment)
        raise BadSetting(
            _("{name} is a practical").format(name=experiment),
            expected=_("one of its experiments: {names}").format(names=", ".join(names)),
            fix=_("For example: etabli new {name} mine.py").format(name=names[-1]),
        )
    spec = experiments.load_experiment(experiment)
    module = experiments.module_name(experiment)
    file = file or Path(f"{module.rpartition('.')[2]}.py")
    if file.suffix != ".py":
        raise BadSetting(_("an experiment is a Python file"), expected="*.py", got=str(file))
    if file.exists():
        raise BadSetting(
            _("{file} already exists").format(file=file),
            fix=_("Choose another name; nothing was overwritten."),
        )
    path = file if file.is_absolute() else f"./{file}"
    head = _("# Your copy of {name}. Change what you like, then: etabli run {file}").format(
        name=experiment, file=path
    )
    stem = "".join(letter if letter.isalnum() else "-" for letter in file.stem)
    source = inspect.getsource(sys.modules[module])
    with atomic_write(file) as stream:
        stream.write(
            f"{head}\n" + source.replace(f'name="{spec.name}"', f'name="{spec.name}.{stem}"')
        )
    typer.echo(_("Wrote {file}. Run it with: etabli run {path}").format(file=file, path=path))


def short_name(names: Sequence[str]) -> str:
    """Return the practicals and files of a request, each once: ``tp1+tp2+mine``."""
    words = [Path(name).stem if name.endswith(".py") else name.split(".")[0] for name in names]
    return "+".join(dict.fromkeys(words))[:60]


def _source(kind: str) -> "Source":
    from etabli.data.catalog.source import Source

    if kind not in ("sample", "full"):
        raise UnknownName(_("kind of data"), kind, ["sample", "full"])
    return Source.full() if kind == "full" else Source.sample()
