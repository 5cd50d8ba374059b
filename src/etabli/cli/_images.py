"""What the commands on a user's own images share: which images a place holds, which weights a net takes."""

from pathlib import Path

from etabli.cli import _errors
from etabli.core.errors import DataMissing
from etabli.core.i18n import _

WEIGHTS = "imagenet, none (random numbers), or a file in Keras's layout."


def pictures(place: Path | str, endpoint: str | None = None) -> tuple[list, list[str]]:
    """Sources and names of the images of a folder, a VOC tree, a table or s3://bucket/prefix; a file alone is one."""
    from etabli.data.formats import image_folder, images, s3

    if s3.is_remote(place):
        found, root = s3.list_images(str(place), endpoint), str(place).strip("/")
        if not found:
            raise DataMissing(_("there are no images in {place}").format(place=place))
        return found, [each.url.removeprefix(root).strip("/") for each in found]
    place = Path(place)
    if place.suffix.lower() in images.SUFFIXES and not place.is_dir():
        if not place.is_file():
            raise DataMissing(_("there is no image {path}").format(path=images.name_of(place)))
        return [place], [images.name_of(place.name)]
    tables = ("metadata.csv", "metadata.jsonl", "ImageSets", "VOCdevkit")
    if place.is_file() or any((place / name).exists() for name in tables):
        held = image_folder.read(place)
        return list(held.paths), list(held.names)
    paths = images.list_images(place)
    if not paths:
        raise DataMissing(_("there are no images in {place}").format(place=place))
    return paths, [images.name_of(path, place) for path in paths]


def weights_of(backbone: str, weights: str) -> Path | None:
    """The weights file that a word of the command line means."""
    from etabli.data.catalog.source import Source
    from etabli.models.vision import backbones

    if weights == "none":
        return None
    if weights != "imagenet":
        if not Path(weights).is_file():
            raise DataMissing(_("there is no weights file {path}").format(path=weights))
        return Path(weights)
    return Source.full().file("weights", *backbones.backbone(backbone).weights.files)


def clean_cell(text: str) -> str:
    """A name that a spreadsheet would take for a formula gets an apostrophe before it."""
    return f"'{text}" if text[:1] in "=+-@\t\r" else text


def tell_unreadable(unreadable, total: int) -> int:
    """List what was skipped; returns the exit code, 0 where nothing was."""
    for each in unreadable:
        _errors.print_error(f"{each.name}: {each.reason}")
    if not unreadable:
        return 0
    _errors.print_error(
        _("{count} of {total} images could not be read and were skipped.").format(
            count=len(unreadable), total=total
        )
    )
    return SKIPPED


def tell_unjudged(judged) -> None:
    """Name the classes that the means leave out, since none of the images to judge on shows them."""
    from etabli.data.formats.labelled_images import PRESENT

    shown = (judged.labels == PRESENT).any(axis=0)
    missing = [name for name, yes in zip(judged.classes, shown, strict=True) if not yes]
    if missing:
        _errors.print_error(
            _(
                "Too few images to judge on, left out of the means: {names}. A class takes two at least."
            ).format(names=", ".join(missing))
        )


SKIPPED = 7
__all__ = [
    "SKIPPED",
    "WEIGHTS",
    "clean_cell",
    "pictures",
    "tell_unjudged",
    "tell_unreadable",
    "weights_of",
]
