"""Points in files of named arrays: which arrays they are, and NumPy's and safetensors' files.

No format that can run code is loaded: NumPy files are read without pickles.
"""

import struct
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from etabli.core.errors import BadArray, CorruptFile, EtabliError
from etabli.core.i18n import _
from etabli.data.formats.tabular import columns
from etabli.data.formats.tabular.table import LABEL_NAMES, Labels, Options, RawTable, list_names

__all__ = [
    "DAMAGE_ERRORS",
    "choose_arrays",
    "choose_label_array",
    "read_arrays",
    "to_dense",
    "to_labels",
    "to_matrix",
    "to_texts",
]

_MAX_DENSE = 2**33  # bytes that a sparse matrix may take as a full one
_MAX_SPARSITY = 20_000  # bytes of a full matrix to a byte of the file of a sparse one
_BLOCK_BYTES = 2**25  # of an array that are read at once
POINT_NAMES = (
    *("points", "features", "embeddings", "embedding", "activations", "vectors", "data", "x"),
    *("x_train", "train_images", "train_features", "images", "fea", "arr_0"),
)
_ARRAY_LABELS = (*LABEL_NAMES, "y_train", "train_labels", "labels_train", "arr_1")
_CLASS_NAMES = ("target_names", "class_names", "label_names", "names")
# What NumPy's reader of headers, which are Python literals, raises on damaged ones.
DAMAGE_ERRORS = (
    ValueError,
    EOFError,
    OverflowError,
    SyntaxError,
    TypeError,
    RecursionError,
    struct.error,
    tokenize.TokenError,
)

Arrays = Mapping[str, Any]
"""Arrays by name; an HDF5 data set stays in its file until it is chosen."""


def read_arrays(path: Path, choose: Callable[[Arrays], Any]) -> Any:
    """Return what ``choose`` makes of the arrays of a file."""
    suffix = path.suffix.lower()
    if suffix == ".npy":
        return choose({"": _read_npy(path)})
    if suffix == ".npz":
        return choose(_read_npz(path))
    return choose(_read_safetensors(path))


# --- which arrays ---------------------------------------------------------------------------------


def choose_arrays(arrays: Arrays, path: Path, options: Options) -> RawTable:
    """Choose points and labels by name, or the only array of two dimensions as points."""
    raw = RawTable(str(path), np.zeros((0, 0)))
    wide = {name: array for name, array in arrays.items() if array.ndim >= 2}
    label = _find_label(arrays, options)
    candidates = [name for name in wide if name != label] or list(wide)
    points = _find_points(candidates, arrays, path, options)
    others = [
        name
        for name in arrays
        if name not in (points, label)
        and _leaf(name) in ("x_test", "y_test", "test_images", "test_labels", "val_images", "x_val")
    ]
    if others:
        raw.remarks.append(
            _("The points are '{points}'; left out: {others}.").format(
                points=points, others=list_names(others)
            )
        )
    raw.points = to_matrix(np.asarray(arrays[points][()]), path)
    if label is None and options.label_column is None:
        label = _guess_label(arrays, len(raw.points), raw.remarks)
    if label is not None:
        raw.labels = _name_classes(to_labels(arrays[label][()], path, label), arrays, label)
    return raw


def choose_label_array(arrays: Arrays, path: Path, options: Options) -> Labels:
    """Choose the labels by name, or the only vector."""
    label = _find_label(arrays, options)
    vectors = [name for name, array in arrays.items() if array.ndim == 1 or 1 in array.shape[1:]]
    if label is None and len(arrays) == 1:
        label = next(iter(arrays))
    if label is None and len(vectors) != 1:
        raise BadArray(
            _("{path} does not say which of its arrays are the labels").format(path=path),
            expected=_("one vector, or one named {names}").format(names=", ".join(LABEL_NAMES)),
            got=_describe(arrays),
            fix=_("Name it with --label-column."),
        )
    name = label or vectors[0]
    return _name_classes(to_labels(arrays[name][()], path, name), arrays, name)


def _leaf(name: str) -> str:
    return name.rsplit("/", 1)[-1].casefold()


def _find(names: Iterable[str], known: Iterable[str]) -> str | None:
    by_leaf: dict[str, str] = {}
    for name in names:
        by_leaf.setdefault(_leaf(name), name)
    return next((by_leaf[each] for each in known if each in by_leaf), None)


def _find_label(arrays: Arrays, options: Options) -> str | None:
    if options.label_column is not None:
        names = list(arrays)
        return names[columns.resolve(options.label_column, names)]
    label = _find(
        [name for name, array in arrays.items() if not _is_names(name, array)], _ARRAY_LABELS
    )
    only_wide = [name for name, array in arrays.items() if array.ndim >= 2]
    is_points = label is not None and arrays[label].ndim >= 2 and only_wide == [label]
    return None if is_points else label


def _is_names(name: str, array: Any) -> bool:
    """Return whether an array ``classes`` names the classes: text, while others are labels."""
    return _leaf(name) == "classes" and array.dtype.kind in "USO"


def _find_points(candidates: list[str], arrays: Arrays, path: Path, options: Options) -> str:
    if options.array is not None:
        return list(arrays)[columns.resolve(options.array, list(arrays))]
    named = _find(candidates, POINT_NAMES)
    if named is None and len(candidates) != 1:
        if len(arrays) == 1:
            (only,) = arrays.values()
            to_matrix(np.asarray(only[()]), path)  # refuses what it is
        raise BadArray(
            _("{path} does not say which of its arrays are the points").format(path=path),
            expected=_("one array of two dimensions, or one named {names}").format(
                names=", ".join(POINT_NAMES[:8])
            ),
            got=_describe(arrays),
            fix=_("Name it with --array, and the labels with --label-column.")
            if candidates
            else None,
        )
    return named or candidates[0]


def _describe(arrays: Arrays) -> str:
    return list_names([f"{name} {tuple(each.shape)}" for name, each in arrays.items()]) or _("none")


def _guess_label(arrays: Arrays, n: int, remarks: list[str]) -> str | None:
    """Return the only vector of integers or text that is as long as the points."""
    found = [
        name
        for name, array in arrays.items()
        if array.ndim == 1 and array.shape == (n,) and array.dtype.kind in "iuUSO"
    ]
    if len(found) != 1:
        return None
    remarks.append(_("The labels are the array '{name}'.").format(name=found[0]))
    return found[0]


def _name_classes(labels: Labels, arrays: Arrays, label: str) -> Labels:
    """Replace integers by the names of the classes, where an array of them is there."""
    name = _find([each for each in arrays if each != label], (*_CLASS_NAMES, "classes"))
    if name is None or labels.names.dtype.kind not in "iu" or arrays[name].ndim != 1:
        return labels
    texts = to_texts(np.asarray(arrays[name][()]))
    if texts is None or not 0 <= labels.names.min() <= labels.names.max() < len(texts):
        return labels
    return Labels.of(texts[labels.array.astype(np.int64)])


def to_matrix(array: np.ndarray, path: Path | str) -> np.ndarray:
    """Return points (N, D): float32 for short floats, otherwise float64; images are flattened."""
    if array.dtype.kind not in "fiub":
        raise BadArray(
            _("{path} does not contain numbers").format(path=path),
            expected=_("real numbers"),
            got=array.dtype,
        )
    if array.ndim < 2 or 0 in array.shape:
        raise BadArray(
            _("{path} does not contain a table of points").format(path=path),
            expected=_("N rows of D numbers"),
            got=_("an array of shape {shape}").format(shape=array.shape),
        )
    is_narrow = array.dtype.kind == "f" and array.dtype.itemsize <= 4
    kind = np.float32 if is_narrow else np.float64
    return np.ascontiguousarray(array.reshape(len(array), -1), dtype=kind)


def to_labels(array: Any, path: Path | str, name: str = "") -> Labels:
    """Return the labels of an array: a vector, a single row or column, or one column a class."""
    array = np.asarray(array)
    if array.ndim == 2 and 1 in array.shape:
        array = array.reshape(-1)
    if array.ndim == 2 and _is_one_hot(array):
        array = array.argmax(axis=1)
    if array.ndim != 1:
        raise BadArray(
            _("the labels of {path} do not match the points").format(path=path),
            expected=_("one label for each row"),
            got=_("an array of shape {shape}").format(shape=array.shape),
        )
    texts = to_texts(array)
    if texts is not None:
        places, codes = np.unique(texts, return_inverse=True)
        return columns.encode_texts(codes, places.tolist()) if "" in places else Labels.of(texts)
    if array.dtype.kind in "iub":
        return Labels.of(array.astype(np.int64))
    if array.dtype.kind == "f":
        labels = Labels.of(array.astype(np.float64))
        if np.isnan(labels.names[-1:]).any():
            codes = np.where(labels.codes == len(labels.names) - 1, -1, labels.codes)
            labels = Labels(codes, labels.names[:-1])
        return labels
    raise BadArray(
        _("the labels of {path} are not classes").format(path=path),
        expected=_("integers or names"),
        got=f"{name} {array.dtype}",
    )


def _is_one_hot(array: np.ndarray) -> bool:
    return array.dtype.kind in "fiub" and bool(
        ((array == 0) | (array == 1)).all() and (array.sum(axis=1) == 1).all()
    )


def to_texts(array: np.ndarray) -> np.ndarray | None:
    """Return an array of text as strings; None, NaN and numbers among objects become text."""
    if array.dtype.kind == "U":
        return np.char.rstrip(array)  # MATLAB pads texts to one length
    if array.dtype.kind == "S":
        return np.char.decode(array, "utf-8", "replace")
    if array.dtype.kind != "O":
        return None
    return np.array([_to_text(each) for each in array.reshape(-1)], dtype=str).reshape(array.shape)


def _to_text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    is_missing = value is None or (isinstance(value, float) and np.isnan(value))
    return "" if is_missing or str(value) in ("<NA>", "NaT") else str(value)


def to_dense(matrix: Any, path: Path | str) -> np.ndarray:
    """Return a sparse matrix as a full one. Raises ``BadArray`` where it would fill the memory."""
    import psutil

    size = int(np.prod(matrix.shape)) * max(4, matrix.dtype.itemsize)
    free = min(psutil.virtual_memory().available // 2, _MAX_DENSE)
    if Path(path).is_file():
        free = min(free, _MAX_SPARSITY * Path(path).stat().st_size)
    if size > free:
        raise BadArray(
            _("{path} is sparse and too large as a full matrix").format(path=path),
            expected=_("at most {n} MB").format(n=free // 2**20),
            got=_("{n} MB").format(n=size // 2**20),
            fix=_("Reduce it first, for example with sklearn.decomposition.TruncatedSVD."),
        )
    return np.asarray(matrix.toarray())


# --- NumPy, safetensors ---------------------------------------------------------------------------


def _read_npy(path: Path) -> np.ndarray:
    with path.open("rb") as stream:
        return _read_npy_stream(stream, path.stat().st_size, path)


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    arrays: dict[str, np.ndarray] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            names = [info.filename.removesuffix(".npy") for info in archive.infolist()]
            if {"indices", "indptr", "data", "shape"} <= set(names):
                return {"": _read_sparse(path)}
            for info, name in zip(archive.infolist(), names, strict=True):
                with archive.open(info) as stream:
                    arrays[name] = _read_npy_stream(stream, info.file_size, path, name)
    except EtabliError:
        raise
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
        ValueError,
    ) as error:
        raise CorruptFile(
            _("{path} is not a complete npz file").format(path=path), got=error
        ) from error
    return arrays


def _read_sparse(path: Path) -> np.ndarray:
    """Read what ``scipy.sparse.save_npz`` wrote."""
    from scipy.sparse import load_npz

    try:
        return to_dense(load_npz(path), path)
    except EtabliError:
        raise
    except (*DAMAGE_ERRORS, zipfile.BadZipFile, zlib.error, KeyError, IndexError) as error:
        raise CorruptFile(
            _("{path} is not a complete npz file").format(path=path), got=error
        ) from error


def _read_npy_stream(stream: IO[bytes], size: int, path: Path, name: str = "") -> np.ndarray:
    """Read an array of at most ``size`` bytes, never a pickle; nothing larger is allocated."""
    start = stream.tell()
    try:
        version = np.lib.format.read_magic(stream)
        read_header = np.lib.format.read_array_header_2_0
        if version == (1, 0):
            read_header = np.lib.format.read_array_header_1_0
        shape, __, kind = read_header(stream)
        _check_declared(shape, kind, size, path, name)
        stream.seek(start)
        return np.lib.format.read_array(stream, allow_pickle=False)
    except BadArray:
        raise
    except DAMAGE_ERRORS as error:
        raise CorruptFile(
            _("{path} is not a complete npy array").format(path=path), got=error
        ) from error


def _check_declared(shape: Iterable[int], kind: np.dtype, size: int, path: Path, name: str) -> None:
    shape = tuple(shape)
    if kind.hasobject:
        array = name or "array"
        raise BadArray(
            _(
                "{path} contains Python objects, which are never loaded because they can run code"
            ).format(path=path),
            got=f"{name} {shape}".strip(),
            fix=_(
                "Save names as text, {array}.astype(str), and numbers as {array}.astype(float)."
            ).format(array=array),
        )
    declared = kind.itemsize
    for length in shape:  # Python integers, which do not overflow
        declared *= int(length)
    if declared > size:
        raise CorruptFile(
            _("{path} is truncated").format(path=path),
            expected=_("{n} bytes of content").format(n=declared),
            got=_("{n} in the whole file").format(n=size),
        )


def _read_safetensors(path: Path) -> dict[str, np.ndarray]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "numpy") as file:
            names = list(file.keys())
        return {name: _read_tensor(path, name) for name in names}
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorruptFile(
            _("{path} is not a complete safetensors file").format(path=path), got=error
        ) from error


def _read_tensor(path: Path, name: str) -> np.ndarray:
    """Read one array a block at a time: the mapped file would stay in memory as a second copy."""
    from safetensors import safe_open

    with safe_open(path, "numpy") as file:
        tensor = file.get_slice(name)
        shape = tensor.get_shape()
        if not shape or 0 in shape:
            return np.asarray(file.get_tensor(name))
        first = tensor[:1]
    array = np.empty(shape, first.dtype)
    step = max(1, _BLOCK_BYTES // first.nbytes)
    for start in range(0, len(array), step):
        part = slice(start, min(start + step, len(array)))
        with safe_open(path, "numpy") as file:
            array[part] = file.get_slice(name)[part]
    return array
