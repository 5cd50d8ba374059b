"""``etabli predict``: what one's images show, by a trained model or by the thousand classes of ImageNet."""

import csv
import json
from pathlib import Path
from typing import Annotated

import typer

from etabli.cli import _errors, _images
from etabli.core.i18n import _

FEW = 64  # below it, bringing the net to OpenVINO takes longer than OpenVINO saves


def predict(
    images: Annotated[
        Path, typer.Argument(help="A folder of images, a table of file names, or one image.")
    ],
    model: Annotated[
        Path | None,
        typer.Option(help="A folder that 'etabli transfer' or 'etabli finetune' wrote."),
    ] = None,
    imagenet: Annotated[
        bool, typer.Option("--imagenet", help="Name the ImageNet classes instead.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="The .csv or .jsonl file to write.")] = None,
    engine: Annotated[
        str | None, typer.Option(help="openvino or keras; the faster that is installed.")
    ] = None,
    precision: Annotated[str, typer.Option(help="f32 or bf16.")] = "f32",
    top: Annotated[
        int, typer.Option(min=1, max=50, help="Classes named for each image with --imagenet.")
    ] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Say for every image the probability of each class, and yes or no by the threshold chosen on validation.

    Images that cannot be read are listed and skipped; the exit code is then 7.

    \b
    etabli predict photos/ --model model/ --out predictions.csv
    etabli predict dog.jpg --imagenet
    """
    from etabli.core.errors import BadSetting

    if (model is None) != imagenet:
        raise BadSetting(_("predict takes either --model or --imagenet"))
    if out is not None and out.suffix.lower() not in (".csv", ".jsonl"):
        raise BadSetting(_("predictions are written as .csv or .jsonl"), got=out.name)
    paths, names = _images.pictures(images)
    rows, unreadable = (_imagenet if imagenet else _trained)(
        paths, names, model, engine, precision, top
    )
    if out is not None:
        _write(out, rows)
    if as_json:
        _errors.print_json({"predictions": rows, "unreadable": [vars(each) for each in unreadable]})
    elif out is not None:
        typer.echo(_("{count} images: {out}").format(count=len(rows), out=out))
    else:
        for row in rows:
            best = sorted(row["probabilities"].items(), key=lambda pair: -pair[1])[:top]
            told = ", ".join(f"{name} {value:.2f}" for name, value in best)
            typer.echo(f"{row['file']}: {', '.join(row['labels']) or '—'}  ({told})")
    if code := _images.tell_unreadable(unreadable, len(paths)):
        raise typer.Exit(code)


def _stream(paths, names, net, size, engine, precision):
    """Names, outputs and what could not be read, batch by batch."""
    from etabli.cli._progress import Terminal
    from etabli.features.engines import BATCH, open_engine
    from etabli.features.extraction import named
    from etabli.features.pipeline import reader, stream

    pictures = named(paths, names)
    if engine is None and len(pictures) < FEW:
        engine = "keras"
    few = min(BATCH["keras"], len(pictures)) if engine == "keras" else None
    run = open_engine(net, few, engine, None if engine == "keras" else precision)
    parts = [
        pictures[start : start + run.batch_size]
        for start in range(0, len(pictures), run.batch_size)
    ]
    with Terminal().task(_("predicting"), len(pictures)) as step:
        for made in stream(parts, run, reader("plain", size)):
            step(len(made.names) + len(made.unreadable))
            yield made


def _trained(paths, names, model, engine, precision, _top) -> tuple[list[dict], list]:
    from etabli.saved_models import multilabel

    net, card = multilabel.load(model)
    rows, unreadable = [], []
    for batch in _stream(paths, names, net, card.input_size, engine, precision):
        unreadable += batch.unreadable
        if not batch.names:
            continue
        for name, probabilities, labels in zip(
            batch.names, batch.features, multilabel.decisions(batch.features, card), strict=True
        ):
            told = {
                word: round(float(value), 6)
                for word, value in zip(card.classes, probabilities, strict=True)
            }
            rows.append({"file": name, "labels": labels, "probabilities": told})
    return rows, unreadable


def _imagenet(paths, names, _model, engine, precision, top) -> tuple[list[dict], list]:
    import numpy as np

    from etabli.data.catalog.source import Source
    from etabli.features.engines import cut
    from etabli.models.vision import backbones

    source = Source.full()
    net = backbones.backbone("mobilenet_v2")
    model = net.build(_images.weights_of(net.name, "imagenet"))
    words = source.file("weights", "imagenet_labels.txt").read_text(encoding="utf-8").splitlines()
    with np.load(
        source.file("weights", "mobilenet_v2_imagenet_head.npz"), allow_pickle=False
    ) as held:
        head = backbones.imagenet_head(held["kernel"], held["bias"])
    rows, unreadable = [], []
    for batch in _stream(
        paths, names, cut(model, net.map_layer, True), net.input_size, engine, precision
    ):
        unreadable += batch.unreadable
        for name, row in zip(batch.names, head(batch.features) if batch.names else [], strict=True):
            best = np.argsort(-row, kind="stable")[:top]
            told = {words[place]: round(float(row[place]), 6) for place in best}
            rows.append({"file": name, "labels": [words[best[0]]], "probabilities": told})
    return rows, unreadable


def _write(out: Path, rows: list[dict]) -> None:
    from etabli.core.atomic_files import atomic_write

    with atomic_write(out, newline="" if out.suffix.lower() == ".csv" else None) as stream:
        if out.suffix.lower() == ".jsonl":
            stream.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            return
        classes = list(dict.fromkeys(word for row in rows for word in row["probabilities"]))
        writer = csv.writer(stream)
        writer.writerow(["file_name", "labels", *classes])
        for row in rows:
            told = [row["probabilities"].get(word, "") for word in classes]
            labels = ";".join(_images.clean_cell(word) for word in row["labels"])
            writer.writerow([_images.clean_cell(row["file"]), labels, *told])
