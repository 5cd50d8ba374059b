"""A trained classifier as an OpenVINO or ONNX file, and whether its outputs agree."""

from dataclasses import dataclass
from pathlib import Path

from etabli.saved_models.export import export_model


@dataclass(frozen=True)
class ExportResult:
    """An exported model: its file, its classes, and how far its outputs are from the original's.

    ``largest_difference`` is None where OpenVINO, which the check needs, is not installed.
    """

    path: Path
    classes: tuple[str, ...]
    largest_difference: float | None


def export(model: Path | str, out: Path | str, *, overwrite: bool = False) -> ExportResult:
    """Export a classifier to ``out``, .onnx or .xml, with ``labels.txt`` next to it.

    Raises ``DataMissing`` without a model, ``BadSetting`` for another suffix or a file that is
    there.
    """
    path, difference, card = export_model(model, out, overwrite=overwrite)
    return ExportResult(path, card.classes, difference)
