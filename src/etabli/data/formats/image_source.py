"""What a folder of images says: its images, classes and splits, and what was left out.

Every command that reads images reads them with ``read``, so that all agree on their names, which
are paths relative to the source.
"""

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path

import numpy as np

from etabli.core.errors import BadSetting, CorruptFile, DataMissing, EtabliError
from etabli.core.i18n import _, join_translatable
from etabli.data.formats import annotations, image_folder, image_tables, images, text_file, voc
from etabli.data.formats.image_folder import Found, NameFinder, Row, Tree, abbreviate
from etabli.data.formats.image_tables import Options
from etabli.data.formats.labeled_images import (
    ABSENT,
    DIFFICULT,
    PRESENT,
    SPLITS,
    LabeledImages,
)

__all__ = ["ImageSource", "LeftOut", "keep_readable", "read"]

TASKS = ("auto", "single", "multi")
_MOST_SHOWN = 8
_MOST_LABELS = 500_000_000  # images times classes
_MOST_CHECKED = 20_000  # files whose ends are read when they are listed
_MOST_HASHED = 20_000  # files of equal size whose content is compared


@dataclass(frozen=True)
class LeftOut:
    """The files of a source that are not used: (name, reason) of each."""

    files: tuple[tuple[str, str], ...] = ()

    def __len__(self) -> int:
        return len(self.files)

    @property
    def counts(self) -> dict[str, int]:
        """The number of files by reason, the most frequent first."""
        return dict(Counter(reason for _name, reason in self.files).most_common())

    @property
    def kinds(self) -> str:
        """The number of each reason, in words."""
        counts = self.counts.items()
        return join_translatable(
            ", ", [join_translatable(" ", (str(count), kind)) for kind, count in counts]
        )

    def describe(self) -> str:
        """Return the number of files and of each reason, in one line."""
        return _("left out: {count} ({kinds})").format(count=len(self), kinds=self.kinds)


@dataclass(frozen=True)
class ImageSource:
    """The images of a source, what was left out, and remarks on how it was read."""

    images: LabeledImages
    left_out: LeftOut = LeftOut()
    remarks: tuple[str, ...] = ()

    def summary(self) -> str:
        """Return one line: images, classes with their sizes, splits, what was left out."""
        count = len(self.images)
        parts = [_("{count} {count:image|images}").format(count=count)]
        if self.images.classes:
            parts.append(_describe_classes(self.images))
            parts.append(_describe_labels(self.images))
        line = join_translatable(", ", parts)
        if self.images.splits:
            line = _("{start}; {rest}").format(start=line, rest=_describe_splits(self.images))
        if self.left_out:
            line = _("{start}; {rest}").format(start=line, rest=self.left_out.describe())
        return line

    def report(self, print_line: Callable[[str], None]) -> None:
        """Print the summary and each remark."""
        for line in (self.summary(), *self.remarks):
            print_line(line)


def _describe_classes(data: LabeledImages) -> str:
    sizes = (data.labels == PRESENT).sum(0)
    order = list(range(len(sizes)))
    if len(order) > _MOST_SHOWN:
        order.sort(key=lambda column: -sizes[column])
        order = [*order[:3], order[-1]]
    shown = [f"{data.classes[column]} {sizes[column]}" for column in order]
    if len(sizes) > _MOST_SHOWN:
        shown.insert(3, "...")
    text = _("{count} {count:class|classes} ({names})")
    return text.format(count=len(sizes), names=", ".join(shown))


def _describe_labels(data: LabeledImages) -> str:
    if data.is_exclusive:
        return _("one label each")
    counts = (data.labels != ABSENT).sum(1)
    text = _("{least} to {most} labels each")
    return text.format(least=int(counts.min()), most=int(counts.max()))


def _describe_splits(data: LabeledImages) -> str:
    counts = Counter(data.splits)
    shown = [f"{name} {counts[name]}" for name in SPLITS if counts[name]]
    if counts[""]:
        shown.append(_("none {count}").format(count=counts[""]))
    return _("split: {parts}").format(parts=join_translatable(", ", shown))


def read(
    location: Path | str,
    *,
    need_labels: bool = True,
    task: str = "auto",
    split_column: str | None = None,
    label_separator: str | None = None,
    train: Path | str | None = None,
    validation: Path | str | None = None,
    test: Path | str | None = None,
    known: Collection[str] | None = None,
    check_files: bool = True,
) -> ImageSource:
    """Recognize a source of images and read its names, labels and splits.

    Layouts: a folder per class, with splits above or below; ``metadata.csv|jsonl|parquet`` or
    another table of files and labels; ``_classes.csv``; a VOC tree; COCO annotations; an XML
    annotation for each image.

    Args:
        location: A folder of images, a table, or one image.
        need_labels: Refuse a source without labels, and leave out images without any; otherwise
            all images are kept, and the classes may be none.
        task: "single" refuses several labels of an image; "multi" keeps images without a label;
            "auto" leaves them out where every other image has exactly one.
        split_column: The column of a table that names the split of each image.
        label_separator: What separates several labels in a cell; "none" keeps cells whole.
        train: A list of images, or a folder: those of the split "train"; others have no part.
        validation: Likewise; without ``train``, the images that are in no list are for training.
            A split that the source has itself, and that no list replaces, stays.
        test: Likewise.
        known: Names of images, as of extracted features, to which a table refers instead of files.
        check_files: Leave out files whose end shows that they are truncated.

    Raises:
        DataMissing: There is no such source, no image, or no label.
        CorruptFile: A table or an annotation is malformed, or a folder is ambiguous.
        BadSetting: An option does not fit the source.
    """
    location = Path(location)
    if task not in TASKS:
        raise BadSetting(_("there is no such task"), expected=_(" or ").join(TASKS), got=task)
    options = Options(need_labels, split_column, label_separator)
    tree, found = _recognize(location, options, known)
    places = zip(SPLITS, (train, validation, test), strict=True)
    given = {split: place for split, place in places if place is not None}
    if given:
        _assign_splits(tree, found, given, options)
    elif location.is_dir():
        image_folder.assign_listed_splits(tree, found)
    if check_files and known is None:
        _leave_out_truncated(tree, found)
    if known is not None:
        _rename(found, known)
    return _assemble(location, tree, found, need_labels, task)


def _recognize(
    location: Path, options: Options, known: Collection[str] | None
) -> tuple[Tree, Found]:
    """Return the files of a source and what its layout says of them."""
    if location.is_dir():
        tree = image_folder.walk(location)
        if not tree.images:
            raise _refuse_empty(tree)
        return tree, _read_folder(tree, options)
    if not location.is_file():
        if location.suffix.lower() in images.SUFFIXES:
            shown = images.get_display_name(location)
            raise DataMissing(_("there is no image {path}").format(path=shown))
        raise DataMissing(_("there is no folder or table {path}").format(path=location))
    suffix = _suffix(location.name)
    if suffix in images.SUFFIXES or (not suffix and images.has_image_content(location)):
        tree = Tree(location.parent)
        image_folder.add_file(tree, location.name, os.fspath(location))
        if options.need_labels:
            raise _refuse_unlabeled(location)
        return tree, Found([Row(name) for name in tree.images], title=location.stem)
    if suffix in (".zip", ".tar", ".gz", ".tgz", ".7z", ".rar"):
        raise DataMissing(
            _("{path} is an archive").format(path=location),
            fix=_("Extract it, and give the folder."),
        )
    return _read_table_file(location, options, known)


def _refuse_empty(tree: Tree) -> DataMissing:
    left_out = _list_unused(tree)
    fix = _("If the images are in the Parquet files, save them as image files first.")
    return DataMissing(
        _("there are no images in {place}").format(place=tree.root),
        got=left_out.kinds or None,
        fix=fix if tree.select_others(".parquet") else None,
    )


def _list_unused(tree: Tree) -> LeftOut:
    return LeftOut((*tree.left_out, *((name, _suffix(name)) for name in tree.others)))


def _suffix(name: str) -> str:
    return Path(name).suffix.lower()


def _refuse_unlabeled_folder(tree: Tree) -> DataMissing:
    """Return what is wrong with a folder without labels, and with the only table in it."""
    error = _refuse_unlabeled(tree.root, _list_unused(tree))
    tables = tree.select_others(*image_tables.DELIMITED)
    if len(tables) == 1:
        header = image_tables.read_rows(tree.path(tables[0])).header
        error.got = _("{name} with the columns {columns}").format(
            name=tables[0], columns=image_folder.abbreviate(list(map(str, header)), 12)
        )
        error.fix = _("Name the columns of the files and of the labels file_name and label.")
    elif any(name.lower().endswith((".xls", ".xlsx", ".ods")) for name, _reason in tree.left_out):
        error.fix = _("Save the spreadsheet as CSV.")
    else:
        error.fix = _("Move the images of each class into a folder named after the class.")
    return error


def _refuse_unlabeled(location: Path, left_out: LeftOut = LeftOut()) -> DataMissing:
    return DataMissing(
        _("{folder} contains no labels of images").format(folder=location),
        expected=_("a folder for each class, or a table metadata.csv with file_name and label"),
        got=left_out.kinds or None,
    )


def _read_table_file(
    path: Path, options: Options, known: Collection[str] | None
) -> tuple[Tree, Found]:
    """Read a table given as the source: its images are next to it or below, or in ``known``."""
    tree = Tree(path.parent)
    if known is not None:
        finder = NameFinder(known)
        try:
            return tree, image_tables.read_table(path, options, finder.find)
        except DataMissing as error:
            raise _refuse_other_features(known) from error
    if path.suffix.lower() in (".json", ".xml", ".yaml", ".yml"):
        tree = image_folder.walk(path.parent)
        found = _read_annotation_file(tree, path)
        if found is not None:
            found.used.add(path.name)
            return tree, found
    direct = _DirectFiles(tree)
    try:
        found = image_tables.read_table(path, options, direct.find)
    except DataMissing:
        found = Found()
    if not found.rows or any(reason == _("missing") for _name, reason in found.left_out):
        tree = image_folder.walk(path.parent)
        found = image_tables.read_table(path, options, _make_resolver(tree, path.name))
        tree.left_out, tree.others = [], {}
    return tree, found


def _read_annotation_file(tree: Tree, path: Path) -> Found | None:
    """Read annotations given as the source; None for another file."""
    suffix = path.suffix.lower()
    if suffix == ".json":
        return annotations.read_coco(path, _make_resolver(tree, path.name))
    if suffix == ".xml":
        return annotations.read_cvat(tree, [path.name])
    return annotations.read_yolo(tree)


@dataclass
class _DirectFiles:
    """Files exactly where a table says, so that its folder need not be listed."""

    tree: Tree

    def find(self, text: str) -> str | None:
        name = os.path.normpath(text.replace("\\", "/"))
        place = os.fspath(self.tree.path(name))
        if not os.path.isfile(place):  # noqa: PTH113  (a hundred thousand files)
            return None
        if name not in self.tree.images:
            image_folder.add_file(self.tree, name, place)
        return name


def _make_resolver(tree: Tree, table: str) -> Callable[[str], str | None]:
    """Return a function from a file name in a table to an image, also one that was left out.

    Where several images have the name, one in the folder of the split that the table is named
    after is meant (train/1.png for trainLabels.csv).
    """
    names = [*tree.images, *(name for name, _reason in tree.left_out)]
    finder = NameFinder(names)
    folder = table.rpartition("/")[0]
    prefix = f"{folder}/" if folder else ""
    split = annotations.get_split_of_file(Path(table))
    same = [name for name in names if split and image_folder.find_split(name) == split]
    if not same:
        return lambda text: finder.find(text, prefix)
    inner = NameFinder(same)
    return lambda text: finder.find(text, prefix) or inner.find(text, prefix)


def _read_folder(tree: Tree, options: Options) -> Found:
    """Read a folder by the first layout whose mark is in it."""
    named = {name: name.rpartition("/")[2].lower() for name in tree.others}
    for marks in (("metadata.csv", "metadata.jsonl", "metadata.parquet"), ("_classes.csv",)):
        tables = [name for name, last in named.items() if last in marks]
        if tables and (found := _read_class_folders_instead(tree, tables, options)):
            return _refuse_column(found, options)
        if tables:
            return _read_tables(tree, tables, options)
    if roots := voc.find_trees(tree):
        return _refuse_column(voc.read_trees(tree, roots), options)
    found = _read_coco_files(tree) or voc.read_beside(tree)
    found = found or annotations.read_cvat(tree) or annotations.read_yolo(tree)
    if found is None or sum(row.labels is not None for row in found.rows) < len(found.rows) / 2:
        folders = _read_class_folders(tree, options)
        if found is None and (tables := _find_tables(tree, folders)):
            return _read_tables(tree, tables, options, folders)
        if folders is None or len({name for row in folders.rows for name in row.labels or ()}) < 2:
            found = found or image_folder.read_file_names(tree, options.need_labels) or folders
        else:
            found = folders
    if found is None:
        raise _refuse_unlabeled_folder(tree)
    return _refuse_column(found, options)


def _read_class_folders(tree: Tree, options: Options) -> Found | None:
    found = image_folder.read_class_folders(tree, options.need_labels)
    return found if found.rows else None


def _read_class_folders_instead(
    tree: Tree, tables: Sequence[str], options: Options
) -> Found | None:
    """Read class folders where the tables of a folder describe the images without a label."""
    if not options.need_labels or any(
        image_tables.has_image_column(tree.path(table)) for table in tables
    ):
        return None
    found = _read_class_folders(tree, options)
    if found is not None:
        text = _("{name} has no labels: the classes are the folders.")
        found.remarks.append(text.format(name=tables[0]))
    return found


def _refuse_column(found: Found, options: Options) -> Found:
    if options.split_column is not None:
        raise BadSetting(_("--split-column is for a source with a table"), got=options.split_column)
    return found


def _find_tables(tree: Tree, folders: Found | None) -> list[str]:
    """Return the tables of a folder that say the labels of its images; refuse several.

    Folders named like labels are the classes, whatever a table says.
    """
    tables = image_tables.find_tables(tree)
    if tables and folders is not None and not _is_table_preferred(tree, tables, folders):
        return []
    splits = [_split_of_table(name) for name in tables]
    if len(tables) > 1 and ("" in splits or len(set(splits)) < len(tables)):
        raise CorruptFile(
            _("{path} contains several tables of labels").format(path=tree.root),
            got=abbreviate(tables),
            fix=_("Give one of them as the source."),
        )
    return tables


def _split_of_table(table: str) -> str:
    return image_folder.find_split(table) or image_folder.get_split(Path(table).stem)


def _is_table_preferred(tree: Tree, tables: Sequence[str], folders: Found) -> bool:
    """Return whether tables list half of the images, under labels that no folder has."""
    named = {
        image_folder.normalize_class(name) for row in folders.rows for name in row.labels or ()
    }
    if not named:
        return True
    listed: set[str] = set()
    for table in tables:
        try:
            resolve = _make_resolver(tree, table)
            found = image_tables.read_table(tree.path(table), Options(), resolve)
        except EtabliError:
            continue
        labels = {name for row in found.rows for name in row.labels or ()}
        if len(labels) < 2 or named & set(map(image_folder.normalize_class, labels)):
            return False
        listed |= {row.name for row in found.rows}
    return len(listed) >= len(tree.images) / 2


def _read_tables(
    tree: Tree, tables: Sequence[str], options: Options, folders: Found | None = None
) -> Found:
    """Read tables and join them; one in a folder named like a split, or so named, is that split.

    Where images need no labels, those of ``folders`` that no table lists are added without any.
    """
    joined = Found(title=tree.root.name)
    classes: dict[str, None] = {}
    for table in tables:
        split = _split_of_table(table)
        found = image_tables.read_table(
            tree.path(table), options, _make_resolver(tree, table), split
        )
        _extend(joined, found)
        joined.used.add(table)
        classes.update(dict.fromkeys(found.classes or ()))
    joined.classes = list(classes) or None
    if folders is not None and any(row.labels for row in folders.rows):
        text = _("The labels are those of {name}: the folders of the images are not classes.")
        joined.remarks.append(text.format(name=abbreviate(list(tables))))
    listed = {row.name for row in joined.rows}
    if folders is not None and not options.need_labels:
        joined.rows += [row._replace(labels=None) for row in folders.rows if row.name not in listed]
        return joined
    joined.left_out += [(name, _("not in the table")) for name in tree.images if name not in listed]
    return joined


def _extend(joined: Found, found: Found) -> None:
    """Append the images of another table; labels of an image in both are joined."""
    position = {row.name: place for place, row in enumerate(joined.rows)}
    for row in found.rows:
        if row.name in position:
            old = joined.rows[position[row.name]]
            labels = {**(old.labels or {}), **(row.labels or {})}
            joined.rows[position[row.name]] = old._replace(labels=labels)
        else:
            joined.rows.append(row)
    joined.left_out += found.left_out
    joined.remarks += found.remarks
    joined.used |= found.used


def _read_coco_files(tree: Tree) -> Found | None:
    """Read COCO annotations where there are any: of several kinds, those named ``instances``."""
    files = tree.select_others(".json")
    files = [name for name in files if "instances" in name.rpartition("/")[2]] or files
    joined = Found(title=tree.root.name)
    for name in files if len(files) <= 20 else ():
        resolve = _make_resolver(tree, name)
        split = image_folder.find_split(name)
        found = annotations.read_coco(tree.path(name), resolve, split)
        if found is not None:
            _extend(joined, found)
            joined.used.add(name)
    if not joined.used:
        return None
    listed = {row.name for row in joined.rows}
    joined.left_out += [(name, _("in no annotation")) for name in tree.images if name not in listed]
    return joined


def _assign_splits(
    tree: Tree, found: Found, given: dict[str, Path | str], options: Options
) -> None:
    """Set the splits by lists and folders; the images of a folder elsewhere are added."""
    split_of: dict[str, str] = {}
    finder = NameFinder(row.name for row in found.rows)
    for split, place in given.items():
        for name in _read_part(tree, found, Path(place), finder, options):
            if split_of.setdefault(name, split) != split:
                raise BadSetting(
                    _("{name} is in two splits").format(name=name), got=f"{split_of[name]}, {split}"
                )
    has_own = any(row.split for row in found.rows)
    rest = "train" if "train" not in given and "validation" in given and not has_own else ""
    is_closed = "train" in given or has_own
    rows = []
    for row in found.rows:
        own = "" if row.split in given else row.split
        split = split_of.get(row.name) or own or rest
        if is_closed and not split:
            found.left_out.append((row.name, _("in no split")))
        else:
            rows.append(row._replace(split=split))
    found.rows = rows


def _read_part(
    tree: Tree, found: Found, place: Path, finder: NameFinder, options: Options
) -> list[str]:
    """Return the names of the images of a list or folder; add those that are outside the source."""
    if not place.exists() and tree.path(os.fspath(place)).exists():
        place = tree.path(os.fspath(place))
    if not place.exists():
        raise DataMissing(_("there is no folder or list {path}").format(path=place))
    if place.is_dir():
        below = os.path.relpath(os.path.realpath(place), os.path.realpath(tree.root))
        if not below.startswith(".."):
            prefix = "" if below == "." else f"{Path(below).as_posix()}/"
            names = [row.name for row in found.rows if row.name.startswith(prefix)]
            if names:
                return names
        inner_tree = image_folder.walk(place)
        inner = _read_folder(inner_tree, replace(options, split_column=None))
        prefix = f"{Path(below).as_posix()}/"
        _join_tree(tree, found, prefix, inner_tree, inner)
        return [row.name for row in inner.rows]
    found.used.add(Path(os.path.relpath(place, tree.root)).as_posix())
    lines = [line.strip() for line in text_file.read(place).lines if line.strip()]
    if place.suffix.lower() in image_folder.TABLE_SUFFIXES - {".txt"}:
        table = image_tables.read_table(place, Options(need_labels=False), lambda text: text)
        lines = [row.name for row in table.rows]
    listed = [(line, finder.find(line) or finder.find(line.rpartition(" ")[0])) for line in lines]
    absent = [line for line, name in listed if name is None]
    found.left_out += [(line, _("missing")) for line in absent]
    if len(absent) == len(listed):
        raise DataMissing(
            _("{path} lists no image of the source").format(path=place),
            got=_("names such as {name}").format(name=abbreviate(lines, 1)),
        )
    return [name for _line, name in listed if name is not None]


def _join_tree(tree: Tree, found: Found, prefix: str, other: Tree, inner: Found) -> None:
    """Add the files of another folder, with what its layout says, under names with a prefix."""
    inner.rows = [row._replace(name=prefix + row.name) for row in inner.rows]
    inner.left_out = [(prefix + name, reason) for name, reason in inner.left_out]
    inner.used = {prefix + name for name in inner.used}
    tree.images |= {prefix + name: size for name, size in other.images.items()}
    tree.others |= {prefix + name: size for name, size in other.others.items()}
    tree.left_out += [(prefix + name, reason) for name, reason in other.left_out]
    _extend(found, inner)


def _rename(found: Found, known: Collection[str]) -> None:
    """Give images the names that features have, and leave out those without features."""
    finder = NameFinder(known)
    shown = [images.replace_invalid(row.name) for row in found.rows]
    names = list(map(finder.find, shown))
    counts = Counter(names)
    rows = []
    for row, own, name in zip(found.rows, shown, names, strict=True):
        if name is None or (counts[name] > 1 and name != own):
            found.left_out.append((row.name, _("without features")))
        else:
            rows.append((name, row))
    if found.rows and not rows:
        raise _refuse_other_features(known)
    found.paths = {name: row.name for name, row in rows}
    found.rows = [row._replace(name=name) for name, row in rows]


def _refuse_other_features(known: Collection[str]) -> DataMissing:
    return DataMissing(
        _("no image has both features and a label"),
        expected=_("names such as {name}").format(name=next(iter(known), "?")),
        fix=_("Pass to --labels the images that 'etabli features' read."),
    )


def _leave_out_truncated(tree: Tree, found: Found) -> None:
    """Leave out empty files, and those whose end is missing, without decoding the others."""
    empty = [row.name for row in found.rows if not tree.images.get(row.name, 1)]
    found.left_out += [(name, _("empty")) for name in empty]
    found.rows = [row for row in found.rows if tree.images.get(row.name, 1)]
    if len(found.rows) <= _MOST_CHECKED:
        paths = [tree.path(row.name) for row in found.rows]
        with ThreadPoolExecutor() as readers:
            futures = [readers.submit(copy_context().run, _find_problem, path) for path in paths]
        checked = [(row, each.result()) for row, each in zip(found.rows, futures, strict=True)]
        found.left_out += [(row.name, problem) for row, problem in checked if problem]
        found.rows = [row for row, problem in checked if not problem]


def _find_problem(path: Path) -> str:
    if images.has_end(path):
        return ""
    problem = images.find_problem(path)
    return problem[0] if problem else ""


def _assemble(
    location: Path, tree: Tree, found: Found, need_labels: bool, task: str
) -> ImageSource:
    """Make the labeled images of what was found, and remarks on what is doubtful."""
    skipped = dict(tree.left_out)
    left_out = [*tree.left_out]
    left_out += [(name, reason) for name, reason in found.left_out if name not in skipped]
    left_out += [(name, _suffix(name)) for name in tree.others if name not in found.used]
    rows = [row for row in found.rows if row.name not in skipped]
    if need_labels:
        rows, unlabeled = _drop_unlabeled(rows, found.classes, task)
        left_out += [(name, _("without a label")) for name in unlabeled]
        _refuse_several(rows, task)
    if not rows:
        reasons = LeftOut(tuple(left_out))
        raise DataMissing(
            _("no image of {place} can be used").format(place=location),
            got=reasons.kinds or None,
        )
    remarks = list(dict.fromkeys(found.remarks))
    classes = found.classes or sorted({name for row in rows for name in row.labels or ()})
    if len(classes) * len(rows) > _MOST_LABELS:
        if need_labels:
            raise _refuse_many(len(classes), len(rows))
        remarks.append(_refuse_many(len(classes), len(rows)).wrong + ".")
        classes = []
    if need_labels:
        remarks += _find_similar_classes(classes)
        remarks += _find_same_content(tree, rows)
    data = _label(tree, rows, classes, found.paths)
    data = replace(data, groups=found.groups, title=found.title or location.name)
    names = tuple((images.replace_invalid(name), reason) for name, reason in sorted(left_out))
    return ImageSource(data, LeftOut(names), tuple(remarks))


def _label(
    tree: Tree, rows: Sequence[Row], classes: Sequence[str], paths: dict[str, str]
) -> LabeledImages:
    column = {name: position for position, name in enumerate(classes)}
    labels = np.full((len(rows), len(classes)), ABSENT, np.int8)
    for position, row in enumerate(rows):
        for name, label in (row.labels or {}).items() if column else ():
            labels[position, column[name]] = label
    splits = tuple(row.split for row in rows)
    return LabeledImages(
        tuple(images.replace_invalid(row.name) for row in rows),
        tuple(tree.path(paths.get(row.name, row.name)) for row in rows),
        tuple(classes),
        labels,
        splits=splits if any(splits) else (),
    )


def _drop_unlabeled(
    rows: Sequence[Row], classes: Sequence[str] | None, task: str
) -> tuple[list[Row], list[str]]:
    """Return the rows to keep and the names of the others.

    An image that shows none of the classes is kept where others show several, or there is one class
    only; where every other image has exactly one label, it lacks its own.
    """
    is_multi = task == "multi" or any(
        len(row.labels) > 1 or DIFFICULT in row.labels.values() for row in rows if row.labels
    )
    named = classes or {name for row in rows for name in row.labels or ()}
    keeps_empty = is_multi or (len(named) == 1 and task == "auto")
    kept = [row for row in rows if row.labels or (keeps_empty and row.labels is not None)]
    names = {row.name for row in kept}
    return kept, [row.name for row in rows if row.name not in names]


def _refuse_several(rows: Iterable[Row], task: str) -> None:
    several = [row for row in rows if row.labels and len(row.labels) > 1]
    if task == "single" and several:
        raise BadSetting(
            _("several labels in {count} of the images").format(count=len(several)),
            expected=_("one label each"),
            got=f"{several[0].name}: {', '.join(several[0].labels or ())}",
            fix=_("Use --task multi."),
        )


def _refuse_many(classes: int, count: int) -> BadSetting:
    return BadSetting(
        _("{classes} classes of {count} images are too many").format(classes=classes, count=count),
        expected=_("at most {count} million labels").format(count=_MOST_LABELS // 1_000_000),
        fix=_("If each image is in a folder of its own, give a table of files and labels."),
    )


def _find_similar_classes(classes: Sequence[str]) -> list[str]:
    """Return a remark where names of classes differ in case, blanks or composed accents only."""
    alike = defaultdict(list)
    for name in classes:
        alike[image_folder.normalize_class(name)].append(name)
    text = _("Classes whose names differ in case or blanks only: {names}.")
    pairs = [" / ".join(f"'{each}'" for each in names) for names in alike.values() if names[1:]]
    return [text.format(names=abbreviate(pairs))] if pairs else []


def _find_same_content(tree: Tree, rows: Sequence[Row]) -> list[str]:
    """Return remarks on files of the same content: with different labels, and all others."""
    by_size: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        by_size[tree.images.get(row.name, 0)].append(row)
    alike = [group for size, group in by_size.items() if size and len(group) > 1]
    if sum(map(len, alike)) > _MOST_HASHED:
        return []
    groups: dict[bytes, list[Row]] = defaultdict(list)
    for row in (row for group in alike for row in group):
        groups[blake2b(tree.path(row.name).read_bytes()).digest()].append(row)
    same = [group for group in groups.values() if len(group) > 1]
    conflicts = [each for each in same if len({frozenset(row.labels or ()) for row in each}) > 1]
    repeated = [each for each in same if each not in conflicts]
    remarks = []
    if conflicts:
        text = _("Files with the same content but different labels: {count}, such as {names}.")
        remarks.append(text.format(count=len(conflicts), names=_equate(conflicts[0])))
    if repeated:
        text = _("Files that repeat the content of another: {count}, such as {names}.")
        count = sum(len(group) - 1 for group in repeated)
        remarks.append(text.format(count=count, names=_equate(repeated[0])))
    return remarks


def _equate(rows: Sequence[Row]) -> str:
    return " = ".join(row.name for row in rows[:2])


def keep_readable(
    source: ImageSource, report: Callable[[str], None] = lambda sentence: None
) -> ImageSource:
    """Return the source without images that cannot be decoded; they count as left out.

    Each image is decoded once, at a small size.

    Args:
        source: What ``read`` returned.
        report: Receives a sentence on each image that is left out, and one on their number.

    Raises:
        DataMissing: None is left.
    """
    data = source.images
    with ThreadPoolExecutor() as decoders:
        # In a copy of this context, so that sentences are in the language of the caller.
        futures = [
            decoders.submit(copy_context().run, images.find_problem, path) for path in data.paths
        ]
        problems = [future.result() for future in futures]
    for name, problem in zip(data.names, problems, strict=True):
        if problem is not None:
            report(f"{name}: {problem[1]}")
    kept = [row for row, problem in enumerate(problems) if problem is None]
    if not kept:
        raise DataMissing(_("none of the {count} images can be read").format(count=len(data)))
    if len(kept) == len(data):
        return source
    skipped = _("Unreadable images, skipped: {count} of {total}.")
    report(skipped.format(count=len(data) - len(kept), total=len(data)))
    more = tuple(
        (name, problem[0])
        for name, problem in zip(data.names, problems, strict=True)
        if problem is not None
    )
    return replace(source, images=data.select(kept), left_out=LeftOut(source.left_out.files + more))
