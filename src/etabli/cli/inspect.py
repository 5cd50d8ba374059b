"""``etabli inspect``: what is wrong with a folder of images."""

from pathlib import Path
from typing import Annotated

import typer

from etabli.cli import _errors, _images
from etabli.cli._options import Json, Overwrite
from etabli.core.i18n import _


def inspect(
    images: Annotated[
        Path,
        typer.Argument(
            help="A folder of images, with or without classes and splits, or a table of them."
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(help="The folder of the report; default: named after the images."),
    ] = None,
    backbone: _images.Backbone = None,
    weights: Annotated[
        str,
        typer.Option(
            help="Weights of the net: imagenet, a file, or none (only what needs no net).",
            metavar="imagenet|none|FILE",
        ),
    ] = "imagenet",
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Find near-duplicates, leakage between splits, probable label errors and outliers.

    It writes report.html, with the images, and findings.csv, a row for each finding. Duplicates,
    sizes and classes are found without a net; the rest needs its weights.

    \b
    etabli inspect photos/
    etabli inspect photos/ --out check/ --backbone dinov2-small.onnx
    etabli inspect photos/ --weights none
    """
    from etabli.cli._progress import Terminal
    from etabli.pipelines import inspect as pipeline
    from etabli.pipelines.pages.inspection import list_findings

    result = pipeline.inspect(
        images,
        out,
        backbone=backbone,
        weights=weights,
        overwrite=overwrite,
        reporter=Terminal(),
    )
    found = result.inspection
    if as_json:
        _errors.print_json(pipeline.make_document(result))
        return
    for text, _key in list_findings(found) or [(_("Nothing suspicious was found."), "")]:
        typer.echo(_errors.escape_controls(text))
    typer.echo(_("Report: {page}").format(page=result.report))
    typer.echo(_("Table: {path}").format(path=result.table))
