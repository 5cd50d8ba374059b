"""``etabli publish``: the playground as static files."""

from pathlib import Path
from typing import Annotated

import typer

from etabli.cli import _errors
from etabli.cli._options import Json, Overwrite
from etabli.core.errors import EtabliError
from etabli.core.i18n import _


def publish(
    runs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="RUN...",
            help="Runs, folders of runs, or models of 'etabli poetry train', whose nets are used.",
            show_default="the runs in runs/, then the shipped nets",
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="The folder to write.")] = Path("site"),
    photos: Annotated[
        bool,
        typer.Option(
            "--photos",
            help="Include the figures with photographs of Pascal VOC and Flickr8k, which belong "
            "to their authors.",
        ),
    ] = False,
    pyodide: Annotated[
        str | None,
        typer.Option(
            help="Pyodide release that runs practical 1 in the page.",
            metavar="FOLDER|URL",
        ),
    ] = None,
    check: Annotated[
        Path | None,
        typer.Option(
            help="Only check this site: open every page in Chromium, and compare its answers "
            "with Python's.",
            metavar="SITE",
        ),
    ] = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Write the playground as static files that open without Établi and without a network.

    The pages run the nets themselves: open index.html from a disk or a USB stick, or put the
    folder on GitHub Pages or Moodle. What needs a program, such as training, is left out.

    \b
    etabli publish --out site/
    etabli publish runs/mine --out site/
    etabli publish --check site/
    """
    if check is not None:
        _check(check, as_json)
        return
    from etabli.web import publishing

    site = publishing.publish(
        runs or None, out, photos=photos, pyodide=pyodide, overwrite=overwrite
    )
    if as_json:
        _errors.print_json(
            {
                "out": str(site.folder),
                "pages": site.pages,
                "bytes": site.size,
                "seconds": round(site.seconds, 2),
                "notes": site.notes,
            }
        )
        return
    for note in site.notes:
        typer.echo(note, err=True)
    sentence = _("{path}: {count} {count:page|pages} in English and French, {size} MB.")
    size = f"{site.size / 1e6:.1f}"
    typer.echo(sentence.format(path=site.folder / "index.html", count=len(site.pages), size=size))


def _check(folder: Path, as_json: bool) -> None:
    from etabli.web.publishing.check import check

    pages = check(folder)
    failed = [each for each in pages if each.problems]
    if as_json:
        _errors.print_json({"pages": [vars(each) for each in pages]})
    else:
        for each in pages:
            state = "; ".join(each.problems) or _("opens, and answers as Python does")
            typer.echo(f"{each.name} ({each.seconds:.2f} s): {state}")
    if failed:
        raise EtabliError(
            _("{count} of {total} pages failed").format(count=len(failed), total=len(pages)),
            fix=_("Publish the site again with this version of Établi."),
        )
