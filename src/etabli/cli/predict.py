"""``etabli predict``: class probabilities of images, by a trained model or ImageNet's."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from etabli.cli import _errors, _images
from etabli.cli._options import Json, Overwrite
from etabli.core.i18n import _


def predict(
    images: Annotated[
        str,
        typer.Argument(
            help="A folder of images, a table of file names, one image, or s3://BUCKET/PREFIX."
        ),
    ],
    model: Annotated[
        Path | None,
        typer.Option(
            help="A folder that 'etabli transfer' or 'etabli finetune' wrote, or a file .onnx or "
            ".xml that 'etabli export' wrote."
        ),
    ] = None,
    imagenet: Annotated[
        bool, typer.Option("--imagenet", help="Predict the ImageNet classes instead.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="The .csv, .jsonl or .parquet file to write.")
    ] = None,
    engine: _images.Engine = None,
    precision: Annotated[
        Literal["f32", "bf16"], typer.Option(help="Precision of the net.")
    ] = "f32",
    top: Annotated[
        int,
        typer.Option(min=1, max=50, help="Classes printed for each image; columns of --imagenet."),
    ] = 5,
    cluster: _images.Cluster = None,
    endpoint: _images.Endpoint = None,
    overwrite: Overwrite = False,
    explain: Annotated[
        Path | None,
        typer.Option(
            help="A folder for explain.html: the regions of each image that support its classes, "
            "and the nearest training images.",
            metavar="FOLDER",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Predict the label of every image, and the probability of each class.

    The columns are file_name, label, score (the probability of the label), then one per class; with
    --imagenet, top1, score1, top2, and so on. Images that cannot be read are listed and skipped;
    the exit code is then 7. What a cluster has finished is kept in OUT.shards until the table is
    written: after an interruption, run the same command again.

    \b
    etabli predict photos/ --model model/ --out predictions.csv
    etabli predict photos/ --model model/ --explain why/
    etabli predict dog.jpg --imagenet
    etabli predict photos/ --model model/ --out all.csv --cluster head-node:6379
    """
    from etabli.cli._progress import Terminal
    from etabli.core.errors import BadSetting
    from etabli.pipelines import predict as pipeline
    from etabli.pipelines.pages import explanation

    if (model is None) != imagenet:
        raise BadSetting(_("predict takes either --model or --imagenet"))
    if cluster is not None and out is None:
        raise BadSetting(_("--cluster writes to a file"), fix=_("Add --out predictions.csv."))
    if out is not None:
        pipeline.check_output(out, overwrite)
    found = pipeline.predict(
        images, model, engine=engine, precision=precision, top=top, endpoint=endpoint,
        cluster=cluster, out=out, reporter=Terminal(),
    )  # fmt: skip
    if out is not None:
        pipeline.write_predictions(out, found)
    if explain is not None and model is not None:
        page = explanation.explain(model, images, found.names, explain)
        if not as_json:
            typer.echo(_("Explanations: {page}").format(page=page))
    if as_json:
        unreadable = [vars(each) for each in found.unreadable]
        _errors.print_json({"predictions": found.records(), "unreadable": unreadable})
    elif out is not None:
        typer.echo(_("{count} {count:image|images}: {out}").format(count=len(found), out=out))
    else:
        for row, (name, labels) in enumerate(zip(found.names, found.labels, strict=True)):
            listed = ", ".join(f"{each} {value:.2f}" for each, value in found.rank(row, top))
            line = f"{name}: {', '.join(labels) or '—'}  ({listed})"
            typer.echo(_errors.escape_controls(line))
    _images.report_unreadable(found.unreadable, len(found) + len(found.unreadable))
