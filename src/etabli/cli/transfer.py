"""``etabli transfer``: a linear classifier on extracted features, for your own labels."""

from pathlib import Path
from typing import Annotated

import typer

from etabli.cli import _images
from etabli.cli._options import Json, Overwrite, Seed, Verbose

Validation = Annotated[
    float, typer.Option(min=0.05, max=0.5, help="Share of the images used for validation.")
]


def transfer(
    features: Annotated[
        Path, typer.Argument(help="The folder that 'etabli features' wrote (layer pool).")
    ],
    labels: Annotated[
        Path, typer.Option(help="A folder per class, a VOC tree, or a table (csv, jsonl).")
    ],
    out: Annotated[Path, typer.Option(help="The folder of the trained model.")],
    weights: Annotated[str, typer.Option(help=_images.WEIGHTS)] = "imagenet",
    validation: Validation = 0.2,
    seed: Seed = 0,
    overwrite: Overwrite = False,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Train a linear classifier on extracted features (one-vs-rest for several labels per image).

    Validation images give the scores, and for each class the probability threshold of its label.

    \b
    etabli features photos/ --out features/ --backbone mobilenet_v2
    etabli transfer features/ --labels photos/ --out model/
    etabli predict new-photos/ --model model/ --out predictions.csv
    """
    from etabli.cli._progress import Terminal
    from etabli.pipelines import transfer as pipeline

    result = pipeline.transfer(
        features,
        labels,
        out,
        weights=weights,
        validation=validation,
        seed=seed,
        overwrite=overwrite,
        reporter=Terminal(),
    )
    _images.print_classifier(result, as_json, verbose)
