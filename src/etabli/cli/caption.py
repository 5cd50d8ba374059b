"""``etabli caption``: captions of pictures by a trained captioner, and a captioner of one's own."""

from pathlib import Path
from typing import Annotated

import typer

from etabli.cli import _errors
from etabli.core.i18n import _

app = typer.Typer(
    help="Captions: write them, learn to write them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Json = Annotated[
    bool,
    typer.Option("--json", help="Print one JSON document and nothing else on standard output."),
]
Weights = Annotated[
    Path | None,
    typer.Option(help="Weights file of MobileNetV2 (default: that of the data folder)."),
]


@app.command()
def write(
    pictures: Annotated[
        list[Path], typer.Argument(metavar="PICTURE...", help="Pictures, or folders of pictures.")
    ],
    model: Annotated[
        Path | None,
        typer.Option(
            help="Folder of a captioner (default: the best one of the newest run in runs/)."
        ),
    ] = None,
    number: Annotated[int, typer.Option("--number", "-n", help="Captions of each picture.")] = 3,
    alpha: Annotated[
        float | None, typer.Option(help="Length normalisation: 0 favours short captions.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Write the captions as JSON lines, as 'caption train' reads."),
    ] = None,
    page: Annotated[
        Path | None, typer.Option(help="Write an HTML page of pictures and captions.")
    ] = None,
    weights: Weights = None,
    as_json: Json = False,
) -> None:
    """Write captions of pictures, the best first, with their scores (log p / length^alpha).

    \b
    etabli caption write photo.jpg
    etabli caption write holidays/ --out captions.jsonl --page captions.html
    etabli caption write photo.jpg --model runs/full/tp5.attention/seed-0/captioner -n 5 --json
    """
    from dataclasses import replace

    from etabli.pipelines.caption_write import describe
    from etabli.saved_models import captioner as saved_captioner

    captioner = saved_captioner.load(model or _newest())
    # A picture's candidates come from a beam at least as wide as the captioner's own.
    beam = max(captioner.search.beam, number)
    search = replace(captioner.search, beam=beam if number > 0 else number)
    if alpha is not None:
        search = replace(search, alpha=alpha)
    readable = _readable(_listed(pictures))
    found = [
        replace(each, captions=each.captions[:number], scores=each.scores[:number])
        for each in describe(captioner, readable, search, weights=weights)
    ]
    if out:
        _write_lines(out, found)
    if page:
        _write_page(page, found, captioner)
    if as_json:
        _errors.print_json(
            {"captions": [_document(each) for each in found], "card": captioner.card}
        )
        return
    for each in found:
        typer.echo(each.path)
        for caption, score in zip(each.captions, each.scores, strict=True):
            typer.echo(f"  {score:7.3f}  {caption}")
    if captioner.card.get("use"):
        _errors.print_error(_(str(captioner.card["use"])))


@app.command()
def train(
    folder: Annotated[
        Path, typer.Argument(help="Pictures with metadata.jsonl: file_name, captions.")
    ],
    out: Annotated[Path, typer.Option(help="Folder of the captioner.")] = Path("captioner"),
    features: Annotated[
        str | None,
        typer.Option(
            help="mobilenet_v2, or cells (default: mobilenet_v2 where its weights are there)."
        ),
    ] = None,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the pictures.")] = 15,
    hidden: Annotated[int, typer.Option(min=4, help="Units of the recurrent layer.")] = 256,
    keys: Annotated[
        int, typer.Option(min=0, help="Numbers to find a region by; 0: no attention.")
    ] = 128,
    neighbours: Annotated[
        int,
        typer.Option(
            min=0,
            max=1000,
            help="Similar pictures whose captions are asked when it writes; 0: none.",
        ),
    ] = 0,
    seed: Annotated[int, typer.Option(help="Seed of the random numbers.")] = 0,
    weights: Weights = None,
    as_json: Json = False,
) -> None:
    """Learn to caption from one's own pictures; the captioner then works with 'caption write'.

    Run again after an interruption, it goes on after the last whole epoch.

    \b
    etabli caption train holidays/
    etabli caption train holidays/ --out holidays-captioner --epochs 30
    etabli caption train holidays/ --neighbours 10
    """
    from etabli.cli._progress import Terminal
    from etabli.pipelines.caption_train import Lesson, teach

    with (
        _errors.lock_checkpoints(out) as unfinished,
        Terminal().task(_("learning to caption"), epochs) as step,
    ):
        captioner, notes = teach(
            folder, Lesson(features, epochs, hidden, keys, seed, neighbours), weights, lambda loss: step(1, loss=loss),
            unfinished,
        )  # fmt: skip
        captioner.save(out)
    for note in notes:
        _errors.print_error(note)
    if as_json:
        _errors.print_json({"captioner": str(out), "card": captioner.card, "notes": notes})
        return
    typer.echo(_("The captioner is in {folder}.").format(folder=out))
    typer.echo(_("Try it: etabli caption write PICTURE --model {folder}").format(folder=out))


def _newest() -> Path:
    """The captioner of the newest run that has one, with attention before without."""
    from etabli.core.errors import DataMissing
    from etabli.report import run_folder

    for run in run_folder.find_runs(Path("runs")):
        for experiment in ("tp5.attention", "tp5.caption-modern", "tp5.caption"):
            for folder in sorted((run / experiment).glob("seed-*/captioner")):
                return folder
    raise DataMissing(
        _("no run in runs/ has a captioner"),
        fix=_("Train one with 'etabli run tp5.attention', or name one with --model."),
    )


def _listed(places: list[Path]) -> list[Path]:
    from etabli.core.errors import DataMissing
    from etabli.data.formats import images

    listed: list[Path] = []
    for place in places:
        found = images.list_images(place) if place.is_dir() else [place]
        if not found:
            raise DataMissing(_("there are no pictures in {folder}").format(folder=place))
        listed += found
    return listed


def _readable(paths: list[Path]) -> list[Path]:
    """The pictures that can be read; the others are told, and where none is left the last one is refused."""
    from etabli.core.errors import EtabliError
    from etabli.data.formats import images

    readable = []
    for path in paths:
        try:
            images.read(path)
            readable.append(path)
        except EtabliError as refusal:
            if len(paths) == 1 or (path == paths[-1] and not readable):
                raise
            _errors.print_error(str(refusal))
    return readable


def _document(described) -> dict[str, object]:
    pairs = zip(described.captions, described.scores, strict=True)
    return {
        "file_name": str(described.path),
        "captions": [{"caption": caption, "score": round(score, 6)} for caption, score in pairs],
    }


def _write_lines(path: Path, found: list) -> None:
    from etabli.data.formats import images
    from etabli.data.formats.caption_folder import write_captions

    parent = path.parent.resolve()
    names = [
        images.name_of(
            each.path.resolve(), parent if each.path.resolve().is_relative_to(parent) else None
        )
        for each in found
    ]
    write_captions(path, [(name, each.captions) for name, each in zip(names, found, strict=True)])
    _errors.print_error(_("{n} pictures in {path}").format(n=len(found), path=path))


def _write_page(path: Path, found: list, captioner) -> None:
    from etabli.core.atomic_files import atomic_write
    from etabli.data.formats import images
    from etabli.viz import caption_page
    from etabli.viz.caption_page import Entry

    entries = [
        Entry(
            each.path.name,
            images.read(each.path),
            each.captions[0],
            f"{each.scores[0]:.3f}",
            each.captions[1:],
        )
        for each in found
    ]
    html = caption_page.page(_("Captions"), _(str(captioner.card.get("use", ""))), [("", entries)])
    with atomic_write(path) as stream:
        stream.write(html)
    _errors.print_error(_("the page is {path}").format(path=path))
