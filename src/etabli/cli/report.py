"""``etabli report``: the report of one run, or a comparison of several."""

from pathlib import Path
from typing import Annotated

import typer

from etabli.cli import _errors
from etabli.cli._options import Json, Overwrite, Verbose
from etabli.core.errors import BadSetting, DataMissing
from etabli.core.i18n import _
from etabli.core.paths import RUNS


def report(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="RUN...", help="Run folders; none takes the newest.", show_default=False
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The HTML file to write.", metavar="FILE")
    ] = None,
    claims: Annotated[
        Path | None,
        typer.Option(
            help="Also write the scores of one run as claims, for 'etabli verify'.", metavar="FILE"
        ),
    ] = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Write the report of a run, or a comparison of several, as one HTML file.

    A report of the same run is replaced; any other file is kept unless --overwrite is given.

    \b
    etabli report                          the newest run
    etabli report runs/a runs/b            a comparison
    etabli report runs/a --claims a.json   its scores, for 'etabli verify'
    """
    from etabli import report as reports
    from etabli.cli import _tables
    from etabli.pipelines._output import refuse_existing_file
    from etabli.report import run_folder

    if out is not None:
        refuse_existing_file(out, overwrite or reports.is_report(out))
    folders = folders or run_folder.find_runs(RUNS)[:1]
    if not folders:
        raise DataMissing(
            _("there is no run in the folder 'runs'"), fix=_("Make one with: etabli run tp1")
        )
    if claims is not None:
        _write_claims(folders, claims, overwrite)
    page = reports.write_report(folders, out)
    if as_json:
        runs = [run_folder.run_document(folder) for folder in folders]
        _errors.print_json({"report": str(page), "runs": runs})
        return
    for folder in folders if verbose else ():
        _tables.print_scores(folder, verbose=True)
    typer.echo(_("Report: {page}").format(page=page))


def _write_claims(folders: list[Path], path: Path, overwrite: bool) -> None:
    from etabli.pipelines._output import refuse_existing_file
    from etabli.pipelines.verify import write_claims

    if len(folders) != 1:
        raise BadSetting(
            _("--claims writes the scores of one run"),
            got=len(folders),
            fix=_("Give one run folder."),
        )
    refuse_existing_file(path, overwrite)
    found = write_claims(folders[0], path)
    _errors.print_error(_("{n} {n:claim|claims}: {path}").format(n=len(found.claims), path=path))
