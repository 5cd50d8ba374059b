"""``etabli caption``: caption images, and train a captioner on your own images and captions."""

from pathlib import Path
from typing import Annotated

import typer

from etabli.cli import _errors
from etabli.cli._options import Json, Overwrite
from etabli.core.i18n import _

app = typer.Typer(
    help="Caption images, and train a captioner.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Weights = Annotated[
    Path | None,
    typer.Option(help="Weights file of MobileNetV2 (default: that of the data folder)."),
]


@app.command()
def write(
    images: Annotated[
        list[Path], typer.Argument(metavar="IMAGE...", help="Images, or folders of images.")
    ],
    model: Annotated[
        Path | None,
        typer.Option(help="Folder of a captioner (default: that of the newest run in runs/)."),
    ] = None,
    number: Annotated[
        int, typer.Option("--number", "-n", min=1, max=50, help="Captions per image.")
    ] = 3,
    alpha: Annotated[
        float | None,
        typer.Option(min=0, max=2, help="Length normalization: 0 favors short captions."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Write the captions as JSON lines, as 'caption train' reads."),
    ] = None,
    page: Annotated[
        Path | None, typer.Option(help="Write an HTML page of images and captions.")
    ] = None,
    weights: Weights = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Caption images; the best captions come first, with their scores (log p / length^alpha).

    \b
    etabli caption write photo.jpg
    etabli caption write holidays/ --out captions.jsonl --page captions.html
    etabli caption write photo.jpg --model captioner/ -n 5 --json
    """
    from etabli.pipelines.caption_write import caption_folders

    result = caption_folders(
        images,
        model,
        count=number,
        alpha=alpha,
        out=out,
        page=page,
        weights=weights,
        overwrite=overwrite,
    )
    for error in result.skipped:
        _errors.print_error(error)
    if out:
        text = _("captions of {n} {n:image|images} in {path}")
        _errors.print_error(text.format(n=len(result.captions), path=out))
    if page:
        _errors.print_error(_("page: {path}").format(path=page))
    if as_json:
        captions = [
            {
                "file_name": str(each.path),
                "is_far": each.is_far,
                "captions": [
                    {"caption": caption, "score": round(score, 6), "notes": notes}
                    for caption, score, notes in zip(
                        each.captions, each.scores, each.notes, strict=True
                    )
                ],
            }
            for each in result.captions
        ]
        _errors.print_json({"captions": captions, "card": result.card})
        return
    for each in result.captions:
        typer.echo(_errors.escape_controls(str(each.path)))
        if each.is_far:
            known = _(str(result.card.get("trained_on", "")))
            text = _("unlike the images that the captioner was trained on ({known})")
            typer.echo(f"  {text.format(known=known)}")
        for caption, score, notes in zip(each.captions, each.scores, each.notes, strict=True):
            typer.echo(f"  {score:7.3f}  {_errors.escape_controls(caption)}")
            for note in notes:
                typer.echo(f"           {note}")
    if result.card.get("use"):
        _errors.print_error(_(str(result.card["use"])))


@app.command()
def train(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER", help="Images, with their captions in it or in --captions."
        ),
    ],
    captions: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The caption file (default: found in FOLDER by its content).",
            show_default=False,
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of the captioner.")] = Path("captioner"),
    features: Annotated[
        str | None,
        typer.Option(help="mobilenet_v2 (default if its weights are there) or cells."),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(min=1, max=100_000, help="Training epochs in all (default: 15)."),
    ] = None,
    units: Annotated[
        int | None,
        typer.Option(min=4, max=8192, help="Hidden units of the GRU (default: 256)."),
    ] = None,
    attention_dim: Annotated[
        int | None,
        typer.Option(
            min=0, max=8192, help="Dimension of the attention (default: 128); 0: no attention."
        ),
    ] = None,
    neighbors: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=1000,
            help="Similar training images whose captions rerank (default: 0, none).",
        ),
    ] = None,
    validation_fraction: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=0.9,
            help="Share of the images held out for validation, where the captions have no splits "
            "(default: 0.1 from 100 images on).",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, help="Seed of weights and order (default: 0).", metavar="N"),
    ] = None,
    weights: Weights = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Train the finished model of the folder further, up to --epochs."
        ),
    ] = False,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Train a captioner on your own images and captions, for 'caption write'.

    Captions: metadata.jsonl, a file of Flickr8k, Flickr30k, COCO or Karpathy, a table, or a text
    file next to each image. After an interruption, the same command resumes at the last whole
    epoch.

    \b
    etabli caption train holidays/
    etabli caption train val2014/ --captions annotations/captions_val2014.json
    etabli caption train holidays/ --resume --epochs 30
    etabli caption train holidays/ --out holidays-captioner
    etabli caption train holidays/ --neighbors 10
    """
    from etabli.cli._progress import Terminal
    from etabli.pipelines.caption_train import train_captioner

    given = {
        "features": features,
        "epochs": epochs,
        "units": units,
        "attention_dim": attention_dim,
        "neighbors": neighbors,
        "validation_fraction": validation_fraction,
        "seed": seed,
    }
    captioner, notes = train_captioner(
        folder,
        out,
        {name: value for name, value in given.items() if value is not None},
        captions=captions,
        weights=weights,
        resume=resume,
        overwrite=overwrite,
        reporter=Terminal(),
        say=_errors.print_error,
    )
    if as_json:
        _errors.print_json({"captioner": str(out), "card": captioner.card, "notes": notes})
        return
    typer.echo(
        _("Model: {out}. Caption images with: etabli caption write IMAGE --model {out}").format(
            out=out
        )
    )
