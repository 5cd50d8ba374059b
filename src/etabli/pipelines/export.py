"""A trained model as an OpenVINO or ONNX file, and whether its outputs agree."""

from dataclasses import dataclass
from pathlib import Path

from etabli.core.atomic_files import parse_json
from etabli.data.catalog.source import Source
from etabli.data.synthetic import verse
from etabli.report import run_folder
from etabli.saved_models.export import export_model, export_net
from etabli.saved_models.trained import find_net, load_net


@dataclass(frozen=True)
class ExportResult:
    """An exported model: its file, its classes, and how far its outputs are from the original's.

    ``largest_difference`` is None where OpenVINO, which the check needs, is not installed.
    """

    path: Path
    classes: tuple[str, ...]
    largest_difference: float | None


def export(model: Path | str, out: Path | str, *, overwrite: bool = False) -> ExportResult:
    """Export a model to ``out``, .onnx or .xml; ``labels.txt`` next to it lists its classes.

    Args:
        model: A folder that transfer, finetune or poetry train wrote, a folder of a run with one
            trained net, or a file .keras or .safetensors.
        out: The file to write.
        overwrite: Replace it and ``labels.txt``.

    Raises:
        BadSetting: Another suffix, a file that is there, or a model that is no net.
        DataMissing: There is no model, or there are several.
        EtabliError: A layer that cannot be exported; the message names it.
    """
    file = find_net(Path(model))
    if file is None:
        path, difference, card = export_model(model, out, overwrite=overwrite)
        return ExportResult(path, card.classes, difference)
    net = load_net(file, _read_vocabulary(file.parent))
    path, difference = export_net(net, out, overwrite=overwrite)
    return ExportResult(path, net.classes, difference)


def _read_vocabulary(folder: Path) -> tuple[str, ...]:
    """Return the characters of the text that a net of practical 4 was trained on, by code."""
    if (folder / "vocabulary.json").is_file():
        return tuple(parse_json((folder / "vocabulary.json").read_text(encoding="utf-8")))
    if not run_folder.record_path(folder).is_file():
        return ()
    record = run_folder.read_seed_run(folder)
    is_text = record.experiment in ("tp4.poetry", "tp4.poetry-modern") and not record.is_other_data
    return verse.load(Source(record.data)).vocabulary if is_text else ()
