"""What an exported classifier says of itself, in the file, and its way back into this program.

An ONNX file has properties (``metadata_props``), an OpenVINO IR runtime information (``rt_info``,
under "etabli"): the task, the classes in the order of the outputs, the thresholds, what the pixels
must be, and the whole card. ``labels.txt`` next to the file has one class a line.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from etabli.core.atomic_files import atomic_write, parse_json
from etabli.core.errors import BadSetting, CorruptFile
from etabli.core.i18n import _
from etabli.models.vision.openvino_net import SUFFIXES, OpenVinoNet, read_network
from etabli.models.vision.pixel_format import PixelFormat
from etabli.saved_models import classifier
from etabli.saved_models.card import check_card
from etabli.saved_models.classifier import ImageClassifier, ModelCard, parse_card

LABELS = "labels.txt"
# The preprocessing is part of an exported model.
PIXELS = PixelFormat(mean=(0.0,) * 3, std=(1.0,) * 3, scale=1.0, layout="NHWC", guessed=())


def make_metadata(card: ModelCard) -> dict[str, str]:
    """Return the texts that an exported model carries."""
    height, width = card.input_size
    return {
        "task": card.task,
        "classes": json.dumps(card.classes, ensure_ascii=False),
        "thresholds": json.dumps(card.thresholds),
        "preprocessing": f"none: images (N, {height}, {width}, 3), RGB from 0 to 255",
        "card": json.dumps(asdict(card), ensure_ascii=False),
    }


def write_labels(path: Path, classes: Iterable[str]) -> Path:
    """Write ``labels.txt`` next to an exported model."""
    with atomic_write(path.with_name(LABELS)) as stream:
        stream.writelines(f"{name}\n" for name in classes)
    return path.with_name(LABELS)


def set_metadata(network: Any, metadata: Mapping[str, str]) -> None:
    """Write the texts into an OpenVINO network."""
    for key, text in metadata.items():
        network.set_rt_info(text, ["etabli", key])


def is_exported(path: Path | str) -> bool:
    """Return whether a path is that of an exported model, and not of a folder."""
    return Path(path).suffix.lower() in SUFFIXES and not Path(path).is_dir()


def load_classifier(path: Path | str) -> ImageClassifier:
    """Load a classifier from its folder, or from the file that it was exported to."""
    return load_exported(path) if is_exported(path) else classifier.load(path)


def load_exported(path: Path | str) -> ImageClassifier:
    """Load a classifier that ``export_model`` wrote, .onnx or .xml.

    Raises:
        BadSetting: The file is a net of somebody else, without classes.
        CorruptFile: OpenVINO cannot read it, or its card.
        DataMissing: There is no such file.
    """
    path = Path(path).absolute()
    network = read_network(path)
    section = "framework" if path.suffix.lower() == ".onnx" else "etabli"
    if not network.has_rt_info([section, "card"]):
        raise BadSetting(
            _("{path} does not say what its outputs are").format(path=path),
            expected=_("an image classifier that 'etabli export' wrote"),
            fix=_("Use it as a backbone: etabli features IMAGES --backbone {name}").format(
                name=path.name
            ),
        )
    with check_card(path):
        card = parse_card(parse_json(network.get_rt_info([section, "card"]).astype(str)))
    net = OpenVinoNet(path, card.input_size, PIXELS)
    if net.output_shape[-1] != len(card.classes):
        raise CorruptFile(
            _("{path} has a different number of outputs than its card has classes").format(
                path=path
            ),
            expected=len(card.classes),
            got=net.output_shape[-1],
        )
    return ImageClassifier(net, card)
