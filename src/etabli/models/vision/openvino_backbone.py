"""A backbone in an ONNX or OpenVINO file, that somebody else trained.

The file says little about the images that it expects. A JSON file of the same name next to it says
the rest (``PixelFormat``); what neither says is guessed, and ``describe_format`` names the guess.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from etabli.core.errors import BadSetting
from etabli.core.i18n import _
from etabli.models.vision.keras_backbone import Backbone, WeightsRecord
from etabli.models.vision.openvino_net import OpenVinoNet, read_network
from etabli.models.vision.pixel_format import PixelFormat


@dataclass(frozen=True)
class OpenVinoBackbone(Backbone):
    """A backbone in an ONNX or OpenVINO file; it has no stages and is never fine-tuned."""

    path: Path = Path()
    format: PixelFormat = field(default_factory=PixelFormat)
    is_size_fixed: bool = False

    @classmethod
    def open(cls, path: Path, format: PixelFormat | None = None) -> "OpenVinoBackbone":
        """Read what a file says of its images, and the JSON file next to it.

        Args:
            path: A file .onnx or .xml.
            format: Replaces what the JSON file says.

        Raises:
            DataMissing: There is no such file.
            CorruptFile: OpenVINO cannot read the file.
            BadSetting: It takes other inputs than one batch of color images.
        """
        path = path.absolute()
        format = format or PixelFormat.read(path.with_suffix(".json"))
        network = read_network(path)
        size = _image_size(path, network, format)
        net = OpenVinoNet(path, size or format.size or (0, 0), format)
        is_known = net.size != (0, 0)
        return cls(
            name=path.name,
            title=path.stem,
            builder=_no_builder,
            input_size=net.size,
            features=int(net.output_shape[-1] or 0) if is_known else 0,
            map_layer="map",
            preprocessing=describe_format(net, net.raw_shape if is_known else ()),
            stages={},
            default_stage="",
            weights=WeightsRecord(
                (path.name,), "", net.compute_digest(), "that of the file", path.name
            ),
            has_negative_features=True,
            path=path,
            format=format,
            is_size_fixed=size is not None,
        )

    def build(
        self, weights: Path | str | None = None, seed: int = 0, size: tuple[int, int] | None = None
    ) -> OpenVinoNet:
        """Return the net, for images of ``size``; ``weights`` may name a copy of its file."""
        height, width = self.choose_size(size)
        path = Path(weights) if weights else self.path
        return OpenVinoNet(path, (height, width), self.format, name=self.title)

    def choose_size(self, size: tuple[int, int] | None) -> tuple[int, int]:
        """Return the height and width of the images; ``BadSetting`` if unknown or impossible."""
        height, width = size or self.input_size
        if (height, width) == (0, 0):
            raise BadSetting(
                _("{path} takes images of any size: say which").format(path=self.name),
                fix=_('Give --image-size 224, or write {{"size": 224}} into {file}.').format(
                    file=self.path.with_suffix(".json").name
                ),
            )
        if self.is_size_fixed and (height, width) != self.input_size:
            raise BadSetting(
                _("{path} takes images of one size").format(path=self.name),
                expected=f"{self.input_size[0]} x {self.input_size[1]}",
                got=f"{height} x {width}",
                fix=_("Leave out --image-size."),
            )
        return height, width


def _no_builder(*_arguments: object) -> Any:
    raise BadSetting(
        _("a net in an ONNX or OpenVINO file cannot be fine-tuned"),
        fix=_("Train a classifier on its features with 'etabli transfer'."),
    )


def _image_size(path: Path, network: Any, format: PixelFormat) -> tuple[int, int] | None:
    """Return the size that the file fixes; check that the net takes one batch of color images."""
    if len(network.inputs) != 1:
        names = ", ".join(sorted(each.any_name for each in network.inputs))
        raise BadSetting(
            _("{path} has {count} inputs ({names}), and a backbone has one: the images").format(
                path=path.name, count=len(network.inputs), names=names
            ),
            fix=_("Export the part of the net that takes images."),
        )
    shape = network.inputs[0].get_partial_shape()
    dims = [] if shape.rank.is_dynamic else list(shape)
    lengths = [dim.get_length() if dim.is_static else None for dim in dims]
    places = [1, 3] if format.layout is None else [format.layout.index("C")]
    if len(lengths) != 4 or not any(lengths[place] in (3, None) for place in places):
        raise BadSetting(
            _("{path} does not take color images").format(path=path.name),
            expected="(N, 3, height, width), (N, height, width, 3)",
            got=str(shape),
        )
    is_last = format.layout == "NHWC" or (format.layout is None and lengths[3] == 3)
    height, width = lengths[1:3] if is_last else lengths[2:4]
    return (height, width) if height and width else None


def describe_format(net: OpenVinoNet, raw: tuple[int, ...]) -> str:
    """Return one line: what the net takes, what is read from it, and what was guessed.

    ``raw`` is the shape of the output for one image, () if no size is known yet.
    """
    format = net.format
    mean, std = (",".join(f"{x:g}" for x in each) for each in (format.mean, format.std))
    parts = [f"{format.channels} {net.layout}", f"scale {format.scale:.6g}"]
    parts += [f"mean {mean}", f"std {std}", f"output {net.output_index}"]
    if len(raw) == 2:
        parts.append(f"{net.token_pooling(raw[0])} of {raw[0]} tokens")
    if format.guessed:
        parts.append(f"guessed: {', '.join(format.guessed)}")
    return "; ".join(parts)
