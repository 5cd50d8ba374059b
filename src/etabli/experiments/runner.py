"""Runs experiments with seeds, one after the other, into a run folder; finished ones are kept."""

import gc
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from etabli.core import environment
from etabli.core.atomic_files import explain_os_error, lock_folder, remove_temporary_files
from etabli.core.errors import BadSetting, EtabliError, OutOfMemory
from etabli.core.i18n import _
from etabli.core.progress import Reporter, Silent
from etabli.data.catalog.source import Source
from etabli.data.formats import mnist
from etabli.data.formats.known_sets import Identity
from etabli.experiments import explain_broken_file, parallel, select_experiments
from etabli.experiments.context import RunContext
from etabli.experiments.ranges import select_ranges
from etabli.experiments.settings import SettingsModel, memory_advice, unknown_setting
from etabli.experiments.spec import ExperimentSpec
from etabli.report import run_folder
from etabli.report.live import LiveProgress
from etabli.training.checkpoint import CHECKPOINTS_DIR


def run_experiments(
    experiments: Sequence[ExperimentSpec],
    folder: Path,
    source: Source,
    *,
    seeds: Sequence[int] = (0,),
    changes: Mapping[str, object] | None = None,
    overwrite: bool = False,
    reporter: Reporter | None = None,
    first: int | None = None,
    jobs: int = 1,
) -> Path:
    """Run the experiments with every seed; return the run folder.

    An interrupted run resumes when it is asked for again with the same folder.

    Args:
        experiments: What to run, in order.
        folder: The run folder; it is created, and locked while the run lasts.
        source: Sample or full data.
        seeds: The seeds; every experiment runs once with each.
        changes: Settings: ``key`` for every experiment that has it, ``experiment.key`` for one.
        overwrite: Whether to run again what the folder holds.
        reporter: Where progress is shown (default: nowhere).
        first: The seed that draws the figures (default: the first of ``seeds``).
        jobs: How many experiments run at a time, each in a process of its own.

    Raises:
        EtabliError: If a setting is unknown or bad, the folder holds another run or is in use,
            the disk is full, or the memory does not suffice.
    """
    reporter, folder, changes = reporter or Silent(), Path(folder), changes or {}
    settings = resolve_settings(experiments, source.kind, changes)
    figures_of = seeds[0] if first is None else first
    digits = identify_digits(experiments, source)
    for remark in digits.remarks if digits else ():
        reporter.print_line(remark)
    with lock_folder(folder):
        _open_run(experiments, folder, source, seeds, changes, overwrite, digits)
        live = LiveProgress(folder)
        tasks = [
            SeedRuns(
                _file_or_name(experiment),
                folder,
                source,
                list(seeds),
                settings[experiment.name].model_dump(),
                figures_of,
                digits if "mnist" in experiment.data else None,
                number,
                len(experiments),
            )
            for number, experiment in enumerate(experiments, start=1)
        ]
        if jobs > 1 and len(tasks) > 1:
            _run_in_processes(tasks, experiments, jobs, reporter, live)
        else:
            for task, experiment in zip(tasks, experiments, strict=True):
                _run_seeds(task, experiment, reporter, live)
        live.end()
    return folder


@dataclass(frozen=True)
class SeedRuns:
    """All seed runs of one experiment, as another process can run them.

    ``experiment`` is its name, or the path of a user's file.
    """

    experiment: str
    folder: Path
    source: Source
    seeds: list[int]
    settings: dict[str, Any]
    figures_of: int
    digits: Identity | None
    number: int
    of: int


def _run_seeds(
    task: SeedRuns, experiment: ExperimentSpec, reporter: Reporter, live: LiveProgress | None
) -> None:
    """Run an experiment with each of its seeds that is not finished."""
    reporter.print_line(f"[{task.number}/{task.of}] {experiment.name}: {_(experiment.title)}")
    settings = experiment.settings.model_validate(task.settings)
    for turn, seed in enumerate(task.seeds):
        own = run_folder.seed_run_folder(task.folder, experiment.name, seed)
        if run_folder.is_finished(own):
            _refuse_other_settings(own, settings)
            reporter.print_line(_("  seed {seed}: already finished").format(seed=seed))
            continue
        for inside in (own, *own.glob("*/")):
            remove_temporary_files(inside)
        if live is not None:
            _begin(live, task, experiment, turn)
        context = RunContext(
            experiment,
            own,
            task.source,
            seed,
            is_first_seed=seed == task.figures_of,
            reporter=reporter,
            digits=task.digits,
            live=live,
        )
        _run_seed(context, settings)


def _refuse_other_settings(own: Path, settings: SettingsModel) -> None:
    """Refuse a finished seed run whose settings differ, as with other defaults of the code."""
    before, now = run_folder.read_seed_run(own).settings, settings.model_dump(mode="json")
    differing = [key for key in now if before.get(key) != now[key]]
    if differing:
        raise BadSetting(
            _("{folder} was made with other default settings").format(folder=own),
            got=", ".join(f"{key} {before.get(key)}" for key in differing),
            expected=", ".join(f"{key} {now[key]}" for key in differing),
            fix=_("Choose another folder with --out, or replace the run with --overwrite."),
        )


def _begin(live: LiveProgress, task: SeedRuns, experiment: ExperimentSpec, turn: int = 0) -> None:
    live.begin(
        experiment=experiment.name,
        title=_(experiment.title),
        seed=task.seeds[turn],
        number=(task.number - 1) * len(task.seeds) + turn + 1,
        total=task.of * len(task.seeds),
        steps=task.settings.get("epochs"),
    )


def _run_in_processes(
    tasks: Sequence[SeedRuns],
    experiments: Sequence[ExperimentSpec],
    jobs: int,
    reporter: Reporter,
    live: LiveProgress,
) -> None:
    """Run several experiments at a time; what each prints is shown when it is finished."""
    reporter.print_line(
        _("{n} experiments run at a time; each is shown when it is finished.").format(n=jobs)
    )
    groups: dict[str, list[SeedRuns]] = {}
    specs = {}
    for task, experiment in zip(tasks, experiments, strict=True):
        groups.setdefault(experiment.name.partition(".")[0], []).append(task)
        specs[task.experiment] = experiment
    parallel.run_groups(
        list(groups.values()),
        jobs,
        _run_apart,
        started=lambda task: _begin(live, task, specs[task.experiment]),
        print_line=reporter.print_line,
    )


def _run_apart(task: SeedRuns, reporter: Reporter) -> None:
    """Run the seed runs of an experiment in a process that does nothing else."""
    (experiment,) = select_experiments([task.experiment])
    _run_seeds(task, experiment, reporter, None)


def _file_or_name(experiment: ExperimentSpec) -> str:
    return str(_user_file(experiment) or experiment.name)


def identify_digits(experiments: Sequence[ExperimentSpec], source: Source) -> Identity | None:
    """Say which data set experiments read as MNIST; ``None`` where none of them reads it."""
    if source.is_sample or not any("mnist" in each.data for each in experiments):
        return None
    return mnist.identify(source)


def resolve_settings(
    experiments: Sequence[ExperimentSpec], kind: str, changes: Mapping[str, object]
) -> dict[str, SettingsModel]:
    """Return each experiment's settings under the changes; raise on a key that none has."""
    used: set[str] = set()
    settings = {}
    for experiment in experiments:
        own = {}
        for key, value in changes.items():
            field = key.removeprefix(f"{experiment.name}.")
            if field in experiment.settings.model_fields:
                own[field] = value
                used.add(key)
        settings[experiment.name] = experiment.settings_for(kind, own)
    for key in changes:
        if key not in used:
            known = {field for each in experiments for field in each.settings.model_fields}
            only = experiments[0].name if len(experiments) == 1 else ""
            raise unknown_setting(key, known, only)
    return settings


def _open_run(
    experiments: Sequence[ExperimentSpec],
    folder: Path,
    source: Source,
    seeds: Sequence[int],
    changes: Mapping[str, object],
    overwrite: bool,
    digits: Identity | None,
) -> None:
    record = run_folder.Run(
        name=folder.name,
        created=run_folder.current_time(),
        data=source.kind,
        dataset=digits.name if digits else "",
        dataset_title=_(digits.title) if digits else "",
        experiments=[experiment.name for experiment in experiments],
        seeds=list(seeds),
        settings=dict(changes),
        versions=environment.installed_versions(),
        machine=environment.describe_machine(),
    )
    if (folder / "run.json").exists():
        before = run_folder.read_run(folder)
        is_same = _is_same_run(before, record)
        if overwrite:
            _remove_seed_runs(folder, record if is_same else before)
        elif not is_same:
            raise BadSetting(
                _("{folder} holds a run with other data or settings").format(folder=folder),
                got=before.settings or before.dataset_title or before.data,
                fix=_("Choose another folder with --out, or replace the run with --overwrite."),
            )
        if is_same:
            record.created = before.created
            if not record.dataset:
                record.dataset, record.dataset_title = before.dataset, before.dataset_title
            record.experiments = list(dict.fromkeys([*before.experiments, *record.experiments]))
            record.seeds = sorted({*before.seeds, *record.seeds})
    run_folder.write_record(folder / "run.json", record)


def _is_same_run(before: run_folder.Run, record: run_folder.Run) -> bool:
    """Return whether a run has the same data and settings; one without MNIST has no data set."""
    datasets = {before.dataset or record.dataset, record.dataset or before.dataset}
    same = (before.data, before.settings) == (record.data, record.settings)
    return same and len(datasets) == 1


def _remove_seed_runs(folder: Path, record: run_folder.Run) -> None:
    """Remove the seed runs of a record; other files of the folder stay."""
    for name in record.experiments:
        for seed in record.seeds:
            shutil.rmtree(run_folder.seed_run_folder(folder, name, seed), ignore_errors=True)


def _run_seed(context: RunContext, settings: SettingsModel) -> None:
    experiment, folder = context.experiment, context.folder
    started, clock, cpu = run_folder.current_time(), time.perf_counter(), time.process_time()
    environment.reset_peak_memory()
    interrupted = True
    try:
        experiment.run(context, settings)
        interrupted = False
    except OSError as error:
        raise explain_os_error(error, folder) from error
    except MemoryError as error:
        raise OutOfMemory(
            _("there is not enough memory for {experiment}").format(experiment=experiment.name),
            fix=memory_advice(experiment.settings),
        ) from error
    except EtabliError:
        raise
    except Exception as error:
        path = _user_file(experiment)
        if path is None:
            raise
        raise explain_broken_file(path, error) from error
    finally:
        gc.collect()
        record = _record(context, settings)
        record.started, record.interrupted = started, interrupted
        record.seconds = round(time.perf_counter() - clock, 3)
        record.cpu_seconds = round(time.process_time() - cpu, 3)
        if record.scores or record.report_items or not interrupted:
            run_folder.write_record(folder / run_folder.RECORD, record)
        if not interrupted:
            shutil.rmtree(folder / CHECKPOINTS_DIR, ignore_errors=True)


def _record(context: RunContext, settings: SettingsModel) -> run_folder.SeedRun:
    spec = context.experiment
    return run_folder.SeedRun(
        experiment=spec.name,
        title=_(spec.title),
        measures=_(spec.measures),
        source=_(spec.source),
        headline=spec.headline,
        seed=context.seed,
        data=context.source.kind,
        dataset=context.digits.name if context.digits else "",
        dataset_title=_(context.digits.title) if context.digits else "",
        settings=settings.model_dump(mode="json"),
        scores=[
            run_folder.ScoreRecord(
                name=name,
                value=None if score.is_undefined else float(score),
                signature=score.signature,
            )
            for name, score in context.scores.items()
        ],
        published=[
            run_folder.PublishedRecord(
                score=each.score,
                value=each.value,
                what=_(each.what),
                where=_(each.where),
                note=_(each.note),
            )
            for each in (spec.published if context.is_comparable else ())
        ],
        claims=context.claims,
        report_items=context.report_items,
        expects=_expected_ranges(context, settings),
        data_read=sorted(context.data),
        started=run_folder.current_time(),
        seconds=0.0,
        peak_memory_mb=environment.peak_memory_mb(),
    )


def _expected_ranges(
    context: RunContext, settings: SettingsModel
) -> dict[str, run_folder.RangeRecord]:
    """Return the ranges of a run on the full data with the default settings; else none."""
    spec = context.experiment
    if context.is_sample or context.is_other_data or settings != spec.settings_for("full"):
        return {}
    return {
        score: run_folder.RangeRecord(**{**asdict(each), "reason": _(each.reason)})
        for score, each in select_ranges(spec.expected_ranges, context.data).items()
    }


def _user_file(experiment: ExperimentSpec) -> Path | None:
    """Return the user's file that defines this experiment, ``None`` for one of the project."""
    module = experiment.run.__module__
    return Path(experiment.run.__code__.co_filename) if module.startswith("etabli_file_") else None
