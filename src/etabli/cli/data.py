"""``etabli data``: which data sets there are, where they lie, and how they get there."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from etabli.cli import _errors
from etabli.core.i18n import _

app = typer.Typer(
    help="The data sets: list, fetch, check, import.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Names = Annotated[
    list[str] | None, typer.Argument(metavar="NAME...", help="Data sets.", show_default=False)
]
Json = Annotated[
    bool,
    typer.Option("--json", help="Print one JSON document and nothing else on standard output."),
]
Folder = Annotated[
    Path | None,
    typer.Option(
        "--into", help="The folder of the data sets (default: ETABLI_DATA, else the user's cache)."
    ),
]


@app.command("list")
def list_sets(as_json: Json = False, into: Folder = None) -> None:
    """List the data sets: what they are, licence, size to download, and where they lie.

    \b
    etabli data list
    etabli data list --json
    """
    from etabli.cli import _tables
    from etabli.data.catalog.registry import RESOURCES
    from etabli.data.catalog.source import Source
    from etabli.data.synthetic import samples

    root = Source.full(into).root
    found = [_described(each, root) for each in RESOURCES]
    if as_json:
        _errors.print_json(found)
        return
    rows = [
        [each["name"], f"{each['title']}\n{each['licence']}", size(each["bytes"]), _state(each)]
        for each in found
    ]
    headings = [
        (_("name"), "left"),
        (_("what, licence"), "left"),
        (_("download"), "right"),
        (_("here"), "left"),
    ]
    _tables.table("", headings, rows)
    typer.echo(_("Official sets lie in {root}.").format(root=root))
    typer.echo(
        _("Samples, made by the project itself: {names}.").format(names=", ".join(samples.MAKERS))
    )


@app.command()
def fetch(
    names: Names = None,
    everything: Annotated[bool, typer.Option("--all", help="Every data set.")] = False,
    as_json: Json = False,
    into: Folder = None,
) -> None:
    """Download data sets from their official mirrors; an interrupted download goes on where it stopped.

    \b
    etabli data fetch mnist
    etabli data fetch voc flickr8k --into /big/disk
    """
    from etabli.core.errors import BadSetting
    from etabli.data.catalog import fetch as fetching
    from etabli.data.catalog import inventory, registry
    from etabli.data.catalog.source import Source

    if not names and not everything:
        raise BadSetting(
            _("name the data sets to fetch, or say --all"),
            fix=_("'etabli data list' shows them with their sizes."),
        )
    source = Source.full(into)
    done = []
    for each in registry.resources(names or []):
        folder = source.root / each.name
        left = sum(part.size for part in inventory.missing_parts(each, folder))
        if left:
            words = _("{name}: {size} into {folder} (licence: {licence})")
            _say(
                words.format(
                    name=each.name, size=size(left), folder=folder, licence=_(each.licence)
                )
            )
        else:
            _say(_("{name} is complete in {folder}").format(name=each.name, folder=folder))
        fetched = fetching.fetch(each.name, source, progress=bytes_bar, say=_say)
        done.append({"name": each.name, "folder": str(folder), "fetched": fetched})
    if as_json:
        _errors.print_json(done)


@app.command()
def check(names: Names = None, as_json: Json = False, into: Folder = None) -> None:
    """Read the data sets that are here and compare every file with the catalogue.

    Ends with an error where a file is damaged or is not the official one.

    \b
    etabli data check
    etabli data check mnist
    """
    from etabli.data.catalog import inventory, registry
    from etabli.data.catalog.source import Source, missing

    root = Source.full(into).root
    rows, faults = [], 0
    for each in registry.resources(names or []):
        folder = root / each.name
        if inventory.status(each, folder) == inventory.MISSING:
            if names:
                raise missing(each.name, folder)
            continue
        for finding in inventory.checked(each, folder):
            rows.append(
                {
                    "name": each.name,
                    "path": finding.path,
                    "state": finding.state,
                    "detail": finding.detail,
                }
            )
            faults += finding.is_fault
    if as_json:
        _errors.print_json(rows)
    else:
        for row in rows:
            typer.echo(
                "  ".join(
                    filter(None, (f"{row['name']}/{row['path']}", _(row["state"]), row["detail"]))
                )
            )
    if faults:
        told = _(
            "{n} file(s) are not the official ones. Remove them and fetch or import the data set again."
        )
        _errors.print_error(told.format(n=faults))
        raise typer.Exit(2)


@app.command("import")
def take_in(
    path: Annotated[
        Path, typer.Argument(help="An archive (zip, tar, gz) or a folder that holds the files.")
    ],
    as_json: Json = False,
    into: Folder = None,
) -> None:
    """Place data that you already have: its files are recognised wherever they lie inside, checked, and copied.

    \b
    etabli data import ~/Downloads/archive.zip
    etabli data import /media/usb/VOCdevkit
    """
    from etabli.cli import _tables
    from etabli.data.catalog import import_local
    from etabli.data.catalog.source import Source

    source = Source.full(into)
    brought = import_local.bring(path, source, progress=count_bar, say=_say)
    if as_json:
        _errors.print_json(
            [{**vars(each), "folder": str(source.root / each.name)} for each in brought]
        )
        return
    rows = [
        [each.name, str(each.placed), _(each.status), ", ".join(each.lacks[:4])] for each in brought
    ]
    headings = [
        (_("data set"), "left"),
        (_("files placed"), "right"),
        (_("now"), "left"),
        (_("still missing"), "left"),
    ]
    _tables.table("", headings, rows)


def ensure(names: Iterable[str], source, yes: bool) -> None:
    """Fetch what the named full data sets still lack, after saying how much it is; a person at a terminal is asked."""
    from etabli.data.catalog import fetch as fetching
    from etabli.data.catalog import inventory

    needed = {name: inventory.full_size([name], source) for name in dict.fromkeys(names)}
    needed = {name: count for name, count in needed.items() if count}
    if not needed:
        return
    told = ", ".join(f"{name} {size(count)}" for name, count in needed.items())
    _say(_("To download into {root}: {sets}.").format(root=source.root, sets=told))
    if not yes and sys.stdin.isatty():
        typer.confirm(_("Download now?"), default=True, abort=True, err=True)
    for name in needed:
        fetching.fetch(name, source, progress=bytes_bar, say=_say)


def size(count: int) -> str:
    """Bytes as a person reads them: ``11.6 MB``."""
    for unit, scale in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= scale:
            return f"{count / scale:.1f} {unit}"
    return f"{count} B"


@contextmanager
def bytes_bar(label: str, total: int) -> Iterator:
    """A bar that counts bytes, with the rate and the time left; two lines where there is no terminal."""
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        DownloadColumn(),
        TransferSpeedColumn(),
        TextColumn(_("left")),
        TimeRemainingColumn(),
    )
    with _bar(label, total, size(total), BarColumn(bar_width=24), *columns) as step:
        yield step


@contextmanager
def count_bar(label: str, total: int) -> Iterator:
    """A bar that counts files, with the time left."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

    columns = (MofNCompleteColumn(), TextColumn(_("left")), TimeRemainingColumn())
    counted = _("{n} files").format(n=total)
    with _bar(label, total, counted, BarColumn(bar_width=24), *columns) as step:
        yield step


@contextmanager
def _bar(label: str, total: int, told: str, *columns: object) -> Iterator:
    from rich.console import Console
    from rich.progress import Progress, TextColumn

    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        typer.echo(f"  {label}  {told}", err=True)
        yield lambda done: None
        return
    with Progress(
        TextColumn("  {task.description}", markup=False), *columns, console=console
    ) as progress:
        task = progress.add_task(label, total=total)
        yield lambda done: progress.update(task, completed=done)


def _say(text: str) -> None:
    typer.echo(text, err=True)


def _described(resource, root: Path) -> dict[str, object]:
    from etabli.data.catalog import inventory

    folder = root / resource.name
    return {
        "name": resource.name,
        "title": _(resource.title),
        "licence": _(resource.licence),
        "citation": resource.citation,
        "home": resource.home,
        "bytes": resource.size,
        "status": inventory.status(resource, folder),
        "folder": str(folder),
        "to_download": sum(part.size for part in inventory.missing_parts(resource, folder)),
        "stand_in": inventory.stand_in(resource, folder),
        "mirrors": [list(part.urls) for part in resource.parts],
    }


def _state(described: dict[str, object]) -> str:
    """Where it lies, or what is to be done."""
    status, name = described["status"], described["name"]
    if status == "complete":
        return str(described["folder"])
    if status == "stand-in":
        return _("stand-in: {what}").format(what=described["stand_in"])
    left = size(described["to_download"])
    if status == "partial":
        return _("incomplete: etabli data fetch {name} ({size})").format(name=name, size=left)
    return _("missing: etabli data fetch {name}").format(name=name)
