"""A user's own images: a folder per class, a VOC tree, or a table that names files and labels."""

import csv
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from etabli.core.atomic_files import parse_json
from etabli.core.errors import CorruptFile, DataMissing, EtabliError
from etabli.core.i18n import _
from etabli.data.formats import images, voc
from etabli.data.formats.labeled_images import LabeledImages, from_names

__all__ = ["read", "read_class_folders", "read_table", "keep_readable"]

FILE_COLUMNS = ("file_name", "filename", "file", "image", "path", "name")
LABEL_COLUMNS = ("labels", "label", "classes", "class")
SEPARATORS = ";|"
_SMALL = (64, 64)  # to which a JPEG decodes at an eighth of the work


def read(place: Path | str, split: str = "trainval") -> LabeledImages:
    """The labelled images of a place, whichever of the three forms it has.

    A ``.csv`` or ``.jsonl`` file, or a folder with ``metadata.csv`` or ``metadata.jsonl``; a folder with
    ``JPEGImages`` and ``ImageSets`` (or above it), of which ``split`` is taken; otherwise a folder for each class.
    """
    place = Path(place)
    if place.is_file():
        return read_table(place)
    if not place.is_dir():
        raise DataMissing(_("there is no folder or table {path}").format(path=place))
    for name in ("metadata.csv", "metadata.jsonl"):
        if (place / name).is_file():
            return read_table(place / name)
    if any((place / inner).is_dir() for inner in ("ImageSets", "VOCdevkit")) or list(
        place.glob("VOC20??")
    ):
        return voc.read_devkit(place, split)
    return read_class_folders(place)


def keep_readable(which: LabeledImages, tell: Callable[[str], None]) -> LabeledImages:
    """The images that can be read, each decoded once and small; ``tell`` gets a sentence about each of the others.

    Raises ``DataMissing`` where none is left.
    """

    def problem(path: Path) -> EtabliError | None:
        try:
            images.read(path, _SMALL)
        except EtabliError as refusal:
            return refusal
        return None

    with ThreadPoolExecutor() as decoders:
        problems = list(decoders.map(problem, which.paths))
    for name, refusal in zip(which.names, problems, strict=True):
        if refusal is not None:
            tell(f"{name}: {refusal}")
    kept = [row for row, refusal in enumerate(problems) if refusal is None]
    if not kept:
        raise DataMissing(_("none of the {count} images can be read").format(count=len(which)))
    if len(kept) < len(which):
        told = _("{count} of {total} images could not be read and were skipped.")
        tell(told.format(count=len(which) - len(kept), total=len(which)))
    return which.select(kept)


def read_class_folders(folder: Path | str) -> LabeledImages:
    """``folder/<class>/**/<image>``: the name of the first folder is the image's one label."""
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
    """A CSV table with a header, or a JSON object on each line: a file name, and one or several labels.

    Files lie relative to the table. Several labels stand in one cell, parted by ``;`` or ``|``, in a JSON list, or
    in several rows of the same file. No label means that the image shows none of the classes.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
        rows = (
            _json_rows(text)
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
    file_column, label_column = (
        _column(path, rows[0], FILE_COLUMNS),
        _column(path, rows[0], LABEL_COLUMNS),
    )
    labels: dict[str, list[str]] = {}
    for number, row in enumerate(rows, 1):
        name = str(row.get(file_column) or "").strip()
        if not name:
            raise CorruptFile(
                _("{path}, row {number}: no file name").format(path=path, number=number)
            )
        labels.setdefault(name, []).extend(_words(row.get(label_column)))
    return from_names(
        [(name, path.parent / name, words) for name, words in labels.items()], title=path.stem
    )


def _json_rows(text: str) -> list[dict]:
    rows = [parse_json(line) for line in text.splitlines() if line.strip()]
    if not all(isinstance(row, dict) for row in rows):
        raise ValueError(_("a line is not a JSON object"))
    return rows


def _column(path: Path, row: dict, candidates: tuple[str, ...]) -> str:
    for name in candidates:
        if name in row:
            return name
    raise CorruptFile(
        _("{path} lacks a column").format(path=path),
        expected=_(" or ").join(candidates),
        got=", ".join(str(name) for name in row),
    )


def _words(cell: object) -> list[str]:
    if isinstance(cell, list):
        return [str(word).strip() for word in cell if str(word).strip()]
    text = "" if cell is None else str(cell)
    for separator in SEPARATORS[1:]:
        text = text.replace(separator, SEPARATORS[0])
    return [word.strip() for word in text.split(SEPARATORS[0]) if word.strip()]
