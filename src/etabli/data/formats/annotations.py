"""Annotations of objects, read as labels of images: COCO, CVAT and YOLO.

The class of each object is a label of its image; boxes and outlines are not used.
"""

import itertools
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from etabli.core.atomic_files import parse_json
from etabli.core.errors import CorruptFile, DataMissing, EtabliError
from etabli.core.i18n import _
from etabli.data.formats import text_file
from etabli.data.formats.image_folder import (
    Found,
    NameFinder,
    Row,
    Tree,
    abbreviate,
    find_split,
    get_split,
    pair_files,
)
from etabli.data.formats.labeled_images import PRESENT

__all__ = ["get_split_of_file", "read_coco", "read_cvat", "read_xml", "read_yolo"]

_YAML = (".yaml", ".yml")
_MOST_XML = 20  # CVAT writes one file for all images
_CVAT_TAGS = ("image", "track")
_MOST_TRIED = 20  # texts next to images that are read before YOLO is ruled out
_YOLO_OBJECT = re.compile(r"(\d{1,9})(?:\s+[-+]?[\d.]+(?:[eE][-+]?\d+)?){4,}")
_NAME_FILES = frozenset({"classes.txt", "labels.txt", "obj.names", "_darknet.labels"})
_YAML_ITEM = re.compile(
    r"(?:(?P<number>\d{1,9})\s*:\s*)?"
    r"(?:'(?P<single>(?:[^']|'')*)'|\"(?P<double>[^\"]*)\"|(?P<plain>[^\s,\[\]{}'\"#][^,\]}#\n]*))"
)


def read_xml(path: Path) -> ElementTree.Element:
    """Read an XML file. Raises ``DataMissing``, or ``CorruptFile`` for one that is malformed."""
    try:
        content = path.read_bytes()
        if b"<!ENTITY" in content or b"<!DOCTYPE" in content:
            raise CorruptFile(
                _("{path} declares XML entities, which no annotation does").format(path=path)
            )
        return ElementTree.fromstring(content)
    except FileNotFoundError as error:
        raise DataMissing(_("there is no annotation {path}").format(path=path)) from error
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        if isinstance(error, EtabliError):
            raise
        raise CorruptFile(_("{path} is not XML").format(path=path), got=str(error)) from error


def get_split_of_file(path: Path) -> str:
    """Return the split in a file name such as instances_val2017.json or trainLabels.csv."""
    words = re.split(r"[_\-. ]+|(?<=[a-z])(?=[A-Z])", path.stem)
    return next(filter(None, map(get_split, words)), "")


def read_coco(
    path: Path, resolve: Callable[[str], str | None], folder_split: str = ""
) -> Found | None:
    """Read the categories in COCO annotations as labels; None for JSON of another kind."""
    try:
        parsed = parse_json(text_file.read(path).text)
    except (ValueError, EtabliError):
        return None
    if not isinstance(parsed, dict) or not {"images", "annotations", "categories"} <= set(parsed):
        return None
    found = Found(title=path.stem)
    try:
        classes = {each["id"]: str(each["name"]) for each in parsed["categories"]}
        labels: dict[Any, dict[str, int]] = defaultdict(dict)
        for each in parsed["annotations"]:
            labels[each["image_id"]][classes[each["category_id"]]] = PRESENT
        for image in parsed["images"]:
            given = dict(labels.get(image["id"], {}))
            split = folder_split or get_split_of_file(path)
            _add(found, resolve, str(image["file_name"]), given, split)
    except (KeyError, TypeError) as error:
        raise CorruptFile(
            _("{path} is not COCO annotations").format(path=path), got=str(error)
        ) from error
    _report_empty(found, classes.values())
    return found


def _add(
    found: Found,
    resolve: Callable[[str], str | None],
    text: str,
    labels: dict[str, int],
    split: str,
) -> None:
    if (name := resolve(text)) is None:
        found.left_out.append((text, _("missing")))
    else:
        found.rows.append(Row(name, labels, find_split(name) or split))


def _report_empty(found: Found, classes: Iterable[str]) -> None:
    named = {name for row in found.rows for name in row.labels or ()}
    if empty := sorted(set(classes) - named):
        text = _("Categories without images are not counted as classes: {names}.")
        found.remarks.append(text.format(names=abbreviate(empty)))


def read_cvat(tree: Tree, files: Sequence[str] | None = None) -> Found | None:
    """Read the tags and objects in an export "CVAT for images" as labels; None without one.

    Raises ``CorruptFile`` for an export that names no image.
    """
    files = tree.select_others(".xml") if files is None else files
    if not 0 < len(files) <= _MOST_XML:
        return None
    found, classes = Found(title=tree.root.name), set()
    finder = NameFinder(tree.images)
    for name in files:
        try:
            root = read_xml(tree.path(name))
        except CorruptFile:
            continue
        if root.tag == "annotations" and any(root.find(tag) is not None for tag in _CVAT_TAGS):
            classes |= _read_cvat_file(found, finder, root, name)
            found.used.add(name)
    if not found.used:
        return None
    _report_empty(found, classes)
    return found


def _read_cvat_file(
    found: Found, finder: NameFinder, root: ElementTree.Element, file: str
) -> set[str]:
    """Add the images of an export, and return the names of its classes."""
    folder = file.rpartition("/")[0]
    prefix = f"{folder}/" if folder else ""
    for image in root.iter("image"):
        given = dict.fromkeys((item.get("label", "").strip() for item in image), PRESENT)
        given.pop("", None)
        split = get_split(image.get("subset", ""))
        _add(found, lambda text: finder.find(text, prefix), image.get("name", ""), given, split)
    if not found.rows and not found.left_out:
        raise CorruptFile(
            _("{path} describes a video").format(path=file),
            expected=_("images by name"),
            fix=_("Export the task from CVAT as 'CVAT for images 1.1', with its images."),
        )
    return {(each.text or "").strip() for each in root.iterfind("meta//labels/label/name")}


def read_yolo(tree: Tree) -> Found | None:
    """Read YOLO's text file of each image, with one line per object; None without any.

    The classes are named by ``data.yaml``, ``classes.txt`` or ``obj.names``. As when YOLO trains,
    an image without objects has an empty file or, in a folder where others have one, none.

    Raises ``CorruptFile`` for a number without a name, and names that differ between files.
    """
    files = [name for name in tree.select_others(".txt") if _last(name) not in _NAME_FILES]
    image_of = pair_files(tree.images, files) if files else {}
    objects: dict[str, set[int] | None] = {}
    for file, image in image_of.items():
        objects[image] = _read_objects(tree.path(file))
        if len(objects) == _MOST_TRIED and not any(objects.values()):
            return None  # another kind of text, such as captions
    valid = [numbers for numbers in objects.values() if numbers is not None]
    if not any(valid) or len(valid) < len(objects) / 2:
        return None
    found = Found(title=tree.root.name, used=set(image_of))
    names = _read_class_names(tree, found, set().union(*valid))
    described = {image.rpartition("/")[0] for image in objects}
    split_of = _read_yaml_folders(tree)
    for image in tree.images:
        known: set[int] | None = set() if image.rpartition("/")[0] in described else None
        numbers = objects.get(image, known)
        if numbers is None and image in objects:
            found.left_out.append((image, _("malformed annotation")))
        else:
            given = None if numbers is None else {names[each]: PRESENT for each in sorted(numbers)}
            listed = (split for folder, split in split_of.items() if folder in f"/{image}")
            found.rows.append(Row(image, given, find_split(image) or next(listed, "")))
    if empty := sum(row.labels == {} for row in found.rows):
        text = _("Images without an object, which show none of the classes: {count}.")
        found.remarks.append(text.format(count=empty))
    _report_empty(found, names.values())
    return found


def _last(name: str) -> str:
    return name.rpartition("/")[2].lower()


def _read_objects(path: Path) -> set[int] | None:
    """Return the numbers of the classes in a YOLO file; None for another kind of text."""
    try:
        lines = [line.strip() for line in text_file.read(path).lines if line.strip()]
    except EtabliError:
        return None
    matches = list(map(_YOLO_OBJECT.fullmatch, lines))
    return {int(match[1]) for match in matches if match} if all(matches) else None


def _read_class_names(tree: Tree, found: Found, numbers: set[int]) -> dict[int, str]:
    """Return the names of the classes by number; the numbers themselves where no file says."""
    named: dict[str, dict[int, str]] = {}
    for name in tree.select_others(*_YAML, ".names", ".labels", ".txt"):
        if name.lower().endswith(_YAML) or _last(name) in _NAME_FILES:
            text = text_file.read(tree.path(name))
            is_yaml = name.lower().endswith(_YAML)
            lines = dict(enumerate(filter(None, map(str.strip, text.lines))))
            if classes := _read_yaml_names(text.text) if is_yaml else lines:
                named[name] = classes
    found.used |= set(named)
    if not named:
        found.remarks.append(_("No data.yaml or classes.txt names the classes: they are numbers."))
        return {number: str(number) for number in numbers}
    (first, classes), *others = named.items()
    for name, each in others:
        if each != classes:
            raise CorruptFile(
                _("{first} and {name} name different classes").format(first=first, name=name),
                fix=_("Remove the file that is wrong."),
            )
    if unnamed := numbers - set(classes):
        raise CorruptFile(
            _("{path} does not name class {number}").format(
                path=tree.path(first), number=min(unnamed)
            ),
            expected=_("a name for each class"),
            got=abbreviate(list(classes.values())),
        )
    return classes


def _read_yaml_folders(tree: Tree) -> dict[str, str]:
    """Return the splits by the folders that YAML files give for them."""
    split_of: dict[str, str] = {}
    for name in tree.select_others(*_YAML):
        text = text_file.read(tree.path(name)).text
        for key in ("train", "val", "test"):
            found = re.search(rf"^{key}[ \t]*:[ \t]*['\"]?([^'\"\n#\[]+)", text, re.MULTILINE)
            folder = re.sub(r"^(?:\.{1,2}/)+|/+$", "", found[1].strip()) if found else ""
            split_of.setdefault(f"/{folder}/", get_split(key))
    return split_of


def _read_yaml_names(text: str) -> dict[int, str]:
    """Return the list or the mapping under the key ``names`` of a YAML file, by number."""
    found = re.search(r"^names[ \t]*:[ \t]*", text, re.MULTILINE)
    rest = text[found.end() :] if found else ""
    if rest[:1] in ("[", "{"):
        items = list(_YAML_ITEM.finditer(re.split(r"[\]}]", rest[1:])[0]))
    else:
        lines = itertools.takewhile(lambda line: line[:1] in (*" -#\t", ""), rest.split("\n")[1:])
        stripped = (re.sub(r"^\s*(?:-\s+)?", "", line) for line in lines)
        items = [match for line in stripped if (match := _YAML_ITEM.match(line))]
    texts = (item["single"] or item["double"] or item["plain"] or "" for item in items)
    return {
        int(item["number"] or place): text.strip()
        for place, (item, text) in enumerate(zip(items, texts, strict=True))
    }
