"""PASCAL VOC's devkit as it is: JPEGImages, Annotations, ImageSets.

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
    """One annotation file: the image's size in pixels (width, height) and (class, difficult) of every object."""

    size: tuple[int, int]
    objects: tuple[tuple[str, bool], ...]


def load(source: Source, split: str, year: int | None = None) -> LabeledImages:
    """One list ("train", "val", "trainval", "test") of the devkit of ``source``; the first year with images."""
    folder = source.path("voc")
    years = list_years(folder)
    if year is None and not years:
        raise explain_missing("voc", folder / "VOCdevkit" / "VOC2007" / "JPEGImages")
    return read_devkit(folder, split, year or years[0])


def list_years(folder: Path | str) -> list[int]:
    """The years of which the devkit under ``folder`` holds images, the earliest first."""
    found = (Path(folder) / "VOCdevkit").glob("VOC20??/JPEGImages")
    return sorted(int(place.parent.name[3:]) for place in found if any(place.iterdir()))


def read_devkit(
    folder: Path | str,
    split: str,
    year: int | None = None,
    groups: dict[str, tuple[str, ...]] = GROUPS,
) -> LabeledImages:
    """One list of a devkit. ``folder`` holds ``VOCdevkit``, or is it, or is the folder of one year.

    Labels come from ``ImageSets/Main/<class>_<split>.txt`` where those lists are, otherwise from the annotations.
    """
    home = _home(Path(folder), year)
    lists = home / "ImageSets" / "Main"
    names = _read_list(lists / f"{split}.txt")
    by_class = {
        path.name[: -len(f"_{split}.txt")]: path for path in sorted(lists.glob(f"*_{split}.txt"))
    }
    if by_class:
        classes = tuple(by_class)
        columns = [_read_labels(path, names) for path in by_class.values()]
        labels = np.stack(columns, axis=1) if names else np.zeros((0, len(classes)), np.int8)
    else:
        classes, labels = _from_annotations(
            [read_annotation(home / "Annotations" / f"{name}.xml") for name in names]
        )
    kept = {
        group: both
        for group, all_ in groups.items()
        if (both := tuple(name for name in all_ if name in classes))
    }
    paths = tuple(home / "JPEGImages" / f"{name}.jpg" for name in names)
    return LabeledImages(tuple(names), paths, classes, labels, kept, f"{home.name} {split}")


def read_annotation(path: Path | str) -> Annotation:
    """One file of ``Annotations``. Raises ``DataMissing`` or ``CorruptFile``."""
    try:
        content = Path(path).read_bytes()
        if b"<!ENTITY" in content or b"<!DOCTYPE" in content:
            raise CorruptFile(
                _("{path} declares XML entities, which no VOC annotation does").format(path=path)
            )
        root = ElementTree.fromstring(content)
        size = int(root.findtext("size/width")), int(root.findtext("size/height"))
        objects = tuple(
            (item.findtext("name").strip(), item.findtext("difficult", "0").strip() == "1")
            for item in root.iter("object")
        )
    except FileNotFoundError as error:
        raise DataMissing(_("there is no annotation {path}").format(path=path)) from error
    except (ElementTree.ParseError, TypeError, ValueError, AttributeError, LookupError) as error:
        raise CorruptFile(
            _("{path} is not a VOC annotation").format(path=path), got=str(error)
        ) from error
    return Annotation(size, objects)


def label_objects(objects: Sequence[tuple[str, bool]], classes: Sequence[str]) -> list[int]:
    """Present where one object of the class is not difficult, difficult where all of them are, otherwise absent."""
    row = []
    for name in classes:
        hard = [difficult for kind, difficult in objects if kind == name]
        row.append(ABSENT if not hard else DIFFICULT if all(hard) else PRESENT)
    return row


def _from_annotations(annotations: list[Annotation]) -> tuple[tuple[str, ...], np.ndarray]:
    classes = tuple(sorted({name for each in annotations for name, _difficult in each.objects}))
    rows = [label_objects(each.objects, classes) for each in annotations]
    return classes, np.array(rows, dtype=np.int8).reshape(len(annotations), len(classes))


def _home(folder: Path, year: int | None) -> Path:
    """The folder of one year: ``folder`` itself, or below it; the earliest year where none is asked for."""
    if (folder / "ImageSets").is_dir():
        return folder
    for base in (folder / "VOCdevkit", folder):
        years = sorted(base.glob("VOC20??")) if year is None else [base / f"VOC{year}"]
        for home in years:
            if (home / "ImageSets" / "Main").is_dir():
                return home
    raise DataMissing(
        _("there is no VOC devkit in {folder}").format(folder=folder),
        expected=f"VOCdevkit/VOC{year or 2007}/ImageSets/Main",
    )


def _read_list(path: Path) -> list[str]:
    try:
        return [
            line.split()[0]
            for line in path.read_text(encoding="ascii").splitlines()
            if line.strip()
        ]
    except FileNotFoundError as error:
        raise DataMissing(_("there is no list of images {path}").format(path=path)) from error
    except ValueError as error:
        raise CorruptFile(_("{path} is not a list of image names").format(path=path)) from error


def _read_labels(path: Path, names: list[str]) -> np.ndarray:
    """The column of one class; every image of the list must be in it."""
    given: dict[str, int] = {}
    for number, line in enumerate(
        path.read_text(encoding="ascii", errors="replace").splitlines(), 1
    ):
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
