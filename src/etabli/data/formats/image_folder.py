"""A folder of images: its files, and the classes and splits that its folders name.

The files of every layout are listed by ``walk``; nothing is skipped without a reason.
"""

import os
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from etabli.core.errors import CorruptFile, DataMissing
from etabli.core.i18n import _
from etabli.data.formats import images, text_file
from etabli.data.formats.labeled_images import PRESENT, SPLITS

__all__ = ["Found", "NameFinder", "Row", "Tree", "get_split", "read_class_folders", "walk"]

TABLE_SUFFIXES = frozenset({".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".json", ".parquet"})
_READ_SUFFIXES = TABLE_SUFFIXES | {".xml", ".yaml", ".yml", ".names", ".labels"}
_CLUTTER = frozenset(
    {
        *("__macosx", "@eadir", "#recycle", "$recycle.bin", "system volume information"),
        *("lost+found", "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"),
    }
)
_SPLIT = re.compile(
    r"(?:seg[_-])?(?:(?P<train>train|training|entrai\u0302?nement|entraînement|apprentissage)"
    r"|(?P<validation>val|valid|validation|dev)|(?P<test>test|testing|evaluation|holdout))"
    r"(?:[ _-]?(?:set|data|images|[0-9]{1,4}))?",
    re.IGNORECASE,
)
# Images to predict, next to splits: they have no class.
_TO_PREDICT = re.compile(r"(?:seg[_-])?(?:pred(?:ict(?:ions?)?)?|unlabell?ed)", re.IGNORECASE)
_ABSOLUTE = re.compile(r"/|[A-Za-z]:/")
# A folder of this name holds the images of the class that the folder above it names.
_HOLDERS = frozenset({"images", "image", "imgs", "img", "jpegimages", "photos", "pictures", "jpg"})
_DESCRIPTIONS = frozenset({"labels", "label", "annotations", "annotation", "xmls", "xml", "txt"})
# "cat.0", "cat_1", "cat (2)": the class is the beginning, unless a camera numbers its images so.
_NUMBERED = re.compile(r"(.*[^\W\d_].*?)[._ -]+\(?\d+\)?")
_CAMERAS = frozenset(
    {
        *("img", "image", "images", "imag", "dsc", "dscn", "dscf", "dcim", "pxl", "mvimg", "pano"),
        *("p", "pic", "picture", "photo", "foto", "scan", "screenshot", "frame", "vid", "video"),
        *("imgp", "sam", "gopr", "dji", "whatsappimage", "signal", "burst", "wp", "cimg", "file"),
    }
)
_MOST_LISTS = 20


class Row(NamedTuple):
    """An image of a source. ``labels`` are PRESENT or DIFFICULT by class; None where unknown."""

    name: str
    labels: dict[str, int] | None = None
    split: str = ""


@dataclass
class Found:
    """What a layout says: an image per row, files that it used or leaves out, and remarks."""

    rows: list[Row] = field(default_factory=list)
    classes: list[str] | None = None
    groups: dict[str, tuple[str, ...]] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    paths: dict[str, str] = field(default_factory=dict)  # of images that were renamed
    left_out: list[tuple[str, str]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    title: str = ""


@dataclass
class Tree:
    """The files below ``root`` by name, with their bytes, and those that no layout reads."""

    root: Path
    images: dict[str, int] = field(default_factory=dict)
    others: dict[str, int] = field(default_factory=dict)
    left_out: list[tuple[str, str]] = field(default_factory=list)

    def path(self, name: str) -> Path:
        return self.root / name

    def select_others(self, *suffixes: str) -> list[str]:
        """Return the names of tables and annotations with one of the suffixes."""
        return [name for name in self.others if name.lower().endswith(suffixes)]


def get_split(folder: str) -> str:
    """Return the split that a folder name stands for ("train", "validation", "test"), or ""."""
    found = _SPLIT.fullmatch(folder.strip())
    return (found.lastgroup or "") if found else ""


def find_split(name: str) -> str:
    """Return the split of the first folder in a path that names one, or ""."""
    return next(filter(None, map(get_split, name.split("/")[:-1])), "")


def walk(root: Path) -> Tree:
    """List the files of a folder, in order, through linked folders, without decoding any."""
    if not root.is_dir():
        raise DataMissing(_("there is no folder {path}").format(path=root))
    tree = Tree(root)
    links: list[tuple[str, str]] = []
    _walk_folder(tree, os.fspath(root), "", links)
    walked = {os.path.realpath(root)}
    above = _parents(*walked)
    while links:
        name, path = links.pop(0)
        target = os.path.realpath(path)
        if target in walked or target in above or not walked.isdisjoint(_parents(target)):
            tree.left_out.append((name, _("linked folder, already read")))
            continue
        walked.add(target)
        above |= _parents(target)
        _walk_folder(tree, path, f"{name}/", links)
    for files in (tree.images, tree.others):
        ordered = sorted(files.items(), key=lambda item: item[0].split("/"))
        files.clear()
        files.update(ordered)
    tree.left_out.sort()
    return tree


def _parents(path: str) -> set[str]:
    found = set()
    while (parent := os.path.dirname(path)) != path:  # noqa: PTH120  (a hundred thousand links)
        found.add(path := parent)
    return found


def _walk_folder(tree: Tree, path: str, prefix: str, links: list[tuple[str, str]]) -> None:
    pending = [(path, prefix)]
    while pending:
        path, prefix = pending.pop()
        try:
            with os.scandir(path) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError:
            tree.left_out.append((prefix.rstrip("/") or path, _("folder that cannot be read")))
            continue
        for entry in found:
            name = prefix + entry.name
            if entry.name.startswith(".") or entry.name.lower() in _CLUTTER:
                tree.left_out.append((name, _("hidden or of the system")))
            elif not _is_folder(entry):
                add_file(tree, name, entry.path)
            elif entry.is_symlink():
                links.append((name, entry.path))
            else:
                pending.append((entry.path, f"{name}/"))


def _is_folder(entry: os.DirEntry) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link in a circle
        return False


def add_file(tree: Tree, name: str, path: str) -> None:
    """Add a file to the images of a tree, to its other files, or to what is left out."""
    suffix = os.path.splitext(name)[1].lower()  # noqa: PTH122  (a hundred thousand files)
    try:
        size = os.stat(path).st_size  # noqa: PTH116  (a hundred thousand files)
    except OSError:
        tree.left_out.append((name, _("broken link")))
        return
    if suffix in images.HEIC_SUFFIXES and not images.has_heic():
        reason = _("{suffix}: pip install 'etabli[heic]'").format(suffix=suffix)
        tree.left_out.append((name, reason))
    elif suffix in images.SUFFIXES or (
        (not suffix or suffix[1:].isdigit()) and (not size or images.has_image_content(path))
    ):
        tree.images[name] = size
    elif suffix in _READ_SUFFIXES:
        tree.others[name] = size
    else:
        tree.left_out.append((name, suffix or _("no image")))


class NameFinder:
    """Find the image that a table means: by path, without suffix, or by the end of its path."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = set(names)
        self._by_path: dict[str, list[str]] = defaultdict(list)
        self._by_file: dict[str, list[str]] = defaultdict(list)
        for name in self._names:
            for text in {name, cut_suffix(name)}:
                self._by_path[_fold(text)].append(name)
                self._by_file[_fold(text.rpartition("/")[2])].append(name)

    def find(self, text: str, prefix: str = "") -> str | None:
        """Return the name meant by ``text``, relative to ``prefix`` if possible; None if unclear.

        An exact path wins, then one of another suffix, case or form of accents, then the only
        file, anywhere, whose path ends like ``text``, or ``text`` like it.
        """
        given = os.path.normpath(text.strip().replace("\\", "/"))
        wanted = os.path.normpath(prefix + given)
        if wanted in self._names:
            return wanted
        for path in dict.fromkeys((given, cut_suffix(given))):
            exact = self._by_path.get(os.path.normpath(prefix + path).casefold(), [])
            if len(exact) == 1:
                return exact[0]
            same = self._by_file.get(_fold(path.rpartition("/")[2]), [])
            ends = [name for name in same if _ends_alike(name, path)]
            if len(ends) != 1 and _ABSOLUTE.match(path):  # of another machine
                ends = same
            if len(ends) == 1:
                return ends[0]
        return None


def pair_files(names: Iterable[str], files: Iterable[str]) -> dict[str, str]:
    """Return the image that each file describes, where it is clear.

    Both have the same name but for the suffix, in the same folder or in folders that differ only
    in ``images`` and ``labels`` or the like, or it is the only image of the name.
    """
    names = list(names)
    by_key: dict[str, list[str]] = defaultdict(list)
    for name in names:
        by_key[_drop_holders(cut_suffix(name))].append(name)
    finder = NameFinder(names)
    paired = {}
    for file in files:
        stem = os.path.splitext(file)[0]  # noqa: PTH122  (a hundred thousand files)
        same = by_key.get(_drop_holders(cut_suffix(stem)), [])
        image = same[0] if len(same) == 1 else finder.find(stem.rpartition("/")[2], _above(stem))
        if image:
            paired[file] = image
    return paired


def _drop_holders(name: str) -> str:
    """Return a path without the folders that hold images or descriptions of them."""
    parts = _fold(name).split("/")
    held = [part for part in parts[:-1] if part not in _HOLDERS | _DESCRIPTIONS]
    return "/".join([*held, parts[-1]])


def _above(name: str) -> str:
    folder = name.rpartition("/")[0]
    return f"{folder}/" if folder else ""


def _fold(text: str) -> str:
    """Return a name without regard to case and to how accents are composed (macOS splits them)."""
    return text.casefold() if text.isascii() else unicodedata.normalize("NFC", text).casefold()


def cut_suffix(name: str) -> str:
    """Return a name without the suffix of an image."""
    stem, suffix = os.path.splitext(name)  # noqa: PTH122  (a hundred thousand files)
    return stem if suffix.lower() in images.SUFFIXES else name


def _ends_alike(name: str, given: str) -> bool:
    """Return whether the folders of the two paths agree from the last one upward."""
    folders = (_fold(name).split("/")[-2::-1], _fold(given).split("/")[-2::-1])
    return all(a == b for a, b in zip(*folders, strict=False))


def read_class_folders(tree: Tree, need_labels: bool = True) -> Found:
    """Read a folder per class, with splits above or below the classes.

    The class of an image is the folder that holds it. Where most class folders have the same
    depth, a folder within one belongs to it, and an image above them has no class.

    Args:
        tree: The files of the source.
        need_labels: Leave out images without a class, and refuse what is ambiguous.

    Raises:
        CorruptFile: A folder could be a split or a class.
    """
    counts = Counter(name.rpartition("/")[0] for name in tree.images)
    levels = {
        folder: tuple(part for part in folder.split("/") if part and not get_split(part))
        for folder in counts
    }
    if any(get_split(part) for folder in counts for part in folder.split("/")):
        levels = {
            folder: () if level and _TO_PREDICT.fullmatch(level[-1]) else level
            for folder, level in levels.items()
        }
    if all(level[-1].casefold() in _HOLDERS for level in levels.values() if level):
        levels = {folder: level[:-1] for folder, level in levels.items()}
    classes = _name_classes(levels, counts)
    if need_labels:
        _refuse_train_class(tree.root, classes)
    found = Found(title=tree.root.name)
    for name in tree.images:
        folder = name.rpartition("/")[0]
        label, split = classes[folder], find_split(name)
        if label:
            found.rows.append(Row(name, {unicodedata.normalize("NFC", label[-1]): PRESENT}, split))
        elif need_labels:
            found.left_out.append((name, _("in no class folder")))
        else:
            found.rows.append(Row(name, None, split))
    above = {label[:-1] for label in classes.values() if label}
    if len(above) > 1:
        names = sorted({"/".join(each) for each in above if each})
        text = _("The folders above the class folders are not classes: {names}.")
        found.remarks.append(text.format(names=abbreviate(names)))
    return found


def _name_classes(
    levels: dict[str, tuple[str, ...]], counts: Counter[str]
) -> dict[str, tuple[str, ...]]:
    """Return the path of the class folder of each folder that holds images; () for none."""
    by_depth: Counter[int] = Counter()
    for folder, level in levels.items():
        by_depth[len(level)] += counts[folder] if level else 0
    usual = max(by_depth, key=lambda depth: (by_depth[depth], -depth), default=0)
    holding = set(levels.values()) - {()}
    inner = {level[:depth] for level in holding for depth in range(1, len(level))}
    named: dict[str, tuple[str, ...]] = {}
    for folder, level in levels.items():
        if len(level) < usual and level in inner:
            named[folder] = ()
        else:
            depths = range(usual or 1, len(level))
            depth = next((depth for depth in depths if level[:depth] in holding), len(level))
            named[folder] = level[:depth]
    return named


def _refuse_train_class(root: Path, classes: dict[str, tuple[str, ...]]) -> None:
    """Refuse images in ``train`` next to class folders: ``train`` may be a vehicle."""
    for folder in classes:
        above, _separator, last = folder.rpartition("/")
        if get_split(last) != "train":
            continue
        start = f"{above}/" if above else ""
        siblings = (each[len(start) :] for each in classes if each.startswith(start))
        if any(each and not get_split(each.split("/")[0]) for each in siblings):
            raise CorruptFile(
                _("{path} holds images next to class folders").format(path=root / folder),
                expected=_("a folder per class in it, as it is named like a split"),
                fix=_("If it is a class, rename it, for example to trains."),
            )


def read_file_names(tree: Tree, need_labels: bool = True) -> Found | None:
    """Read names such as cat.0.jpg, whose beginning is the class; None where they are not so.

    At least half of the images must have such names, with at least two beginnings, which repeat and
    are not those of a camera (IMG_0001.jpg).
    """
    kinds: dict[str, str] = {}
    for name in tree.images:
        match = _NUMBERED.fullmatch(cut_suffix(name.rpartition("/")[2]))
        letters = re.sub(r"[\W\d_]+", "", match[1]).casefold() if match else ""
        if match and letters not in _CAMERAS:
            kinds[name] = unicodedata.normalize("NFC", match[1].strip())
    classes = set(kinds.values())
    if 2 * len(kinds) < len(tree.images) or not 2 <= len(classes) <= len(kinds) / 2:
        return None
    found = Found(title=tree.root.name)
    for name in tree.images:
        if name in kinds or not need_labels:
            labels = {kinds[name]: PRESENT} if name in kinds else None
            found.rows.append(Row(name, labels, find_split(name)))
        else:
            found.left_out.append((name, _("no class in its name")))
    name, kind = next(iter(kinds.items()))
    text = _("The classes are the beginnings of the file names, such as {kind} in {name}.")
    found.remarks.append(text.format(kind=kind, name=name))
    return found


def assign_listed_splits(tree: Tree, found: Found) -> None:
    """Set the splits by lists in the source, such as train.txt and test.txt, if it has no others.

    An image in several lists is of the first of train, validation and test. Without a list for
    training, the images that are in no list are for training.
    """
    lists = [name for name in tree.select_others(".txt") if get_split(Path(name).stem)]
    lists = [name for name in lists if name not in found.used]
    if any(row.split for row in found.rows) or not 0 < len(lists) <= _MOST_LISTS:
        return
    finder = NameFinder(row.name for row in found.rows)
    split_of: dict[str, str] = {}
    used = []
    for split in SPLITS:
        for path in (each for each in lists if get_split(Path(each).stem) == split):
            lines = [line for line in text_file.read(tree.path(path)).lines if line.strip()]
            names = [finder.find(line) or finder.find(line.rpartition(" ")[0]) for line in lines]
            known = [name for name in names if name]
            if 2 * len(known) > len(lines):
                split_of = {**dict.fromkeys(known, split), **split_of}
                used.append(path)
    if used:
        found.used |= set(used)
        rest = "" if "train" in split_of.values() else "train"
        found.rows = [row._replace(split=split_of.get(row.name, rest)) for row in found.rows]
        found.remarks.append(_("The splits are those of {names}.").format(names=abbreviate(used)))


def abbreviate(names: list[str], count: int = 6) -> str:
    """Join names, of many the first ones."""
    shown = ", ".join(names[:count])
    if len(names) <= count:
        return shown
    return _("{names} and {n} more").format(names=shown, n=len(names) - count)


def normalize_class(name: str) -> str:
    """Return a class name without regard to case, blanks, underscores and composed accents."""
    return re.sub(r"[\s_-]+", "", unicodedata.normalize("NFC", name).casefold())
