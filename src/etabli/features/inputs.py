"""A user's images and a net's weights: from what a command line or a caller names to files."""

from pathlib import Path

from etabli.core.errors import DataMissing
from etabli.core.i18n import _
from etabli.data.catalog.source import Source
from etabli.data.formats import image_folder, images, s3
from etabli.data.formats.s3 import RemoteImage
from etabli.models.vision import backbones

_TABLES = ("metadata.csv", "metadata.jsonl", "ImageSets", "VOCdevkit")


def find_images(
    location: Path | str, endpoint: str | None = None
) -> tuple[list[Path] | list[RemoteImage], list[str]]:
    """Return the images of a location and their names.

    Args:
        location: One image, a folder of images, a VOC tree, a table of file names, or
            ``s3://BUCKET/PREFIX``.
        endpoint: The address of an S3 storage that is not Amazon's.

    Raises:
        DataMissing: There is no image.
    """
    if s3.is_remote(location):
        remote, root = s3.list_images(str(location), endpoint), str(location).strip("/")
        if not remote:
            raise _no_images(location)
        return remote, [each.url.removeprefix(root).strip("/") for each in remote]
    location = Path(location)
    if location.suffix.lower() in images.SUFFIXES and not location.is_dir():
        if not location.is_file():
            raise DataMissing(
                _("there is no image {path}").format(path=images.get_display_name(location))
            )
        return [location], [images.get_display_name(location.name)]
    if location.is_file() or any((location / name).exists() for name in _TABLES):
        listed = image_folder.read(location)
        return list(listed.paths), list(listed.names)
    paths = images.list_images(location)
    if not paths:
        raise _no_images(location)
    return paths, [images.get_display_name(path, location) for path in paths]


def _no_images(location: Path | str) -> DataMissing:
    return DataMissing(_("there are no images in {place}").format(place=location))


def find_weights(backbone: str, weights: Path | str | None = "imagenet") -> Path | None:
    """Return a weights file: "imagenet" is that of the catalog, "none" or None random weights."""
    if weights is None or str(weights) == "none":
        return None
    if str(weights) == "imagenet":
        return Source.full().file("weights", *backbones.get_backbone(backbone).weights.files)
    if not Path(weights).is_file():
        raise DataMissing(_("there is no weights file {path}").format(path=weights))
    return Path(weights)
