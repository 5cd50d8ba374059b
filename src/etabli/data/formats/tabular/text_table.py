"""Tables of points as text: any delimiter, decimal commas, with or without a header.

How a file is written is decided by its first lines: the delimiter that gives rows of one length
and most numbers, the decimal comma where numbers have one, and a header where the first line
differs in kind from the next ones. Large files are read by pyarrow where it is installed.
"""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice, pairwise
from operator import itemgetter
from pathlib import Path
from typing import IO, Any

import numpy as np

from etabli.core.errors import BadArray, CorruptFile, EtabliError
from etabli.core.i18n import _
from etabli.data.formats import text_file
from etabli.data.formats.tabular import columns
from etabli.data.formats.tabular.table import Labels, Options, RawTable, list_names

__all__ = ["read", "read_labels"]

Row = list[str]

BLANKS = ""  # the delimiter of cells between runs of blanks and tabs
_DELIMITERS = ("\t", ";", "|", ",", BLANKS)
_WEIGHT_OF_DOUBT = 0.6
_SAMPLE_LINES = 200
_CHUNK_ROWS = 4096
_MIN_FOR_ARROW = 2**24  # bytes; smaller files are read before pyarrow is imported
_ARROW_BLOCK = 2**23
_MIN_FOR_FLOAT32 = 2**24  # numbers; larger tables are held in half of the memory
_MISSING = {
    *("", "?", "-", ".", "na", "n/a", "nan", "-nan", "null", "none", "<na>", "#n/a", "missing"),
    *(
        "\u2212",
        "\u2013",
        "\u2014",
        "--",
        "---",
        "n.a.",
        "(null)",
        "#value!",
        "#div/0!",
        "#ref!",
        "#num!",
        "#name?",
        "#null!",
    ),
}
_NUMBER = re.compile(r"[+-]?((\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|inf|infinity)", re.I | re.A)
_COMMA_NUMBER = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?", re.A)
_GROUPED_NUMBER = re.compile(  # a blank between thousands, as in French: 1 234,5
    r"[+-]?[1-9]\d{0,2}([ \u00a0\u2009\u202f]\d{3}){1,4}([.,]\d+)?", re.A
)
_GROUP_BLANKS = re.compile(r"[ \u00a0\u2009\u202f]")
_ODD_NUMBER = re.compile(
    r"[$€£¥]? ?[+-]?\d{1,3}([., '’\u00a0\u202f]\d{3})*([.,]\d+)? ?([%‰€$£°]|[a-zµμ²³/]{1,6})?", re.I
)
_QUOTED_OR_PLAIN = re.compile(r'"([^"]*)"|(\S+)')


@dataclass(frozen=True)
class Dialect:
    """How a text table is written; ``skip`` lines come before its first row of values."""

    encoding: str
    delimiter: str
    decimal: str
    skip: int
    names: tuple[str, ...]
    is_text: tuple[bool, ...]
    has_header: bool
    odd_numbers: tuple[int, ...] = ()

    @property
    def width(self) -> int:
        return len(self.names)


# --- how it is written ----------------------------------------------------------------------------


def sniff(path: Path, n_rows: int | None = None) -> Dialect:
    """Return how a text table is written.

    With ``n_rows``, the number of points, a table of text only has a header if it has one row more.
    """
    with path.open("rb") as stream:
        head = stream.read(4096)
    encoding = text_file.decode(head, path).encoding  # refuses a binary file
    if encoding != text_file.UTF_16 and path.stat().st_size < _MIN_FOR_ARROW:
        encoding = text_file.detect_encoding(path)
    elif encoding == text_file.WINDOWS_1252:  # or UTF-8 that is cut within a character
        encoding = text_file.UTF_8
    with _open(path, encoding, errors="replace") as stream:
        lines = [line.rstrip("\r\n") for line in islice(stream, _SAMPLE_LINES)]
    skip, forced, comment = _skip_comments(lines)
    body = [line for line in lines[skip:] if line.strip()]
    if not body:
        raise CorruptFile(_("{path} is empty").format(path=path))
    delimiter = forced or _choose_delimiter(body)
    rows = list(_split(body, delimiter))
    if not rows:
        raise CorruptFile(_("{path} is empty").format(path=path))
    decimal = "," if _has_decimal_commas(rows) else "."
    header = None
    if comment and len(cells := next(_split([comment], delimiter), [])) == len(rows[0]):
        header = cells
    elif _is_header(rows, decimal) or (n_rows is not None and _count_rows(path) == n_rows + 1):
        header, rows = rows[0], rows[1:]
        skip += next(at for at, line in enumerate(lines[skip:], start=1) if line.strip())
    names = [str(at + 1) for at in range(len(rows[0]))] if header is None else header
    if header is not None:
        names = _fit_header(header, rows)
        _check_header(path, names, rows)
        blank = next((at for at, line in enumerate(lines[skip:]) if line.strip()), 0)
        _check_second_line(path, names, rows, decimal, (skip, skip + blank + 1))
    is_text = tuple(_is_text_column(rows, at, decimal) for at in range(len(names)))
    odd = tuple(at for at, text in enumerate(is_text) if text and _holds_numbers(rows, at))
    unique = tuple(columns.deduplicate(names))
    return Dialect(encoding, delimiter, decimal, skip, unique, is_text, bool(header), odd)


def _open(path: Path, encoding: str, errors: str = "strict") -> IO[str]:
    errors = "replace" if encoding == text_file.WINDOWS_1252 else errors
    return path.open(encoding=encoding, errors=errors, newline="")


def _skip_comments(lines: Sequence[str]) -> tuple[int, str | None, str]:
    """Return the lines before the table, the delimiter they declare, and the last comment."""
    skip, forced, comment = 0, None, ""
    for line in lines:
        plain = line.strip()
        if plain.lower().startswith("sep=") and len(plain) == 5 and not skip:
            forced = plain[4]
        elif plain.startswith(("#", "%")) and not plain.startswith(("#,", "#;", "#\t")):
            comment = plain.lstrip("#% ")
        elif plain:
            break
        skip += 1
    return skip, forced, comment


def _split(lines: Iterable[str], delimiter: str) -> Iterator[Row]:
    """Yield the cells of each line that is not empty."""
    if delimiter == BLANKS:
        for line in lines:
            if '"' in line:
                yield [first or second for first, second in _QUOTED_OR_PLAIN.findall(line)]
            elif cells := line.split():
                yield cells
        return
    for row in csv.reader(lines, delimiter=delimiter, skipinitialspace=True):
        if row and (len(row) > 1 or row[0].strip()):
            yield row


def _choose_delimiter(lines: Sequence[str]) -> str:
    """Return the delimiter that gives rows of one length and most numbers.

    Blanks may be part of a label, and commas of a number: where another delimiter fits every line,
    those that do not count for less.
    """
    rated = {each: _rate(lines, each) for each in _DELIMITERS}
    is_certain = any(rated[each][1] == 1 for each in _DELIMITERS if each != BLANKS)
    doubtful = [each for each in _DELIMITERS if each == BLANKS or rated[each][1] < 1]
    weights = dict.fromkeys(doubtful, _WEIGHT_OF_DOUBT if is_certain else 1)
    return max(_DELIMITERS, key=lambda each: rated[each][0] * weights.get(each, 1))


def _rate(lines: Sequence[str], delimiter: str) -> tuple[float, float]:
    """Return a rate of a delimiter, and the share of rows of the most common length."""
    try:
        rows = list(_split(lines, delimiter))
    except csv.Error:
        return 0, 0
    widths = [len(row) for row in rows]
    width = _most_common(widths)
    cells = [cell for row in rows[1:] or rows for cell in row]
    kinds = [_kind(cell) for cell in cells]
    total = max(1, len(cells))
    # "5 1" between commas are two decimal numbers of a table with blanks
    are_joined = [_are_joined(cell, delimiter) for cell in cells]
    joined = sum(are_joined) / total
    alone = [kind for kind, is_one in zip(kinds, are_joined, strict=True) if not is_one]
    numbers = alone.count("number") / total
    if width < 2 or (delimiter == BLANKS and numbers < 0.3):
        return 0, 0
    share = widths.count(width) / max(1, len(widths))
    return share * (numbers - joined + kinds.count("missing") / total / 2 + 0.05), share


def _are_joined(cell: str, delimiter: str) -> bool:
    """Return whether a cell is several numbers, and not one with blanks between thousands.

    "1 200 300" without decimals is one number only where a spreadsheet separates cells.
    """
    plain = cell.strip()
    if " " not in plain:
        return False
    mark = {",": r"\.", ";": "", "|": ""}.get(delimiter, "[.,]")
    is_one = " " not in _plain(plain) and re.search(mark, plain)
    return not is_one and all(_kind(part) == "number" for part in plain.split())


def _most_common(values: Sequence[int]) -> int:
    return max(set(values), key=lambda value: (values.count(value), value), default=0)


def _kind(cell: str) -> str:
    """Return "number" (with a point or a comma), "missing" or "text"."""
    plain = cell.strip()
    if plain.casefold() in _MISSING:
        return "missing"
    if _NUMBER.fullmatch(plain) or _COMMA_NUMBER.fullmatch(plain):
        return "number"
    rewritten = _plain(plain)
    return "text" if rewritten == plain else _kind(rewritten)


def _plain(cell: str) -> str:
    """Return a cell without typographic minus signs and without blanks between thousands."""
    plain = cell.strip().translate(columns.MINUS_SIGNS)
    return _GROUP_BLANKS.sub("", plain) if _GROUPED_NUMBER.fullmatch(plain) else plain


def _has_decimal_commas(rows: Sequence[Row]) -> bool:
    cells = (cell for row in rows for cell in row if "," in cell)
    return any(_COMMA_NUMBER.fullmatch(_plain(cell)) for cell in cells)


def _is_text_column(rows: Sequence[Row], at: int, decimal: str) -> bool:
    kinds = [_kind(row[at]) for row in rows if at < len(row)]
    return kinds.count("text") > kinds.count("number")


def _holds_numbers(rows: Sequence[Row], at: int) -> bool:
    """Return whether cells of a text are numbers with a unit, a currency or separators."""
    cells = [row[at].strip() for row in rows if at < len(row)]
    return sum(bool(_ODD_NUMBER.fullmatch(cell)) for cell in cells) > len(cells) / 2


def _is_header(rows: Sequence[Row], decimal: str) -> bool:
    """Return whether the first row differs in kind from the next ones."""
    first, rest = rows[0], rows[1:]
    kinds = [_kind(cell) for cell in first]
    if not rest:
        return all(kind == "text" or not cell for kind, cell in zip(kinds, first, strict=True))
    below = [_is_text_column(rest, at, decimal) for at in range(len(first))]
    numeric = [kind for kind, is_text in zip(kinds, below, strict=True) if not is_text]
    texts = [cell.strip() for cell, kind in zip(first, kinds, strict=True) if kind == "text"]
    if numeric.count("text") and 2 * numeric.count("text") >= len(numeric) - numeric.count(
        "missing"
    ):
        return True
    if any(columns.is_label_name(cell) and not _occurs(cell, rest) for cell in texts):
        return True
    return _counts(first) and not any(_counts(row) for row in rest[:5])


def _occurs(cell: str, rows: Sequence[Row]) -> bool:
    return any(cell == other.strip() for row in rows for other in row)


def _counts(row: Row) -> bool:
    """Return whether the numbers of a row, three or more, count up by one as numbered columns."""
    numbers = [cell.strip() for cell in row if _kind(cell) == "number"]
    if len(numbers) < 3 or not all(cell.isdecimal() for cell in numbers):
        return False
    return all(int(after) - int(before) == 1 for before, after in pairwise(numbers))


def _fit_header(header: Row, rows: Sequence[Row]) -> Row:
    """Name a column that the header lacks: names of rows before it (R), or an empty last cell."""
    if not rows or any(len(row) != len(header) + 1 for row in rows):
        return header
    is_trailing = all(not row[-1].strip() for row in rows)
    return [*header, ""] if is_trailing else ["", *header]


def _check_header(path: Path, header: Row, rows: Sequence[Row]) -> None:
    """Refuse a first line that is a title: all the next ones have more cells, and as many."""
    widths = {len(row) for row in rows}
    if len(rows) > 1 and len(widths) == 1 and len(header) < min(widths):
        raise BadArray(
            _("the first line of {path} names fewer columns than its rows have").format(path=path),
            expected=_("{n} names").format(n=min(widths)),
            got=list_names(header),
            fix=_("If it is a title, remove it or begin it with #; a header names every column."),
        )


def _check_second_line(
    path: Path, header: Row, rows: Sequence[Row], decimal: str, lines: tuple[int, int]
) -> None:
    """Refuse a second header, of units or names: none of its cells is a value of its column.

    ``lines`` are the numbers of both; the one that names fewer columns is to be removed.
    """
    first, rest = rows[0] if rows else [], rows[1:]
    if not rest or len(first) != len(rest[0]):
        return
    numeric = [at for at in range(len(first)) if not _is_text_column(rest, at, decimal)]
    kinds = [_kind(first[at]) for at in numeric]
    occurs = any(
        cell.strip() == row[at].strip()
        for at, cell in enumerate(first)
        if _kind(cell) == "text"
        for row in rest
        if at < len(row)
    )
    if "text" in kinds and "number" not in kinds and not occurs:
        counts = [sum(bool(cell.strip()) for cell in names) for names in (header, first)]
        removed = lines[counts[0] >= counts[1]]
        raise BadArray(
            _("line {line} of {path} is a second header").format(line=lines[1], path=path),
            expected=_("one line of names"),
            got=list_names([cell for cell in first if cell.strip()]),
            fix=_("Remove line {line}; every column needs one name.").format(line=removed),
        )


def _count_rows(path: Path) -> int:
    with path.open("rb") as stream:
        return sum(1 for line in stream if line.strip())


# --- reading --------------------------------------------------------------------------------------


def read(path: Path, options: Options, *, need_labels: bool = True) -> RawTable:
    """Read the numeric columns and the labels of a text table; text is left out with a remark."""
    dialect = sniff(path)
    raw = RawTable(str(path), np.zeros((0, 0)), all_columns=dialect.names)
    names = dialect.names if dialect.has_header else ["" for _name in dialect.names]
    asked = options.label_column
    at = (
        columns.choose_label(names, dialect.is_text, options, raw.remarks)
        if asked is None
        else columns.resolve(asked, dialect.names)
    )
    if at is not None and asked is None and not dialect.has_header:
        raw.remarks[-1:] = [
            _("The labels are column {number}, the only one of text.").format(number=at + 1)
        ]
    if at is None and need_labels:
        raise columns.no_labels(str(path), dialect.names)
    dropped = {columns.resolve(each, dialect.names) for each in options.drop_columns}
    others = [index for index in range(dialect.width) if index not in {at, *dropped}]
    numeric = [index for index in others if not dialect.is_text[index]]
    texts = [dialect.names[index] for index in others if dialect.is_text[index]]
    if texts:
        raw.remarks.append(_("Columns of text, left out: {names}.").format(names=list_names(texts)))
    odd = [dialect.names[index] for index in dialect.odd_numbers if dialect.names[index] in texts]
    advice = _advise_plain_numbers()
    if odd and numeric:
        raw.remarks.append(
            _("Their cells begin or end with numbers, and are text: {names}. {advice}").format(
                names=list_names(odd), advice=advice
            )
        )
    if not numeric:
        raise BadArray(
            _("{path} contains labels and no points").format(path=path),
            expected=_("columns of numbers"),
            got=list_names(odd or texts) or None,
            fix=advice
            if odd
            else _(
                "Separate the columns with commas, semicolons or tabs; write numbers as 1.5e-3."
            ),
        )
    raw.columns = tuple(dialect.names[index] for index in numeric)
    raw.label_column = "" if at is None else dialect.names[at]
    raw.has_header = dialect.has_header
    raw.points, raw.labels, encoding = _read_values(path, dialect, numeric, at, raw.remarks)
    if remark := text_file.describe_encoding(path, encoding):
        raw.remarks.append(remark)
    if raw.points.dtype == np.float32:
        raw.remarks.append(
            _("{n} numbers are held as float32, to save memory.").format(n=raw.points.size)
        )
    return raw


def read_labels(path: Path, options: Options, n_points: int, remarks: list[str]) -> Labels:
    """Read the labels of a file of their own: its only column, or the one of labels."""
    dialect = sniff(path, n_points)
    names = dialect.names
    at = 0 if len(names) == 1 and options.label_column is None else None
    if at is None:
        at = columns.choose_label(names, dialect.is_text, options, remarks)
    if at is None:
        raise BadArray(
            _("{path} does not say which column contains the labels").format(path=path),
            expected=_("one column, or one named 'label'"),
            got=list_names(names),
            fix=_("Name it with --label-column."),
        )
    codes, texts = _LabelCodes(), []
    with _open(path, dialect.encoding) as stream:
        for row in _rows(path, stream, dialect):
            texts.append(codes.add(row[at]))
    return columns.encode_texts(np.array(texts, dtype=np.int64), codes.texts, remarks)


class _LabelCodes:
    """Texts in the order of their first appearance, and the number of each."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}

    def add(self, text: str) -> int:
        return self._codes.setdefault(text, len(self._codes))

    @property
    def texts(self) -> list[str]:
        return list(self._codes)


class _Collector:
    """Points and label codes that grow without a second copy.

    A table of many numbers is held in float32, as long as its values fit.
    """

    def __init__(self, width: int, rows: int) -> None:
        self.width = width
        is_large = rows * width >= _MIN_FOR_FLOAT32
        self._points = np.empty((rows + 1, width), np.float32 if is_large else np.float64)
        self._codes = np.empty(rows + 1, np.int32)
        self.n = 0
        self.rewritten: set[int] = set()  # columns with numbers of another writing

    def add(self, block: np.ndarray, codes: np.ndarray | None) -> None:
        end = self.n + len(block)
        if end > len(self._points):
            more = max(end, len(self._points) + len(self._points) // 8)
            self._points.resize((more, self.width), refcheck=False)
            self._codes.resize(more, refcheck=False)
        with np.errstate(over="ignore"):
            self._points[self.n : end] = block
        if self._points.dtype == np.float32 and block.size:
            top = np.abs(block).max(initial=0, where=np.isfinite(block))
            if top > np.finfo(np.float32).max:
                self._points = self._points.astype(np.float64)
                self._points[self.n : end] = block
        if codes is not None:
            self._codes[self.n : end] = codes
        self.n = end

    def finish(self) -> tuple[np.ndarray, np.ndarray]:
        self._points.resize((self.n, self.width), refcheck=False)
        self._codes.resize(self.n, refcheck=False)
        return self._points, self._codes


def _read_values(
    path: Path, dialect: Dialect, numeric: list[int], label: int | None, remarks: list[str]
) -> tuple[np.ndarray, Labels | None, str]:
    """Return the points, the labels, and the encoding that all of the file was read in."""
    size = path.stat().st_size
    done = None
    if size >= _MIN_FOR_ARROW:
        done = _read_by_arrow(path, dialect, numeric, label)
    if done is None and dialect.encoding == text_file.UTF_8:
        dialect = replace(dialect, encoding=text_file.detect_encoding(path))
    collector, codes = done or _read_rows(path, dialect, numeric, label)
    points, places = collector.finish()
    if not len(points):
        raise BadArray(
            _("{path} does not contain a table of points").format(path=path),
            expected=_("N rows of D numbers"),
            got=_("no row"),
        )
    if collector.rewritten:
        names = [dialect.names[index] for index in numeric if index in collector.rewritten]
        remarks.append(
            _(
                "Cells with a typographic minus, or with blanks between thousands, are read as "
                "numbers: {names}."
            ).format(names=list_names(names))
        )
    labels = None if label is None else columns.encode_texts(places, codes.texts, remarks)
    return points, labels, dialect.encoding


def _rows(path: Path, stream: IO[str], dialect: Dialect) -> Iterator[Row]:
    """Yield the rows after the header; every row has as many cells as there are names."""
    for _line in islice(stream, dialect.skip):
        pass
    try:
        for number, row in enumerate(_split(stream, dialect.delimiter), start=1):
            if len(row) != dialect.width:
                raise BadArray(
                    _("{path} has a row of another length: row {row}").format(
                        path=path, row=number
                    ),
                    expected=_("{n} cells, as in its first line").format(n=dialect.width),
                    got=len(row),
                    fix=_("Complete or remove the row; a cell with a delimiter needs quotes."),
                )
            yield row
    except (csv.Error, UnicodeDecodeError) as error:
        raise CorruptFile(
            _("{path} is not a readable text table").format(path=path), got=error
        ) from error


def _read_rows(
    path: Path, dialect: Dialect, numeric: list[int], label: int | None
) -> tuple[_Collector, _LabelCodes]:
    codes = _LabelCodes()
    collector = _Collector(len(numeric), _estimate_rows(path, dialect))
    with _open(path, dialect.encoding) as stream:
        rows = _rows(path, stream, dialect)
        while chunk := list(islice(rows, _CHUNK_ROWS)):
            block = _to_numbers(path, chunk, dialect, numeric, collector)
            found = None if label is None else [codes.add(row[label]) for row in chunk]
            collector.add(block, None if found is None else np.array(found))
    return collector, codes


def _estimate_rows(path: Path, dialect: Dialect) -> int:
    """Return about the number of rows, from the length of the first lines."""
    with path.open("rb") as stream:
        lines = list(islice(stream, dialect.skip + _SAMPLE_LINES))[dialect.skip :]
    length = sum(map(len, lines)) / max(1, len(lines))
    return int(path.stat().st_size / max(1.0, length) * 1.01) + 1


def _to_numbers(
    path: Path, rows: list[Row], dialect: Dialect, numeric: list[int], done: _Collector
) -> np.ndarray:
    """Convert cells at once, or one by one where one of them is no plain number."""
    pick: Callable[[Row], Sequence[str]] = (
        itemgetter(*numeric) if len(numeric) > 1 else lambda row: (row[numeric[0]],)
    )
    shape = len(rows), len(numeric)
    cells = list(chain.from_iterable(map(pick, rows)))
    if dialect.decimal == "." and not any("_" in cell for cell in cells):
        try:
            return np.fromiter(map(float, cells), np.float64, len(cells)).reshape(shape)
        except ValueError:
            pass
    values = np.empty(len(cells))
    for at, cell in enumerate(cells):
        plain = cell.strip()
        if plain.casefold() in _MISSING:
            values[at] = np.nan
            continue
        number = _to_point(plain, dialect.decimal)
        if not _NUMBER.fullmatch(number):
            number = _to_point(_plain(plain), dialect.decimal)
            row, column = divmod(at, len(numeric))
            if not _NUMBER.fullmatch(number):
                raise _no_number(path, done.n + row + 1, dialect.names[numeric[column]], cell)
            done.rewritten.add(numeric[column])
        values[at] = float(number)
    return values.reshape(shape)


def _to_point(cell: str, decimal: str) -> str:
    """Return a number with a decimal point; nothing where it has a point and commas are decimal."""
    if decimal == ".":
        return cell
    return "" if "." in cell else cell.replace(",", ".")


def _advise_plain_numbers() -> str:
    return _("Write plain numbers, such as 1234.5, without units, % or thousands separators.")


def _no_number(path: Path, row: int, column: str, cell: str) -> EtabliError:
    return BadArray(
        _("{path} has no number in row {row}, column '{column}'").format(
            path=path, row=row, column=column
        ),
        expected=_("a number"),
        got=repr(cell[:40]),
        fix=_advise_plain_numbers()
        if _ODD_NUMBER.fullmatch(cell.strip())
        else _(
            "Correct the cell, remove the row, leave the column out with --drop-column, or name it "
            "with --label-column if it contains the classes."
        ),
    )


# --- pyarrow --------------------------------------------------------------------------------------


def _read_by_arrow(
    path: Path, dialect: Dialect, numeric: list[int], label: int | None
) -> tuple[_Collector, _LabelCodes] | None:
    """Read a large file in blocks of whole lines; None where pyarrow is missing or refuses it."""
    try:
        import pyarrow
        from pyarrow import csv as arrow_csv
    except ImportError:
        return None
    if dialect.delimiter == BLANKS or dialect.encoding != text_file.UTF_8:
        return None
    codes = _LabelCodes()
    collector = _Collector(len(numeric), _estimate_rows(path, dialect))
    kinds: dict[str, Any] = {str(at): pyarrow.float64() for at in numeric}
    if label is not None:
        kinds[str(label)] = pyarrow.dictionary(pyarrow.int32(), pyarrow.string())
    tokens = sorted({each for token in _MISSING for each in (token, token.upper(), token.title())})
    options = {
        "parse_options": arrow_csv.ParseOptions(delimiter=dialect.delimiter),
        "convert_options": arrow_csv.ConvertOptions(
            column_types=kinds,
            include_columns=list(kinds),
            null_values=[*tokens, "NaN", "-NaN"],
            decimal_point=dialect.decimal,
        ),
        "read_options": arrow_csv.ReadOptions(
            column_names=[str(at) for at in range(dialect.width)], block_size=2**20
        ),
    }
    try:
        with path.open("rb") as stream:
            for lines in _whole_lines(stream, dialect.skip):
                source = pyarrow.BufferReader(pyarrow.py_buffer(lines))
                table = arrow_csv.read_csv(source, **options)
                _add_arrow(collector, codes, table, numeric, label)
    except (pyarrow.ArrowException, ValueError):
        return None  # the reader of rows finds the place of what is wrong
    return collector, codes


def _whole_lines(stream: IO[bytes], skip: int) -> Iterator[memoryview]:
    """Yield blocks of whole lines, in the same memory."""
    for _line in range(skip):
        stream.readline()
    buffer = bytearray(_ARROW_BLOCK)
    while length := stream.readinto(buffer):  # type: ignore[attr-defined]
        end = buffer.rfind(b"\n", 0, length) + 1
        if length < _ARROW_BLOCK or not end:
            end = length
        stream.seek(end - length, 1)
        yield memoryview(buffer)[:end]


def _add_arrow(
    collector: _Collector, codes: _LabelCodes, table: Any, numeric: list[int], label: int | None
) -> None:
    kind = collector._points.dtype
    block = np.empty((table.num_rows, len(numeric)), np.float64 if kind != np.float32 else kind)
    for at, column in enumerate(numeric):
        values = table.column(str(column)).to_numpy()
        if kind == np.float32 and np.abs(values).max(initial=0) > np.finfo(np.float32).max:
            raise ValueError("too large for float32")
        block[:, at] = values
    places = None
    if label is not None:
        found = table.column(str(label)).combine_chunks()
        recoded = np.array([codes.add(text) for text in found.dictionary.to_pylist()], np.int32)
        places = recoded[found.indices.to_numpy()]
    collector.add(block, places)
