"""A person's own labelled points, with their images where there are any: a table, or a folder of images per class."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from etabli.core.errors import BadArray, CorruptFile, DataMissing, UnsafeArchive
from etabli.core.i18n import _
from etabli.data.formats import image_folder, images, tabular

THUMBNAIL_SIZE = 28  # images are compared, and shown, at this many pixels a side


@dataclass(frozen=True, eq=False)
class Points:
    """Points (N, D), class indices (N,) into ``names``, thumbnails (N, 28, 28, 3) uint8 or None, what was left out."""

    name: str
    points: np.ndarray
    labels: np.ndarray
    names: tuple[str, ...]
    thumbnails: np.ndarray | None = None
    remarks: tuple[str, ...] = field(default=())


def read(place: Path, labels: Path | None = None, pictures: Path | None = None) -> Points:
    """The points of a table with its labels, or the pixels of a folder with a sub-folder of images per class.

    ``pictures`` is a folder with one image for every point, in the order of their names. Raises ``BadArray`` where
    labels are lacking or their number is another one; an image that cannot be read is left out with a remark.
    """
    if place.is_dir():
        return _of_folder(place)
    table = tabular.read(place, labels)
    if table.labels is None:
        raise BadArray(
            _("{path} contains no labels").format(path=place),
            expected=_("a column or an array named 'label'"),
            fix=_("Give them with --labels FILE."),
        )
    names, codes = np.unique(table.labels, return_inverse=True)
    thumbnails = None if pictures is None else _of_pictures(pictures, len(codes))
    return Points(place.stem, table.points, codes, tuple(str(name) for name in names), thumbnails)


def _of_folder(folder: Path) -> Points:
    """Each image as 28 x 28 x 3 numbers in [0, 1], labelled by its sub-folder."""
    found = image_folder.read_class_folders(folder)
    kept, labels, remarks = [], [], []
    for path, shown in zip(found.paths, found.labels, strict=True):
        try:
            kept.append(images.read(path, (THUMBNAIL_SIZE, THUMBNAIL_SIZE)))
            labels.append(int(np.argmax(shown)))
        except (CorruptFile, UnsafeArchive, DataMissing) as fault:
            remarks.append(_("skipped: {reason}").format(reason=fault))
    if not kept:
        raise DataMissing(_("no image under {path} can be read").format(path=folder))
    thumbnails = np.stack(kept)
    met, codes = np.unique(labels, return_inverse=True)
    pixels = thumbnails.reshape(len(kept), -1).astype(np.float32) / 255
    return Points(
        folder.name,
        pixels,
        codes,
        tuple(found.classes[code] for code in met),
        thumbnails,
        tuple(remarks),
    )


def _of_pictures(folder: Path, n: int) -> np.ndarray:
    """One thumbnail a point; an image that cannot be read is grey, so that the others keep their places."""
    paths = images.list_images(folder)
    if len(paths) != n:
        raise BadArray(
            _("the number of images does not match the number of points"),
            expected=_("{n} images in {path}").format(n=n, path=folder),
            got=len(paths),
        )
    grey = np.full((THUMBNAIL_SIZE, THUMBNAIL_SIZE, 3), 200, np.uint8)
    return np.stack([_readable(path, grey) for path in paths])


def _readable(path: Path, otherwise: np.ndarray) -> np.ndarray:
    try:
        return images.read(path, (THUMBNAIL_SIZE, THUMBNAIL_SIZE))
    except (CorruptFile, UnsafeArchive):
        return otherwise
