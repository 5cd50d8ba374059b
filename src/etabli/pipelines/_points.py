"""Labeled points from what a user has: a table, extracted features, images, or an object."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from etabli.core.errors import DataMissing
from etabli.core.i18n import _
from etabli.core.progress import Reporter
from etabli.data.formats import labeled_points
from etabli.data.formats.labeled_points import Points
from etabli.data.formats.tabular import Options
from etabli.features import Features
from etabli.pipelines import extract

__all__ = ["read_points"]


def read_points(
    source: Any,
    labels: Any,
    images: Path | None,
    options: Options,
    pixels: bool,
    backbone: str | None,
    weights: str | Path,
    reporter: Reporter,
    need_labels: bool = True,
) -> Points:
    """Read labeled points; see ``untangle``. Without ``need_labels``, labels may be missing."""
    if not isinstance(source, str | Path):
        return labeled_points.from_object(source, labels, options, need_labels=need_labels)
    path = Path(source)
    if not path.is_dir():
        return labeled_points.read(path, labels, images, options, need_labels=need_labels)
    if extract.is_features(path):
        return _read_features(path, images, need_labels)
    if pixels:
        return labeled_points.read_pixels(path, need_labels=need_labels)
    return _extract(path, backbone, weights, reporter, need_labels)


# --- the folder of ``etabli features`` ------------------------------------------------------------


def _read_features(folder: Path, images: Path | None, need_labels: bool) -> Points:
    """Read extracted features, with the labels and thumbnails of the images they come from."""
    features = Features(folder)
    place = images or features.source
    if place is None or not place.exists():
        raise DataMissing(
            _("the images of the features in {folder} are not where they were").format(
                folder=folder
            )
            if place
            else _("{folder} does not say where its images are").format(folder=folder),
            got=place,
            fix=_("Say where they are with --images FOLDER; their labels come from there."),
        )
    found, codes, remarks = labeled_points.read_labeled_images(place, need_labels=need_labels)
    rows = {name: row for row, name in enumerate(found.names)}
    kept = [at for at, name in enumerate(features.names) if name in rows]
    if not kept:
        raise DataMissing(
            _("no image of {folder} is under {place}").format(folder=folder, place=place),
            expected=features.names[0],
            got=found.names[0],
            fix=_("Say where they are with --images FOLDER; their labels come from there."),
        )
    if len(kept) < len(features):
        remarks.append(
            _("Features without a labeled image, left out: {n} of {total}.").format(
                n=len(features) - len(kept), total=len(features)
            )
        )
    chosen = np.array([rows[features.names[at]] for at in kept])
    points = features.array([features.names[at] for at in kept], dtype="float32")
    thumbnails = labeled_points.make_thumbnails([found.paths[row] for row in chosen])
    return replace(
        labeled_points.label_points(
            folder.name,
            points.reshape(len(points), -1),
            codes[chosen],
            found.classes,
            thumbnails,
            remarks,
        ),
        space=str(features.recipe["backbone"]),
        files=tuple(features.names[at] for at in kept),
    )


# --- a folder of images ---------------------------------------------------------------------------


def _extract(
    folder: Path,
    backbone: str | None,
    weights: str | Path,
    reporter: Reporter,
    need_labels: bool,
) -> Points:
    """Extract the deep features of labeled images, once; say which net made them."""
    found, codes, remarks = labeled_points.read_labeled_images(folder, need_labels=need_labels)
    try:
        features = extract.extract_labeled(found, backbone, weights, reporter)
    except DataMissing as error:
        raise DataMissing(
            _("images are compared by their deep features, and {reason}").format(
                reason=error.wrong
            ),
            fix=_(
                "Fetch the weights with: etabli data fetch weights. Or compare the pixels with "
                "--pixels."
            ),
        ) from error
    remarks.append(
        _("Compared by the deep features of {net}; --pixels compares 28 x 28 pixels.").format(
            net=features.recipe["backbone"]
        )
    )
    remarks += [
        _("skipped: {reason}").format(reason=f"{each.name}: {each.reason}")
        for each in features.unreadable
    ]
    rows = {name: row for row, name in enumerate(found.names)}
    kept = np.array([rows[name] for name in features.names], dtype=int)
    points = features.array(dtype="float32")
    return replace(
        labeled_points.label_points(
            folder.name,
            points.reshape(len(points), -1),
            codes[kept],
            found.classes,
            labeled_points.make_thumbnails([found.paths[row] for row in kept]),
            remarks,
        ),
        space=str(features.recipe["backbone"]),
        files=tuple(features.names),
    )
