"""Experiments and seeds, one after the other, into a run folder; what is finished is not done again."""

import gc
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from etabli.core import environment
from etabli.core.atomic_files import explain_os_error, lock_folder, remove_temporary_files
from etabli.core.errors import BadSetting, EtabliError, UnknownName
from etabli.core.i18n import _
from etabli.core.progress import Reporter, Silent
from etabli.data.catalog.source import Source
from etabli.experiments import explain_broken_file
from etabli.experiments.context import RunContext
from etabli.experiments.spec import ExperimentSpec, SettingsModel
from etabli.report import run_folder
from etabli.training.checkpoint import CHECKPOINTS_DIR


def run_experiments(
    experiments: Sequence[ExperimentSpec],
    folder: Path,
    source: Source,
    *,
    seeds: Sequence[int] = (0,),
    changes: dict[str, object] | None = None,
    again: bool = False,
    reporter: Reporter | None = None,
    first: int | None = None,
) -> Path:
    """Run the experiments with every seed; returns the run folder.

    ``changes`` are settings, ``key`` for every experiment that has it or ``experiment.key`` for one. A run that was
    interrupted goes on when it is asked for again with the same folder; ``again`` does everything anew. The figures are
    those of the seed ``first``, without it the first of ``seeds``.
    """
    reporter = reporter or Silent()
    settings = resolve_settings(experiments, source.kind, changes or {})
    with lock_folder(folder):
        _open_run(experiments, Path(folder), source, seeds, changes or {}, again)
        for number, experiment in enumerate(experiments, start=1):
            reporter.print_line(
                f"[{number}/{len(experiments)}] {experiment.name}: {_(experiment.title)}"
            )
            for seed in seeds:
                drawn = seeds[0] if first is None else first
                _piece(
                    experiment,
                    settings[experiment.name],
                    Path(folder),
                    source,
                    seed,
                    drawn,
                    reporter,
                )
    return Path(folder)


def resolve_settings(
    experiments: Sequence[ExperimentSpec], kind: str, changes: dict[str, object]
) -> dict[str, SettingsModel]:
    """Each experiment's settings under the changes; a key that no experiment has is refused."""
    taken: set[str] = set()
    settings = {}
    for experiment in experiments:
        own = {}
        for key, value in changes.items():
            field = key.removeprefix(f"{experiment.name}.")
            if field in experiment.settings.model_fields:
                own[field] = value
                taken.add(key)
        settings[experiment.name] = experiment.settings_for(kind, own)
    for key in changes:
        if key not in taken:
            known = {field for each in experiments for field in each.settings.model_fields}
            raise UnknownName(_("setting"), key, known)
    return settings


def _open_run(
    experiments: Sequence[ExperimentSpec],
    folder: Path,
    source: Source,
    seeds: Sequence[int],
    changes: dict[str, object],
    again: bool,
) -> None:
    record = run_folder.Run(
        name=folder.name,
        created=run_folder.current_time(),
        data=source.kind,
        experiments=[experiment.name for experiment in experiments],
        seeds=list(seeds),
        settings={key: value for key, value in changes.items()},
        versions=environment.installed_versions(),
        machine=environment.describe_machine(),
    )
    if (folder / "run.json").exists():
        before = run_folder.read_run(folder)
        same = (before.data, before.settings) == (record.data, record.settings)
        if again:
            _clear(folder, record if same else before)
        elif not same:
            raise BadSetting(
                _("{folder} holds a run with other data or settings").format(folder=folder),
                got=before.settings or before.data,
                fix=_("Choose another folder with --out, or do everything anew with --again."),
            )
        if same:
            record.created = before.created
            record.experiments = list(dict.fromkeys([*before.experiments, *record.experiments]))
            record.seeds = sorted({*before.seeds, *record.seeds})
    run_folder.write_record(folder / "run.json", record)


def _clear(folder: Path, record: run_folder.Run) -> None:
    """Remove the pieces of a record; other files of the folder stay."""
    for name in record.experiments:
        for seed in record.seeds:
            shutil.rmtree(run_folder.seed_run_folder(folder, name, seed), ignore_errors=True)


def _piece(
    experiment: ExperimentSpec,
    settings: SettingsModel,
    folder: Path,
    source: Source,
    seed: int,
    first_seed: int,
    reporter: Reporter,
) -> None:
    place = run_folder.seed_run_folder(folder, experiment.name, seed)
    if run_folder.is_finished(place):
        reporter.print_line(_("  seed {seed}: finished before, kept").format(seed=seed))
        return
    for inside in (place, *place.glob("*/")):
        remove_temporary_files(inside)
    context = RunContext(
        experiment, place, source, seed, is_first_seed=seed == first_seed, reporter=reporter
    )
    started, clock, worked = run_folder.current_time(), time.perf_counter(), time.process_time()
    environment.reset_peak_memory()
    interrupted = True
    try:
        experiment.run(context, settings)
        interrupted = False
    except OSError as error:
        raise explain_os_error(error, place) from error
    except EtabliError:
        raise
    except Exception as error:
        own = _file_of(experiment)
        if own is None:
            raise
        raise explain_broken_file(own, error) from error
    finally:
        gc.collect()
        took = (time.perf_counter() - clock, time.process_time() - worked)
        record = _record(context, settings, started, took, interrupted)
        if record.scores or record.exhibits or not interrupted:
            run_folder.write_record(place / "piece.json", record)
        if not interrupted:
            shutil.rmtree(place / CHECKPOINTS_DIR, ignore_errors=True)


def _record(
    context: RunContext,
    settings: SettingsModel,
    started,
    took: tuple[float, float],
    interrupted: bool,
) -> run_folder.SeedRun:
    """``took``: seconds on the clock, and of the processor, which a busy machine does not lengthen."""
    card, heading = context.experiment, context.heading
    return run_folder.SeedRun(
        experiment=card.name,
        title=heading(card.title),
        measures=heading(card.measures),
        source=heading(card.source),
        seed=context.seed,
        data=context.source.kind,
        settings=settings.model_dump(mode="json"),
        scores=[
            run_folder.ScoreRecord(name=name, value=float(score), signature=score.signature)
            for name, score in context.scores.items()
        ],
        published=[
            run_folder.PublishedRecord(
                score=known.score,
                value=known.value,
                what=heading(known.what),
                where=heading(known.where),
                note=heading(known.note),
            )
            for known in (card.published if context.is_comparable else ())
        ],
        claims=context.claims,
        exhibits=context.report_items,
        sentences=context.sentences,
        expects=card.expected_ranges,
        started=started,
        seconds=round(took[0], 3),
        cpu_seconds=round(took[1], 3),
        peak_memory_mb=environment.peak_memory_mb(),
        interrupted=interrupted,
    )


def _file_of(experiment: ExperimentSpec) -> Path | None:
    """The student's file that tells this experiment, or ``None`` for one of the house."""
    module = experiment.run.__module__
    return Path(experiment.run.__code__.co_filename) if module.startswith("etabli_file_") else None
