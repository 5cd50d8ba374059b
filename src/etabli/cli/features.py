"""``etabli features``: deep features of a folder of images, streamed to disk."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from etabli.cli import _errors, _images
from etabli.core.i18n import _


def features(
    images: Annotated[
        str,
        typer.Argument(
            help="A folder of images, a VOC tree, a table of file names, or s3://BUCKET/PREFIX."
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(help="The folder for the features; run again, it goes on where it stopped."),
    ],
    backbone: Annotated[str, typer.Option(help="resnet50, vgg16 or mobilenet_v2.")] = "resnet50",
    weights: Annotated[str, typer.Option(help=_images.WEIGHTS)] = "imagenet",
    layer: Annotated[
        str, typer.Option(help="pool, map, a stage (conv4, block_12), or a layer's name.")
    ] = "pool",
    view: Annotated[str, typer.Option(help="plain, flip, or crop- and a number.")] = "plain",
    side: Annotated[
        int | None, typer.Option(min=32, max=1024, help="Pixels on a side; the net's own.")
    ] = None,
    dtype: Annotated[str, typer.Option(help="float32, or float16 for half the disk.")] = "float32",
    engine: Annotated[
        str | None, typer.Option(help="openvino or keras; the faster that is installed.")
    ] = None,
    precision: Annotated[
        str | None, typer.Option(help="bf16 or f32; bf16 where the processor has it.")
    ] = None,
    batch: Annotated[
        int | None, typer.Option(min=1, max=1024, help="Images in a batch; the engine's own.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, max=256, help="Threads that decode.")
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(
            help="Compute on a Ray cluster: its address, or auto (the one here, or one of this machine's cores).",
            metavar="auto|ADDRESS",
        ),
    ] = None,
    endpoint: Annotated[
        str | None,
        typer.Option(
            help="Address of the S3 storage, if not Amazon's; or AWS_ENDPOINT_URL.", metavar="URL"
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Extract deep features: a row for every image, in order, with its name, in safetensors with an index.

    Images that cannot be read are listed and skipped; the exit code is then 7.

    \b
    etabli features photos/ --out features/ --backbone mobilenet_v2
    etabli features VOCdevkit/ --out maps/ --layer map --dtype float16
    etabli features s3://bucket/photos --out features/ --endpoint http://storage:9000
    etabli features /shared/photos --out features/ --cluster head-node:6379     (pip install 'etabli[cluster]')
    """
    from etabli.features import extract

    paths, names = _images.pictures(images, endpoint)
    with _progress(backbone, len(paths)) as progress:
        made = extract(
            paths, backbone, out, names=names, weights=_images.weights_of(backbone, weights), layer=layer, view=view,
            size=(side, side) if side else None, dtype=dtype, engine=engine, precision=precision, batch_size=batch,
            workers=workers, progress=progress, cluster=cluster,
        )  # fmt: skip
    _tell(made, out, as_json)
    if code := _images.tell_unreadable(made.unreadable, len(paths)):
        raise typer.Exit(code)


@contextmanager
def _progress(net: str, total: int) -> Iterator[Callable[[int, int], None]]:
    """What the extraction tells, how many pictures are done, as steps of a bar."""
    from etabli.cli._progress import Terminal

    with Terminal().task(_("features of {net}").format(net=net), total) as step:
        done = 0

        def progress(now: int, _total: int) -> None:
            nonlocal done
            step(now - done)
            done = now

        yield progress


def _tell(made, out: Path, as_json: bool) -> None:
    if as_json:
        told = {"shape": list(made.shape), "recipe": made.recipe, "notes": made.notes}
        _errors.print_json(
            {"out": str(out), **told, "unreadable": [vars(each) for each in made.unreadable]}
        )
        return
    shape = " x ".join(map(str, made.shape))
    recipe = ", ".join(
        str(made.recipe[key]) for key in ("backbone", "layer", "engine", "precision")
    )
    typer.echo(_("{out}: {shape}, {recipe}").format(out=out, shape=shape, recipe=recipe))
    if "bf16_cosine_min" in made.notes:
        text = _(
            "bf16 against float32, first images: cosine at least {cosine:.6f}, difference at most {share:.2%}."
        )
        cosine, share = made.notes["bf16_cosine_min"], made.notes["bf16_relative_difference_max"]
        typer.echo(text.format(cosine=cosine, share=share))
