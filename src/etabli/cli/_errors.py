"""The public edge: the one place where refusals are caught and told."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import NoReturn

from etabli.core.atomic_files import explain_os_error, lock_folder
from etabli.core.errors import EtabliError
from etabli.core.i18n import _


def run_with_error_handling(command: Callable[[], object]) -> None:
    """Run a command; a refusal or an interruption becomes one sentence and an exit code, never a traceback."""
    _write_what_comes()
    try:
        command()
    except EtabliError as refusal:
        _end_by(refusal)
    except (
        OSError
    ) as error:  # of a library that writes by itself: a full disk, a folder that is not ours
        known = explain_os_error(error, error.filename or Path.cwd())
        if not isinstance(known, EtabliError):
            raise
        _end_by(known)
    except KeyboardInterrupt:
        print_error(_("Interrupted; what was finished is kept."))
        sys.exit(130)
    except SystemExit as end:  # typer turns Ctrl-C into a silent exit of this code
        if end.code == 130:
            print_error(_("Interrupted; what was finished is kept."))
        raise
    except MemoryError:
        print_error(
            _(
                "There is not enough memory for this. Choose smaller settings (--set batch_size=...)."
            )
        )
        sys.exit(5)


def _end_by(refusal: EtabliError) -> NoReturn:
    print_error(str(refusal))
    sys.exit(refusal.exit_code)


def _write_what_comes() -> None:
    """A file name that is no UTF-8, or an accent on a terminal that has none, is written with a backslash."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


@contextmanager
def lock_checkpoints(out: Path) -> Iterator[Path]:
    """Hold the lock of the folder that a model will be in; gives where its training keeps what it needs to go on.

    That is gone once the model is there; after an interruption or a refusal it stays.
    """
    import shutil

    from etabli.training.checkpoint import CHECKPOINTS_DIR

    with lock_folder(out):
        yield out / CHECKPOINTS_DIR
        shutil.rmtree(out / CHECKPOINTS_DIR, ignore_errors=True)


def print_error(sentence: str) -> None:
    """A sentence on standard error, with the mark of the house."""
    print(f"etabli: {sentence}", file=sys.stderr)


def print_json(document: object) -> None:
    """One JSON document on standard output."""
    json.dump(document, sys.stdout, ensure_ascii=False, indent=1, default=str)
    sys.stdout.write("\n")


def parse_settings(pairs: list[str]) -> dict[str, object]:
    """``["rate=0.5", "epochs=3"]`` as a dictionary; values are read as JSON where they can be."""
    from etabli.core.atomic_files import parse_json
    from etabli.core.errors import BadSetting

    changes: dict[str, object] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or not key.strip():
            raise BadSetting(
                _("--set takes key=value"), got=repr(pair), fix=_("For example: --set rate=0.5")
            )
        try:
            value = parse_json(text)
        except ValueError:
            value = text
        changes[key.strip()] = value
    return changes
