"""A classifier on a net in an ONNX or OpenVINO file: a copy of that file, and the linear head.

backbone/            the files of the net, under the names that they had
head.safetensors     ``kernel`` and ``bias``; how the net takes its images is in the metadata
"""

import json
import shutil
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes

from etabli.core.atomic_files import atomic_write, parse_json
from etabli.core.errors import CorruptFile
from etabli.core.i18n import _
from etabli.models.vision.openvino_net import Head, OpenVinoNet, list_files
from etabli.models.vision.pixel_format import PixelFormat

BACKBONE, HEAD = "backbone", "head.safetensors"


def save(folder: Path, net: OpenVinoNet) -> None:
    """Copy the files of the net and write its head, each in one step, the head last."""
    if net.head is None:
        raise ValueError("a net without a head is no classifier")
    for path in list_files(net.path):
        copied = folder / BACKBONE / path.name
        if path.resolve() == copied.resolve():
            continue
        with path.open("rb") as content, atomic_write(copied, "wb") as stream:
            shutil.copyfileobj(content, stream)
    about = {
        "file": net.path.name,
        "size": list(net.size),
        "format": net.format.to_json(),
        "activation": net.head.activation,
        "digest": net.compute_digest(),
    }
    arrays = {"kernel": net.head.kernel, "bias": net.head.bias}
    with atomic_write(folder / HEAD, "wb") as stream:
        stream.write(to_bytes(arrays, {"net": json.dumps(about)}))


def load(folder: Path) -> OpenVinoNet:
    """Load the classifier in a folder; ``CorruptFile`` where its files do not belong together."""
    path = folder / HEAD
    try:
        with safe_open(path, framework="numpy") as stored:
            about = parse_json((stored.metadata() or {})["net"])
            head = Head(stored.get_tensor("kernel"), stored.get_tensor("bias"), about["activation"])
        net = OpenVinoNet(
            folder / BACKBONE / Path(about["file"]).name,
            (int(about["size"][0]), int(about["size"][1])),
            PixelFormat.parse(about["format"]),
            head=head,
        )
    except (OSError, SafetensorError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise CorruptFile(_("{path} is not the head of a classifier").format(path=path)) from error
    if not net.path.is_file() or net.compute_digest() != about["digest"]:
        raise CorruptFile(
            _("{path} is not the net that the classifier was trained on").format(path=net.path),
            fix=_("Copy the file that the features were extracted with to this place."),
        )
    return net
