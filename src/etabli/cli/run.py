"""``etabli run`` and ``etabli new``: run experiments, and copy one to change it."""

import inspect
import json
import sys
from pathlib import Path
from typing import Annotated

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
from etabli.core.errors import BadSetting
from etabli.core.i18n import _


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
            help="sample: generated sample data; full: the official data.", metavar="sample|full"
        ),
    ] = "sample",
    dataset: Annotated[
        str | None,
        typer.Option(
            help="Full data to use instead of MNIST: mnist, fashion-mnist, kmnist, qmnist, "
            "emnist-letters, or a folder of idx files.",
            metavar="NAME|FOLDER",
        ),
    ] = None,
    seed: Seed = 0,
    seeds: Annotated[
        int,
        typer.Option(
            help="How many seeds; scores become mean and spread.", min=1, max=1000, metavar="N"
        ),
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
    jobs: Annotated[
        int,
        typer.Option(help="How many experiments run at a time.", min=1, max=64, metavar="N"),
    ] = 1,
    devices: Devices = None,
    coordinator: Coordinator = None,
    processes: Processes = 1,
    process_id: ProcessId = None,
    yes: Yes = False,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Run practicals or experiments, and end with a table of scores and a report.

    \b
    etabli run tp1                             practical 1 on sample data
    etabli run tp1.mlp --data full --seeds 5   mean and spread on all of MNIST
    etabli run tp1.mlp --data full --dataset fashion-mnist
    etabli run tp1.mlp --set epochs=5          another setting
    etabli run --jobs 2                        two experiments at a time
    etabli run tp2.cnn --devices 4             batches sharded over four devices
    etabli run tp2.cnn --processes 2 --process-id 0 --coordinator HOST:4567
    """
    from etabli.pipelines import exercise

    if names and len(names) == 1 and exercise.is_exercise(names[0]):
        raise typer.Exit(exercise.run_file(names[0]))
    from etabli.cli import _tables
    from etabli.cli._progress import Terminal
    from etabli.cli.data import fetch_missing
    from etabli.core.progress import Silent
    from etabli.pipelines import run as pipeline
    from etabli.report import run_folder

    plan = pipeline.plan(
        names or [],
        data=data,
        dataset=dataset,
        seed=seed,
        seeds=seeds,
        changes=_errors.parse_settings(settings or []),
        out=out,
        is_sharded=(devices or 1) * processes > 1,
        refuse_finished=not overwrite,
        jobs=jobs,
    )
    with (
        train_distributed(devices, coordinator, processes, process_id) as is_main,
        output_folder(plan.folder, is_main) as place,
    ):
        try:
            page = pipeline.execute(
                plan,
                place,
                overwrite=overwrite,
                reporter=Terminal() if is_main else Silent(),
                fetch=lambda missing, source: fetch_missing(missing, source, yes),
                with_report=is_main,
            )
        except KeyboardInterrupt:
            if (plan.folder / "run.json").exists():
                resume = _("To resume, add --out {folder} to the same command.")
                _errors.print_error(resume.format(folder=plan.folder))
            raise
        if is_main and as_json:
            _errors.print_json(run_folder.run_document(plan.folder))
        elif is_main:
            _tables.print_scores(plan.folder, verbose=verbose)
            typer.echo(_("\nReport: {page}").format(page=page))
            following = f"etabli serve --runs {plan.folder.parent}"
            if plan.source.is_sample:
                following = " ".join(["etabli run", *(names or []), "--data full"])
            typer.echo(_("Next:   {command}").format(command=following))


def new(
    experiment: Annotated[
        str,
        typer.Argument(help="The experiment to start from, for example tp1.logistic; or tp1."),
    ],
    file: Annotated[
        Path | None,
        typer.Argument(
            help="The file to write, for example mine.py; for tp1 a folder.",
            show_default="logistic.py, ...",
        ),
    ] = None,
) -> None:
    """Copy an experiment to a Python file that you can change and run.

    \b
    etabli new tp1.logistic mine.py
    etabli run ./mine.py
    etabli new tp1 notebooks/          cells to write, for Jupyter and marimo
    """
    from etabli import experiments
    from etabli.core.atomic_files import atomic_write

    if experiment == "tp1" and file is not None and not file.suffix:
        from etabli.pipelines import practical_1

        for written in practical_1.write_files(file, refuse_existing=True):
            typer.echo(written)
        return
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
    main = _("Run it with: etabli run {path}").format(path=path)
    with atomic_write(file) as stream:
        stream.write(
            f"{head}\n"
            + source.replace(f'name="{spec.name}"', f'name="{spec.name}.{stem}"')
            + f'\n\nif __name__ == "__main__":\n    print({json.dumps(main)})\n'
        )
    typer.echo(_("Wrote {file}. Run it with: etabli run {path}").format(file=file, path=path))
