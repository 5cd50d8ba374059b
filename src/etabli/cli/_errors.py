"""The boundary of the command line: errors become one sentence and an exit code."""

import re
import sys
from collections.abc import Callable
from io import TextIOWrapper
from pathlib import Path
from typing import NoReturn

from etabli.core.errors import BadSetting, EtabliError
from etabli.core.i18n import _

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def run_with_error_handling(command: Callable[[], object]) -> None:
    """Run a command; an error or interruption becomes one sentence and an exit code."""
    _escape_unprintable_output()
    try:
        command()
    except EtabliError as error:
        _exit_with(error)
    except OSError as error:
        from etabli.core.atomic_files import explain_os_error

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
    print(f"etabli: {escape_controls(sentence)}", file=sys.stderr)


def escape_controls(text: str) -> str:
    r"""Return a text whose control characters are visible, as ``\x1b``; lines and tabs stay.

    What files contain could otherwise send commands to the terminal.
    """
    return _CONTROLS.sub(lambda found: repr(found[0])[1:-1], text)


def print_json(document: object) -> None:
    """Print one JSON document on standard output."""
    import json

    text = json.dumps(document, ensure_ascii=False, indent=1, default=str)
    # JSON leaves some control characters as they are, which a terminal would obey.
    sys.stdout.write(_CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n")


def parse_settings(pairs: list[str]) -> dict[str, object]:
    """Parse ``["units=50", "epochs=3"]``; values that are valid JSON are read as JSON."""
    from etabli.core.atomic_files import parse_json

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
