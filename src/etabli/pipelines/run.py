"""Runs of experiments as ``etabli run`` and ``etabli.run`` start them: checked, run, reported."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from etabli import experiments, report
from etabli.core.errors import BadSetting
from etabli.core.i18n import _
from etabli.core.progress import Reporter, Silent
from etabli.data.catalog.source import Source, is_path
from etabli.data.formats import known_sets
from etabli.experiments import runner
from etabli.experiments.spec import ExperimentSpec
from etabli.pipelines._output import name_run_folder, refuse_finished_run
from etabli.report import run_folder

DIGITS = "mnist"

Fetch = Callable[[list[str], Source], None]
"""``fetch(names, source)`` installs the data sets that are missing."""


@dataclass(frozen=True)
class RunPlan:
    """A run whose names, settings and data were checked: what ``execute`` needs."""

    specs: list[ExperimentSpec]
    source: Source
    seeds: Sequence[int]
    changes: dict[str, Any]
    folder: Path
    remarks: tuple[str, ...] = ()
    jobs: int = 1


def plan(
    names: Sequence[str],
    *,
    data: str = "sample",
    dataset: str | None = None,
    seed: int = 0,
    seeds: int = 1,
    changes: dict[str, Any] | None = None,
    out: str | Path | None = None,
    is_sharded: bool = False,
    refuse_finished: bool = False,
    jobs: int = 1,
) -> RunPlan:
    """Check everything about a run that can be checked before it starts.

    Args:
        names: Practicals, experiments or files; none selects all.
        data: ``"sample"`` or ``"full"``.
        dataset: Full data in the place of MNIST: the name of a set, or a folder of idx files.
        seed: The first seed.
        seeds: How many seeds.
        changes: Settings that differ from the defaults.
        out: The run folder; by default a new one under ``runs``.
        is_sharded: Whether several devices or processes share the batches.
        refuse_finished: Whether a run that is complete in ``out`` is an error.
        jobs: How many experiments run at a time.

    Returns:
        The plan of the run.

    Raises:
        EtabliError: A name, a setting or a data set that does not exist, experiments that do not
            read MNIST or cannot share their batches, or jobs that would share the devices.
    """
    source = Source(cast("Literal['sample', 'full']", data), dataset=_name_dataset(dataset))
    specs = experiments.select_experiments(list(names))
    remarks: tuple[str, ...] = ()
    if source.dataset is not None:
        specs, remarks = _keep_readers_of_mnist(specs, list(names), source)
    changes = dict(changes or {})
    runner.resolve_settings(specs, source.kind, changes)
    if is_sharded:
        _check_data_parallel(specs)
        if jobs > 1:
            raise BadSetting(
                _("experiments that share their batches run one at a time"),
                fix=_("Leave out --jobs."),
            )
    folder = Path(out) if out is not None else name_run_folder(short_name(list(names) or ["all"]))
    own = range(seed, seed + seeds)
    if refuse_finished:
        wanted = [(spec.name, number) for spec in specs for number in own]
        refuse_finished_run(folder, overwrite=False, wanted=wanted)
    return RunPlan(specs, source, own, changes, folder, remarks, jobs)


def execute(
    run: RunPlan,
    folder: Path | None = None,
    *,
    overwrite: bool = False,
    reporter: Reporter | None = None,
    fetch: Fetch | None = None,
    with_report: bool = True,
) -> Path | None:
    """Run what was planned, and write the report, of an interrupted run too.

    Args:
        run: The plan.
        folder: Another folder than that of the plan.
        overwrite: Whether to run again what the folder holds.
        reporter: Where progress is shown (default: nowhere).
        fetch: Installs the data sets that are missing; without it they have to be there.
        with_report: Whether to write the report.

    Returns:
        The path of the report.
    """
    folder, reporter = folder or run.folder, reporter or Silent()
    for remark in run.remarks:
        reporter.print_line(remark)
    if fetch is not None and not run.source.is_sample:
        fetch(_list_data(run), run.source)
    page = None
    try:
        runner.run_experiments(
            run.specs,
            folder,
            run.source,
            seeds=run.seeds,
            changes=run.changes,
            overwrite=overwrite,
            reporter=reporter,
            jobs=run.jobs,
        )
    finally:
        is_started = (folder / "run.json").exists() and any(run_folder.read_seed_runs(folder))
        if with_report and is_started:
            page = report.write_report(folder)
    return page


def _name_dataset(dataset: str | None) -> str | None:
    """Return a name as it is, and a folder in the form of a path (``./mine``)."""
    if dataset is None or is_path(dataset) or dataset in known_sets.FETCHED:
        return dataset
    # Path.is_dir raises OSError for a name that is too long.
    return f"./{dataset}" if os.path.isdir(dataset) else dataset  # noqa: PTH112


def _list_data(run: RunPlan) -> list[str]:
    """Return the data sets of a run by their names in the catalog."""
    names = dict.fromkeys(name for each in run.specs for name in each.data)
    dataset = run.source.dataset
    if dataset is None:
        return list(names)
    found = [dataset if name == DIGITS else name for name in names]
    return [name for name in found if not is_path(name)]


def _keep_readers_of_mnist(
    specs: list[ExperimentSpec], names: list[str], source: Source
) -> tuple[list[ExperimentSpec], tuple[str, ...]]:
    """Keep the experiments that read MNIST; the others of a whole practical are left out.

    Raises ``BadSetting`` where one was asked for by its own name, or where none is left.
    """
    if source.is_sample:
        raise BadSetting(
            _("--dataset needs full data"),
            fix=_("Add --data full: the sample data are the digits of the project."),
        )
    if source.dataset is not None and not is_path(source.dataset):
        known_sets.get_known_set(source.dataset)
    kept = [each for each in specs if DIGITS in each.data]
    others = [each.name for each in specs if DIGITS not in each.data]
    whole = {*experiments.PRACTICALS} if not names else {*names}
    asked = [name for name in others if name.partition(".")[0] not in whole]
    if asked or not kept:
        able = [each.name for each in experiments.select_experiments([]) if DIGITS in each.data]
        raise BadSetting(
            _("{names} cannot run on {dataset}: only experiments that read MNIST can").format(
                names=", ".join(asked or others), dataset=source.dataset
            ),
            expected=_("one of {names}").format(names=", ".join(able)),
            fix=_("Run the others without --dataset."),
        )
    if not others:
        return kept, ()
    left_out = _("Left out, since they do not read MNIST: {names}.")
    return kept, (left_out.format(names=", ".join(others)),)


def _check_data_parallel(specs: Sequence[ExperimentSpec]) -> None:
    """Refuse experiments whose batches cannot be sharded: every process would repeat the work."""
    others = [each.name for each in specs if not each.is_data_parallel]
    if others:
        able = [each.name for each in experiments.select_experiments([]) if each.is_data_parallel]
        raise BadSetting(
            _("{names} cannot use several devices or processes").format(names=", ".join(others)),
            fix=_("Only these can: {names}. Run the others without these options.").format(
                names=", ".join(able)
            ),
        )


def short_name(names: Sequence[str]) -> str:
    """Return the practicals and files of a request, each once: ``tp1+tp2+mine``."""
    words = [Path(name).stem if name.endswith(".py") else name.split(".")[0] for name in names]
    return "+".join(dict.fromkeys(words))[:60]
