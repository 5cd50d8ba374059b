"""``etabli export``: a trained model as an OpenVINO or ONNX file."""

from pathlib import Path
from typing import Annotated

import typer

from etabli.cli import _errors
from etabli.cli._options import Json, Overwrite
from etabli.core.i18n import _


def export(
    model: Annotated[
        Path,
        typer.Argument(
            help="A folder of 'etabli transfer', 'etabli finetune' or 'etabli poetry train', the "
            "folder of a run with one net, or a file .keras or .safetensors."
        ),
    ],
    out: Annotated[
        Path, typer.Option(help="The file to write: .xml for OpenVINO, .onnx for ONNX.")
    ],
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Export a trained model to an OpenVINO IR or to ONNX, and check that its outputs agree.

    The file carries the classes, their thresholds, the task and what the pixels must be, and
    labels.txt next to it lists the classes. 'etabli predict' reads them back. A net of a run is
    exported too: dense and convolutional layers, SimpleRNN, LSTM, GRU.

    \b
    etabli export model/ --out model.onnx
    etabli export runs/my-run/tp2.cnn --out cnn.onnx
    etabli export model/ --out model.xml
    etabli predict new-photos/ --model model.onnx --out predictions.csv
    """
    from etabli.pipelines import export as pipeline

    found = pipeline.export(model, out, overwrite=overwrite)
    difference = found.largest_difference
    if as_json:
        document = {"out": str(found.path), "largest_difference": difference}
        _errors.print_json({**document, "classes": list(found.classes)})
        return
    text = _("{out}, not checked: the check needs OpenVINO (pip install 'etabli[openvino]').")
    if difference is not None:
        text = _("{out}: at most {difference:.1g} from the original.")
    typer.echo(text.format(out=found.path, difference=difference))
