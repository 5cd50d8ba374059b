"""``etabli finetune``: fine-tune a pretrained backbone on your own labels."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from etabli.cli import _images
from etabli.cli._distributed import (
    Coordinator,
    Devices,
    Processes,
    ProcessId,
    output_folder,
    train_distributed,
)
from etabli.cli._options import Json, Overwrite, Seed, Verbose
from etabli.core.errors import BadSetting
from etabli.core.i18n import _


def finetune(
    images: Annotated[
        Path,
        typer.Argument(
            help="Labeled images: a folder per class, a VOC tree, or a table.", metavar="IMAGES"
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            help="The folder of the model; an interrupted training resumes.",
            metavar="FOLDER",
            show_default="NAME-model",
        ),
    ] = None,
    task: _images.Task = "auto",
    balance: _images.Balance = False,
    backbone: _images.Backbone = None,
    weights: _images.Weights = "imagenet",
    stage: Annotated[
        str,
        typer.Option(
            help="Last frozen stage: auto (the backbone's), input (train the whole net), or one of "
            "the net: block_0 to block_16 (mobilenet_v2), stem to conv5 (resnet50), block1 to "
            "block5 (vgg16), stem to stage3 (small_residual).",
            metavar="STAGE",
        ),
    ] = "auto",
    epochs: Annotated[int, typer.Option(min=1, max=1000, help="Number of epochs.")] = 8,
    learning_rate: Annotated[
        float, typer.Option(min=1e-7, max=1.0, help="Adam's learning rate at the top layer.")
    ] = 5e-4,
    crops: Annotated[
        int, typer.Option(min=0, max=16, help="Random crops of every training image.")
    ] = 1,
    image_size: _images.ImageSize = None,
    batch_size: Annotated[int, typer.Option(min=2, max=1024, help="Images per batch.")] = 64,
    precision: Annotated[
        Literal["f32", "bf16"], typer.Option(help="bf16: mixed precision.")
    ] = "f32",
    train: _images.Train = None,
    validation: _images.Validation = None,
    test: _images.Test = None,
    validation_fraction: _images.ValidationFraction = None,
    split_column: _images.SplitColumn = None,
    label_separator: _images.LabelSeparator = None,
    seed: Seed = 0,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Train the finished model of the folder further, up to --epochs."
        ),
    ] = False,
    overwrite: Overwrite = False,
    devices: Devices = None,
    coordinator: Coordinator = None,
    processes: Processes = 1,
    process_id: ProcessId = None,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Fine-tune a pretrained backbone on your own images, and evaluate it.

    Validation images choose the best epoch, and the thresholds of several labels; test images give
    the scores. Without splits, a fifth of the images is held out, half of it for each. Images that
    cannot be read are listed and skipped; the exit code is then 7.

    \b
    etabli finetune photos/
    etabli finetune photos/ --resume --epochs 16
    etabli finetune photos/ --out model/ --devices 4
    etabli finetune photos/ --coordinator host1:4567 --processes 2 --process-id 0
    etabli predict new-photos/ --model model/ --out predictions.csv
    """
    from etabli.cli._progress import Terminal
    from etabli.core.progress import Silent
    from etabli.pipelines import finetune as pipeline
    from etabli.pipelines._classifier import name_training

    if resume and processes > 1:
        raise BadSetting(
            _("--resume trains in one process"), got=processes, fix=_("Leave out --processes.")
        )
    options = _images.source_options(
        train=train,
        validation=validation,
        test=test,
        split_column=split_column,
        label_separator=label_separator,
    )
    with (
        train_distributed(devices, coordinator, processes, process_id) as is_main,
        output_folder(out or name_training(images, resume=resume), is_main) as folder,
    ):
        result = pipeline.finetune(
            images,
            folder,
            task=task,
            balance=balance,
            backbone=backbone,
            weights=weights,
            stage=stage,
            epochs=epochs,
            learning_rate=learning_rate,
            crops=crops,
            image_size=image_size,
            batch_size=batch_size,
            precision=precision,
            validation_fraction=validation_fraction,
            seed=seed,
            resume=resume,
            overwrite=overwrite,
            reporter=Terminal() if is_main else Silent(),
            **options,
        )
        if is_main:
            _images.print_classifier(result, as_json, verbose)
    if result.skipped:
        raise typer.Exit(_images.EXIT_UNREADABLE)
