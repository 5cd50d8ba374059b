"""Your own points from a table: a matrix of features, and labels if there are any.

Text tables, files of arrays and files of typed columns; ``docs/tools/data.md`` lists them all. No
format that can run code is loaded. Every error names its place in the file.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from etabli.core.errors import BadArray, CorruptFile, DataMissing, EtabliError, UnknownName
from etabli.core.i18n import N_, _
from etabli.data.formats.tabular import array_files, child, columns, frames, text_table
from etabli.data.formats.tabular.table import Labels, Options, RawTable, Table

__all__ = ["SUFFIXES", "Options", "Table", "read", "read_object"]

TEXT_SUFFIXES = (".csv", ".tsv", ".txt", ".data", ".dat", ".tab", ".tra", ".tes", ".test", ".train")
_ARRAY_SUFFIXES = (".npy", ".npz", ".safetensors")
_CHILD_SUFFIXES = (".mat", ".h5", ".hdf5", ".h5ad")
_ARROW_SUFFIXES = (".parquet", ".feather", ".arrow", ".ipc")
SUFFIXES = (*TEXT_SUFFIXES, *_ARRAY_SUFFIXES, *_ARROW_SUFFIXES, *_CHILD_SUFFIXES)

_UNPACK = N_("Unpack it first.")
_SPREADSHEET = N_("Save it in your spreadsheet program as CSV (File, Save as).")
_ADVICE = {
    **dict.fromkeys((".gz", ".bz2", ".xz", ".zip", ".zst", ".7z", ".tar", ".tgz"), _UNPACK),
    **dict.fromkeys((".xlsx", ".xls", ".xlsm", ".ods", ".numbers"), _SPREADSHEET),
    **dict.fromkeys(
        (".pkl", ".pickle", ".joblib", ".pt", ".pth", ".rds", ".rdata", ".json", ".jsonl", ".arff"),
        N_("Save it again as .csv, or as .npz: numpy.savez(FILE, X=points, y=labels)."),
    ),
}


def read(
    path: Path | str,
    labels: Path | str | None = None,
    options: Options | None = None,
    *,
    need_labels: bool = False,
) -> Table:
    """Read the table of a file, with labels from one of its columns or from a second file.

    Args:
        path: The file; its suffix says its format.
        labels: A file of labels, one for each row.
        options: Which columns are what, and how missing values are treated.
        need_labels: Whether points without labels are refused.

    Returns:
        The points: float32 and shorter as float32, everything else as float64; arrays of more than
        two dimensions (images) are flattened to (N, D).

    Raises:
        EtabliError: No such file, a damaged one, or a cell that is no number, with its place.
    """
    path, options = Path(path), options or Options()
    own = options if labels is None else replace(options, label_column=None)
    raw = _guard(path, lambda: _read_file(path, own, need_labels and labels is None))
    if labels is not None:
        raw.labels = _read_labels(Path(labels), options, len(raw.points), raw.remarks)
        _check_length(raw, Path(labels))
    elif raw.labels is None and need_labels:
        raise columns.no_labels(str(path), raw.columns)
    else:
        _check_length(raw, path)
    return columns.finish(raw, options)


def read_object(
    points: Any, labels: Any = None, options: Options | None = None, *, need_labels: bool = True
) -> Table:
    """Return the table of an array, a sparse matrix, a data frame or an AnnData; see ``frames``."""
    options = options or Options()
    raw = frames.read_object(points, labels, options, need_labels=need_labels)
    _check_length(raw, "labels")
    return columns.finish(raw, options)


def _guard(path: Path, read_it: Any) -> Any:
    try:
        return read_it()
    except OSError as error:
        raise EtabliError(
            _("cannot read {path} ({reason})").format(path=path, reason=error.strerror or error)
        ) from error
    except MemoryError as error:
        raise EtabliError(_("{path} does not fit in memory").format(path=path)) from error


def _check_file(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix in _ADVICE:
        raise CorruptFile(
            _("{path} is in a format that is not read").format(path=path), fix=_(_ADVICE[suffix])
        )
    if suffix not in SUFFIXES:
        raise UnknownName(_("table format"), path.suffix or path.name, SUFFIXES)
    if not path.is_file():
        raise DataMissing(_("there is no file {path}").format(path=path))
    return suffix


def _read_file(path: Path, options: Options, need_labels: bool) -> RawTable:
    suffix = _check_file(path)
    if suffix in TEXT_SUFFIXES:
        return text_table.read(path, options, need_labels=need_labels)
    if suffix in _ARROW_SUFFIXES:
        return frames.read_arrow(path, options, need_labels=need_labels)
    if suffix in _CHILD_SUFFIXES:
        return child.read_points(path, options, need_labels=need_labels)

    def choose(arrays: array_files.Arrays) -> RawTable:
        return array_files.choose_arrays(arrays, path, options)

    found: RawTable = array_files.read_arrays(path, choose)
    return found


def _read_labels(path: Path, options: Options, n: int, remarks: list[str]) -> Labels:
    suffix = _check_file(path)
    if suffix in TEXT_SUFFIXES:
        return _guard(path, lambda: text_table.read_labels(path, options, n, remarks))
    if suffix in _ARROW_SUFFIXES:
        return _guard(path, lambda: frames.read_labels(path, options))
    if suffix in _CHILD_SUFFIXES:
        return _guard(path, lambda: child.read_labels(path, options))

    def choose(arrays: array_files.Arrays) -> Labels:
        return array_files.choose_label_array(arrays, path, options)

    return _guard(path, lambda: array_files.read_arrays(path, choose))


def _check_length(raw: RawTable, path: Path | str) -> None:
    if raw.labels is not None and len(raw.labels.codes) != len(raw.points):
        raise BadArray(
            _("the labels of {path} do not match the points").format(path=path),
            expected=_("{n} labels, one for each row").format(n=len(raw.points)),
            got=_("an array of shape {shape}").format(shape=(len(raw.labels.codes),)),
        )
