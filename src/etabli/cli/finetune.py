"""``etabli finetune``: fine-tune a pretrained backbone on your own labels."""

from pathlib import Path
from typing import Annotated

import typer

from etabli.cli import _errors, _images
from etabli.cli._distributed import (
    Coordinator,
    Devices,
    Processes,
    ProcessId,
    output_folder,
    train_distributed,
)
from etabli.cli._options import Json, Overwrite, Seed, Verbose
from etabli.cli.transfer import Validation


def finetune(
    images: Annotated[
        Path, typer.Argument(help="A folder per class, a VOC tree, or a table (csv, jsonl).")
    ],
    out: Annotated[
        Path, typer.Option(help="The folder of the model; an interrupted training resumes.")
    ],
    backbone: Annotated[
        str, typer.Option(help="resnet50, vgg16 or mobilenet_v2.")
    ] = "mobilenet_v2",
    weights: Annotated[str, typer.Option(help=_images.WEIGHTS)] = "imagenet",
    stage: Annotated[
        str, typer.Option(help="Last frozen stage; input: train the whole net.")
    ] = "auto",
    epochs: Annotated[int, typer.Option(min=1, max=1000, help="Number of epochs.")] = 8,
    learning_rate: Annotated[
        float, typer.Option(min=1e-7, max=1.0, help="Adam's learning rate at the top layer.")
    ] = 5e-4,
    crops: Annotated[
        int, typer.Option(min=0, max=16, help="Random crops of every training image.")
    ] = 1,
    image_size: Annotated[
        int | None,
        typer.Option(min=32, max=1024, help="Pixels per side; default: the backbone's."),
    ] = None,
    batch_size: Annotated[int, typer.Option(min=2, max=1024, help="Images per batch.")] = 64,
    precision: Annotated[str, typer.Option(help="f32, or bf16 (mixed precision).")] = "f32",
    validation: Validation = 0.2,
    seed: Seed = 0,
    overwrite: Overwrite = False,
    devices: Devices = None,
    coordinator: Coordinator = None,
    processes: Processes = 1,
    process_id: ProcessId = None,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Fine-tune a pretrained backbone on your own images; keep the best epoch.

    Images that cannot be read are listed and skipped; the exit code is then 7.

    \b
    etabli finetune photos/ --out model/
    etabli finetune photos/ --out model/ --devices 4
    etabli finetune photos/ --out model/ --coordinator first-host:4567 --processes 2 --process-id 0
    etabli predict new-photos/ --model model/ --out predictions.csv
    """
    from etabli.cli._progress import Terminal
    from etabli.core.progress import Silent
    from etabli.pipelines import finetune as pipeline

    with (
        train_distributed(devices, coordinator, processes, process_id) as is_main,
        output_folder(out, is_main) as folder,
    ):
        result = pipeline.finetune(
            images,
            folder,
            backbone=backbone,
            weights=weights,
            stage=stage,
            epochs=epochs,
            learning_rate=learning_rate,
            crops=crops,
            image_size=image_size,
            batch_size=batch_size,
            precision=precision,
            validation=validation,
            seed=seed,
            overwrite=overwrite,
            reporter=Terminal() if is_main else Silent(),
        )
        if is_main:
            for sentence in result.skipped:
                _errors.print_error(sentence)
            _images.print_classifier(result, as_json, verbose)
    if result.skipped:
        raise typer.Exit(_images.EXIT_UNREADABLE)
