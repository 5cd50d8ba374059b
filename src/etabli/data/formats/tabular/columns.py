"""The parts of columns: which one is the label, which name rows, which lack values."""

import re
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from etabli.core.errors import BadArray, BadSetting, UnknownName
from etabli.core.i18n import _
from etabli.data.formats.tabular.table import (
    LABEL_NAMES,
    Labels,
    Options,
    RawTable,
    Table,
    iterate_blocks,
    list_names,
)

__all__ = ["choose_label", "deduplicate", "encode_texts", "finish", "is_label_name", "no_labels"]

MINUS_SIGNS = str.maketrans("\u2212\u2013", "--")
_MAX_EXACT = 2**53  # up to here every integer is a float64
_MIN_FOR_STEPS = 6  # rows; of fewer, equal steps other than one are an accident
_PANDAS_INDEX = re.compile(r"unnamed: \d+(\.\d+)*|__index_level_\d+__|level_\d+")
_ROW_NAMES = re.compile(
    r"(row[ _.]?)?(id|ids|idx|index|no|nr|num|number|name|names|sno|s\.no|#)\.?"
    r"|row|rows|uuid|uid|key|n[°ºo]|numéro|ligne"
)
_ID_SUFFIX = re.compile(r".*[a-z]I[dD]|.*[ _.-](id|ID|Id|idx|index)")
_LABELS_MISSING = {"", "?", "na", "n/a", "nan", "null", "<na>", "#n/a"}


# --- the label ------------------------------------------------------------------------------------


def is_label_name(name: str) -> bool:
    return name.strip().casefold() in LABEL_NAMES


def resolve(wanted: str, names: Sequence[str]) -> int:
    """Return the index of a column by its name, its number from 1, "first" or "last"."""
    if wanted in names:
        return names.index(wanted)
    lower = [name.casefold() for name in names]
    if wanted.casefold() in lower:
        return lower.index(wanted.casefold())
    at = {"first": 0, "last": len(names) - 1}.get(wanted.casefold())
    if at is None and wanted.isdecimal() and 1 <= int(wanted) <= len(names):
        at = int(wanted) - 1
    if at is None or not names:
        raise UnknownName(_("column"), wanted, [*names, "first", "last"])
    return at


def choose_label(
    names: Sequence[str], is_text: Sequence[bool], options: Options, remarks: list[str]
) -> int | None:
    """Return the index of the column of labels, or None; a guess is added to the remarks.

    It is the one that was asked for, or one with the name of labels, or the only column of text.
    ``y`` next to a column ``x`` is a coordinate.
    """
    if options.label_column is not None:
        return resolve(options.label_column, names)
    lower = [name.strip().casefold() for name in names]
    known = [name for name in LABEL_NAMES if name in lower and not (name == "y" and "x" in lower)]
    if known:
        if known[0] not in ("label", "labels"):
            name = names[lower.index(known[0])]
            remarks.append(_("The labels are column '{column}'.").format(column=name))
        return lower.index(known[0])
    texts = [
        at for at, text in enumerate(is_text) if text and not _names_rows(names[at], is_text=True)
    ]
    if len(texts) != 1:
        return None
    remarks.append(
        _("The labels are column '{column}', the only one of text.").format(column=names[texts[0]])
    )
    return texts[0]


def no_labels(source: str, names: Sequence[str]) -> BadArray:
    """Return the error for points without labels, which lists the columns."""
    if not names:
        return BadArray(
            _("{path} contains no labels").format(path=source),
            expected=_("a column or an array named 'label'"),
            fix=_("Give them with --labels FILE."),
        )
    return BadArray(
        _("{path} contains no labels").format(path=source),
        expected=_("a column named 'label', or one column of text"),
        got=_("the columns {names}").format(names=list_names(names)),
        fix=_(
            "Name the column with --label-column (its name or number, first or last), or give the "
            "labels with --labels FILE."
        ),
    )


def encode_texts(
    codes: np.ndarray, texts: Sequence[str], remarks: list[str] | None = None
) -> Labels:
    """Return the labels of texts: integers or numbers where every text is one, otherwise names.

    Blanks around a text are left out; where that joins two classes, it is added to the remarks.
    """
    missing = np.array([text.strip().casefold() in _LABELS_MISSING for text in texts], dtype=bool)
    present = [text for text, is_out in zip(texts, missing, strict=True) if not is_out]
    values = _parse_numbers([text.strip() for text in present])
    names, places = np.unique(values, return_inverse=True)
    recoded = np.full(len(texts) + 1, -1)
    recoded[np.flatnonzero(~missing)] = places
    joined = _group_alike(present, str.strip) if names.dtype.kind == "U" else []
    if joined and remarks is not None:
        remarks.append(
            _("Labels that differ only in blanks around them are one class: {names}.").format(
                names=list_names(joined)
            )
        )
    return Labels(recoded[codes], names)


def _group_alike(names: Sequence[str], simplify: Callable[[str], str]) -> list[str]:
    """Return the names, in quotation marks, that are the same as others when simplified."""
    counts = Counter(simplify(name) for name in names)
    alike = [name for name in names if counts[simplify(name)] > 1]
    return [f"'{name}'" for name in sorted(alike, key=simplify)]


def _parse_numbers(texts: list[str]) -> np.ndarray:
    for kind in (np.int64, np.float64):
        if any("_" in text for text in texts):
            break
        try:
            return np.array([text.translate(MINUS_SIGNS) for text in texts]).astype(kind)
        except (ValueError, OverflowError):
            continue
    return np.array(texts, dtype=str)


def deduplicate(names: Sequence[str]) -> list[str]:
    """Name columns as pandas does: ``Unnamed: 0`` without a name, ``a.1`` for a second ``a``."""
    found: list[str] = []
    for at, name in enumerate(names):
        plain = name.strip() or f"Unnamed: {at}"
        unique, number = plain, 0
        while unique in found:
            number += 1
            unique = f"{plain}.{number}"
        found.append(unique)
    return found


# --- from what a file contains to points ----------------------------------------------------------


def finish(raw: RawTable, options: Options) -> Table:
    """Leave out what is no measurement, treat missing values, and check the labels."""
    remarks = list(raw.remarks)
    named = raw.columns or tuple(str(at + 1) for at in range(raw.points.shape[1]))
    n_rows = len(raw.points)
    kept = _choose_columns(raw, named, options, remarks)
    labels = None if raw.labels is None else _make_classes(raw.labels, raw.source, options, remarks)
    points, labels, rows = _treat_missing(raw, named, kept, labels, options, remarks)
    columns = tuple(named[at] for at in kept)
    _report_columns(points, columns, bool(raw.columns), labels, options, remarks)
    return Table(points, labels, columns if raw.columns else (), tuple(remarks), rows, n_rows)


def _choose_columns(
    raw: RawTable, names: tuple[str, ...], options: Options, remarks: list[str]
) -> list[int]:
    """Return the columns that are measurements; say which are left out."""
    everything = raw.all_columns or names
    keep = {everything[resolve(each, everything)] for each in options.keep_columns}
    drop = {everything[resolve(each, everything)] for each in options.drop_columns}
    for name in sorted(keep - set(names)):
        raise BadSetting(
            _("the column '{column}' cannot be kept").format(column=name),
            expected=_("a column of numbers that is not the label"),
        )
    row_names = [
        name
        for at, name in enumerate(names)
        if name not in keep | drop and _is_row_name(raw, name, raw.points[:, at], at)
    ]
    for name in row_names:
        remarks.append(
            _(
                "Column '{column}' names the rows and is left out (--keep-column {option} keeps "
                "it)."
            ).format(column=name, option=f'"{name}"' if " " in name else name)
        )
    others = [at for at, name in enumerate(names) if name not in {*drop, *row_names}]
    repeated = [
        names[at]
        for at in others
        if raw.has_header and raw.columns and names[at] not in keep and _repeats(raw, names[at], at)
    ]
    if repeated:
        remarks.append(
            _(
                "Named like the names of rows, but with repeated values, and kept (--drop-column "
                "leaves a column out): {names}."
            ).format(names=list_names(repeated))
        )
    empty = [at for at in others if raw.columns and np.isnan(raw.points[:, at]).all()]
    if empty and len(empty) < len(others):
        remarks.append(
            _("Left out, because they contain no values: {names}.").format(
                names=list_names([names[at] for at in empty])
            )
        )
        others = [at for at in others if at not in empty]
    if not others:
        raise BadArray(_("{path} contains labels and no points").format(path=raw.source))
    return others


def _names_rows(name: str, *, is_text: bool = False) -> bool:
    plain = name.strip().casefold()
    found = _PANDAS_INDEX.fullmatch(plain) or _ROW_NAMES.fullmatch(plain)
    return bool(found or (_ID_SUFFIX.fullmatch(name.strip()) and not is_text))


def _is_row_name(raw: RawTable, name: str, column: np.ndarray, at: int) -> bool:
    """Return whether a column counts rows, or numbers them under a name that says so."""
    if name in raw.row_names:
        return True
    if not raw.has_header:
        is_first = name == raw.all_columns[0] and len(column) > 2
        return is_first and column[0] in (0, 1) and _counts_up(column)
    if not raw.columns or not _names_rows(name) or not _is_whole(column):
        return False
    if _PANDAS_INDEX.fullmatch(name.casefold()) or _counts_up(column):
        return True
    return len(np.unique(column)) == len(column) > 2


def _repeats(raw: RawTable, name: str, at: int) -> bool:
    return _names_rows(name) and _is_whole(raw.points[:, at])


def _is_whole(column: np.ndarray) -> bool:
    with np.errstate(invalid="ignore"):
        return bool(np.isfinite(column).all() and (column == np.floor(column)).all())


def _counts_up(column: np.ndarray) -> bool:
    return len(column) > 1 and bool((np.diff(column.astype(np.float64)) == 1).all())


# --- labels ---------------------------------------------------------------------------------------


def _make_classes(labels: Labels, source: str, options: Options, remarks: list[str]) -> Labels:
    """Return labels that are integers or names; numbers in bins where bins are asked for."""
    names = labels.names
    if names.dtype.kind in "US":
        alike = _group_alike(names.tolist(), lambda name: " ".join(name.split()).casefold())
        if alike:
            remarks.append(
                _(
                    "Labels that differ only in case or blanks are different classes: {names}."
                ).format(names=list_names(alike))
            )
        if options.bins is not None:
            raise BadSetting(
                _("the labels of {path} are text and cannot be grouped into bins").format(
                    path=source
                ),
                fix=_("Leave out --bins, or choose a column of numbers with --label-column."),
            )
        return Labels(labels.codes, names.astype(str))
    if options.bins is not None:
        return _make_bins(labels, options.bins, remarks)
    if names.dtype.kind == "f":
        is_odd = ~(np.abs(names) <= _MAX_EXACT) | (names != np.floor(names))
        if is_odd.any():
            row = int(np.isin(labels.codes, np.flatnonzero(is_odd)).argmax())
            raise BadArray(
                _("the labels of {path} are not classes").format(path=source),
                expected=_("integers or names"),
                got=_("{value} in row {row}").format(value=names[labels.codes[row]], row=row + 1),
                fix=_(
                    "Group the numbers into classes with --bins 5, or choose another column with "
                    "--label-column."
                ),
            )
    return Labels(labels.codes, names.astype(np.int64))


def _make_bins(labels: Labels, bins: int, remarks: list[str]) -> Labels:
    """Group numeric labels into quantiles, named by their lowest and highest value."""
    present = labels.codes >= 0
    values = labels.names[labels.codes[present]].astype(np.float64)
    edges = np.unique(np.quantile(values, np.linspace(0, 1, bins + 1)[1:-1]))
    places = np.searchsorted(edges, values, side="right")
    used, places = np.unique(places, return_inverse=True)
    width = len(str(len(used)))
    names = [
        f"{at + 1:0{width}d}: {values[places == at].min():g} … {values[places == at].max():g}"
        for at in range(len(used))
    ]
    codes = np.full(len(labels.codes), -1)
    codes[present] = places
    remarks.append(
        _("The labels are grouped into {n} bins: {names}.").format(
            n=len(names), names=list_names(names)
        )
    )
    return Labels(codes, np.array(names))


# --- missing values -------------------------------------------------------------------------------


def _treat_missing(
    raw: RawTable,
    names: Sequence[str],
    kept: list[int],
    labels: Labels | None,
    options: Options,
    remarks: list[str],
) -> tuple[np.ndarray, Labels | None, np.ndarray | None]:
    """Return the points of the kept columns without missing values, and their labels."""
    points = _take(raw.points, None, kept)
    is_gap = np.zeros(len(points), dtype=bool)
    cells = 0
    for part, block in iterate_blocks(points):
        if not np.isfinite(block).all():
            gaps = np.isnan(block)
            cells += int(gaps.sum())
            is_gap[part] = gaps.any(axis=1)
            if np.isinf(block).any():
                raise _not_finite(raw.source, block, part.start, [names[at] for at in kept])
    lacks_label = np.zeros(len(points), dtype=bool) if labels is None else labels.codes < 0
    if not is_gap.any() and not lacks_label.any():
        return points, labels, None
    if options.missing == "refuse" and is_gap.any():
        raise _missing_value(raw.source, points, is_gap, cells, [names[at] for at in kept])
    if options.missing != "drop" and lacks_label.any():
        raise BadArray(
            _("{path} has no label in row {row}").format(
                path=raw.source, row=int(lacks_label.argmax()) + 1
            ),
            got=_("rows without a label: {n}").format(n=int(lacks_label.sum())),
            fix=_("Leave such rows out with --missing drop."),
        )
    if options.missing == "mean":
        points = _fill_means(points)
        remarks.append(
            _("Missing values replaced with the mean of their column: {n}.").format(n=cells)
        )
        return points, labels, None
    good = np.flatnonzero(~(is_gap | lacks_label))
    remarks.append(
        _("Rows that lack a value, left out: {n} of {total}.").format(
            n=len(points) - len(good), total=len(points)
        )
    )
    if not len(good):
        raise BadArray(
            _("every row of {path} lacks a value").format(path=raw.source),
            fix=_("Fill in the values with --missing mean, or leave a column out: --drop-column."),
        )
    labels = None if labels is None else _select(labels, good)
    return _take(points, good, None), labels, good


def _select(labels: Labels, rows: np.ndarray) -> Labels:
    used, codes = np.unique(labels.codes[rows], return_inverse=True)
    return Labels(codes, labels.names[used])


def _take(points: np.ndarray, rows: np.ndarray | None, columns: list[int] | None) -> np.ndarray:
    """Select rows or columns in the memory of the array itself, a block at a time."""
    if columns == list(range(points.shape[1])):
        columns = None
    if rows is None and columns is None:
        return points
    if not points.flags.writeable or not points.flags.c_contiguous:
        points = np.array(points)
    flat, end = points.reshape(-1), 0
    width = points.shape[1] if columns is None else len(columns)
    step = max(1, 2**20 // points.shape[1])
    count = len(points) if rows is None else len(rows)
    for start in range(0, count, step):
        part = slice(start, start + step)
        block = points[part] if rows is None else points[rows[part]]
        block = np.array(block if columns is None else block[:, columns])
        flat[end : end + block.size] = block.reshape(-1)
        end += block.size
    return flat[:end].reshape(count, width)


def _fill_means(points: np.ndarray) -> np.ndarray:
    points = points if points.flags.writeable else points.copy()
    for at in range(points.shape[1]):
        column = points[:, at]
        gaps = np.isnan(column)
        if gaps.any():
            column[gaps] = column[~gaps].mean(dtype=np.float64) if not gaps.all() else 0
    return points


def _missing_value(
    source: str, points: np.ndarray, is_gap: np.ndarray, cells: int, names: Sequence[str]
) -> BadArray:
    row = int(is_gap.argmax())
    column = int(np.isnan(points[row]).argmax())
    return BadArray(
        _("{path} has no value in row {row}, column '{column}'").format(
            path=source, row=row + 1, column=names[column]
        ),
        got=_("empty cells: {n}, in {rows} of {total} rows").format(
            n=cells, rows=int(is_gap.sum()), total=len(points)
        ),
        fix=_(
            "Leave such rows out with --missing drop, or fill in the mean of the column with "
            "--missing mean."
        ),
    )


def _not_finite(source: str, block: np.ndarray, start: int, names: Sequence[str]) -> BadArray:
    row, column = np.argwhere(np.isinf(block))[0]
    return BadArray(
        _("{path} contains {value} in row {row}, column '{column}'").format(
            path=source, value=block[row, column], row=start + row + 1, column=names[column]
        ),
        expected=_("finite numbers"),
        fix=_("Remove these rows, or fill in the cells."),
    )


# --- what is reported -----------------------------------------------------------------------------


def _report_columns(
    points: np.ndarray,
    names: Sequence[str],
    is_named: bool,
    labels: Labels | None,
    options: Options,
    remarks: list[str],
) -> None:
    """Say which columns are constant, count rows, or copy the label: they stay."""
    if len(points) < 3:
        return
    constant = np.ones(points.shape[1], dtype=bool)
    with np.errstate(over="ignore"):
        steps = points[1] - points[0]
    counts = (steps == np.floor(steps)) & (points[0] == np.floor(points[0])) & (steps != 0)
    counts &= np.isfinite(steps) & ((steps == 1) | (len(points) >= _MIN_FOR_STEPS))
    steps[~counts] = 0
    copies = np.ones(points.shape[1], dtype=bool)
    places = (
        None if labels is None or not 2 <= len(labels.names) <= len(points) / 3 else labels.codes
    )
    examples = None if places is None else points[np.unique(places, return_index=True)[1]]
    before = points[:1] - steps
    for part, block in iterate_blocks(points):
        constant &= (block == points[0]).all(axis=0)
        if counts.any():
            with np.errstate(over="ignore"):
                counts &= (np.diff(block, axis=0, prepend=before) == steps).all(axis=0)
        if places is not None and examples is not None and copies.any():
            copies &= (block == examples[places[part]]).all(axis=0)
        before = block[-1:]
    if examples is not None:
        copies &= [len(np.unique(column)) == len(column) for column in examples.T]
    if constant.any() and not constant.all():
        said = [names[at] for at in np.flatnonzero(constant).tolist()] if is_named else []
        remarks.append(
            _("Constant, which separates nothing: {names}.").format(names=list_names(said))
            if said
            else _("Constant columns: {n} of {total}.").format(
                n=int(constant.sum()), total=len(constant)
            )
        )
    asked = {name.casefold() for name in options.keep_columns}
    counted = [
        names[at]
        for at in np.flatnonzero(counts & ~constant).tolist()
        if names[at].casefold() not in asked
    ]
    if counted:
        remarks.append(
            _(
                "Counting in equal steps, as the names of rows do, and kept (--drop-column leaves "
                "a column out): {names}."
            ).format(names=list_names(counted))
        )
    copied = (
        [] if examples is None else [names[at] for at in np.flatnonzero(copies & ~counts).tolist()]
    )
    if copied:
        remarks.append(
            _(
                "A copy of the label, which separates the classes by itself, and kept "
                "(--drop-column leaves a column out): {names}."
            ).format(names=list_names(copied))
        )
