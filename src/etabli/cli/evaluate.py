"""``etabli evaluate``: how well a trained classifier does on labeled images."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from etabli.cli import _images
from etabli.cli._options import Json, Overwrite, Seed, Verbose


def evaluate(
    images: Annotated[
        Path,
        typer.Argument(
            help="Labeled images (a folder per class, a VOC tree, a table), or the folder of their "
            "features.",
            metavar="IMAGES|FEATURES",
        ),
    ],
    model: Annotated[
        Path,
        typer.Option(
            help="A folder that 'etabli transfer' or 'etabli finetune' wrote.", metavar="FOLDER"
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            help="A folder for report.html and predictions.csv; default: none is written.",
            metavar="FOLDER",
        ),
    ] = None,
    split: Annotated[
        Literal["train", "validation", "test", "all"] | None,
        typer.Option(help="The split to evaluate on; default: test, else validation, else all."),
    ] = None,
    split_column: _images.SplitColumn = None,
    label_separator: _images.LabelSeparator = None,
    engine: _images.Engine = None,
    seed: Seed = 0,
    overwrite: Overwrite = False,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Evaluate a classifier on labeled images; images that trained it are left out.

    Scores have 95 % intervals. Images that cannot be read are listed and left out.

    \b
    etabli evaluate photos/ --model model/
    etabli evaluate other-photos/ --model model/ --out evaluation/
    """
    from etabli.cli._progress import Terminal
    from etabli.pipelines import evaluate as pipeline

    options = _images.source_options(split_column=split_column, label_separator=label_separator)
    found, report = pipeline.evaluate_and_report(
        images,
        model,
        out,
        split=split,
        engine=engine,
        seed=seed,
        overwrite=overwrite,
        reporter=Terminal(),
        **options,
    )
    document = {"model": str(model), "report": str(report) if report else None}
    _images.print_evaluation(found, as_json, verbose, document)
    if report and not as_json:
        _images.print_report(report)
