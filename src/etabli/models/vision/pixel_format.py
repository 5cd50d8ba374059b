"""What a net in a file expects of its images: size, scale, mean, standard deviation, layout.

An ONNX file does not say it. A JSON file of the same name next to it does, in our names or those of
Hugging Face (``preprocessor_config.json``).
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from etabli.core.atomic_files import parse_json
from etabli.core.errors import CorruptFile
from etabli.core.i18n import _

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
# A valid description, which errors print.
EXAMPLE = '{"size": 224, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}'
LAYOUTS, CHANNELS, POOLINGS = ("NCHW", "NHWC"), ("RGB", "BGR"), ("mean", "first")


@dataclass(frozen=True)
class PixelFormat:
    """What a net expects: (x * ``scale`` - ``mean``) / ``std`` of RGB values x from 0 to 255.

    ``size`` is (height, width) or None, ``output`` the name of an output, ``pooling`` how rows of
    tokens become one row, "mean" or "first" (the class token); None is guessed.
    """

    size: tuple[int, int] | None = None
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    scale: float = 1 / 255
    layout: str | None = None
    channels: str = "RGB"
    output: str | None = None
    pooling: str | None = None
    guessed: tuple[str, ...] = ("mean", "std")

    @classmethod
    def read(cls, path: Path) -> "PixelFormat":
        """Read ``path``, our names or those of Hugging Face; the defaults where there is none.

        Raises:
            CorruptFile: It is not a JSON object, or a value is of another kind.
        """
        if not path.is_file():
            return cls()
        try:
            return cls.parse(parse_json(path.read_text(encoding="utf-8")))
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            raise CorruptFile(
                _("{path} does not describe the input of a net").format(path=path),
                expected=_("an object such as {example}").format(example=EXAMPLE),
                got=str(error)[:100],
            ) from error

    @classmethod
    def parse(cls, held: Mapping[str, Any]) -> "PixelFormat":
        """Return the format of a JSON object; ``ValueError`` or ``TypeError`` for a bad value."""

        def find(*names: str) -> Any:
            return next((held[name] for name in names if held.get(name) is not None), None)

        mean, std = find("mean", "image_mean"), find("std", "image_std")
        scale = find("scale", "rescale_factor")
        layout = _one_of(find("layout"), LAYOUTS)
        pooling = _one_of(find("pooling"), POOLINGS, cls="first")
        return cls(
            size=_parse_size(find("crop_size", "size", "image_size", "input_size")),
            mean=IMAGENET_MEAN if mean is None else _three(mean),
            std=IMAGENET_STD if std is None else _three(std, positive=True),
            scale=1 / 255 if scale is None else float(scale),
            layout=layout,
            channels=_one_of(find("channels"), CHANNELS) or "RGB",
            output=find("output"),
            pooling=pooling,
            guessed=tuple(held.get("guessed", ()))
            or tuple(name for name, value in (("mean", mean), ("std", std)) if value is None),
        )

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object, which ``parse`` reads back."""
        fields = {key: value for key, value in asdict(self).items() if value is not None}
        return {
            key: list(value) if isinstance(value, tuple) else value for key, value in fields.items()
        }


def _one_of(value: Any, known: tuple[str, ...], **aliases: str) -> str | None:
    if value is None:
        return None
    by_lower = {name.lower(): name for name in known} | aliases
    if str(value).lower() not in by_lower:
        raise ValueError(f"{value} ({', '.join(known)})")
    return by_lower[str(value).lower()]


def _three(value: Any, positive: bool = False) -> tuple[float, ...]:
    """Return one number for each channel, from one or three."""
    numbers = [float(value)] * 3 if isinstance(value, int | float) else [float(x) for x in value]
    if len(numbers) != 3 or not all(map(math.isfinite, numbers)):
        raise ValueError(value)
    if positive and min(numbers) <= 0:
        raise ValueError(value)
    return tuple(numbers)


def _parse_size(value: Any) -> tuple[int, int] | None:
    """Return (height, width) of 224, [224, 224], [3, 224, 224] or Hugging Face's objects."""
    if value is None:
        return None
    if isinstance(value, dict):
        value = [value[key] for key in ("height", "width") if key in value] or value[
            "shortest_edge"
        ]
    sides = [int(value)] * 2 if isinstance(value, int | float) else [int(x) for x in value][-2:]
    if len(sides) != 2 or min(sides) < 1:
        raise ValueError(value)
    return sides[0], sides[1]
