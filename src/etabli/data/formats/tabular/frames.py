"""Points in tables of typed columns: Parquet, Feather, Arrow, pandas, polars, AnnData."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from etabli.core.atomic_files import parse_json
from etabli.core.errors import BadArray, CorruptFile, MissingExtra
from etabli.core.i18n import _
from etabli.data.formats.tabular import array_files, columns
from etabli.data.formats.tabular.table import Labels, Options, RawTable, list_names

__all__ = ["read_arrow", "read_h5ad", "read_labels", "read_object"]

Columns = Mapping[str, np.ndarray]
"""The values of each column: numbers (N,), vectors (N, D), or text and other objects (N,)."""


def assemble(
    source: str,
    found: dict[str, np.ndarray],
    options: Options,
    *,
    need_labels: bool = True,
    row_names: frozenset[str] = frozenset(),
    whole: np.ndarray | None = None,
) -> RawTable:
    """Return the numeric columns, which are taken out of ``found``, and that of labels.

    ``whole`` (N, D) is an array that this module allocated; columns in ``found`` are views of it.
    """
    raw = RawTable(source, np.zeros((0, 0)), all_columns=tuple(found), row_names=row_names)
    numeric = {name: array.dtype.kind in "fiub" for name, array in found.items()}
    names = [name for name in found if name not in row_names]
    is_text = [not numeric[name] for name in names]
    at = columns.choose_label(names, is_text, options, raw.remarks)
    if at is None and need_labels:
        raise columns.no_labels(source, names)
    raw.label_column = "" if at is None else names[at]
    if at is not None:
        raw.labels = array_files.to_labels(found[names[at]], source, names[at])
    texts = [
        name
        for name in names
        if not numeric[name] and name not in (raw.label_column, *options.drop_columns)
    ]
    if texts:
        raw.remarks.append(_("Columns of text, left out: {names}.").format(names=list_names(texts)))
    chosen = [name for name in found if numeric[name] and name != raw.label_column]
    if not chosen:
        raise BadArray(_("{path} has no numeric column").format(path=source))
    labels = list[str]()
    for name in chosen:
        width = math.prod(found[name].shape[1:])
        labels += [name] if width == 1 else [f"{name}[{at}]" for at in range(width)]
    raw.points = array_files.to_matrix(_join([found.pop(name) for name in chosen], whole), source)
    raw.columns = tuple(labels)
    return raw


def _join(blocks: list[np.ndarray], whole: np.ndarray | None) -> np.ndarray:
    """Put columns side by side, unless they are all those of ``whole``.

    Each is given up once it is copied.
    """
    if (
        whole is not None
        and whole.shape[1] == len(blocks)
        and all(np.shares_memory(each[:1], whole[:1, at]) for at, each in enumerate(blocks))
    ):
        return whole
    blocks.reverse()
    n, width = len(blocks[0]), sum(math.prod(each.shape[1:]) for each in blocks)
    joined = np.empty((n, width), np.result_type(*(each.dtype for each in blocks)))
    end = 0
    while blocks:
        block = blocks.pop()
        start, end = end, end + math.prod(block.shape[1:])
        joined[:, start:end] = block.reshape(n, end - start)
    return joined


# --- Arrow ----------------------------------------------------------------------------------------


def read_arrow(path: Path, options: Options, *, need_labels: bool = True) -> RawTable:
    """Read a Parquet, Feather or Arrow file; a column of vectors counts as many columns."""
    found, row_names, whole = _read_arrow_columns(path)
    return assemble(
        str(path), found, options, need_labels=need_labels, row_names=row_names, whole=whole
    )


def _read_arrow_columns(
    path: Path,
) -> tuple[dict[str, np.ndarray], frozenset[str], np.ndarray | None]:
    """Return the columns of a file by name, and which of them are the index of a frame.

    The last is an array of which columns are views, or None.
    """
    try:
        import pyarrow
    except ImportError as error:
        raise MissingExtra("pyarrow", "parquet", _("reading a Parquet file")) from error
    try:
        if path.suffix.lower() == ".parquet":
            return _read_parquet_columns(path)
        table = _read_table(path)
        found = {
            name: _to_array(table.column(at), name, path)
            for at, name in enumerate(columns.deduplicate(table.column_names))
        }
        return found, _find_index(table.schema), None
    except BadArray:
        raise
    except (pyarrow.ArrowException, ValueError, OSError) as error:
        raise CorruptFile(
            _("{path} is not a complete {kind} file").format(
                path=path, kind=path.suffix.lstrip(".").capitalize()
            ),
            got=error,
        ) from error


def _read_parquet_columns(
    path: Path,
) -> tuple[dict[str, np.ndarray], frozenset[str], np.ndarray | None]:
    """Read the columns one after the other, so that the table is not in memory twice.

    Those of one kind of float are read into one array: Arrow keeps the memory it frees.
    """
    import pyarrow
    from pyarrow import parquet

    with parquet.ParquetFile(path, pre_buffer=False) as file:
        schema = file.schema_arrow
        # A dot is the path of a nested column: such names are read all at once.
        is_plain = len(set(schema.names)) == len(schema.names) and not any(
            "." in name for name in schema.names
        )
        table = None if is_plain else file.read()
        kinds = [str(kind) for kind in schema.types]
        common = "float" if "float" in kinds else "double"
        found = {}
        matrix, end = None, 0
        for at, name in enumerate(columns.deduplicate(schema.names)):
            own = file.read(columns=[schema.names[at]]) if table is None else table
            values = _to_array(own.column(0 if table is None else at), name, path)
            if kinds[at] == common:
                if matrix is None:
                    matrix = np.empty((len(values), kinds.count(common)), values.dtype)
                matrix[:, end] = values
                values, end = matrix[:, end], end + 1
            found[name] = values
            del own
            pyarrow.default_memory_pool().release_unused()
        return found, _find_index(schema), matrix


def _read_table(path: Path) -> Any:
    import pyarrow
    from pyarrow import feather, ipc

    with path.open("rb") as stream:
        is_file = stream.read(4) in (b"ARRO", b"FEA1")
    if is_file:
        table = feather.read_table(path)
    else:
        with pyarrow.OSFile(str(path)) as source:
            table = ipc.open_stream(source).read_all()
    table.validate(full=True)  # offsets out of a buffer would end the process where they are read
    return table


def _find_index(schema: Any) -> frozenset[str]:
    """Return the columns that pandas wrote as the index of its frame."""
    try:
        known = parse_json((schema.metadata or {})[b"pandas"])["index_columns"]
        return frozenset(each for each in known if isinstance(each, str))
    except (KeyError, ValueError, TypeError):
        return frozenset()


def _to_array(column: Any, name: str, path: Path) -> np.ndarray:
    """Return a column as numbers with NaN for an empty cell, vectors (N, D), or objects."""
    kind = str(column.type)
    if "list" in kind:
        return _to_vectors(column.to_pylist(), name, path)
    if kind in ("bool", "float", "double", "halffloat") or kind.lstrip("u").startswith("int"):
        values = np.asarray(column.to_numpy())
        return values.astype(np.float64) if values.dtype.kind == "O" else values
    if kind.startswith("decimal"):
        return np.array([np.nan if v is None else float(v) for v in column.to_pylist()])
    return np.array(column.to_pylist(), dtype=object)


def _to_vectors(rows: list[Any], name: str, path: Path | str) -> np.ndarray:
    if any(row is None or None in row for row in rows):
        raise BadArray(
            _("{path} has empty cells in column '{column}'").format(path=path, column=name),
            fix=_("Leave the column out with --drop-column, or fill in the cells."),
        )
    try:
        return np.asarray(rows)
    except ValueError as error:
        raise BadArray(
            _("{path} has vectors of different lengths in column '{column}'").format(
                path=path, column=name
            )
        ) from error


# --- AnnData --------------------------------------------------------------------------------------


def read_h5ad(path: Path, options: Options, *, need_labels: bool = True) -> RawTable:
    """Read the matrix of an AnnData file; its labels are a column of ``obs``.

    Called by the process of ``child`` only.
    """
    from etabli.data.formats.tabular import scientific_files

    points, obs = scientific_files.read_anndata(path, options)
    return _describe_rows(str(path), points, obs, options, need_labels)


def _describe_rows(
    source: str, points: np.ndarray, obs: Columns, options: Options, need_labels: bool
) -> RawTable:
    raw = RawTable(source, array_files.to_matrix(points, source))
    names = list(obs)
    is_text = [obs[name].dtype.kind not in "fiub" for name in names]
    at = columns.choose_label(names, is_text, options, raw.remarks)
    if at is None and need_labels:
        raise columns.no_labels(source, names)
    if at is not None:
        raw.labels = array_files.to_labels(obs[names[at]], source, names[at])
    return raw


# --- objects of Python ----------------------------------------------------------------------------


def read_object(
    points: Any, labels: Any, options: Options, *, need_labels: bool = True
) -> RawTable:
    """Return the points and labels of an array, a sparse matrix, a data frame or an AnnData.

    Args:
        points: (N, D) numbers, (N, ...) which are flattened, a frame of pandas or polars, or an
            object with ``X`` and ``obs``.
        labels: N labels, or None where a column of the points contains them.
        options: Which column contains the labels, and how missing values are treated.
        need_labels: Whether points without labels are refused.

    Raises:
        BadArray: What is given is no table of points.
    """
    from scipy import sparse

    need_labels = need_labels and labels is None
    if hasattr(points, "obs") and hasattr(points, "X"):
        matrix = array_files.to_dense(points.X, "X") if sparse.issparse(points.X) else points.X
        obs = _read_frame(points.obs)
        raw = _describe_rows("AnnData", np.asarray(matrix), obs, options, need_labels)
    elif hasattr(points, "columns") and hasattr(points, "__getitem__"):
        raw = assemble(type(points).__name__, _read_frame(points), options, need_labels=need_labels)
    else:
        matrix = array_files.to_dense(points, "points") if sparse.issparse(points) else points
        view = array_files.to_matrix(np.asarray(matrix), "points").view()
        view.setflags(write=False)  # the caller's array stays as it is
        raw = RawTable("points", view)
        if need_labels:
            raise BadArray(
                _("the points have no labels"), fix=_("Give them as the second argument.")
            )
    if labels is not None:
        raw.labels = array_files.to_labels(
            labels.to_numpy() if hasattr(labels, "to_numpy") else _to_vector(labels), "labels"
        )
    return raw


def _to_vector(labels: Any) -> np.ndarray:
    values = np.asarray(labels)
    return values if values.dtype.kind != "O" or values.ndim == 1 else values.reshape(-1)


def _read_frame(frame: Any) -> dict[str, np.ndarray]:
    """Return the columns of a frame of pandas or polars."""
    names = columns.deduplicate([str(name) for name in frame.columns])
    if hasattr(frame, "iloc"):
        series = [frame.iloc[:, at] for at in range(len(names))]
    else:
        series = [frame[str(name)] for name in frame.columns]
    return {name: _read_series(each) for name, each in zip(names, series, strict=True)}


def _read_series(series: Any) -> np.ndarray:
    values = np.asarray(series.to_numpy())
    kind = str(getattr(series, "dtype", "")).lower()
    if values.dtype.kind == "O" and kind.startswith(("int", "uint", "float", "boolean")):
        return np.array(
            [np.nan if each is None or each != each else each for each in values], float
        )
    return values


def read_labels(path: Path, options: Options) -> Labels:
    """Read the labels of a file of typed columns: its only column, or the one of labels."""
    by_name, _row_names, _whole = _read_arrow_columns(path)
    names, found = list(by_name), list(by_name.values())
    is_text = [array.dtype.kind not in "fiub" for array in found]
    at = 0 if len(names) == 1 else columns.choose_label(names, is_text, options, [])
    if at is None:
        raise columns.no_labels(str(path), names)
    return array_files.to_labels(found[at], path, names[at])
