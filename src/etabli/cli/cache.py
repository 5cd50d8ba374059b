"""``etabli cache``: what the program keeps in the user's cache, and how to remove it."""

import functools
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from etabli.cli import _errors
from etabli.cli._options import Json
from etabli.core.i18n import _

app = typer.Typer(
    invoke_without_command=True,
    rich_markup_mode=None,
)


@app.callback()
def list_cache(context: typer.Context, as_json: Json = False) -> None:
    """List what is in your cache, by kind, with sizes; 'etabli cache clear' removes it.

    \b
    etabli cache
    etabli cache clear features
    """
    if context.invoked_subcommand is not None:
        return
    from etabli.cli import _tables
    from etabli.cli.data import format_size
    from etabli.core import paths, user_cache

    entries, root = user_cache.list_cache(), paths.user_cache()
    if as_json:
        kinds = [{"kind": each.kind, "files": each.files, "bytes": each.bytes} for each in entries]
        _errors.print_json({"folder": str(root), "kinds": kinds})
        return
    rows = [
        [each.kind, str(each.files), format_size(each.bytes), _(each.title)] for each in entries
    ]
    total = sum(each.bytes for each in entries)
    headings = [
        (_("kind"), "left"),
        (_("files"), "right"),
        (_("size"), "right"),
        (_("what"), "left"),
    ]
    _tables.print_table(f"{root}: {format_size(total)}", headings, rows)


@app.command("clear")
def clear(
    kinds: Annotated[
        list[str],
        typer.Argument(
            metavar="KIND",
            help="features, ir, compiled, arrays, files, samples, data, or all (all but data).",
        ),
    ],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Remove without asking.")] = False,
) -> None:
    """Remove kinds of files from your cache. All but 'data' are computed again when needed.

    \b
    etabli cache clear features
    etabli cache clear all --yes
    """
    from etabli.cli.data import format_size
    from etabli.core import user_cache
    from etabli.core.errors import BadSetting

    chosen = user_cache.select_kinds(kinds)
    found = [each for each in user_cache.list_cache() if each.kind in chosen]
    listed = ", ".join(f"{each.kind} {format_size(each.bytes)}" for each in found)
    if not found:
        typer.echo(_("Nothing to remove."))
        return
    if not yes:
        if not sys.stdin.isatty():
            raise BadSetting(
                _("this would remove {what}").format(what=listed), fix=_("Confirm with --yes.")
            )
        typer.confirm(_("Remove {what}?").format(what=listed), abort=True, err=True)
    freed, busy = user_cache.clear_cache(chosen)
    for folder in busy:
        _errors.print_error(_("{folder} is in use and stays.").format(folder=folder))
    typer.echo(_("Removed {size}.").format(size=format_size(freed)))


def reports_growth(command: Callable[..., None]) -> Callable[..., None]:
    """Return the command, followed by one line where it added more than 50 MB to the cache."""

    @functools.wraps(command)
    def run(*arguments: Any, **options: Any) -> None:
        from etabli.cli.data import format_size
        from etabli.core import user_cache

        growth = user_cache.CacheGrowth()
        try:
            with user_cache.measure_growth(growth):
                command(*arguments, **options)
        finally:
            if growth.is_notable:
                text = _("Your cache grew by {size}; 'etabli cache' lists and empties it.")
                _errors.print_error(text.format(size=format_size(growth.bytes)))

    return run
