"""Your own labeled points, with images where there are any: a table, or a folder per class."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from etabli.core.errors import BadArray, CorruptFile, DataMissing, UnsafeArchive
from etabli.core.i18n import _
from etabli.data.formats import image_folder, images, tabular

THUMBNAIL_SIZE = 28  # pixels per side of compared and shown images


@dataclass(frozen=True, eq=False)
class Points:
    """Points (N, D), class indices (N,) into ``names``, thumbnails (N, 28, 28, 3) uint8 or None."""

    name: str
    points: np.ndarray
    labels: np.ndarray
    names: tuple[str, ...]
    thumbnails: np.ndarray | None = None
    remarks: tuple[str, ...] = ()


def read(path: Path, labels: Path | None = None, image_dir: Path | None = None) -> Points:
    """Read the points and labels of a table, or the pixels of a folder of images per class.

    ``image_dir`` has one image per point, in the order of their names. Raises ``BadArray`` where
    labels are missing or differ in number; an image that cannot be read is skipped with a remark.
    """
    if path.is_dir():
        return _read_images(path)
    table = tabular.read(path, labels)
    if table.labels is None:
        raise BadArray(
            _("{path} contains no labels").format(path=path),
            expected=_("a column or an array named 'label'"),
            fix=_("Give them with --labels FILE."),
        )
    names, codes = np.unique(table.labels, return_inverse=True)
    thumbnails = None if image_dir is None else _read_thumbnails(image_dir, len(codes))
    return Points(path.stem, table.points, codes, tuple(str(name) for name in names), thumbnails)


def _read_images(folder: Path) -> Points:
    """Read each image as 28 x 28 x 3 numbers in [0, 1], labeled by its subfolder."""
    found = image_folder.read_class_folders(folder)
    kept, labels, remarks = [], [], []
    for path, shown in zip(found.paths, found.labels, strict=True):
        try:
            kept.append(images.read(path, (THUMBNAIL_SIZE, THUMBNAIL_SIZE)))
            labels.append(int(np.argmax(shown)))
        except (CorruptFile, UnsafeArchive, DataMissing) as error:
            remarks.append(_("skipped: {reason}").format(reason=error))
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


def _read_thumbnails(folder: Path, n: int) -> np.ndarray:
    """Read one thumbnail per point; an unreadable image is gray, so that the others keep theirs."""
    paths = images.list_images(folder)
    if len(paths) != n:
        raise BadArray(
            _("the number of images does not match the number of points"),
            expected=_("{n} images in {path}").format(n=n, path=folder),
            got=len(paths),
        )
    thumbnails = np.full((n, THUMBNAIL_SIZE, THUMBNAIL_SIZE, 3), 200, np.uint8)
    for row, path in enumerate(paths):
        with suppress(CorruptFile, UnsafeArchive):
            thumbnails[row] = images.read(path, (THUMBNAIL_SIZE, THUMBNAIL_SIZE))
    return thumbnails
