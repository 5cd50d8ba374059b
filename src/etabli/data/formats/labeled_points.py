"""Your own labeled points, with images where there are any: a table, or the pixels of images."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from etabli.core.errors import BadArray, CorruptFile, DataMissing, UnsafeArchive
from etabli.core.i18n import _
from etabli.data.formats import image_source, images, tabular
from etabli.data.formats.labeled_images import ABSENT, PRESENT, LabeledImages
from etabli.data.formats.tabular import Options, Table

THUMBNAIL_SIZE = 28  # pixels per side of compared and shown images
_MOST_NAMED = 8  # skipped files that are named
_UNREADABLE = (CorruptFile, UnsafeArchive, DataMissing)


@dataclass(frozen=True, eq=False)
class Points:
    """Points (N, D), class indices (N,) into ``names``, thumbnails (N, 28, 28, 3) uint8 or None."""

    name: str
    points: np.ndarray
    labels: np.ndarray
    names: tuple[str, ...]
    thumbnails: np.ndarray | None = None
    remarks: tuple[str, ...] = ()


def read(
    path: Path,
    labels: Path | None = None,
    image_dir: Path | None = None,
    options: Options | None = None,
) -> Points:
    """Read the points and labels of a table, or the pixels of a folder of labeled images.

    Args:
        path: A file of points, or a folder of images.
        labels: A file of labels, where the points have none.
        image_dir: One image per point, in the order of their names.
        options: Which columns are what, and how missing values are treated.

    Raises:
        BadArray: Labels are missing, or labels or images differ in number from the points.
    """
    if path.is_dir():
        return read_pixels(path)
    table = tabular.read(path, labels, options, need_labels=True)
    return _from_table(path.stem, table, image_dir)


def from_object(points: Any, labels: Any = None, options: Options | None = None) -> Points:
    """Return the points of an array, a sparse matrix, a data frame or an AnnData."""
    return _from_table("points", tabular.read_object(points, labels, options), None)


def _from_table(name: str, table: Table, image_dir: Path | None) -> Points:
    classes = table.classes
    if classes is None:
        raise BadArray(_("the points have no labels"))
    used, codes = np.unique(classes.codes, return_inverse=True)
    names = tuple(str(each) for each in classes.names[used])
    thumbnails = None
    if image_dir is not None:
        n_rows = len(codes) if table.row_indices is None else table.n_rows
        thumbnails = _read_thumbnails(image_dir, n_rows)
        if table.row_indices is not None:
            thumbnails = thumbnails[table.row_indices]
    return Points(name, table.points, codes, names, thumbnails, table.remarks)


# --- images ---------------------------------------------------------------------------------------


def select_single_labels(found: LabeledImages) -> tuple[LabeledImages, np.ndarray, str | None]:
    """Return the images with exactly one label, its class index, and a remark on the others."""
    shown = found.labels == PRESENT
    good = np.flatnonzero((shown.sum(axis=1) == 1) & ((found.labels != ABSENT).sum(axis=1) == 1))
    if not len(good):
        raise DataMissing(
            _("no image of {name} has exactly one label").format(name=found.title or _("this set"))
        )
    remark = None
    if len(good) < len(found):
        remark = _("Images without a single label, left out: {n} of {total}.").format(
            n=len(found) - len(good), total=len(found)
        )
    chosen = found.select(good)
    return chosen, shown[good].argmax(axis=1), remark


def read_labeled_images(folder: Path) -> tuple[LabeledImages, np.ndarray, list[str]]:
    """Return the images of a source with one label each, their classes, and remarks."""
    source = image_source.read(folder)
    chosen, codes, remark = select_single_labels(source.images)
    skipped = [f"{name}: {reason}" for name, reason in source.left_out.files[:_MOST_NAMED]]
    return (
        chosen,
        codes,
        [
            source.summary(),
            *source.remarks,
            *(_("skipped: {reason}").format(reason=each) for each in skipped),
            *([remark] if remark else []),
        ],
    )


def read_pixels(folder: Path) -> Points:
    """Read each image as 28 x 28 x 3 numbers in [0, 1], labeled by its source."""
    found, codes, remarks = read_labeled_images(folder)
    thumbnails, kept = read_thumbnails(found.paths, remarks)
    if not len(kept):
        raise DataMissing(_("no image under {path} can be read").format(path=folder))
    pixels = thumbnails.reshape(len(kept), -1).astype(np.float32) / 255
    return label_points(folder.name, pixels, codes[kept], found.classes, thumbnails, remarks)


def label_points(
    name: str,
    points: np.ndarray,
    codes: np.ndarray,
    classes: tuple[str, ...],
    thumbnails: np.ndarray | None,
    remarks: list[str],
) -> Points:
    """Return points whose names are those classes that occur.

    Args:
        name: The name of the points.
        points: (N, D).
        codes: Class indices (N,) into ``classes``.
        classes: All classes.
        thumbnails: (N, 28, 28, 3), or None.
        remarks: What the reader has to say.
    """
    met, places = np.unique(codes, return_inverse=True)
    names = tuple(classes[code] for code in met)
    return Points(name, points, places, names, thumbnails, tuple(remarks))


def read_thumbnails(paths: tuple[Path, ...], remarks: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the thumbnails of images that can be read, and their rows; others are remarked on."""
    thumbnails, kept = [], []
    for row, path in enumerate(paths):
        try:
            thumbnails.append(images.read(path, (THUMBNAIL_SIZE, THUMBNAIL_SIZE)))
            kept.append(row)
        except _UNREADABLE as error:
            remarks.append(_("skipped: {reason}").format(reason=error))
    return np.stack(thumbnails) if kept else np.zeros((0,)), np.array(kept, dtype=int)


def _read_thumbnails(folder: Path, n: int) -> np.ndarray:
    """Read one thumbnail per point; an unreadable image is gray, so that the others keep theirs."""
    paths = images.list_images(folder)
    if len(paths) != n:
        raise BadArray(
            _("the number of images does not match the number of points"),
            expected=_("{n} images in {path}").format(n=n, path=folder),
            got=len(paths),
        )
    return make_thumbnails(paths)


def make_thumbnails(paths: list[Path]) -> np.ndarray:
    """Return a thumbnail of each image; an unreadable one is gray."""
    thumbnails = np.full((len(paths), THUMBNAIL_SIZE, THUMBNAIL_SIZE, 3), 200, np.uint8)
    for row, path in enumerate(paths):
        with suppress(*_UNREADABLE):
            thumbnails[row] = images.read(path, (THUMBNAIL_SIZE, THUMBNAIL_SIZE))
    return thumbnails
