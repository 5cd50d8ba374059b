"""The boundary of the command line: errors become one sentence and an exit code."""

import json
import sys
from collections.abc import Callable
from io import TextIOWrapper
from pathlib import Path
from typing import NoReturn

from etabli.core.atomic_files import explain_os_error, parse_json
from etabli.core.errors import BadSetting, EtabliError
from etabli.core.i18n import _


def run_with_error_handling(command: Callable[[], object]) -> None:
    """Run a command; an error or interruption becomes one sentence and an exit code."""
    _escape_unprintable_output()
    try:
        command()
    except EtabliError as error:
        _exit_with(error)
    except OSError as error:
        # Raised by a library that writes itself: a full disk, a folder without permission.
        known = explain_os_error(error, error.filename or Path.cwd())
        if not isinstance(known, EtabliError):
            raise
        _exit_with(known)
    except (KeyboardInterrupt, SystemExit) as error:
        # Typer turns Ctrl-C into a silent exit with code 130.
        if isinstance(error, SystemExit) and error.code != 130:
            raise
        print_error(_("Interrupted; what was finished is kept."))
        sys.exit(130)
    except MemoryError:
        print_error(_("There is not enough memory. Close other programs or use smaller settings."))
        sys.exit(5)


def _exit_with(error: EtabliError) -> NoReturn:
    print_error(str(error))
    sys.exit(error.exit_code)


def _escape_unprintable_output() -> None:
    """Write characters that the terminal does not have as backslash escapes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def print_error(sentence: str) -> None:
    """Print a sentence on standard error."""
    print(f"etabli: {sentence}", file=sys.stderr)


def print_json(document: object) -> None:
    """Print one JSON document on standard output."""
    json.dump(document, sys.stdout, ensure_ascii=False, indent=1, default=str)
    sys.stdout.write("\n")


def parse_settings(pairs: list[str]) -> dict[str, object]:
    """Parse ``["units=50", "epochs=3"]``; values that are valid JSON are read as JSON."""
    changes: dict[str, object] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or not key.strip():
            raise BadSetting(
                _("--set takes key=value"), got=repr(pair), fix=_("For example: --set epochs=3")
            )
        try:
            value = parse_json(text)
        except ValueError:
            value = text
        changes[key.strip()] = value
    return changes
