"""The PASCAL VOC devkit: JPEGImages, Annotations, ImageSets.

Source: Everingham et al., "The PASCAL Visual Object Classes (VOC) Challenge", IJCV 2010.
"""

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree

import numpy as np

from etabli.core.errors import CorruptFile, DataMissing
from etabli.core.i18n import _
from etabli.data.catalog.source import Source, explain_missing
from etabli.data.formats import text_file
from etabli.data.formats.annotations import read_xml
from etabli.data.formats.image_folder import (
    Found,
    Row,
    Tree,
    cut_suffix,
    find_split,
    get_split,
    pair_files,
)
from etabli.data.formats.labeled_images import (
    ABSENT,
    DIFFICULT,
    PRESENT,
    SPLITS,
    LabeledImages,
)

__all__ = [
    *("GROUPS", "Annotation", "find_trees", "list_years", "load", "read_annotation"),
    *("read_beside", "read_devkit", "read_trees"),
]

GROUPS = {
    "person": ("person",),
    "animal": ("bird", "cat", "cow", "dog", "horse", "sheep"),
    "vehicle": ("aeroplane", "bicycle", "boat", "bus", "car", "motorbike", "train"),
    "indoor": ("bottle", "chair", "diningtable", "pottedplant", "sofa", "tvmonitor"),
}
_FLAGS = ("-1", "0", "1")
_PHOTOS, _DESCRIPTIONS = "JPEGImages", ("Annotations/", "ImageSets/")


@dataclass(frozen=True)
class Annotation:
    """One annotation file: (class, difficult) of every object."""

    objects: tuple[tuple[str, bool], ...]


def load(source: Source, split: str, year: int | None = None) -> LabeledImages:
    """Load a split ("train", "val", "trainval", "test"); of the first year by default."""
    folder = source.path("voc")
    years = list_years(folder)
    if year is None and not years:
        raise explain_missing("voc", folder / "VOCdevkit" / "VOC2007" / "JPEGImages")
    return read_devkit(folder, split, year or years[0])


def list_years(folder: Path | str) -> list[int]:
    """Return the years of which the devkit under ``folder`` contains images, in order."""
    found = (Path(folder) / "VOCdevkit").glob("VOC20??/JPEGImages")
    return sorted(int(place.parent.name[3:]) for place in found if any(place.iterdir()))


def read_devkit(
    folder: Path | str,
    split: str,
    year: int | None = None,
    groups: dict[str, tuple[str, ...]] = GROUPS,
) -> LabeledImages:
    """Read a split of a devkit.

    Labels come from ``ImageSets/Main/<class>_<split>.txt`` where those lists exist, otherwise from
    the annotations.

    Args:
        folder: contains ``VOCdevkit``, or is it, or is the folder of one year.
        split: the name of a list, such as "trainval".
        year: of the devkit; the earliest by default.
        groups: classes under a wider name; only those with a class in the lists are kept.

    Raises:
        DataMissing: there is no devkit, list or annotation.
        CorruptFile: a list or an annotation is malformed.
    """
    root = _find_year(Path(folder), year)
    lists = root / "ImageSets" / "Main"
    stems = _list_stems(root / "JPEGImages")
    names = _read_list(lists / f"{split}.txt", stems)
    by_class = {
        path.name[: -len(f"_{split}.txt")]: path for path in sorted(lists.glob(f"*_{split}.txt"))
    }
    if by_class:
        classes = tuple(by_class)
        columns = [_select_labels(path, names, stems) for path in by_class.values()]
        labels = np.stack(columns, axis=1) if names else np.zeros((0, len(classes)), np.int8)
    else:
        found = [read_annotation(root / "Annotations" / f"{name}.xml").objects for name in names]
        classes = tuple(sorted({name for objects in found for name, _difficult in objects}))
        rows = [label_objects(objects, classes) for objects in found]
        labels = np.array(rows, dtype=np.int8).reshape(len(names), len(classes))
    paths = tuple(root / "JPEGImages" / stems.get(name, f"{name}.jpg") for name in names)
    kept = select_groups(classes, groups)
    return LabeledImages(tuple(names), paths, classes, labels, kept, f"{root.name} {split}")


def select_groups(
    classes: Sequence[str], groups: dict[str, tuple[str, ...]] = GROUPS
) -> dict[str, tuple[str, ...]]:
    """Return the groups with those of their members that are classes, without empty groups."""
    return {
        group: members
        for group, all_ in groups.items()
        if (members := tuple(name for name in all_ if name in classes))
    }


def find_trees(tree: Tree) -> list[str]:
    """Return the folders, with a final slash, of the years of VOC in a source."""
    folders = {name.rpartition("/")[0] for name in tree.images}
    return sorted(each[: -len(_PHOTOS)] for each in folders if f"/{each}".endswith(f"/{_PHOTOS}"))


def read_trees(tree: Tree, roots: Sequence[str]) -> Found:
    """Read all lists of the years under ``roots``, or their annotations where there are no lists.

    "train", "val" and "test" are splits; an image only in "trainval" has none. Labels come from
    the list of each class, otherwise from the annotation. Segmentation masks are left out.
    """
    found = Found(title=", ".join(root.rstrip("/").rpartition("/")[2] for root in roots))
    found.title = found.title or tree.root.name
    for root in roots:
        _read_year(tree, root, found)
    parts = tuple(f"{root}{part}" for root in roots for part in _DESCRIPTIONS)
    described = tree.select_others(".xml", ".txt")
    found.used = {
        name
        for name in described
        if name.startswith(parts) and (name.endswith(".xml") == ("Annotations/" in name))
    }
    taken = {row.name for row in found.rows} | {name for name, _reason in found.left_out}
    for name in tree.images:
        if name not in taken:
            is_mask = "/Segmentation" in f"/{name}"
            reason = _("segmentation masks") if is_mask else _("in no list of images")
            found.left_out.append((name, reason))
    found.groups = select_groups([name for row in found.rows for name in row.labels or ()])
    return found


def _read_year(tree: Tree, root: str, found: Found) -> None:
    folder = f"{root}{_PHOTOS}/"
    inner = (name for name in tree.images if name.startswith(folder))
    photos = {cut_suffix(name.removeprefix(folder)): name for name in inner}
    skipped = {cut_suffix(name.removeprefix(folder)) for name, _reason in tree.left_out}
    splits, flags = _read_lists(tree, root, photos.keys() | skipped)
    for name, split in (splits or dict.fromkeys(photos, "")).items():
        if name in photos:
            try:
                annotation = f"{root}Annotations/{name}.xml"
                labels = flags[name] if name in flags else _read_labels_of(tree, annotation)
            except CorruptFile:
                found.left_out.append((photos[name], _("malformed annotation")))
                continue
            found.rows.append(Row(photos[name], labels, split or find_split(folder)))
        elif name not in skipped:
            found.left_out.append((f"{folder}{name}", _("missing")))


def _read_lists(
    tree: Tree, root: str, stems: Collection[str]
) -> tuple[dict[str, str], dict[str, dict[str, int]]]:
    """Return the split of each image in a list, and its labels in the lists of classes."""
    folders = (f"{root}ImageSets/Main", f"{root}ImageSets")
    lists = [name for name in tree.select_others(".txt") if name.rpartition("/")[0] in folders]
    splits: dict[str, str] = {}
    flags: dict[str, dict[str, int]] = {}
    for path in sorted(lists, key=lambda name: _rank_list(PurePosixPath(name).stem)):
        kind, _separator, part = PurePosixPath(path).stem.rpartition("_")
        if part == "trainval" or get_split(part):
            given = _read_labels(tree.path(path), stems) if kind else {}
            for name, flag in given.items():
                flags.setdefault(name, {})[kind] = flag
            for name in given or _read_list(tree.path(path), stems):
                splits[name] = splits.get(name) or get_split(part)
    return splits, {name: _drop_absent(labels) for name, labels in flags.items()}


def _rank_list(stem: str) -> tuple[int, str]:
    """Order lists: an image in several is of the first of train, validation and test."""
    kind, _separator, part = stem.rpartition("_")
    return (("", *SPLITS).index(get_split(part)) + 4 * bool(kind), stem)


def _drop_absent(labels: dict[str, int]) -> dict[str, int]:
    return {name: label for name, label in labels.items() if label != ABSENT}


def _read_labels_of(tree: Tree, name: str) -> dict[str, int] | None:
    """Return the labels in an annotation of a source; None where there is no such file."""
    if name not in tree.others:
        return None
    objects = read_annotation(tree.path(name)).objects
    classes = sorted({kind for kind, _difficult in objects})
    return dict(zip(classes, label_objects(objects, classes), strict=True))


def read_beside(tree: Tree) -> Found | None:
    """Read annotations next to the images, or in a folder next to theirs; None without any.

    labelImg and Roboflow write an XML file of VOC for each image. An image without one has no
    known labels.
    """
    found = Found(title=tree.root.name)
    labels: dict[str, dict[str, int] | None] = {}
    files = tree.select_others(".xml")
    for name, image in pair_files(tree.images if files else (), files).items():
        found.used.add(name)
        try:
            labels[image] = _read_labels_of(tree, name)
        except CorruptFile:
            found.left_out.append((name, _("malformed annotation")))
    if not labels:
        return None
    found.rows = [Row(name, labels.get(name), find_split(name)) for name in tree.images]
    return found


def read_annotation(path: Path | str) -> Annotation:
    """Read one file of ``Annotations``. Raises ``DataMissing`` or ``CorruptFile``."""
    try:
        root = read_xml(Path(path))
        if root.tag != "annotation":
            raise LookupError("annotation")
        objects = tuple(
            (_text_of(item, "name"), item.findtext("difficult", "0").strip() == "1")
            for item in root.iter("object")
        )
    except LookupError as error:
        raise CorruptFile(
            _("{path} is not a VOC annotation").format(path=path), got=str(error)
        ) from error
    return Annotation(objects)


def _text_of(element: ElementTree.Element, path: str) -> str:
    text = element.findtext(path)
    if text is None:
        raise LookupError(path)
    return text.strip()


def label_objects(objects: Sequence[tuple[str, bool]], classes: Sequence[str]) -> list[int]:
    """Return a label per class; it is difficult where all objects of the class are."""
    row = []
    for name in classes:
        hard = [difficult for kind, difficult in objects if kind == name]
        row.append(ABSENT if not hard else DIFFICULT if all(hard) else PRESENT)
    return row


def _find_year(folder: Path, year: int | None) -> Path:
    """Return the folder of one year, ``folder`` itself or below it; the earliest by default."""
    if (folder / "ImageSets").is_dir():
        return folder
    for base in (folder / "VOCdevkit", folder):
        years = sorted(base.glob("VOC20??")) if year is None else [base / f"VOC{year}"]
        for root in years:
            if (root / "ImageSets" / "Main").is_dir():
                return root
    raise DataMissing(
        _("there is no VOC devkit in {folder}").format(folder=folder),
        expected=f"VOCdevkit/VOC{year or 2007}/ImageSets/Main",
    )


def _list_stems(folder: Path) -> dict[str, str]:
    """Return the file name of each image in a folder by its name without suffix."""
    if not folder.is_dir():
        return {}
    names = sorted(entry.name for entry in os.scandir(folder))
    return {stem: name for name in names if (stem := cut_suffix(name)) != name}


def _read_list(path: Path, stems: Collection[str]) -> list[str]:
    """Read image names: of a line the whole, without a suffix, or what is before its label."""
    try:
        lines = text_file.read(path).lines
    except DataMissing as error:
        raise DataMissing(_("there is no list of images {path}").format(path=path)) from error
    except CorruptFile as error:
        raise CorruptFile(_("{path} is not a list of image names").format(path=path)) from error
    return [_find_stem(line, stems) for line in lines if line.strip()]


def _find_stem(line: str, stems: Collection[str]) -> str:
    whole = cut_suffix(line.strip())
    name, _blank, label = line.strip().rpartition(" ")
    if whole in stems or label not in _FLAGS or not name:
        return whole
    return cut_suffix(name.strip())


def _read_labels(path: Path, stems: Collection[str]) -> dict[str, int]:
    """Read the list of one class: 1, 0 (difficult) or -1 for each image."""
    given: dict[str, int] = {}
    for number, line in enumerate(text_file.read(path).lines, 1):
        words = line.rsplit(None, 1)
        if len(words) == 2 and words[1] in _FLAGS:
            given[_find_stem(words[0], stems)] = int(words[1])
        elif words:
            raise CorruptFile(
                _("{path}, line {number}: no label").format(path=path, number=number),
                expected=_("an image name and -1, 0 or 1"),
                got=line.strip()[:60],
            )
    return given


def _select_labels(path: Path, names: list[str], stems: Collection[str]) -> np.ndarray:
    """Read the column of one class; every image of the split must be in it."""
    given = _read_labels(path, stems)
    absent = [name for name in names if name not in given]
    if absent:
        raise CorruptFile(
            _("{path} does not say whether {name} shows the class").format(
                path=path, name=absent[0]
            )
        )
    return np.array([given[name] for name in names], dtype=np.int8)
