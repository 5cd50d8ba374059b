"""The PASCAL VOC devkit: JPEGImages, Annotations, ImageSets.

Source: Everingham et al., "The PASCAL Visual Object Classes (VOC) Challenge", IJCV 2010.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from etabli.core.errors import CorruptFile, DataMissing
from etabli.core.i18n import _
from etabli.data.catalog.source import Source, explain_missing
from etabli.data.formats.labeled_images import ABSENT, DIFFICULT, PRESENT, LabeledImages

__all__ = ["GROUPS", "Annotation", "list_years", "load", "read_annotation", "read_devkit"]

GROUPS = {
    "person": ("person",),
    "animal": ("bird", "cat", "cow", "dog", "horse", "sheep"),
    "vehicle": ("aeroplane", "bicycle", "boat", "bus", "car", "motorbike", "train"),
    "indoor": ("bottle", "chair", "diningtable", "pottedplant", "sofa", "tvmonitor"),
}


@dataclass(frozen=True)
class Annotation:
    """One annotation file: the image's (width, height) and (class, difficult) of every object."""

    size: tuple[int, int]
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
    names = _read_list(lists / f"{split}.txt")
    by_class = {
        path.name[: -len(f"_{split}.txt")]: path for path in sorted(lists.glob(f"*_{split}.txt"))
    }
    if by_class:
        classes = tuple(by_class)
        columns = [_read_labels(path, names) for path in by_class.values()]
        labels = np.stack(columns, axis=1) if names else np.zeros((0, len(classes)), np.int8)
    else:
        found = [read_annotation(root / "Annotations" / f"{name}.xml").objects for name in names]
        classes = tuple(sorted({name for objects in found for name, _difficult in objects}))
        rows = [label_objects(objects, classes) for objects in found]
        labels = np.array(rows, dtype=np.int8).reshape(len(names), len(classes))
    kept = {
        group: members
        for group, all_ in groups.items()
        if (members := tuple(name for name in all_ if name in classes))
    }
    paths = tuple(root / "JPEGImages" / f"{name}.jpg" for name in names)
    return LabeledImages(tuple(names), paths, classes, labels, kept, f"{root.name} {split}")


def read_annotation(path: Path | str) -> Annotation:
    """Read one file of ``Annotations``. Raises ``DataMissing`` or ``CorruptFile``."""
    try:
        content = Path(path).read_bytes()
        if b"<!ENTITY" in content or b"<!DOCTYPE" in content:
            raise CorruptFile(
                _("{path} declares XML entities, which no VOC annotation does").format(path=path)
            )
        root = ElementTree.fromstring(content)
        width, height = (int(_text_of(root, f"size/{side}")) for side in ("width", "height"))
        objects = tuple(
            (_text_of(item, "name"), item.findtext("difficult", "0").strip() == "1")
            for item in root.iter("object")
        )
    except FileNotFoundError as error:
        raise DataMissing(_("there is no annotation {path}").format(path=path)) from error
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise CorruptFile(
            _("{path} is not a VOC annotation").format(path=path), got=str(error)
        ) from error
    return Annotation((width, height), objects)


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


def _read_list(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except FileNotFoundError as error:
        raise DataMissing(_("there is no list of images {path}").format(path=path)) from error
    except ValueError as error:
        raise CorruptFile(_("{path} is not a list of image names").format(path=path)) from error
    return [line.split()[0] for line in lines if line.strip()]


def _read_labels(path: Path, names: list[str]) -> np.ndarray:
    """Read the column of one class; every image of the split must be in it."""
    given: dict[str, int] = {}
    lines = path.read_text(encoding="ascii", errors="replace").splitlines()
    for number, line in enumerate(lines, 1):
        words = line.split()
        if len(words) == 2 and words[1] in ("-1", "0", "1"):
            given[words[0]] = int(words[1])
        elif words:
            raise CorruptFile(
                _("{path}, line {number}: no label").format(path=path, number=number),
                expected=_("an image name and -1, 0 or 1"),
                got=line.strip()[:60],
            )
    absent = [name for name in names if name not in given]
    if absent:
        raise CorruptFile(
            _("{path} does not say whether {name} shows the class").format(
                path=path, name=absent[0]
            )
        )
    return np.array([given[name] for name in names], dtype=np.int8)
