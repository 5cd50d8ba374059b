"""``etabli race``: the seconds that a recipe needs to reach an accuracy on MNIST."""

from pathlib import Path
from typing import Annotated

import typer

from etabli.cli import _errors
from etabli.cli._options import Json, Out, Overwrite, Yes, require_finite
from etabli.core.i18n import _


def race(
    dataset: Annotated[str, typer.Argument(metavar="mnist", help="The data set: mnist.")] = "mnist",
    target: Annotated[
        float,
        typer.Option(help="Mean test accuracy to reach.", callback=require_finite, metavar="SHARE"),
    ] = 0.994,
    seeds: Annotated[
        int, typer.Option(help="Number of seeds, from 0.", min=1, max=1000, metavar="N")
    ] = 20,
    recipe: Annotated[
        Path | None,
        typer.Option(
            help="A recipe as JSON (docs/tools/race.md); default: the fastest known.",
            metavar="FILE",
            show_default=False,
        ),
    ] = None,
    validation: Annotated[
        bool,
        typer.Option(
            "--validation",
            help="Hold out the last training images and evaluate on these, to choose a recipe.",
        ),
    ] = False,
    data: Annotated[
        str,
        typer.Option(help="The data: full, or sample for a quick trial.", metavar="full|sample"),
    ] = "full",
    out: Out = None,
    overwrite: Overwrite = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Train a recipe with many seeds, and report accuracy and seconds per seed.

    The same command resumes an interrupted race. Exit code 1: the target is not reached.

    \b
    etabli race mnist                                 the fastest known recipe
    etabli race mnist --recipe a.json --validation    without the test images
    etabli race mnist --recipe a.json --target 0.995  the frozen recipe
    """
    from etabli.cli import _tables
    from etabli.cli._progress import Terminal
    from etabli.cli.data import fetch_missing
    from etabli.core.atomic_files import parse_json
    from etabli.pipelines import race as pipeline

    record, folder = pipeline.race(
        dataset,
        target=target,
        seeds=seeds,
        recipe=recipe,
        validation=validation,
        data=data,
        out=out,
        overwrite=overwrite,
        reporter=Terminal(),
        fetch=lambda missing, source: fetch_missing(missing, source, yes),
    )
    if as_json:
        _errors.print_json(parse_json(record.model_dump_json()))
    else:
        _tables.print_table("", [("", "left"), ("", "left")], pipeline.list_rows(record))
        typer.echo(_("Record: {path}").format(path=folder / pipeline.RECORD))
    if record.reached is False:
        raise typer.Exit(1)
