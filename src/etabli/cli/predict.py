"""``etabli predict``: class probabilities of images, by a trained model or ImageNet's."""

from pathlib import Path
from typing import Annotated

import typer

from etabli.cli import _errors, _images
from etabli.cli._options import Json
from etabli.core.i18n import _


def predict(
    images: Annotated[
        Path, typer.Argument(help="A folder of images, a table of file names, or one image.")
    ],
    model: Annotated[
        Path | None,
        typer.Option(help="A folder that 'etabli transfer' or 'etabli finetune' wrote."),
    ] = None,
    imagenet: Annotated[
        bool, typer.Option("--imagenet", help="Predict the ImageNet classes instead.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="The .csv or .jsonl file to write.")] = None,
    engine: Annotated[
        str | None, typer.Option(help="openvino or keras; default: the faster one installed.")
    ] = None,
    precision: Annotated[str, typer.Option(help="f32 or bf16.")] = "f32",
    top: Annotated[int, typer.Option(min=1, max=50, help="Classes printed for each image.")] = 5,
    as_json: Json = False,
) -> None:
    """Predict the probability of each class for every image, and the labels above their threshold.

    Images that cannot be read are listed and skipped; the exit code is then 7.

    \b
    etabli predict photos/ --model model/ --out predictions.csv
    etabli predict dog.jpg --imagenet
    """
    from etabli.cli._progress import Terminal
    from etabli.core.errors import BadSetting
    from etabli.pipelines import predict as pipeline

    if (model is None) != imagenet:
        raise BadSetting(_("predict takes either --model or --imagenet"))
    if out is not None:
        pipeline.check_suffix(out)
    found = pipeline.predict(
        images, model, engine=engine, precision=precision, top=top, reporter=Terminal()
    )
    if out is not None:
        pipeline.write_predictions(out, found.rows)
    if as_json:
        rows, unreadable = ([vars(each) for each in part] for part in vars(found).values())
        _errors.print_json({"predictions": rows, "unreadable": unreadable})
    elif out is not None:
        typer.echo(_("{count} images: {out}").format(count=len(found.rows), out=out))
    else:
        for row in found.rows:
            best = sorted(row.probabilities.items(), key=lambda pair: -pair[1])[:top]
            listed = ", ".join(f"{name} {value:.2f}" for name, value in best)
            typer.echo(f"{row.file}: {', '.join(row.labels) or '—'}  ({listed})")
    _images.report_unreadable(found.unreadable, len(found.rows) + len(found.unreadable))
