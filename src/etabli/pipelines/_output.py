"""The output folder of a training: locked, resumable, and not overwritten unasked."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from etabli.core.atomic_files import lock_folder
from etabli.core.errors import BadSetting
from etabli.core.i18n import _
from etabli.saved_models.card import CARD
from etabli.training.checkpoint import CHECKPOINTS_DIR

__all__ = ["open_output"]


@contextmanager
def open_output(out: Path, overwrite: bool) -> Iterator[Path]:
    """Lock the folder of a model, and yield the folder for checkpoints.

    The checkpoints are removed once the block ends; after an interruption or an error they stay.
    Raises ``BadSetting`` if the folder holds a finished model that may not be overwritten.
    """
    checkpoints = out / CHECKPOINTS_DIR
    if (out / CARD).is_file() and not checkpoints.is_dir() and not overwrite:
        raise BadSetting(
            _("{folder} already holds a trained model").format(folder=out),
            fix=_("Choose another folder with --out, or replace the model with --overwrite."),
        )
    with lock_folder(out):
        yield checkpoints
        shutil.rmtree(checkpoints, ignore_errors=True)
