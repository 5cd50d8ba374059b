"""Weights of backbones: which are here, which net is the default, and how to get the others."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from etabli.core.errors import BadSetting, DataMissing
from etabli.core.i18n import _
from etabli.data.catalog.source import Source
from etabli.features.store import Features
from etabli.models.vision import backbones
from etabli.models.vision.backbones import BACKBONES, Backbone
from etabli.models.vision.openvino_backbone import OpenVinoBackbone
from etabli.models.vision.pixel_format import EXAMPLE, PixelFormat

IN_CATALOG = ("resnet50", "mobilenet_v2")  # what 'etabli data fetch weights' downloads


def weights_folders() -> list[Path]:
    """Return where weights are looked for: our data folder, and where Keras downloads to."""
    return [Source.full().path("weights"), Path.home() / ".keras" / "models"]


def find_weights(backbone: str, weights: Path | str | None = "imagenet") -> Path | None:
    """Return the weights file of a backbone.

    Args:
        backbone: A name, or an ONNX or OpenVINO file, which is its own weights file.
        weights: "imagenet" is the published file, "none" or None random weights; or a file.

    Raises:
        DataMissing: There is no such file; the message says how to get it, and what is here.
    """
    net = backbones.get_backbone(backbone)
    if weights is not None and str(weights) not in ("imagenet", "none"):
        if not Path(weights).is_file():
            raise DataMissing(_("there is no weights file {path}").format(path=weights))
        return Path(weights)
    if isinstance(net, OpenVinoBackbone):
        return net.path
    if weights is None or str(weights) == "none":
        return None
    if (found := _find_published(net)) is None:
        raise _explain_missing(net)
    return found


def _find_published(net: Backbone) -> Path | None:
    files = [folder / name for folder in weights_folders() for name in net.weights.files]
    return next((path for path in files if path.is_file()), None)


def list_available() -> list[str]:
    """Return the backbones whose ImageNet weights are here, by their accuracy on ImageNet."""
    nets = [net for net in BACKBONES.values() if net.top1 is not None and _find_published(net)]
    return [net.name for net in sorted(nets, key=lambda net: (-(net.top1 or 0), net.name))]


def choose_backbone(backbone: str | None = None, weights: Path | str | None = "imagenet") -> str:
    """Return the name of the backbone that a command uses.

    Args:
        backbone: What the user named; None is the best by accuracy on ImageNet whose weights are
            here. With random weights it is MobileNetV2, and with a weights file that whose name
            the file has.
        weights: As in ``find_weights``.

    Raises:
        DataMissing: No backbone is named, and there are no weights.
        UnknownName: There is no such backbone.
    """
    if backbone is not None:
        return backbone if _is_file_of_a_net(backbone) else backbones.get_backbone(backbone).name
    if str(weights) in ("None", "none"):
        return "mobilenet_v2"
    if str(weights) != "imagenet":
        name = Path(str(weights)).name
        named = [net.name for net in BACKBONES.values() if name in net.weights.files]
        return named[0] if named else "mobilenet_v2"
    if not (here := list_available()):
        raise _explain_missing(BACKBONES["mobilenet_v2"])
    return here[0]


def build_net_of(
    extracted: Features, weights: Path | str | None = "imagenet"
) -> tuple[Backbone, tuple[int, int], Any]:
    """Return the backbone, the image size and the model that computed some features.

    Args:
        extracted: The features, of a net as it was published.
        weights: As to the extraction; a net in a file that was moved since is given by its path.

    Raises:
        BadSetting: The features were extracted with other weights.
        DataMissing: The net or its weights are no longer there.
    """
    recipe = extracted.recipe
    height, width = recipe["size"]
    if "format" in recipe:
        is_moved = weights is not None and str(weights) not in ("imagenet", "none")
        path = Path(str(weights if is_moved else extracted.notes.get("backbone_file", "?")))
        if not path.is_file():
            raise DataMissing(
                _("the net of the features is no longer here: {path}").format(path=path),
                fix=_("Give its file: --weights {file}").format(file=recipe["backbone"]),
            )
        format = replace(PixelFormat.parse(recipe["format"]), size=(height, width))
        net: Backbone = OpenVinoBackbone.open(path, format)
        model = net.build(size=(height, width))
    else:
        net = backbones.get_backbone(recipe["backbone"])
        model = net.build(find_weights(net.name, weights), size=(height, width))
    if backbones.compute_weights_digest(model) != recipe["weights"]:
        raise BadSetting(
            _("the features were extracted with other weights"),
            fix=_("Pass the same --weights as to 'etabli features'."),
        )
    return net, (height, width), model


def _is_file_of_a_net(backbone: str) -> bool:
    return Path(backbone).suffix.lower() in backbones.SUFFIXES


def describe_choice(backbone: str, named: str | None) -> str:
    """Return one line: the backbone, and why it was chosen where the user named none."""
    net = backbones.get_backbone(backbone)
    if isinstance(net, OpenVinoBackbone):
        line = _("Backbone: {net} ({preprocessing}).").format(
            net=net.name, preprocessing=net.preprocessing
        )
        if not net.format.guessed:
            return line
        hint = _("If it was trained otherwise, write {example} into {file}, with its numbers.")
        file = net.path.with_suffix(".json")
        return f"{line} {hint.format(example=EXAMPLE, file=file)}"
    if named is not None or net.name not in list_available()[:1]:
        return _("Backbone: {net}.").format(net=net.name)
    return _(
        "Backbone: {net}, the best on ImageNet whose weights are here (--backbone chooses another)."
    ).format(net=net.name)


def _explain_missing(net: Backbone) -> DataMissing:
    path = weights_folders()[0] / net.weights.files[0]
    if net.name in IN_CATALOG:
        fix = _("Download it with 'etabli data fetch weights'.")
    elif net.weights.url:
        path = path.with_name(net.weights.url.rsplit("/", 1)[1])
        fix = _("Download it with: curl -L --create-dirs -o {path} {url}").format(
            path=path, url=net.weights.url
        )
    else:
        fix = _("Train it, or give its file with --weights FILE.")
    if here := list_available():
        fix += " " + _("Or choose with --backbone one that is here: {names}.").format(
            names=", ".join(here)
        )
    else:
        fix += " " + _("Or try the command with random weights: --weights none.")
    return DataMissing(
        _("the ImageNet weights of {net} are not here: {path} is missing").format(
            net=net.name, path=path
        ),
        fix=fix,
    )
