"""Your own labeled points, with images where there are any: a table, or the pixels of images."""

from contextlib import suppress
from dataclasses import dataclass, replace
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
    """Points (N, D), class indices (N,) into ``names``, thumbnails (N, 28, 28, 3) uint8 or None.

    ``columns`` names the dimensions of a table; ``space`` is the net of deep features, or "pixels";
    ``files`` are the names of the images of the points.
    """

    name: str
    points: np.ndarray
    labels: np.ndarray
    names: tuple[str, ...]
    thumbnails: np.ndarray | None = None
    remarks: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    space: str = ""
    files: tuple[str, ...] | None = None


def read(
    path: Path,
    labels: Path | None = None,
    image_dir: Path | None = None,
    options: Options | None = None,
    *,
    need_labels: bool = True,
) -> Points:
    """Read the points and labels of a table, or the pixels of a folder of labeled images.

    Args:
        path: A file of points, or a folder of images.
        labels: A file of labels, where the points have none.
        image_dir: One image per point, in the order of their names.
        options: Which columns are what, and how missing values are treated.
        need_labels: Refuse points without labels; otherwise they are of one class without a name.

    Raises:
        BadArray: Labels are missing, or labels or images differ in number from the points.
    """
    if path.is_dir():
        return read_pixels(path, need_labels=need_labels)
    table = tabular.read(path, labels, options, need_labels=need_labels)
    return _from_table(path.stem, table, image_dir, need_labels)


def from_object(
    points: Any, labels: Any = None, options: Options | None = None, *, need_labels: bool = True
) -> Points:
    """Return the points of an array, a sparse matrix, a data frame or an AnnData."""
    table = tabular.read_object(points, labels, options, need_labels=need_labels)
    return _from_table("points", table, None, need_labels)


def _from_table(name: str, table: Table, image_dir: Path | None, need_labels: bool) -> Points:
    classes = table.classes
    if classes is None and need_labels:
        raise BadArray(_("the points have no labels"))
    names: tuple[str, ...] = (_("without a label"),)
    if classes is None:
        codes = np.zeros(len(table.points), int)
    else:
        used, codes = np.unique(classes.codes, return_inverse=True)
        names = tuple(str(each) for each in classes.names[used])
    found = Points(name, table.points, codes, names, None, table.remarks, table.columns)
    if image_dir is None:
        return found
    n_rows = len(codes) if table.row_indices is None else table.n_rows
    paths = _list_images(image_dir, n_rows)
    if table.row_indices is not None:
        paths = [paths[row] for row in table.row_indices]
    files = tuple(path.relative_to(image_dir).as_posix() for path in paths)
    return replace(found, thumbnails=make_thumbnails(paths), files=files)


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


def read_labeled_images(
    folder: Path, *, need_labels: bool = True
) -> tuple[LabeledImages, np.ndarray, list[str]]:
    """Return the images of a source with one label each, their classes, and remarks.

    Where no labels are needed, all images; the class of one without a single label is the number
    of classes.
    """
    source = image_source.read(folder, need_labels=need_labels)
    if need_labels:
        chosen, codes, remark = select_single_labels(source.images)
    else:
        chosen, remark = source.images, None
        shown = chosen.labels == PRESENT
        unlabeled = np.full((len(shown), 1), True)
        is_single = shown.sum(axis=1, keepdims=True) == 1
        codes = np.hstack([shown & is_single, unlabeled]).argmax(axis=1)
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


def read_pixels(folder: Path, *, need_labels: bool = True) -> Points:
    """Read each image as 28 x 28 x 3 numbers in [0, 1], labeled by its source."""
    found, codes, remarks = read_labeled_images(folder, need_labels=need_labels)
    thumbnails, kept = read_thumbnails(found.paths, remarks)
    if not len(kept):
        raise DataMissing(_("no image under {path} can be read").format(path=folder))
    pixels = thumbnails.reshape(len(kept), -1).astype(np.float32) / 255
    labeled = label_points(folder.name, pixels, codes[kept], found.classes, thumbnails, remarks)
    files = tuple(found.names[row] for row in kept)
    return replace(labeled, space="pixels", files=files)


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
        codes: Class indices (N,) into ``classes``; their number for a point without a label.
        classes: All classes.
        thumbnails: (N, 28, 28, 3), or None.
        remarks: What the reader has to say.
    """
    met, places = np.unique(codes, return_inverse=True)
    names = tuple((*classes, _("without a label"))[code] for code in met)
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


def _list_images(folder: Path, n: int) -> list[Path]:
    """Return the images of a folder, one per point."""
    paths = images.list_images(folder)
    if len(paths) != n:
        raise BadArray(
            _("the number of images does not match the number of points"),
            expected=_("{n} images in {path}").format(n=n, path=folder),
            got=len(paths),
        )
    return paths


def make_thumbnails(paths: list[Path]) -> np.ndarray:
    """Return a thumbnail of each image; an unreadable one is gray."""
    thumbnails = np.full((len(paths), THUMBNAIL_SIZE, THUMBNAIL_SIZE, 3), 200, np.uint8)
    for row, path in enumerate(paths):
        with suppress(*_UNREADABLE):
            thumbnails[row] = images.read(path, (THUMBNAIL_SIZE, THUMBNAIL_SIZE))
    return thumbnails
