"""``etabli export``: a trained model for programs that know nothing of Keras."""

from pathlib import Path
from typing import Annotated

import typer

from etabli.cli import _errors
from etabli.core.i18n import _


def export(
    model: Annotated[
        Path, typer.Argument(help="A folder that 'etabli transfer' or 'etabli finetune' wrote.")
    ],
    out: Annotated[
        Path, typer.Option(help="The file to write: .xml for OpenVINO, .onnx for ONNX.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Export a trained model to an OpenVINO IR or to ONNX, and check that it gives the same numbers.

    \b
    etabli export model/ --out model.onnx
    etabli export model/ --out model.xml
    """
    import numpy as np

    from etabli.core.errors import BadSetting
    from etabli.saved_models import export as exporting
    from etabli.saved_models import multilabel, onnx

    writers = {".xml": exporting.to_openvino, ".onnx": onnx.to_onnx}
    if out.suffix.lower() not in writers:
        raise BadSetting(_("a model is exported as .xml or .onnx"), got=out.name)
    net, card = multilabel.load(model)
    out.parent.mkdir(parents=True, exist_ok=True)
    path = writers[out.suffix.lower()](net, out)
    pictures = (
        np.random.default_rng(0).integers(0, 256, (2, *card.input_size, 3)).astype(np.float32)
    )
    difference = exporting.checked(net, path, pictures)
    if as_json:
        _errors.print_json(
            {"out": str(path), "largest_difference": difference, "classes": list(card.classes)}
        )
    elif difference is None:
        typer.echo(
            _(
                "{out}, not checked: the check needs OpenVINO (pip install 'etabli[openvino]')."
            ).format(out=path)
        )
    else:
        typer.echo(
            _("{out}: at most {difference:.1g} from the original.").format(
                out=path, difference=difference
            )
        )
