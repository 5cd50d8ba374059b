"""What a command may write over: nothing that is finished, unless it is asked to.

The same command resumes after an interruption. After completion it is refused, and the error names
the options that replace or continue what is there.
"""

import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from etabli.core.atomic_files import lock_folder
from etabli.core.errors import BadSetting, CorruptFile
from etabli.core.i18n import _
from etabli.core.paths import RUNS
from etabli.report import run_folder
from etabli.saved_models.card import CARD
from etabli.training.checkpoint import CHECKPOINTS_DIR, Checkpoint

__all__ = [
    *("STATE", "is_finished", "is_interrupted", "keep_state", "name_run_folder", "open_output"),
    *("refuse_existing_file", "refuse_finished_model", "refuse_finished_run", "start_from_state"),
]

REPORT = "report.html"  # of a run
STATE = "training.safetensors"  # in the model's folder: what --resume trains on from
_REPLACING = "replacing"  # a file among the checkpoints: the card is still that of the former model


def name_run_folder(name: str) -> Path:
    """Return a new folder under ``runs``, named after the time and what is run."""
    wanted = f"{datetime.now():%Y%m%d-%H%M%S}-{name}"
    folders = (RUNS / f"{wanted}{suffix}" for suffix in ("", *(f"-{k}" for k in range(2, 100))))
    return next(folder for folder in folders if not folder.exists())


def refuse_existing_file(path: Path | str | None, overwrite: bool) -> None:
    """Raise ``BadSetting`` where a file (or folder) of that name exists and must stay."""
    if path is not None and Path(path).exists() and not overwrite:
        raise BadSetting(
            _("{path} already exists").format(path=path),
            fix=_("Choose another file, or replace it with --overwrite."),
        )


def refuse_finished_run(
    folder: Path, overwrite: bool, wanted: Collection[tuple[str, int]] = ()
) -> None:
    """Raise ``BadSetting`` where a run and its report are complete and must stay.

    ``wanted`` are pairs of experiment and seed: where one of them is not finished, the run resumes.
    """
    if overwrite or not (folder / REPORT).exists() or not (folder / "run.json").exists():
        return
    records = (record for _folder, record in run_folder.read_seed_runs(folder)[0])
    finished = {(each.experiment, each.seed) for each in records if not each.interrupted}
    if finished and finished.issuperset(wanted):
        raise BadSetting(
            _("{folder} already holds a run").format(folder=folder),
            fix=_("Choose another folder with --out, or replace the run with --overwrite."),
        )


def is_finished(folder: Path) -> bool:
    """Return whether a folder holds a trained model that is complete."""
    checkpoints = folder / CHECKPOINTS_DIR
    is_replacing = (checkpoints / _REPLACING).exists()
    return (folder / CARD).is_file() and (is_replacing or not checkpoints.is_dir())


def is_interrupted(folder: Path) -> bool:
    """Return whether a folder holds a training without a model yet, which can resume."""
    checkpoints = folder / CHECKPOINTS_DIR
    return checkpoints.is_dir() and any(checkpoints.iterdir()) and not is_finished(folder)


@contextmanager
def open_output(
    out: Path, overwrite: bool, *, resume: bool = False, can_resume: bool = False
) -> Iterator[Path]:
    """Lock the folder of a model, and yield the folder for checkpoints.

    The checkpoints are removed once the block ends; after an interruption or an error they stay,
    and the former model too until the new card is written.

    Args:
        out: The folder of the model.
        overwrite: Whether a finished model may be replaced.
        resume: Whether a finished model is trained on, which replaces it too.
        can_resume: Whether the command has ``--resume``, which the error then names.

    Raises:
        BadSetting: The folder holds a finished model that must stay.
        FolderBusy: Another process writes in the folder.
    """
    checkpoints = out / CHECKPOINTS_DIR
    refuse_finished_model(out, overwrite or resume, can_resume)
    with lock_folder(out):
        refuse_finished_model(out, overwrite or resume, can_resume)
        replaces = is_finished(out)
        try:
            checkpoints.mkdir(exist_ok=True)
            if replaces:
                (checkpoints / _REPLACING).touch()
            yield checkpoints
        except BaseException:
            _remove_empty(checkpoints)
            raise
        shutil.rmtree(checkpoints, ignore_errors=True)


def refuse_finished_model(out: Path, may_replace: bool, can_resume: bool = False) -> None:
    """Raise ``BadSetting`` where a folder holds a finished model that must stay."""
    if may_replace or not is_finished(out):
        return
    fix = _("Choose another folder with --out, or replace the model with --overwrite.")
    if can_resume:
        fix = _(
            "Choose another folder with --out, train the model further with --resume --epochs N, "
            "or replace it with --overwrite."
        )
    raise BadSetting(_("{folder} already holds a trained model").format(folder=out), fix=fix)


def keep_state(checkpoint: Checkpoint, out: Path) -> None:
    """Keep the last checkpoint of a training in the model's folder, for ``--resume``."""
    assert checkpoint.path is not None
    partial = checkpoint.path.with_name(STATE)
    shutil.copyfile(checkpoint.path, partial)
    partial.replace(out / STATE)


def start_from_state(out: Path, checkpoint: Path, epochs: int) -> None:
    """Let a training begin where that of the finished model ended, unless it has begun already.

    Raises ``CorruptFile`` where the state in the model's folder is not that of so many epochs.
    """
    if checkpoint.exists():
        return
    if Checkpoint(out / STATE, digest=None).epoch != epochs:
        raise CorruptFile(
            _("{path} is not the training state of this model").format(path=out / STATE),
            fix=_("Train again, with --overwrite."),
        )
    shutil.copyfile(out / STATE, checkpoint)


def _remove_empty(checkpoints: Path) -> None:
    """Remove the folder of checkpoints of a command that failed before it wrote any."""
    with suppress(OSError):
        if {path.name for path in checkpoints.iterdir()} <= {_REPLACING}:
            shutil.rmtree(checkpoints)
