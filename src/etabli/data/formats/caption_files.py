"""Files of captions as people have them, recognized by their content.

- tables: Kaggle's ``captions.txt`` (``image,caption``), flickr30k's ``results.csv`` (``|``),
  Hugging Face's ``metadata.csv`` and ``metadata.parquet``, tab-separated tables;
- ``Flickr8k.token.txt`` and its relatives (``image.jpg#0<TAB>caption``);
- JSON: Karpathy's ``dataset_*.json``, COCO's ``captions_*.json``, TextCaps, lists of objects,
  JSON lines;
- a text file next to each image.
"""

import ast
import csv
import json
import mmap
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from filecmp import cmp
from itertools import chain, islice
from pathlib import Path, PurePosixPath
from typing import Any

from etabli.core.atomic_files import parse_json
from etabli.core.errors import CorruptFile, EtabliError, MissingExtra
from etabli.core.i18n import _
from etabli.data.formats import images, text_file

__all__ = ["CaptionFile", "find", "name_split", "read", "read_split_lists", "read_texts"]

NAME_KEYS = (
    *("file_name", "filename", "image", "image_name", "image_path", "image_file", "img"),
    *("img_name", "filepath", "path", "file", "image_id", "name", "id"),
)
CAPTION_KEYS = (
    *("captions", "caption", "text", "texts", "sentences", "sentence", "comment", "comments"),
    *("description", "raw", "caption_text", "blip_caption", "caption_str", "reference_strs"),
)
SPLIT_KEYS = ("split", "subset", "partition", "set", "set_name")
SPLITS = {
    **dict.fromkeys(("train", "training", "trn", "restval"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}
TEXT_SUFFIXES = (".txt", ".caption")
_JSON, _TABLES = (".json", ".jsonl", ".ndjson"), (".csv", ".tsv", ".txt", ".token")
_DELIMITERS = "\t|,;"
_NUMBERED = re.compile(r"#\d+$")
_TOKEN_LINE = re.compile(r"(?P<name>[^\t]+)#\d+\t(?P<caption>.*)")
_FIRST_KEY = re.compile(r'\s*\{\s*"(?P<key>[^"]+)"\s*:\s*["\[]')
_LOST_DELIMITER = re.compile(r"\s*\d+\s+(?P<caption>\S.*)")
_CAPTIONS_IN_JSON = re.compile(
    rb'"(?:\w+_)?(?:captions?|sentences)(?:_str)?"'
    rb'|\.(?:jpe?g|png)"\s*:\s*(?:\[|"[^"]*[^"\s]\s[^"]*\s)'
)
# A list of strings as Python prints it, with commas, or as NumPy does, without.
_STRING = r"""(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
_PRINTED_LIST = re.compile(rf"\[\s*{_STRING}(?:\s*,?\s*{_STRING})*\s*\]", re.DOTALL)
_COURSE_MARKS = re.compile(r"^\s*<start>\s|\s<end>\s*$")

IsImage = Callable[[str], bool]


def _knows_none(_name: str) -> bool:
    return False


@dataclass
class CaptionFile:
    """What a file says: captions and split by image name, both as written there.

    An image may have no captions, and no split. ``remarks`` name repaired and malformed lines.
    """

    path: Path
    captions: dict[str, list[str]] = field(default_factory=dict)
    splits: dict[str, str] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    def add(self, name: str, captions: Iterable[str], split: object = "") -> None:
        """Add captions of an image to those that it has."""
        self.captions.setdefault(name, []).extend(captions)
        if found := name_split(split):
            self.splits[name] = found


def name_split(given: object) -> str:
    """Return "train", "validation" or "test" for the names that people use; "" for another."""
    return SPLITS.get(given.strip().lower(), "") if isinstance(given, str) else ""


def find(folder: Path, is_known: IsImage = _knows_none) -> list[Path]:
    """Return the caption files in and below a folder: all of the kind that says most, sorted.

    ``metadata.*`` comes first, then JSON (which has the splits), then tables. ``is_known`` says
    whether an image has that name, as in ``read``.
    """
    ranks: dict[int, list[Path]] = {}
    for path in _list_candidates(folder):
        if path.suffix.lower() == ".json" and is_known(path.stem):
            continue  # of one image, next to it
        if path.stem == "metadata":
            ranks.setdefault(0, []).append(path)
        elif _is_caption_file(path, is_known):
            ranks.setdefault(1 if path.suffix.lower() == ".json" else 2, []).append(path)
    found = ranks[min(ranks)] if ranks else []
    found = [path for path in found if "lemma" not in path.name.lower()] or found
    # A set that was unpacked twice has its caption file twice.
    return [
        path
        for i, path in enumerate(found)
        if not any(cmp(path, other, shallow=False) for other in found[:i])
    ]


def read(path: Path, is_known: IsImage = _knows_none) -> CaptionFile:
    """Read a caption file of any of the formats.

    ``is_known`` says whether an image has that name, perhaps without its suffix: it separates names
    from captions where no header does. Raises ``CorruptFile`` for a file of another content, with
    the line where one is malformed.
    """
    if path.suffix.lower() == ".parquet":
        return _read_records(path, enumerate(_read_parquet(path), 1))
    _refuse_archive(path)
    decoded = text_file.read(path)
    lines, found = decoded.lines, CaptionFile(path)
    if decoded.text.lstrip().startswith(("{", "[")) or path.suffix.lower() in _JSON:
        found = _read_json(path, decoded.text, lines, is_known)
    elif _is_token_file(lines):
        _read_tokens(found, lines)
    else:
        _read_table(found, lines, is_known)
    if guessed := text_file.describe_encoding(path, decoded.encoding):
        found.remarks.append(guessed)
    return found


def _refuse_archive(path: Path) -> None:
    """Refuse the workbooks of spreadsheets and archives, which are both zip files."""
    if path.is_file() and zipfile.is_zipfile(path):
        raise CorruptFile(
            _("{path} is a zip archive or a workbook, not a text file").format(path=path),
            fix=_("Unpack the archive, or save the sheet of the workbook as CSV (UTF-8)."),
        )


def read_texts(paths: Iterable[Path], folder: Path) -> CaptionFile:
    """Read the text file next to each image, whose lines are its captions, or its JSON file."""
    found = CaptionFile(folder)
    for path in paths:
        texts = [path.with_suffix(suffix) for suffix in TEXT_SUFFIXES]
        texts += [path.with_name(path.name + suffix) for suffix in TEXT_SUFFIXES]
        if text := next((each for each in texts if each.is_file()), None):
            lines = text_file.read(text).lines
            name = images.get_display_name(path, folder)
            found.add(name, [line for line in lines if line.strip()])
        elif (record := path.with_suffix(".json")).is_file():
            document = _parse(text_file.read(record).text, str(record))
            given = _get_first(document, CAPTION_KEYS) if isinstance(document, dict) else None
            if given is not None:
                listed = given if isinstance(given, list) else [given]
                found.add(images.get_display_name(path, folder), map(_get_sentence, listed))
    return found


def read_split_lists(folder: Path) -> dict[str, str]:
    """Read lists of image names such as ``Flickr_8k.trainImages.txt``: image -> split."""
    found = {}
    for path in sorted(folder.glob("*.txt")):
        split = _split_of_name(path.stem)
        if split and all(map(_is_image_name, _first_lines(path))):
            names = text_file.read(path).lines
            found.update({name.strip(): split for name in names if name.strip()})
    return found


def split_of_path(path: Path, folder: Path) -> str:
    """Return the split that the name of a caption file, or of a folder above it, says."""
    parts = path.relative_to(folder).parts if path.is_relative_to(folder) else (path.name,)
    return split_of_names(parts)


def split_of_names(names: Sequence[str]) -> str:
    """Return the split that one of the parts of a path says, the last one first."""
    return next(filter(None, map(_split_of_name, reversed(names))), "")


def _split_of_name(name: str) -> str:
    words = re.findall(r"[a-z]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", name).lower())
    return next(filter(None, map(name_split, words)), "")


def _list_candidates(folder: Path) -> Iterator[Path]:
    for path in sorted(chain(*(folder.glob(pattern) for pattern in ("*", "*/*", "*/*/*")))):
        suffix = path.suffix.lower()
        is_metadata = path.stem == "metadata" and suffix in (".parquet", ".csv", *_JSON)
        is_hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        is_known = suffix in (*_JSON, *_TABLES) or is_metadata
        if is_known and not is_hidden and path.is_file():
            yield path


def _is_caption_file(path: Path, is_known: IsImage) -> bool:
    """Return whether a file begins as a caption file; a JSON file, whether it names captions."""
    lines = _first_lines(path)
    if path.suffix.lower() in _JSON:
        begin = _FIRST_KEY.match("\n".join(lines))
        return _mentions_captions(path) or (begin is not None and is_known(begin["key"]))
    return _is_token_file(lines) or _find_layout(lines, is_known) is not None


def _mentions_captions(path: Path) -> bool:
    """Search a JSON file, which may be large, for the names of captions, or an image's list."""
    try:
        with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as m:
            return _CAPTIONS_IN_JSON.search(m) is not None
    except (OSError, ValueError):  # an empty file cannot be mapped
        return False


def _first_lines(path: Path) -> list[str]:
    """Return the first lines of a text file; none for a file that is no text."""
    try:
        with path.open("rb") as stream:
            head = stream.read(1 << 14)
        # The last line may be cut off in the middle of a character, except in UTF-16.
        if len(head) == 1 << 14 and b"\n" in head and b"\0" not in head:
            head = head[: head.rfind(b"\n")]
        return [line for line in text_file.decode(head, path).lines if line.strip()][:5]
    except (OSError, EtabliError):
        return []


def _is_image_name(text: str) -> bool:
    return PurePosixPath(_NUMBERED.sub("", text.strip())).suffix.lower() in images.SUFFIXES


def _is_token_file(lines: Iterable[str]) -> bool:
    first = list(islice(filter(str.strip, lines), 3))
    return bool(first) and all(map(_TOKEN_LINE.fullmatch, first))


def _read_tokens(found: CaptionFile, lines: list[str]) -> None:
    malformed = []
    for number, line in enumerate(lines, 1):
        if match := _TOKEN_LINE.fullmatch(line):
            found.add(match["name"], [match["caption"]])
        elif line.strip():
            malformed.append(number)
    _remark_lines(found, malformed, _("lines left out, which are not a name and a caption: {n}"))


# Tables


@dataclass(frozen=True)
class _Layout:
    """Delimiter and columns of a table, and how many lines its header has (0 or 1)."""

    delimiter: str
    header: int
    width: int
    name: int
    captions: tuple[int, ...]
    split: int | None = None


def _find_layout(lines: list[str], is_known: IsImage) -> _Layout | None:
    """Return the layout of a table of captions; ``None`` for another text."""
    first = list(islice(filter(str.strip, lines), 5))
    for delimiter in _DELIMITERS if first else ():
        header, *rows = (_cells(line, delimiter) for line in first)
        if layout := _read_header(delimiter, header, rows, is_known):
            return layout
    for is_name in (_is_image_name, is_known):
        for delimiter in _DELIMITERS:
            rows = [_cells(line, delimiter) for line in first]
            if layout := _guess_columns(delimiter, rows, is_name):
                return layout
    return None


def _read_header(
    delimiter: str, cells: list[str], rows: list[list[str]], is_known: IsImage
) -> _Layout | None:
    """Return the layout that a first line of column names says; ``None`` for another line."""
    header = [cell.strip().lower().replace(" ", "_") for cell in cells]
    names = [header.index(key) for key in NAME_KEYS if key in header]
    known = (i for i in names if any(len(row) > i and is_known(row[i].strip()) for row in rows))
    name = next(known, names[0] if names else None)
    captions = [i for i, cell in enumerate(header) if _is_caption_column(cell) and i != name]
    if name is None or not captions:
        return None
    named = [header[i] for i in captions]
    # Of "caption" and "raw", one is the caption; "caption_1" and "caption_2" both are.
    numbered = tuple(i for i in captions if header[i][-1].isdigit())
    best = captions[named.index(min(named, key=_rank))]
    split = next((header.index(key) for key in SPLIT_KEYS if key in header), None)
    return _Layout(delimiter, 1, len(header), name, numbered or (best,), split)


def _guess_columns(delimiter: str, rows: list[list[str]], is_name: IsImage) -> _Layout | None:
    """Return the layout of rows without a header, in which one column has the names of images."""
    width = min(map(len, rows), default=0)
    columns = [[row[i].strip() for row in rows] for i in range(width)]
    names = [i for i, column in enumerate(columns) if all(map(is_name, column))]
    texts = [i for i, column in enumerate(columns) if any(map(str.isalpha, "".join(column)))]
    captions = [i for i in texts if not any(map(is_name, columns[i]))]
    others = [i for i in texts if i not in names and any(map(_is_image_name, columns[i]))]
    if len(names) != 1 or not captions or others:
        return None
    caption = next((i for i in captions if i > names[0]), captions[0])
    return _Layout(delimiter, 0, max(caption, names[0]) + 1, names[0], (caption,))


def _is_caption_column(name: str) -> bool:
    return re.sub(r"[ _-]?\d+$", "", name) in CAPTION_KEYS


def _rank(name: str) -> int:
    return CAPTION_KEYS.index(name) if name in CAPTION_KEYS else len(CAPTION_KEYS)


def _cells(line: str, delimiter: str) -> list[str]:
    if delimiter == "|":  # flickr30k has single quotation marks, and quotes nothing
        return line.split("|")
    try:
        return next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])
    except csv.Error:
        return []


def _read_table(found: CaptionFile, lines: list[str], is_known: IsImage) -> None:
    layout = _find_layout(lines, is_known)
    if layout is None:
        is_old = len(lines) == 1 and "\r" in lines[0]
        raise CorruptFile(
            _("{path} is not a caption file").format(path=found.path),
            expected=_("columns such as image and caption, image.jpg#0 and a tab, or JSON"),
            got=repr(next(filter(str.strip, lines), "")[:60]),
            fix=_(r"Its lines end as on old Macs. Convert it: tr '\r' '\n' < FILE > captions.csv")
            if is_old
            else _("Make its first line {header}, and the others an image and a caption.").format(
                header=_name_header(lines)
            ),
        )
    short, repaired, header = [], [], layout.header
    for number, row in _read_rows(found.path, lines, layout):
        if header:
            header = 0
        elif len(row) >= layout.width:
            _add_row(found, row, layout)
        elif layout.width == 3 and len(row) == 2 and (lost := _LOST_DELIMITER.fullmatch(row[1])):
            found.add(_clean_name(row[layout.name]), [lost["caption"]])
            repaired.append(number)
        elif any(map(str.strip, row)):
            short.append(number)
    _remark_lines(found, repaired, _("lines repaired, in which a delimiter is missing: {n}"))
    _remark_lines(found, short, _("lines left out, which have too few columns: {n}"))


def _name_header(lines: list[str]) -> str:
    """Return a header with the delimiter that the lines have."""
    first = next(filter(str.strip, lines), "")
    return "image{}caption".format(next((each for each in _DELIMITERS if each in first), ","))


def _read_rows(path: Path, lines: list[str], layout: _Layout) -> Iterator[tuple[int, list[str]]]:
    """Yield the number of the last line of each row, and its cells."""
    if layout.delimiter == "|" or (layout.delimiter == "\t" and not _is_quoted(lines)):
        yield from ((i, line.split(layout.delimiter)) for i, line in enumerate(lines, 1))
        return
    ended = [f"{line}\n" for line in lines]
    rows = csv.reader(ended, delimiter=layout.delimiter, skipinitialspace=True)
    begin = re.compile(rf"\n[^\n{layout.delimiter}]+{layout.delimiter}")
    try:
        for row in rows:
            cell = next((each for each in row if "\n" in each), "")
            starts = [match[0][1:-1] for match in begin.finditer(cell)]
            if any(map(_is_image_name, starts)):  # a quotation mark that is not closed
                first = rows.line_num - cell.count("\n")
                for number in range(first, rows.line_num + 1):
                    line = lines[number - 1].replace('"', "")
                    yield number, line.split(layout.delimiter)
            else:
                yield rows.line_num, row
    except csv.Error as error:
        raise CorruptFile(
            _("line {number} of {path} cannot be read ({reason})").format(
                number=rows.line_num, path=path, reason=error
            )
        ) from error


def _is_quoted(lines: list[str]) -> bool:
    """Return whether tab-separated cells are quoted as in CSV, rather than hold quotation marks."""
    cells = [cell for line in lines for cell in line.split("\t") if cell.startswith('"')]
    return bool(cells) and all(
        len(cell) > 1 and cell.endswith('"') and '"' not in cell[1:-1].replace('""', "")
        for cell in cells
    )


def _add_row(found: CaptionFile, row: list[str], layout: _Layout) -> None:
    texts = [row[i] for i in layout.captions]
    if layout.captions[-1] == layout.width - 1:  # delimiters in a caption that is not quoted
        texts[-1] = layout.delimiter.join(row[layout.width - 1 :])
    captions = [caption for text in texts for caption in _split_list(text)]
    captions = [_COURSE_MARKS.sub("", caption) for caption in captions]
    split = "" if layout.split is None else row[layout.split]
    found.add(_clean_name(row[layout.name]), captions, split)


def _clean_name(name: str) -> str:
    name = name.strip()
    return _NUMBERED.sub("", name) if _is_image_name(name) else name


def _split_list(cell: str) -> list[str]:
    """Return the captions of a cell, which may be a list in JSON."""
    if cell.lstrip().startswith("["):
        try:
            found = parse_json(cell)
            if isinstance(found, list) and all(isinstance(each, str) for each in found):
                return found
        except ValueError:
            if _PRINTED_LIST.fullmatch(cell.strip()):
                with suppress(ValueError, SyntaxError):  # a quoted line break, for example
                    return [ast.literal_eval(each) for each in re.findall(_STRING, cell)]
    return [cell]


def _remark_lines(found: CaptionFile, numbers: list[int], sentence: str) -> None:
    if numbers:
        listed = ", ".join(map(str, numbers[:5])) + (", ..." if len(numbers) > 5 else "")
        lines = _("{path}, line {number}").format(path=found.path.name, number=listed)
        found.remarks.append(f"{lines}: {sentence.format(n=len(numbers))}.")


# Records


def _read_parquet(path: Path) -> list[dict[str, Any]]:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as error:
        raise MissingExtra("pyarrow", "parquet", _("reading a Parquet file")) from error
    try:
        table = parquet.read_table(path)
        wanted = {*NAME_KEYS, *CAPTION_KEYS, *SPLIT_KEYS}
        rows: list[dict[str, Any]] = table.select(
            [name for name in table.column_names if name.lower() in wanted]
        ).to_pylist()
        return rows
    except (ArrowException, OSError, ValueError) as error:
        raise CorruptFile(_("{path} is not a readable Parquet file").format(path=path)) from error


def _read_json(path: Path, text: str, lines: list[str], is_known: IsImage) -> CaptionFile:
    if path.suffix.lower() in (".jsonl", ".ndjson") or _is_json_lines(lines):
        numbered = ((i, line) for i, line in enumerate(lines, 1) if line.strip())
        return _read_records(path, ((i, _parse(line, f"{path}:{i}")) for i, line in numbered))
    document = _parse(text, str(path))
    if not isinstance(document, dict):
        records = document if isinstance(document, list) else [document]
        return _read_records(path, enumerate(records, 1))
    listed, notes = document.get("images"), document.get("annotations")
    if isinstance(listed, list) and isinstance(notes, list):
        return _read_coco(path, listed, notes)
    if isinstance(listed, list):
        return _read_records(path, enumerate(listed, 1))
    if document and all(_is_image_name(name) or is_known(name) for name in document):
        pairs = ({"image": name, "captions": given} for name, given in document.items())
        return _read_records(path, enumerate(pairs, 1))
    inside = [each for each in document.values() if _has_records(each)]
    return _read_records(path, enumerate(inside[0] if len(inside) == 1 else [document], 1))


def _has_records(value: object) -> bool:
    """Return whether a part of a document, such as TextCaps' ``data``, lists images."""
    first = value[0] if isinstance(value, list) and value else None
    return isinstance(first, dict) and bool(first.keys() & set(CAPTION_KEYS))


def _is_json_lines(lines: list[str]) -> bool:
    first = list(islice(filter(str.strip, lines), 2))
    return (
        len(first) == 2
        and all(each.strip().startswith("{") for each in first)
        and (first[0].strip().endswith("}"))
    )


def _parse(text: str, place: str) -> Any:
    try:
        return parse_json(text)
    except json.JSONDecodeError as error:
        reason = f"{error.msg}, {error.lineno}:{error.colno}"
        raise CorruptFile(
            _("{place} is not JSON ({reason})").format(place=place, reason=reason),
            fix=_("Export or download the file again, or correct that place."),
        ) from error


def _read_coco(path: Path, listed: list[Any], notes: list[Any]) -> CaptionFile:
    """Read COCO's layout: captions point to images by their id."""
    found, names = CaptionFile(path), {}
    for image in listed:
        name = image.get("file_name") if isinstance(image, dict) else None
        if isinstance(name, str) and name:
            names[str(image.get("id"))] = name
            found.add(name, [])
    orphans = 0
    for note in notes:
        name = names.get(str(note.get("image_id"))) if isinstance(note, dict) else None
        caption = note.get("caption") if isinstance(note, dict) else None
        if name is None or not isinstance(caption, str):
            orphans += 1
        else:
            found.add(name, [caption])
    if orphans == len(notes):
        raise CorruptFile(
            _("{path} has no captions").format(path=path),
            expected=_("'annotations' with 'image_id' and 'caption'"),
            got=_("other annotations, such as those of objects"),
        )
    if orphans:
        text = _("annotations left out, which have no caption or no image of the list: {n}.")
        found.remarks.append(f"{path.name}: {text.format(n=orphans)}")
    return found


def _read_records(path: Path, records: Iterable[tuple[int, Any]]) -> CaptionFile:
    """Read objects of one image each, with their captions and perhaps their split."""
    found = CaptionFile(path)
    for number, record in records:
        place, record = f"{path}:{number}", record if isinstance(record, dict) else {}
        name = _get_first(record, NAME_KEYS)
        if not isinstance(name, str | int) or isinstance(name, bool) or name == "":
            raise CorruptFile(
                _("{place} names no image of the folder").format(place=place),
                expected=_("'file_name', a path below the folder"),
                got=repr(name)[:60],
            )
        given = _get_first(record, CAPTION_KEYS)
        if given is None and not record.keys() & set(CAPTION_KEYS):
            raise CorruptFile(
                _("{place} has an image without captions").format(place=place),
                expected=_("'captions', a list of sentences"),
                got=repr(record)[:60],
            )
        inside = record.get("filepath") if "filename" in record else None
        full = f"{inside}/{name}" if isinstance(inside, str) and inside else str(name)
        listed = given if isinstance(given, list) else [] if given is None else [given]
        found.add(full, map(_get_sentence, listed), _get_first(record, SPLIT_KEYS))
    return found


def _get_first(record: dict[str, Any], keys: Iterable[str]) -> Any:
    return next((record[key] for key in keys if record.get(key) is not None), None)


def _get_sentence(given: object) -> str:
    """Return a caption that is a text, or an object with ``raw``, ``caption`` or ``tokens``."""
    if isinstance(given, dict):
        given = _get_first(given, ("raw", "caption", "text", "sentence", "tokens"))
    if isinstance(given, list):
        given = " ".join(map(str, given))
    return given if isinstance(given, str) else ""
