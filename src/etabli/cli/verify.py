"""``etabli verify``: verify the numbers that a claim file states."""

from pathlib import Path
from typing import Annotated

import typer

from etabli.cli import _errors
from etabli.cli._options import Json, Out, Overwrite, Yes, require_finite
from etabli.core.i18n import _


def verify(
    claims: Annotated[
        Path,
        typer.Argument(metavar="CLAIMS.json", help="The claim file; see docs/tools/verify.md."),
    ],
    out: Out = None,
    seeds: Annotated[
        int | None,
        typer.Option(help="Largest number of seeds per claim.", min=1, max=100, metavar="N"),
    ] = None,
    max_seconds: Annotated[
        float | None,
        typer.Option(
            help="Skip claims that take longer than this per seed.",
            min=0,
            callback=require_finite,
            metavar="SECONDS",
        ),
    ] = None,
    overwrite: Overwrite = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Rerun what a claim file needs, and report which of its numbers are reproduced.

    Exit code 1: a number is not reproduced, or not comparable. Cited numbers are only listed.

    \b
    etabli report runs/mine --claims mine.json   write the claims of a run
    etabli verify mine.json                      run it again and compare
    """
    from etabli.cli import _tables
    from etabli.cli._progress import Terminal
    from etabli.cli.data import fetch_missing
    from etabli.core.atomic_files import parse_json
    from etabli.pipelines import verify as pipeline
    from etabli.pipelines.verify.badge import describe
    from etabli.pipelines.verify.verification import list_rows

    found = pipeline.verify(
        claims,
        out=out,
        seeds=seeds,
        max_seconds=max_seconds,
        overwrite=overwrite,
        reporter=Terminal(),
        fetch=lambda missing, source: fetch_missing(missing, source, yes),
    )
    if as_json:
        text = (found.folder / "verify.json").read_text(encoding="utf-8")
        _errors.print_json({"folder": str(found.folder), **parse_json(text)})
    else:
        for name, stated, measured, verdict, reason in list_rows(found.claims):
            words = [_("stated {value}").format(value=stated)]
            if measured != "—":
                words.append(_("measured {value}").format(value=measured))
            _tables.print_text(f"{verdict}: {name}, {', '.join([*words, *filter(None, [reason])])}")
        typer.echo(f"\n{describe(found.counts)}: {found.markdown}, {found.badge}")
    raise typer.Exit(1 if found.is_refuted else 0)
