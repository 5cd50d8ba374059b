"""The command line's own words in the person's language: helps, usages, and what typer says of a mistake.

Helps stand in the source in English; ``tools/messages.py`` collects them from the commands as they are here.
Typer looks up the few words of its frame (Options, required, ...) by gettext, in the catalogue named here.
"""

import gettext
import os
import sys
from collections.abc import Iterator, Sequence

import typer
from typer.main import get_command

from etabli.cli import _errors
from etabli.core.i18n import (
    FOLDER,
    N_,
    _,
    current_language,
    set_language,
    translate_library_message,
)

FRAME = (
    N_("Arguments"), N_("Options"), N_("Commands"), N_("required"), N_("default: {default}"), N_("Missing command."),
)  # fmt: skip
HELP = ["-h", "--help"]


class Formatter(typer.Context.formatter_class):
    """Typer's formatter, with a usage line in the person's language."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        super().write_usage(prog, args, prefix or _("Usage: "))


class Context(typer.Context):
    """A context whose helps our formatter writes."""

    formatter_class = Formatter


def play(app: typer.Typer, arguments: Sequence[str] | None = None) -> None:
    """Run the command that the arguments name; a mistake in them becomes a usage and one sentence."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    set_language(asked(words))
    try:
        code = spoken(app).main(words, prog_name="etabli", standalone_mode=False)
    except typer.Abort:
        _errors.print_error(_("Given up."))
        sys.exit(1)
    except typer.TyperException as mistake:
        _tell(mistake)
        sys.exit(mistake.exit_code)
    sys.exit(code or 0)


def asked(words: Sequence[str]) -> str | None:
    """The language that ``--lang`` asks for, wherever it stands before the command."""
    for place, word in enumerate(words):
        if word == "--lang":
            return next(iter(words[place + 1 :]), None)
        if word.startswith("--lang="):
            return word.partition("=")[2]
        if not word.startswith("-"):
            return None
    return None


def spoken(app: typer.Typer):
    """The commands of an app, their helps in the language in use."""
    gettext.bindtextdomain("etabli", FOLDER)
    gettext.textdomain("etabli")
    os.environ["LANGUAGE"] = current_language()
    top = get_command(app)
    for command in commands(top):
        command.context_class = Context
        for holder, name in texts(command):
            setattr(holder, name, _(getattr(holder, name)))
    return top


def commands(command) -> Iterator:
    """A command and all those below it."""
    yield command
    for below in getattr(command, "commands", {}).values():
        yield from commands(below)


def texts(command) -> Iterator[tuple[object, str]]:
    """Where the texts of a command's help stand: what holds them, and under which name."""
    helping = command.get_help_option(Context(command, help_option_names=HELP))
    for holder in (command, *command.params, helping):
        for name in ("help", "options_metavar", "subcommand_metavar", "show_default"):
            text = getattr(holder, name, None)
            if isinstance(text, str) and text:
                yield holder, name


def messages(app: typer.Typer) -> Iterator[str]:
    """Every text of the helps, as it stands in the source."""
    for command in commands(get_command(app)):
        yield from (getattr(holder, name) for holder, name in texts(command))


def _tell(mistake: typer.TyperException) -> None:
    """Usage, where help stands, and what is wrong; a group without a command shows its help."""
    context = getattr(mistake, "ctx", None)
    if context is not None and mistake.message == context.get_help():
        typer.echo(mistake.message, err=True)
        return
    if context is not None:
        typer.echo(context.get_usage(), err=True)
        helping = f"{context.command_path} {context.help_option_names[0]}"
        typer.echo(_("Help: {command}").format(command=helping) + "\n", err=True)
    _errors.print_error(translate_library_message(mistake.format_message()))
