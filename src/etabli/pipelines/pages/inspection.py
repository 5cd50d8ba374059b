"""Sections on what may be wrong with a folder of images, and the table of all findings."""

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from etabli.core.atomic_files import atomic_write
from etabli.core.i18n import _, localize_number
from etabli.data.formats import images as image_files
from etabli.data.formats.labeled_images import PRESENT, SPLITS, LabeledImages
from etabli.features.inspection import Group, Inspection, LabelError
from etabli.report.sections import (
    THUMBNAIL_SIDE,
    Block,
    Gallery,
    Note,
    Section,
    Table,
    Tile,
    embed_jpeg,
)

__all__ = [
    "describe_labels",
    "list_findings",
    "list_warnings",
    "make_left_out_section",
    "make_sections",
    "thumbnail",
    "write_table",
]

_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # how a cell begins that a spreadsheet computes
_MOST_GROUPS, _MOST_IN_GROUP, _MOST_TILES, _MOST_ROWS = 16, 4, 24, 200


def thumbnail(images: LabeledImages, row: int) -> tuple[str, str]:
    """Return an image as a data URL and its name; "" for one that cannot be read."""
    pixels = image_files.read_thumbnail(images.paths[row], THUMBNAIL_SIDE)
    return ("" if pixels is None else embed_jpeg(pixels), images.names[row])


def describe_labels(images: LabeledImages, row: int) -> str:
    """Return the labels of an image, separated by commas."""
    found = np.flatnonzero(images.labels[row] == PRESENT)
    return ", ".join(images.classes[k] for k in found) or _("no label")


def list_findings(inspection: Inspection) -> list[tuple[str, str]]:
    """Return the findings in order of importance, each with the key of its section."""
    counts: dict[str, list[tuple[str, Sequence[object]]]] = {
        "duplicates": [
            (_("Groups of near-duplicates in different splits: {count}"), inspection.leaks),
            (_("Identical files with different labels: {count}"), inspection.conflicts),
            (_("Groups of near-duplicates: {count}"), inspection.groups),
        ],
        "label-errors": [(_("Probable label errors: {count}"), inspection.errors)],
        "outliers": [(_("Images unlike all others: {count}"), inspection.outliers)],
        "left-out": [(_("Images that cannot be read: {count}"), inspection.unreadable)],
    }
    return [
        (text.format(count=len(found)), key)
        for key, entries in counts.items()
        for text, found in entries
        if found
    ]


def list_warnings(inspection: Inspection) -> list[str]:
    """Return sentences on what makes the scores of a classifier untrustworthy."""
    if not inspection.leaks:
        return []
    text = _(
        "Groups of near-duplicates in different splits: {count}. Scores on such images are too "
        "high; keep each group in one split."
    )
    return [text.format(count=len(inspection.leaks))]


def make_sections(inspection: Inspection) -> list[Section]:
    """Return the sections on duplicates, labels, outliers, and the sizes of images and classes."""
    sections = [Section("duplicates", _("Near-duplicates"), _show_groups(inspection))]
    if inspection.images.classes:
        errors = _show_errors(inspection)
        sections.append(Section("label-errors", _("Probable label errors"), errors))
    sections.append(Section("outliers", _("Images unlike all others"), _show_outliers(inspection)))
    sections.append(Section("images", _("Classes and sizes"), _show_sizes(inspection)))
    return sections


def _show_groups(inspection: Inspection) -> list[Block]:
    how = _(
        "Copies of another size, compression or brightness, and mirror images. With deep features "
        "also crops and the next photographs of a burst."
    )
    if not inspection.groups:
        return [Note(_("No near-duplicates were found.")), Note(how)]
    shown = inspection.groups[:_MOST_GROUPS]
    tiles = [_show_group(inspection.images, group) for group in shown]
    return [Note(how), Gallery(tiles, _count_shown(len(shown), len(inspection.groups)))]


def _show_group(images: LabeledImages, group: Group) -> Tile:
    kind = _("identical files") if group.is_identical else _("near-duplicates")
    parts = [_("{count} {count:image|images}, {kind}").format(count=len(group.rows), kind=kind)]
    if group.is_leak:
        parts.append(_("in different splits: {names}").format(names=_join_splits(group)))
    if group.has_two_labels:
        parts.append(_("different labels"))
    lines = [
        f"{images.names[row]} ({describe_labels(images, row)})"
        if images.classes
        else images.names[row]
        for row in group.rows[: 2 * _MOST_IN_GROUP]
    ]
    shown = [thumbnail(images, row) for row in group.rows[:_MOST_IN_GROUP]]
    return Tile(shown, [" · ".join(parts), *lines], group.is_leak or group.has_two_labels)


def _join_splits(group: Group) -> str:
    return ", ".join(_(name) for name in SPLITS if name in group.splits)


def _count_shown(shown: int, total: int) -> str:
    return _("The first {shown} of {total}.").format(shown=shown, total=total) * (shown < total)


def _show_errors(inspection: Inspection) -> list[Block]:
    if not inspection.has_features:
        return [Note(_needs_features())]
    how = _(
        "Confident learning (Northcutt et al. 2021) on the probabilities of a linear classifier "
        "that was trained on all other images. Look before you change a label: an image can be "
        "unusual and rightly labeled."
    )
    remarks = [Note(text) for text in inspection.remarks]
    if not inspection.errors:
        return [Note(_("No probable label errors were found.")), Note(how), *remarks]
    shown = inspection.errors[:_MOST_TILES]
    tiles = [_show_error(inspection.images, error) for error in shown]
    return [Note(how), *remarks, Gallery(tiles, _count_shown(len(shown), len(inspection.errors)))]


def _show_error(images: LabeledImages, error: LabelError) -> Tile:
    return Tile(
        [thumbnail(images, error.row)],
        [_describe_error(error), images.names[error.row]],
        is_wrong=True,
    )


def _describe_error(error: LabelError) -> str:
    if error.given and error.probable:
        text = _("labeled {given} ({p_given:.0%}), probably {probable} ({p_probable:.0%})")
    elif error.given:
        text = _("labeled {given}, probably not ({p_probable:.0%})")
    else:
        text = _("not labeled {probable}, but probably should be ({p_probable:.0%})")
    return text.format(**vars(error))


def _show_outliers(inspection: Inspection) -> list[Block]:
    if not inspection.has_features:
        return [Note(_needs_features())]
    how = _(
        "Images whose mean distance to their nearest neighbors among the deep features is more "
        "than three interquartile ranges above the third quartile."
    )
    if not inspection.outliers:
        return [Note(_("No image is far from all others.")), Note(how)]
    shown = inspection.outliers[:_MOST_TILES]
    tiles = [
        Tile(
            [thumbnail(inspection.images, row)],
            [
                _("distance {distance:.2f}").format(distance=distance),
                *([describe_labels(inspection.images, row)] if inspection.images.classes else []),
                inspection.images.names[row],
            ],
        )
        for row, distance in shown
    ]
    return [Note(how), Gallery(tiles, _count_shown(len(shown), len(inspection.outliers)))]


def _needs_features() -> str:
    return _(
        "This needs deep features: run 'etabli inspect', with the weights of a net "
        "('etabli data fetch weights') or an ONNX file (--backbone)."
    )


def _show_sizes(inspection: Inspection) -> list[Block]:
    images = inspection.images
    blocks: list[Block] = []
    if images.classes:
        blocks.append(_count_classes(images))
    sizes = inspection.sizes[inspection.sizes.min(axis=1) > 0]
    if len(sizes):
        low, middle, high = np.percentile(sizes, (0, 50, 100), axis=0).round().astype(int)
        names = (_("smallest"), _("median"), _("largest"))
        rows = [
            (name, f"{width}", f"{height}")
            for name, (height, width) in zip(names, (low, middle, high), strict=True)
        ]
        common = Counter(map(tuple, sizes.tolist())).most_common(3)
        listed = ", ".join(f"{width} x {height} ({n})" for (height, width), n in common)
        blocks.append(
            Table(
                (_("pixels"), _("width"), _("height")),
                rows,
                _("Sizes; the most frequent: {sizes}").format(sizes=listed),
                (1, 2),
            )
        )
    return blocks


def _count_classes(images: LabeledImages) -> Table:
    present = images.labels == PRESENT
    splits = [name for name in SPLITS if name in images.splits]
    is_of = {name: np.array([split == name for split in images.splits]) for name in splits}
    order = np.argsort(-present.sum(axis=0), kind="stable")
    rows = [
        (
            images.classes[k],
            str(present[:, k].sum()),
            localize_number(f"{100 * present[:, k].mean():.1f} %"),
            *(str(present[is_of[name], k].sum()) for name in splits),
        )
        for k in order[:_MOST_ROWS]
    ]
    columns = (_("class"), _("images"), _("share"), *(_(name) for name in splits))
    return Table(columns, rows, _("Images of each class"), tuple(range(1, len(columns))))


def make_left_out_section(files: Sequence[tuple[str, str]]) -> Section:
    """Return the section on files that were not used, (name, reason) each."""
    if not files:
        return Section("left-out", _("Left out"), [Note(_("Nothing was left out."))])
    counts = Counter(reason for _name, reason in files).most_common(_MOST_ROWS)
    totals = Table((_("reason"), _("files")), [(r, str(n)) for r, n in counts], numbers=(1,))
    listed = Table(
        (_("file"), _("reason")),
        list(files[:_MOST_ROWS]),
        _count_shown(min(len(files), _MOST_ROWS), len(files)),
    )
    return Section("left-out", _("Left out"), [totals, listed] if len(counts) > 1 else [listed])


def write_table(inspection: Inspection, path: Path) -> None:
    """Write every finding as a row of a CSV file: finding, image, others, detail."""
    with atomic_write(path, newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("finding", "file_name", "others", "detail"))
        for row in _list_rows(inspection):
            writer.writerow([f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in row])


def _list_rows(inspection: Inspection) -> Iterator[tuple[str, str, str, str]]:
    names = inspection.images.names
    for group in inspection.groups:
        kind = "identical" if group.is_identical else "near-duplicate"
        marks = ["splits: " + " ".join(group.splits)] if group.is_leak else []
        marks += ["different labels"] if group.has_two_labels else []
        others = [names[row] for row in group.rows]
        yield kind, others[0], ";".join(others[1:]), ", ".join(marks)
    for error in inspection.errors:
        detail = f"{error.p_given:.4f} {error.given} > {error.p_probable:.4f} {error.probable}"
        yield "label", names[error.row], "", detail
    for row, distance in inspection.outliers:
        yield "outlier", names[row], "", f"{distance:.4f}"
    for each in inspection.unreadable:
        yield "unreadable", each.name, "", each.reason
