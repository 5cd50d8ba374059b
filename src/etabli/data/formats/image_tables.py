"""Tables of image files and their labels: CSV, JSON, JSON lines, parquet.

A table is read as rows of cells. Its columns are found by their names, without regard to case,
blanks and underscores; without a column of labels, columns of 0 and 1 are classes.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from etabli.core.atomic_files import parse_json
from etabli.core.errors import CorruptFile, DataMissing, EtabliError, MissingExtra
from etabli.core.i18n import _
from etabli.data.formats import images, text_file
from etabli.data.formats.image_folder import (
    TABLE_SUFFIXES,
    Found,
    Row,
    Tree,
    abbreviate,
    find_split,
    get_split,
)
from etabli.data.formats.labeled_images import DIFFICULT, PRESENT

__all__ = [
    *("Options", "Table", "find_tables", "has_image_column", "read_rows", "read_table"),
]

DELIMITED = (".csv", ".tsv")
FILE_COLUMNS = (
    *("file_name", "file", "image_path", "path", "file_path", "image_file", "image_name"),
    *("file_names", "file_paths", "image_index", "img_path", "img_name", "relative_path"),
    *("image", "image_id", "fname", "img", "id", "id_code", "name", "fichier"),
)
LABEL_COLUMNS = (
    *("label", "labels", "class", "classes", "category", "categories"),
    *("class_name", "label_name", "category_name", "finding_labels", "diagnosis", "dx"),
    *("class_label", "tag", "tags", "target", "targets", "choice", "classe", "étiquette"),
)
SPLIT_COLUMNS = ("split", "subset", "partition", "set", "data_set", "ensemble", "is_valid")
# What pandas reads as missing, and writes for it.
_MISSING = frozenset(
    {"", "NaN", "nan", "NAN", "-nan", "NA", "N/A", "n/a", "<NA>", "#N/A", "null", "NULL", "None"}
)
_TRUE, _FALSE = frozenset({"1", "1.0", "true"}), frozenset({"0", "0.0", "false"})
_BINARY = _TRUE | _FALSE | {"-1", "-1.0"}
_MOST_TABLES = 20
_BRACKETS = {"[": "]", "(": ")", "{": "}"}


@dataclass(frozen=True)
class Options:
    """How a table is read: see ``image_source.read``."""

    need_labels: bool = True
    split_column: str | None = None
    label_separator: str | None = None


@dataclass
class Table:
    """The cells of a table under its column names, and remarks on how it was read."""

    path: Path
    header: list[str]
    rows: list[list[Any]]
    remarks: list[str] = field(default_factory=list)

    def column(self, position: int) -> list[Any]:
        return [row[position] for row in self.rows]

    def find(self, candidates: Sequence[str]) -> int | None:
        """Return the position of the first of some column names that there is."""
        names = [_normalize(name) for name in self.header]
        wanted = (_normalize(name) for name in candidates)
        return next((names.index(name) for name in wanted if name in names), None)

    def refuse(self, expected: str) -> CorruptFile:
        return CorruptFile(
            _("{path} lacks a column").format(path=self.path),
            expected=expected,
            got=abbreviate([str(name) for name in self.header], 12),
        )


def _normalize(name: object) -> str:
    return re.sub(r"[\s_\-]+", "", str(name).casefold())


def read_rows(path: Path | str) -> Table:
    """Read the cells of a table.

    CSV and text are read with the separator of their header (comma, semicolon, tab, bar) in the
    encoding of ``text_file``. Raises ``DataMissing`` or ``CorruptFile``.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in TABLE_SUFFIXES:
        raise CorruptFile(
            _("{path} is not a table of labels").format(path=path),
            expected=", ".join(sorted(TABLE_SUFFIXES)),
            fix=_("Save a spreadsheet as CSV."),
        )
    try:
        if suffix == ".parquet":
            table = _read_parquet(path)
        elif suffix in (".json", ".jsonl", ".ndjson"):
            table = _read_json(path)
        else:
            table = _read_delimited(path)
    except (ValueError, csv.Error) as error:
        if isinstance(error, EtabliError):
            raise
        raise CorruptFile(
            _("{path} is not a table of labels").format(path=path), got=str(error)
        ) from error
    if not table.rows:
        raise CorruptFile(_("{path} has no rows").format(path=path))
    return table


def _read_delimited(path: Path) -> Table:
    decoded = text_file.read(path)
    lines = decoded.lines
    if lines and re.fullmatch(r"sep=.", lines[0].strip()):  # written by Excel
        lines = lines[1:]
    first = next((line for line in lines if line.strip()), "")
    counts = {each: len(next(csv.reader([first], delimiter=each))) for each in ",;\t|"}
    delimiter = max(counts, key=lambda each: counts[each])
    cells = csv.reader(io.StringIO("\n".join(lines), newline=""), delimiter=delimiter)
    rows: list[list[Any]] = [row for row in cells if any(cell.strip() for cell in row)]
    remark = text_file.describe_encoding(path, decoded.encoding)
    header = [cell.strip() for cell in rows[0]] if rows else []
    table = Table(path, header, rows[1:], [remark] if remark else [])
    if table.find(FILE_COLUMNS) is None and any(map(_is_image_name, header)):
        table = _name_columns(path, rows, table.remarks)
    width = len(table.header)
    table.rows = [(row + [""] * (width - len(row)))[:width] for row in table.rows]
    return table


def _is_image_name(text: str) -> bool:
    return PurePosixPath(text.rpartition(" ")[0] or text).suffix.lower() in images.SUFFIXES or (
        PurePosixPath(text).suffix.lower() in images.SUFFIXES
    )


def _name_columns(path: Path, rows: list[list[Any]], remarks: list[str]) -> Table:
    """Name the columns of a table without a header: a file, its label, its split."""
    if len(rows[0]) == 1:  # "cat/one.jpg 3", as lists of files are often written
        pairs = [row[0].strip().rpartition(" ") for row in rows]
        if all(_is_image_name(name) for name, _blank, _label in pairs if name) and pairs[0][0]:
            rows = [[name, label] for name, _blank, label in pairs]
    header = [f"column {number}" for number in range(1, 1 + len(rows[0]))]
    file = next(column for column, cell in enumerate(rows[0]) if _is_image_name(cell))
    others = [column for column in range(len(header)) if column != file]
    splits = [c for c in others if all(get_split(row[c]) for row in rows if c < len(row))]
    labels = [column for column in others if column not in splits]
    columns = (([file], FILE_COLUMNS), (labels, LABEL_COLUMNS), (splits, SPLIT_COLUMNS))
    for found, names in columns:
        if found:
            header[found[0]] = names[0]
    text = _("{name} has no header: its columns are read as {columns}.")
    return Table(
        path, header, rows, [*remarks, text.format(name=path.name, columns=", ".join(header))]
    )


def _read_json(path: Path) -> Table:
    text = text_file.read(path)
    if path.suffix.lower() == ".json":
        parsed = parse_json(text.text)
        if isinstance(parsed, dict):
            parsed = _to_objects(parsed)
    else:
        parsed = [parse_json(line) for line in text.lines if line.strip()]
    return _from_objects(path, parsed)


def _to_objects(parsed: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of an object of columns, as pandas writes it, or of labels by file."""
    columns = {
        name: list(cells.values()) if isinstance(cells, dict) else cells
        for name, cells in parsed.items()
    }
    is_table = any(_normalize(name) in map(_normalize, FILE_COLUMNS) for name in columns)
    if is_table and all(isinstance(cells, list) for cells in columns.values()):
        rows = zip(*columns.values(), strict=True)
        return [dict(zip(columns, cells, strict=True)) for cells in rows]
    return [{"file_name": name, "label": label} for name, label in parsed.items()]


def _read_parquet(path: Path) -> Table:
    if not path.is_file():
        raise DataMissing(_("there is no table {path}").format(path=path))
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as error:
        raise MissingExtra("pyarrow", "parquet", _("reading a Parquet file")) from error
    try:
        return _from_objects(path, parquet.read_table(path).to_pylist())
    except (ArrowException, OSError) as error:
        raise CorruptFile(
            _("{path} is not a table of labels").format(path=path), got=str(error)
        ) from error


def _from_objects(path: Path, objects: object) -> Table:
    if not isinstance(objects, list) or not all(isinstance(each, dict) for each in objects):
        raise ValueError(_("a line is not a JSON object"))
    header = list(dict.fromkeys(name for each in objects for name in each))
    return Table(path, header, [[each.get(name) for name in header] for each in objects])


def has_image_column(path: Path, need_labels: bool = True) -> bool:
    """Return whether a file reads as a table of images, with labels where they are needed."""
    try:
        table = read_rows(path)
    except EtabliError:
        return False
    if (files := table.find(FILE_COLUMNS)) is None:
        return False
    if not need_labels or table.find(LABEL_COLUMNS) is not None or _find_binary(table, ()):
        return True
    return _find_only_other(table, (files, table.find(SPLIT_COLUMNS))) is not None


def find_tables(tree: Tree) -> list[str]:
    """Return the tables of a folder that read as labels of images.

    Examples of what to hand in (Kaggle's sample_submission.csv), and names of classes by number,
    are none; nor are many JSON files, as of one for each photo.
    """
    names = [
        name
        for suffix in sorted(TABLE_SUFFIXES - {".txt"})
        if len(same := tree.select_others(suffix)) <= _MOST_TABLES
        for name in same
    ]
    names = [name for name in names if "submission" not in name.lower()]
    return [name for name in names if has_image_column(tree.path(name)) and not _is_map(tree, name)]


def _is_map(tree: Tree, name: str) -> bool:
    """Return whether a JSON object maps texts to texts, neither files nor columns of files."""
    if not name.lower().endswith(".json"):
        return False
    parsed = parse_json(text_file.read(tree.path(name)).text)
    files = set(map(_normalize, FILE_COLUMNS))
    return isinstance(parsed, dict) and not any(
        _is_image_name(key) or _normalize(key) in files for key in parsed
    )


def read_table(
    path: Path, options: Options, resolve: Callable[[str], str | None], folder_split: str = ""
) -> Found:
    """Read the images, labels and splits of a table.

    Several labels are in one cell, in several rows of the same file, or in a column of 0 and 1 per
    class. An empty cell is no label.

    Args:
        path: The table.
        options: How it is read.
        resolve: From a file name in the table to the name of an image; None where there is none.
        folder_split: The split of images without another one.

    Raises:
        DataMissing: There is no table, or none of its images exists.
        CorruptFile: It lacks a column, or a cell cannot be read.
    """
    table = read_rows(path)
    found = Found(remarks=table.remarks, title=path.stem)
    files = _find_files(table)
    splits = _read_splits(table, options, found)
    names = _read_names(table, files)
    labels = _read_labels(table, (files, splits[0]), options, found)
    merged: dict[str, dict[str, int] | None] = {}
    split_of: dict[str, str] = {}
    disagreeing: set[str] = set()
    for row, (text, given) in enumerate(zip(names, labels, strict=True)):
        name = resolve(text)
        if name is None:
            found.left_out.append((text, _("missing")))
            continue
        split_of.setdefault(name, splits[1][row] or find_split(name) or folder_split)
        if name in merged and merged[name] and given and set(merged[name] or ()) != set(given):
            disagreeing.add(name)
        merged[name] = None if given is None else {**(merged.get(name) or {}), **given}
    if not merged:
        raise _refuse_missing(path, names[0])
    if disagreeing:
        text = _("Files listed with several labels, which are all kept: {count}, such as {name}.")
        found.remarks.append(text.format(count=len(disagreeing), name=min(disagreeing)))
    found.rows = [Row(name, given, split_of[name]) for name, given in merged.items()]
    return found


def _find_files(table: Table) -> int:
    """Return the column of file names: not a class that is named like one."""
    names, binary = [_normalize(name) for name in table.header], _find_binary(table, ())
    wanted = [_normalize(name) for name in FILE_COLUMNS]
    columns = [column for name in wanted for column, each in enumerate(names) if each == name]
    if not columns:
        raise table.refuse(_(" or ").join(FILE_COLUMNS))
    return next((column for column in columns if column not in binary), columns[0])


def _refuse_missing(path: Path, name: str) -> DataMissing:
    return DataMissing(
        _("{path} lists no image that there is").format(path=path),
        got=_("names such as {name}").format(name=name),
        fix=_("Put the table into the folder of its images."),
    )


def _read_names(table: Table, column: int) -> list[str]:
    names = []
    for number, cell in enumerate(table.column(column), 1):
        if isinstance(cell, dict):
            raise CorruptFile(
                _("{path} holds the images themselves").format(path=table.path),
                expected=_("a column of file names"),
                fix=_("Save the images as files first."),
            )
        name = _to_text(cell)
        if not name:
            raise CorruptFile(
                _("{path}, row {number}: no file name").format(path=table.path, number=number)
            )
        names.append(name)
    return names


def _to_text(cell: object) -> str:
    """Return a cell as text: "" where it is missing, "3" for 3.0."""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    text = "" if cell is None else str(cell).strip()
    return "" if text in _MISSING else unicodedata.normalize("NFC", text)


def _read_splits(table: Table, options: Options, found: Found) -> tuple[int | None, list[str]]:
    """Return the column of splits, and the split of each row."""
    none = [""] * len(table.rows)
    if options.split_column is not None:
        column = table.find([options.split_column])
        if column is None:
            raise table.refuse(options.split_column)
    elif (column := table.find(SPLIT_COLUMNS)) is None:
        return None, none
    cells = [_to_text(cell).casefold() for cell in table.column(column)]
    if _normalize(table.header[column]) in ("isvalid", "isvalidation"):  # as in fastai
        return column, ["validation" if cell in _TRUE else "train" for cell in cells]
    splits = [get_split(cell) for cell in cells]
    unknown = sorted({c for c, split in zip(cells, splits, strict=True) if c and not split})
    if unknown and options.split_column is not None:
        raise CorruptFile(
            _("{path}: column {name} does not name splits").format(
                path=table.path, name=table.header[column]
            ),
            expected=_("train, validation or test"),
            got=abbreviate(unknown),
        )
    if unknown and column not in _find_binary(table, ()):
        text = _("Column {name} does not name splits and was not used.")
        found.remarks.append(text.format(name=table.header[column]))
    return (None, none) if unknown else (column, splits)


def _read_labels(
    table: Table, taken: tuple[int | None, ...], options: Options, found: Found
) -> list[dict[str, int] | None]:
    """Return the labels of each row; None where there is no cell of labels."""
    column = table.find(LABEL_COLUMNS)
    binary = _find_binary(table, taken)
    if column is None and not binary and (column := _find_only_other(table, taken)) is not None:
        text = _("Column {name} is taken as the label.")
        found.remarks.append(text.format(name=table.header[column]))
    if binary and (column is None or _is_class_column(table, column, binary)):
        return _read_binary(table, binary, taken, found)
    if column is None:
        if options.need_labels:
            expected = _("{names}, or a column of 0 and 1 for each class")
            raise table.refuse(expected.format(names=_(" or ").join(LABEL_COLUMNS)))
        return [None] * len(table.rows)
    words = split_labels(table.column(column), options.label_separator, found, table)
    return [dict.fromkeys(each, PRESENT) for each in words]


def _find_only_other(table: Table, taken: Sequence[int | None]) -> int | None:
    """Return the only column that is not taken, unless it holds descriptions."""
    others = set(range(len(table.header))) - set(taken)
    if len(others) != 1:
        return None
    (column,) = others
    values = list(map(_to_text, table.column(column)))
    return column if len(set(values)) <= len(values) / 2 else None


def _is_class_column(table: Table, column: int, binary: list[int]) -> bool:
    """Return whether a column named like labels is a class among columns of 0 and 1."""
    if column not in binary or len(binary) != 2:
        return column in binary and len(binary) > 2
    pairs = zip(*(table.column(each) for each in binary), strict=True)
    return all((_binary_text(a) in _TRUE) != (_binary_text(b) in _TRUE) for a, b in pairs)


def _find_binary(table: Table, taken: Sequence[int | None]) -> list[int]:
    """Return the columns of 0 and 1 (or of -1 and 1)."""
    columns = []
    for position, name in enumerate(table.header):
        if position in taken or _normalize(name) in ("", "id", "index", "unnamed:0"):
            continue
        values = {_binary_text(cell) for cell in table.column(position)}
        if values - {""} and values <= _BINARY | {""}:
            columns.append(position)
    return columns


def _binary_text(cell: object) -> str:
    return "" if isinstance(cell, list | dict) else _to_text(cell).casefold()


def _read_binary(
    table: Table, columns: list[int], taken: tuple[int | None, ...], found: Found
) -> list[dict[str, int] | None]:
    """Read one class per column; where there are -1, 0 and 1 (as in CheXpert), -1 is difficult."""
    found.classes = [str(table.header[column]).strip() for column in columns]
    unused = set(range(len(table.header))) - {*columns, *taken}
    if unused:
        text = _("Columns that are not classes of 0 and 1 were not used: {names}.")
        names = [str(table.header[column]) for column in sorted(unused)]
        found.remarks.append(text.format(names=abbreviate(names)))
    values = [[_binary_text(cell) for cell in table.column(column)] for column in columns]
    met = {value for each in values for value in each}
    unsure = {"-1", "-1.0"} if met & _FALSE else set()
    if met & unsure:
        found.remarks.append(_("-1 is taken as uncertain: such a label is ignored in scores."))
    rows = []
    for cells in zip(*values, strict=True):
        pairs = zip(found.classes, cells, strict=True)
        rows.append(
            {
                name: PRESENT if cell in _TRUE else DIFFICULT
                for name, cell in pairs
                if cell in _TRUE or cell in unsure
            }
        )
    return list(rows)


def split_labels(
    cells: Sequence[object], separator: str | None, found: Found, table: Table
) -> list[list[str]]:
    """Return the labels of each cell: a list, or text in which a separator is recognized.

    ``separator`` is given by the user; "" keeps text whole. Otherwise it is ";" or "|" if one
    occurs, then "," and at last a blank where every word of such a label is a label itself, or
    such labels are more than twice as many as their words.
    """
    lists = [_parse_list(cell, table) for cell in cells]
    pairs = list(zip(cells, lists, strict=True))
    texts = ["" if each is not None else _to_text(cell) for cell, each in pairs]
    if separator is None:
        pattern = _guess_separator(texts)
    else:
        pattern = "" if separator == "none" else re.escape(separator)
    several = [text for text in texts if pattern and re.search(pattern, text)]
    if several and separator is None:
        text = _("Cells with several labels: {count}, such as {example} (--label-separator).")
        found.remarks.append(text.format(count=len(several), example=f"'{several[0][:60]}'"))
    if separator is None and not pattern and (whole := _find_compound(texts)):
        text = _("Labels with blanks are kept whole, such as {example} (--label-separator).")
        found.remarks.append(text.format(example=f"'{whole[:60]}'"))
    listed = [str(cell) for cell, each in pairs if each and len(each) > 1]
    if listed:
        text = _("Cells with a list of labels: {count}, such as {example}.")
        found.remarks.append(text.format(count=len(listed), example=listed[0][:60]))
    words = [
        each if each is not None else re.split(pattern, text) if pattern else [text]
        for text, each in zip(texts, lists, strict=True)
    ]
    return [list(dict.fromkeys(word for each in row if (word := _to_text(each)))) for row in words]


def _guess_separator(texts: Sequence[str]) -> str:
    if any(";" in text or "|" in text for text in texts):
        return "[;|]"
    if any("," in text for text in texts):
        return ","
    whole = {text for text in texts if " " not in text}
    blank = {text for text in texts if " " in text}
    words = {word for text in blank for word in text.split()}
    return r"\s+" if blank and (words <= whole or 2 * len(words) < len(blank)) else ""


def _find_compound(texts: Sequence[str]) -> str:
    """Return a label with blanks of which a word is a label itself, or ""."""
    whole = set(texts)
    return next((text for text in texts if " " in text and whole & set(text.split())), "")


def _parse_list(cell: object, table: Table) -> list[str] | None:
    """Return the items of a list, also one written as Python, NumPy or JSON; None for text."""
    items = cell if isinstance(cell, list | tuple) else [cell]
    if any(isinstance(each, dict | list) for each in items):
        raise CorruptFile(
            _("{path} has a label that is not text").format(path=table.path),
            expected=_("a name, or a list of names"),
            got=str(cell)[:60],
        )
    if isinstance(cell, list | tuple):
        return [_to_text(each) for each in cell]
    text = _to_text(cell)
    if text[:1] not in _BRACKETS or not text:
        return None
    if text[-1] != _BRACKETS[text[0]]:
        if text.count(text[0]) == text.count(_BRACKETS[text[0]]):  # such as "(red) wolf"
            return None
        raise CorruptFile(
            _("{path} has a label that looks like a list").format(path=table.path),
            expected=_("a closing bracket"),
            got=text[:60],
        )
    try:
        parsed = parse_json(text)
    except ValueError:
        quoted = re.findall(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"", text)
        return [a or b for a, b in quoted] if quoted else text[1:-1].split(",")
    return [_to_text(each) for each in parsed]
