"""``etabli features``: extract the deep features of a folder of images."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from etabli.cli import _errors, _images
from etabli.cli._options import Json, Overwrite
from etabli.core.i18n import _

if TYPE_CHECKING:
    from etabli.features import Features


def features(
    images: Annotated[
        str,
        typer.Argument(
            help="A folder of images, a VOC tree, a table of file names, or s3://BUCKET/PREFIX."
        ),
    ],
    out: Annotated[
        Path, typer.Option(help="The folder of the features; an interrupted extraction resumes.")
    ],
    backbone: _images.Backbone = None,
    weights: _images.Weights = "imagenet",
    layer: Annotated[
        str, typer.Option(help="pool, map, a stage (conv4, block_12), or a layer's name.")
    ] = "pool",
    view: Annotated[str, typer.Option(help="plain, flip, or crop-N for a random crop.")] = "plain",
    image_size: _images.ImageSize = None,
    dtype: Annotated[
        Literal["float32", "float16"], typer.Option(help="float16 takes half the disk.")
    ] = "float32",
    engine: _images.Engine = None,
    precision: Annotated[
        Literal["bf16", "f32", "int8"] | None,
        typer.Option(
            help="Precision of the net; default: bf16 on devices with hardware for it. int8 is "
            "faster and less exact; OpenVINO only."
        ),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(min=1, max=1024, help="Images per batch; default: the engine's."),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, max=256, help="Number of decoding threads.")
    ] = None,
    cluster: _images.Cluster = None,
    endpoint: _images.Endpoint = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Extract deep features: one row per image, in order, with its name, in safetensors files.

    Images that cannot be read are listed and skipped; the exit code is then 7.

    \b
    etabli features photos/ --out features/ --backbone mobilenet_v2
    etabli features VOCdevkit/ --out maps/ --layer map --dtype float16
    etabli features s3://bucket/photos --out features/ --endpoint http://nas:9000
    etabli features /shared/photos --out features/ --cluster head-node:6379
    """
    from etabli.cli._progress import Terminal
    from etabli.pipelines.extract import extract

    extracted = extract(
        images,
        out,
        backbone,
        weights=weights,
        endpoint=endpoint,
        overwrite=overwrite,
        reporter=Terminal(),
        layer=layer,
        view=view,
        size=(image_size, image_size) if image_size else None,
        dtype=dtype,
        engine=engine,
        precision=precision,
        batch_size=batch_size,
        workers=workers,
        cluster=cluster,
    )
    _print_features(extracted, out, as_json)
    _images.report_unreadable(extracted.unreadable, len(extracted) + len(extracted.unreadable))


def _print_features(extracted: "Features", out: Path, as_json: bool) -> None:
    recipe, notes = extracted.recipe, extracted.notes
    if as_json:
        unreadable = [vars(each) for each in extracted.unreadable]
        document = {"out": str(out), "shape": list(extracted.shape), "recipe": recipe}
        _errors.print_json({**document, "notes": notes, "unreadable": unreadable})
        return
    shape = " x ".join(map(str, extracted.shape))
    keys = ("backbone", "layer", "engine", "precision")
    how = ", ".join(str(recipe[key]) for key in keys)
    typer.echo(_("{out}: {shape}, {recipe}").format(out=out, shape=shape, recipe=how))
    precision = recipe["precision"]
    if f"{precision}_cosine_min" in notes:
        text = _(
            "{precision} against float32, a few images: "
            "cosine at least {cosine:.6f}, difference at most {share:.2%}."
        )
        cosine = notes[f"{precision}_cosine_min"]
        share = notes[f"{precision}_relative_difference_max"]
        typer.echo(text.format(precision=precision, cosine=cosine, share=share))
