"""Your own labeled images: a folder per class, a VOC devkit, or a table of files and labels."""

import csv
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from etabli.core.atomic_files import parse_json
from etabli.core.errors import CorruptFile, DataMissing, EtabliError
from etabli.core.i18n import _
from etabli.data.formats import images, voc
from etabli.data.formats.labeled_images import LabeledImages, from_names

__all__ = ["keep_readable", "read", "read_class_folders", "read_table"]

FILE_COLUMNS = ("file_name", "filename", "file", "image", "path", "name")
LABEL_COLUMNS = ("labels", "label", "classes", "class")
_TABLES = ("metadata.csv", "metadata.jsonl")
_PREVIEW_SIZE = (64, 64)  # to which a JPEG decodes at an eighth of the work


def read(path: Path | str, split: str = "trainval") -> LabeledImages:
    """Read labeled images in any of the three forms.

    A ``.csv`` or ``.jsonl`` file, or a folder with ``metadata.csv`` or ``metadata.jsonl``; a VOC
    devkit (``ImageSets`` in it or below), of which ``split`` is read; otherwise a folder per class.
    """
    path = Path(path)
    if path.is_file():
        return read_table(path)
    if not path.is_dir():
        raise DataMissing(_("there is no folder or table {path}").format(path=path))
    for name in _TABLES:
        if (path / name).is_file():
            return read_table(path / name)
    is_devkit = any((path / inner).is_dir() for inner in ("ImageSets", "VOCdevkit"))
    if is_devkit or any(path.glob("VOC20??")):
        return voc.read_devkit(path, split)
    return read_class_folders(path)


def keep_readable(data: LabeledImages, report: Callable[[str], None]) -> LabeledImages:
    """Return the images that can be decoded; ``report`` receives a sentence on each of the others.

    Each image is decoded once, at a small size. Raises ``DataMissing`` where none is left.
    """

    def find_problem(path: Path) -> EtabliError | None:
        try:
            images.read(path, _PREVIEW_SIZE)
        except EtabliError as error:
            return error
        return None

    with ThreadPoolExecutor() as decoders:
        problems = list(decoders.map(find_problem, data.paths))
    for name, problem in zip(data.names, problems, strict=True):
        if problem is not None:
            report(f"{name}: {problem}")
    kept = [row for row, problem in enumerate(problems) if problem is None]
    if not kept:
        raise DataMissing(_("none of the {count} images can be read").format(count=len(data)))
    if len(kept) < len(data):
        skipped = _("{count} of {total} images could not be read and were skipped.")
        report(skipped.format(count=len(data) - len(kept), total=len(data)))
    return data.select(kept)


def read_class_folders(folder: Path | str) -> LabeledImages:
    """Read ``folder/<class>/**/<image>``: the name of the first folder is the image's label."""
    folder = Path(folder)
    found = [path for path in images.list_images(folder) if path.parent != folder]
    if not found:
        raise DataMissing(
            _("{folder} contains no folders of images").format(folder=folder),
            expected=_("a folder for each class, or a table metadata.csv with file_name and label"),
        )
    names = [images.get_display_name(path, folder) for path in found]
    items = [(name, path, (name.split("/")[0],)) for name, path in zip(names, found, strict=True)]
    return from_names(items, title=folder.name)


def read_table(path: Path | str) -> LabeledImages:
    """Read a CSV table with a header, or a JSON object per line: a file name, and its labels.

    Files are relative to the table. Several labels are in one cell, separated by ``;`` or ``|``, in
    a JSON list, or in several rows of the same file. No label means that the image shows none of
    the classes.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
        rows: list[dict] = (
            _parse_json_lines(text)
            if path.suffix.lower() in (".jsonl", ".ndjson")
            else list(csv.DictReader(text.splitlines()))
        )
    except FileNotFoundError as error:
        raise DataMissing(_("there is no table {path}").format(path=path)) from error
    except (ValueError, csv.Error) as error:
        raise CorruptFile(
            _("{path} is not a table of labels").format(path=path), got=str(error)
        ) from error
    if not rows:
        raise CorruptFile(_("{path} has no rows").format(path=path))
    file_column = _find_column(path, rows[0], FILE_COLUMNS)
    label_column = _find_column(path, rows[0], LABEL_COLUMNS)
    labels: dict[str, list[str]] = {}
    for number, row in enumerate(rows, 1):
        name = str(row.get(file_column) or "").strip()
        if not name:
            raise CorruptFile(
                _("{path}, row {number}: no file name").format(path=path, number=number)
            )
        cell = row.get(label_column)
        words = (
            cell if isinstance(cell, list) else re.split("[;|]", "" if cell is None else str(cell))
        )
        kept = (str(word).strip() for word in words)
        labels.setdefault(name, []).extend(word for word in kept if word)
    return from_names(
        [(name, path.parent / name, words) for name, words in labels.items()], title=path.stem
    )


def _parse_json_lines(text: str) -> list[dict]:
    rows = [parse_json(line) for line in text.splitlines() if line.strip()]
    objects = [row for row in rows if isinstance(row, dict)]
    if len(objects) < len(rows):
        raise ValueError(_("a line is not a JSON object"))
    return objects


def _find_column(path: Path, row: dict, candidates: tuple[str, ...]) -> str:
    for name in candidates:
        if name in row:
            return name
    raise CorruptFile(
        _("{path} lacks a column").format(path=path),
        expected=_(" or ").join(candidates),
        got=", ".join(str(name) for name in row),
    )
