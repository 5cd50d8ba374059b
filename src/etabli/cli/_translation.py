"""Helps and usage errors of the command line in the current language.

Helps are English in the source; ``tools/messages.py`` collects them from the commands. Typer looks
up its own few words (Options, required, ...) by gettext, in our catalog.
"""

import gettext
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import typer
from typer.main import get_command

from etabli.cli import _errors
from etabli.cli._options import explain_renamed_option, require_finite
from etabli.core.i18n import (
    LOCALE_DIR,
    N_,
    _,
    current_language,
    set_language,
    translate_library_message,
)

TYPER_WORDS = (
    N_("Arguments"),
    N_("Options"),
    N_("Commands"),
    N_("required"),
    N_("default: {default}"),
    N_("Missing command."),
)
HELP = ["-h", "--help"]
_OPTIONS_WITH_VALUE = ("--lang", "--platform")


class _Formatter(typer.Context.formatter_class):  # type: ignore[misc, valid-type]
    """Typer's formatter with a translated usage line; typer exports the class only so."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        super().write_usage(prog, args, prefix or _("Usage: "))


class _Context(typer.Context):
    formatter_class = _Formatter


def run_app(
    make_app: Callable[[Sequence[str]], typer.Typer], arguments: Sequence[str] | None = None
) -> None:
    """Run the command that the arguments name; print usage errors as usage and one sentence.

    ``make_app`` returns the app with the options of the named commands only.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    set_language(requested_language(words))
    try:
        name = find_command(words)
        code = build_translated_app(make_app([name] if name else [])).main(
            words, prog_name="etabli", standalone_mode=False
        )
    except typer.Abort:
        _errors.print_error(_("Aborted."))
        sys.exit(1)
    except typer.TyperException as error:
        _print_usage_error(error)
        sys.exit(error.exit_code)
    sys.exit(code or 0)


def requested_language(words: Sequence[str]) -> str | None:
    """Return the language of ``--lang``, anywhere before the command."""
    for place, word in enumerate(words):
        if word == "--lang":
            return next(iter(words[place + 1 :]), None)
        if word.startswith("--lang="):
            return word.partition("=")[2]
        if not word.startswith("-"):
            return None
    return None


def find_command(words: Sequence[str]) -> str | None:
    """Return the name of the command in the words of a command line."""
    rest = iter(words)
    for word in rest:
        if word in _OPTIONS_WITH_VALUE:
            next(rest, None)
        elif not word.startswith("-"):
            return word
    return None


def build_translated_app(app: typer.Typer) -> Any:
    """Build the commands of an app, their helps in the current language, their floats finite."""
    gettext.bindtextdomain("etabli", LOCALE_DIR)
    gettext.textdomain("etabli")
    os.environ["LANGUAGE"] = current_language()
    top = get_command(app)
    for command in walk_commands(top):
        command.context_class = _Context
        for holder, name in find_help_texts(command):
            setattr(holder, name, _(getattr(holder, name)))
        for parameter in command.params:
            descriptor = getattr(parameter, "type_descriptor", None)
            if descriptor and descriptor.annotation is float and parameter.callback is None:
                parameter.callback = require_finite
    return top


def walk_commands(command: Any) -> Iterator[Any]:
    """Yield a command and all its subcommands."""
    yield command
    for below in getattr(command, "commands", {}).values():
        yield from walk_commands(below)


def find_help_texts(command: Any) -> Iterator[tuple[object, str]]:
    """Yield the objects and attribute names that hold the texts of a command's help."""
    option = command.get_help_option(_Context(command, help_option_names=HELP))
    for holder in (command, *command.params, option):
        for name in ("help", "options_metavar", "subcommand_metavar", "show_default"):
            text = getattr(holder, name, None)
            if isinstance(text, str) and text:
                yield holder, name


def list_help_messages(app: typer.Typer) -> Iterator[str]:
    """Yield every text of the helps, as in the source."""
    for command in walk_commands(get_command(app)):
        yield from (getattr(holder, name) for holder, name in find_help_texts(command))


def _print_usage_error(error: typer.TyperException) -> None:
    """Print usage, the help option, and what is wrong; a group without a command shows its help."""
    context = getattr(error, "ctx", None)
    renamed = explain_renamed_option(error)
    if renamed:
        _errors.print_error(renamed)
        return
    if context is not None and error.message == context.get_help():
        typer.echo(error.message, err=True)
        return
    if context is not None:
        typer.echo(context.get_usage(), err=True)
        command = f"{context.command_path} {context.help_option_names[0]}"
        typer.echo(_("Help: {command}").format(command=command) + "\n", err=True)
    _errors.print_error(translate_library_message(error.format_message()))
