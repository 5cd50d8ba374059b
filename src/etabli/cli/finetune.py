"""``etabli finetune``: a net that learns one's own labels, from a stage up."""

from pathlib import Path
from typing import Annotated

import typer

from etabli.cli import _errors, _images
from etabli.cli._distributed import Coordinator, Devices, Processes, ProcessId, folder_of, spreading
from etabli.core.i18n import _


def finetune(
    images: Annotated[
        Path, typer.Argument(help="A folder for each class, a VOC tree, or a table (csv, jsonl).")
    ],
    out: Annotated[
        Path, typer.Option(help="The folder for the model; run again after a stop, it goes on.")
    ],
    backbone: Annotated[
        str, typer.Option(help="resnet50, vgg16 or mobilenet_v2.")
    ] = "mobilenet_v2",
    weights: Annotated[str, typer.Option(help=_images.WEIGHTS)] = "imagenet",
    stage: Annotated[
        str, typer.Option(help="Last frozen stage, or input: the whole net learns.")
    ] = "auto",
    epochs: Annotated[int, typer.Option(min=1, max=1000, help="Passes over the images.")] = 8,
    rate: Annotated[float, typer.Option(min=1e-7, max=1.0, help="Adam's rate at the top.")] = 5e-4,
    crops: Annotated[
        int, typer.Option(min=0, max=16, help="Random parts of every image to learn from.")
    ] = 1,
    side: Annotated[
        int | None, typer.Option(min=32, max=1024, help="Pixels on a side; the net's own.")
    ] = None,
    batch: Annotated[int, typer.Option(min=2, max=1024, help="Images in a batch.")] = 64,
    precision: Annotated[str, typer.Option(help="f32, or bf16 (mixed).")] = "f32",
    validation: Annotated[
        float, typer.Option(min=0.05, max=0.5, help="Share of the images to judge on.")
    ] = 0.2,
    seed: Annotated[
        int, typer.Option(min=0, help="Which images those are, and every other draw.")
    ] = 0,
    devices: Devices = None,
    coordinator: Coordinator = None,
    processes: Processes = 1,
    process_id: ProcessId = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Fine-tune a pretrained net on your own images, from a stage up; the best epoch on the judging part is kept.

    Images that cannot be read are listed and skipped; the exit code is then 7.

    \b
    etabli finetune photos/ --out model/
    etabli finetune photos/ --out model/ --devices 4
    etabli finetune photos/ --out model/ --coordinator first-host:4567 --processes 2 --process-id 0
    etabli predict new-photos/ --model model/ --out predictions.csv
    """
    from etabli.cli._progress import Terminal
    from etabli.core.progress import Silent
    from etabli.data.formats import image_folder
    from etabli.pipelines.finetune import tune

    with (
        spreading(devices, coordinator, processes, process_id) as leads,
        folder_of(out, leads) as place,
    ):
        reporter = Terminal() if leads else Silent()
        listed = image_folder.read(images)
        which = image_folder.readable(listed, reporter.say)
        scores = tune(
            which, place, backbone, _images.weights_of(backbone, weights), stage, epochs=epochs, rate=rate,
            crops=crops, side=side, batch=batch, precision=precision, validation=validation, seed=seed,
            reporter=reporter,
        )  # fmt: skip
        if leads:
            _tell(scores, out, as_json)
    if len(which) < len(listed):
        raise typer.Exit(_images.SKIPPED)


def _tell(scores, out: Path, as_json: bool) -> None:
    from etabli.cli import _tables

    if as_json:
        told = [
            {"name": name, "value": score.value, "signature": score.signature}
            for name, score in scores.items()
        ]
        _errors.print_json({"model": str(out), "scores": told})
        return
    rows = [[name, f"{100 * score.value:.2f}", score.signature] for name, score in scores.items()]
    _tables.table("", [(_("score"), "left"), ("%", "right"), (_("recipe"), "left")], rows)
    typer.echo(_("Model: {out}. Use it with: etabli predict IMAGES --model {out}").format(out=out))
