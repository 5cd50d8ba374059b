"""Points in MATLAB, HDF5 and AnnData files; called by the process of ``child`` only.

SciPy's and HDF5's readers are made for files that are trusted: a damaged one can end the process.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from etabli.core.errors import CorruptFile, EtabliError, UnknownName
from etabli.core.i18n import _
from etabli.data.formats.tabular import array_files
from etabli.data.formats.tabular.array_files import DAMAGE_ERRORS, Arrays
from etabli.data.formats.tabular.table import Options

if TYPE_CHECKING:
    import h5py

__all__ = ["read_anndata", "read_arrays"]

_MAX_COMPRESSION = 1100  # a little more than that of deflate


def read_arrays(path: Path, choose: Callable[[Arrays], Any]) -> Any:
    """Return what ``choose`` makes of the arrays of a MATLAB or HDF5 file."""
    with path.open("rb") as stream:
        head = stream.read(128)
    # MATLAB's version 7.3 is HDF5
    is_hdf5 = head.startswith(b"\x89HDF\r\n\x1a\n") or b"MATLAB 7.3" in head
    if path.suffix.lower() == ".mat" and not is_hdf5:
        return choose(_read_mat(path))
    return _read_hdf5(path, choose)


def _read_mat(path: Path) -> Arrays:
    from scipy import sparse
    from scipy.io import loadmat

    try:
        loaded = loadmat(path, appendmat=False)
    except Exception as error:  # SciPy raises anything on a damaged file
        if isinstance(error, MemoryError):
            raise
        raise CorruptFile(
            _("{path} is not a complete MATLAB file").format(path=path), got=error
        ) from error
    arrays = {}
    for name, array in loaded.items():
        if sparse.issparse(array):
            arrays[name] = array_files.to_dense(array, path)
        elif isinstance(array, np.ndarray) and array.dtype.names is None:
            is_cells = array.dtype.kind == "O"
            arrays[name] = _to_text_array(array) if is_cells else array
    return arrays


def _to_text_array(cells: np.ndarray) -> np.ndarray:
    texts = [_to_text(each) for each in cells.reshape(-1)]
    return np.array(texts, dtype=str).reshape(cells.shape)


def _to_text(value: Any) -> str:
    while isinstance(value, np.ndarray) and value.size == 1:
        value = value.reshape(-1)[0]
    if isinstance(value, np.ndarray):
        return "".join(map(str, value.reshape(-1)))
    return str(value)


# --- HDF5, AnnData --------------------------------------------------------------------------------


def _read_hdf5(path: Path, choose: Callable[[Arrays], Any]) -> Any:
    import h5py

    try:
        with h5py.File(path, "r") as file:
            arrays: dict[str, Any] = {}

            def visit(name: str, item: Any) -> None:
                if isinstance(item, h5py.Dataset) and item.dtype.names is None and item.ndim:
                    arrays[name] = _TransposedArray(item) if _is_matlab(item) else _Array(item)

            file.visititems(visit)
            return choose(arrays)
    except EtabliError:
        raise
    except (OSError, RuntimeError, *DAMAGE_ERRORS, KeyError, AttributeError) as error:
        raise CorruptFile(
            _("{path} is not a complete HDF5 file").format(path=path), got=error
        ) from error


def _is_matlab(item: "h5py.Dataset") -> bool:
    return "MATLAB_class" in item.attrs


def _load(item: "h5py.Dataset") -> np.ndarray:
    """Read a data set that is not larger than the file can hold, even compressed."""
    size = Path(item.file.filename).stat().st_size
    if item.nbytes > _MAX_COMPRESSION * size:
        raise CorruptFile(
            _("{path} is truncated").format(path=item.file.filename),
            expected=_("{n} bytes of content").format(n=item.nbytes),
            got=_("{n} in the whole file").format(n=size),
        )
    return np.asarray(item[()])


class _Array:
    """A data set of an HDF5 file, read when it is chosen; text becomes strings."""

    def __init__(self, item: "h5py.Dataset") -> None:
        self.item, self.dtype = item, item.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.item.shape)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def __getitem__(self, key: object) -> np.ndarray:
        return _load(self.item)


class _TransposedArray(_Array):
    """A data set of MATLAB 7.3, whose axes are in the opposite order."""

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.item.shape[::-1])

    def __getitem__(self, key: object) -> np.ndarray:
        return _load(self.item).T


def read_anndata(path: Path, options: Options) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return the matrix X (or ``--array``, as ``obsm/X_pca``) of an h5ad file, and its columns."""
    import h5py

    try:
        with h5py.File(path, "r") as file:
            name = options.array or "X"
            if name not in file:
                inner = [f"obsm/{each}" for each in file.get("obsm", ())]
                raise UnknownName(_("array"), name, ["X", *inner])
            points = _read_matrix(file[name], path)
            return points, _read_obs(file, len(points))
    except EtabliError:
        raise
    except (OSError, RuntimeError, *DAMAGE_ERRORS, KeyError, AttributeError) as error:
        raise CorruptFile(
            _("{path} is not a complete AnnData file").format(path=path), got=error
        ) from error


def _read_matrix(item: Any, path: Path) -> np.ndarray:
    import h5py
    from scipy import sparse

    if isinstance(item, h5py.Dataset):
        return _load(item)
    shape = tuple(int(each) for each in item.attrs.get("shape", item.attrs.get("h5sparse_shape")))
    kind = str(item.attrs.get("encoding-type", item.attrs.get("h5sparse_format", "csr")))
    make = sparse.csc_matrix if "csc" in kind else sparse.csr_matrix
    parts = tuple(_load(item[each]) for each in ("data", "indices", "indptr"))
    return array_files.to_dense(make(parts, shape=shape), path)


def _read_obs(file: Any, n: int) -> dict[str, np.ndarray]:
    """Return the columns that describe the rows; categories become their names."""
    import h5py

    obs = file.get("obs")
    if isinstance(obs, h5py.Dataset):  # before anndata 0.7: one array of records
        records = _load(obs)
        return {name: records[name] for name in records.dtype.names or ()}
    found: dict[str, np.ndarray] = {}
    for name, item in (obs or {}).items():
        if isinstance(item, h5py.Group) and "codes" in item and "categories" in item:
            found[name] = _name_codes(_load(item["codes"]), _load(item["categories"]))
        elif isinstance(item, h5py.Dataset) and item.shape == (n,):
            values = _load(item)
            if "categories" in item.attrs:  # anndata 0.7
                values = _name_codes(values, _load(file[item.attrs["categories"]]))
            found[name] = values
    index = obs.attrs.get("_index", "_index") if obs is not None else "_index"
    found.pop(index.decode() if isinstance(index, bytes) else str(index), None)
    return found


def _name_codes(codes: np.ndarray, categories: np.ndarray) -> np.ndarray:
    texts = array_files.to_texts(np.asarray(categories))
    names = np.append(np.asarray(categories).astype(str) if texts is None else texts, "")
    return names[codes]
