"""A user's images and a net's weights: from what a command line or a caller names to files."""

from pathlib import Path

from etabli.core.errors import DataMissing
from etabli.core.i18n import _
from etabli.core.progress import Reporter
from etabli.data.formats import image_source, s3
from etabli.data.formats.s3 import RemoteImage
from etabli.features.weights import find_weights

__all__ = ["find_images", "find_weights"]


def find_images(
    location: Path | str, endpoint: str | None = None, reporter: Reporter | None = None
) -> tuple[list[Path] | list[RemoteImage], list[str]]:
    """Return the images of a location and their names.

    Args:
        location: One image, a folder of images or a table as ``image_source.read`` takes it, or
            ``s3://BUCKET/PREFIX``.
        endpoint: The address of an S3 storage that is not Amazon's.
        reporter: Receives one line on what a folder or a table contains.

    Raises:
        DataMissing: There is no image.
    """
    if s3.is_remote(location):
        remote, root = s3.list_images(str(location), endpoint), str(location).strip("/")
        if not remote:
            raise _no_images(location)
        return remote, [each.url.removeprefix(root).strip("/") for each in remote]
    source = image_source.read(location, need_labels=False, check_files=False)
    if reporter is not None and source.images.names != (Path(location).name,):
        source.report(reporter.print_line)
    return list(source.images.paths), list(source.images.names)


def _no_images(location: Path | str) -> DataMissing:
    return DataMissing(_("there are no images in {place}").format(place=location))
