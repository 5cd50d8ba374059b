"""``etabli report``: the page of one run, or several runs side by side."""

from pathlib import Path
from typing import Annotated

import typer

from etabli.cli import _errors
from etabli.core.i18n import _


def report(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="RUN...", help="Run folders; none takes the newest.", show_default=False
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The HTML file to write.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Write the report of a run, or of several side by side, as one HTML file.

    \b
    etabli report                          the newest run
    etabli report runs/a runs/b            a comparison
    """
    from etabli import report as reports
    from etabli.core.errors import DataMissing
    from etabli.report import run_folder

    folders = folders or run_folder.find_runs(Path("runs"))[:1]
    if not folders:
        raise DataMissing(
            _("there is no run in the folder 'runs'"), fix=_("Make one with: etabli run tp1")
        )
    page = (
        reports.write(folders[0], out)
        if len(folders) == 1
        else reports.write_comparison(folders, out)
    )
    if as_json:
        _errors.print_json(
            {"report": str(page), "runs": [run_folder.run_document(folder) for folder in folders]}
        )
    else:
        typer.echo(_("Report: {page}").format(page=page))
