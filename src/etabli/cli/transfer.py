"""``etabli transfer``: a linear classifier on deep features, for your own labels."""

from pathlib import Path
from typing import Annotated

import typer

from etabli.cli import _images
from etabli.cli._options import Json, Overwrite, Seed, Verbose


def transfer(
    source: Annotated[
        Path,
        typer.Argument(
            help="Labeled images (a folder per class, a VOC tree, a table), or the folder that "
            "'etabli features' wrote (layer pool).",
            metavar="IMAGES|FEATURES",
        ),
    ],
    labels: Annotated[
        Path | None,
        typer.Option(
            help="Labeled images whose features are given; default: those that were extracted.",
            metavar="IMAGES",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="The folder of the trained model.", metavar="FOLDER", show_default="NAME-model"
        ),
    ] = None,
    task: _images.Task = "auto",
    balance: _images.Balance = False,
    backbone: _images.Backbone = None,
    weights: _images.Weights = "imagenet",
    train: _images.Train = None,
    validation: _images.Validation = None,
    test: _images.Test = None,
    validation_fraction: _images.ValidationFraction = None,
    split_column: _images.SplitColumn = None,
    label_separator: _images.LabelSeparator = None,
    seed: Seed = 0,
    stream: Annotated[
        bool,
        typer.Option(
            "--stream",
            help="Read the features from their files in every step; the default if they would need "
            "more than half of the free memory.",
        ),
    ] = False,
    overwrite: Overwrite = False,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Train a linear classifier on deep features of images, and evaluate it.

    Where each image has one label, the most probable class is the answer. Cross-validation on the
    training images chooses the regularization, and the thresholds of several labels. The scores are
    those of the test split, or of held-out images, or of cross-validation where these would be few.

    \b
    etabli transfer photos/
    etabli features photos/ --out features/
    etabli transfer features/ --out model/
    etabli predict new-photos/ --model model/ --out predictions.csv
    """
    from etabli.cli._progress import Terminal
    from etabli.pipelines import transfer as pipeline

    result = pipeline.transfer(
        source,
        labels,
        out,
        task=task,
        balance=balance,
        backbone=backbone,
        weights=weights,
        validation_fraction=validation_fraction,
        seed=seed,
        stream=stream or None,
        overwrite=overwrite,
        reporter=Terminal(),
        **_images.source_options(
            train=train,
            validation=validation,
            test=test,
            split_column=split_column,
            label_separator=label_separator,
        ),
    )
    _images.finish_classifier(result, as_json, verbose)
