"""Write a seed of every format that people bring into the corpus: ``python tests/fuzz/seeds.py``.

Each format is named as the tables of ``docs/tools/data.md`` name it. A seed that exists stays, so
that a format of another version of a library does not replace it.
"""

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

CORPUS = Path(__file__).parent / "corpus"
POINTS = np.array([[1.5, 2], [3, -4], [0.25, 6], [7, 8]])
CODES = np.array([0, 1, 0, 1])
NAMES = np.array(["ape", "bee", "ape", "bee"])


def lines(*rows: str, encoding: str = "utf-8") -> bytes:
    return ("\n".join(rows) + "\n").encode(encoding)


def npz(**arrays: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()


def sparse_npz() -> bytes:
    from scipy import sparse

    stream = io.BytesIO()
    sparse.save_npz(stream, sparse.csr_matrix(POINTS))
    return stream.getvalue()


def matlab(**arrays: object) -> bytes:
    from scipy import io as scipy_io

    stream = io.BytesIO()
    scipy_io.savemat(stream, arrays, do_compression=bool(arrays.pop("packed", False)))
    return stream.getvalue()


def sparse_matlab() -> bytes:
    from scipy import sparse

    return matlab(fea=sparse.csc_matrix(POINTS), gnd=NAMES.astype(object))


def hdf5(write: Callable) -> bytes:
    import h5py

    stream = io.BytesIO()
    with h5py.File(stream, "w", libver="latest") as file:
        write(file)
    return stream.getvalue()


def plain_hdf5(file) -> None:
    file.create_dataset("x_train", data=POINTS, compression="gzip")
    file["group/y_train"] = [str(name) for name in NAMES]


def matlab_73(file) -> None:
    for name, array in (("X", POINTS.T), ("y", CODES[None].astype(float))):
        file.create_dataset(name, data=array).attrs["MATLAB_class"] = np.bytes_("double")


def anndata(file) -> None:
    file["X"] = POINTS
    file["obs/louvain/codes"], file["obs/louvain/categories"] = CODES.astype("i1"), ["ape", "bee"]
    file["obs/n"] = POINTS[:, 0]
    file["obs"].attrs["_index"] = "_index"


def sparse_anndata(file) -> None:
    from scipy import sparse

    matrix = sparse.csr_matrix(POINTS)
    for name in ("data", "indices", "indptr"):
        file[f"X/{name}"] = getattr(matrix, name)
    file["X"].attrs["shape"], file["X"].attrs["encoding-type"] = matrix.shape, "csr_matrix"
    file["obs/label"] = CODES


def arrow(kind: str) -> bytes:
    import pandas
    import pyarrow
    from pyarrow import feather, ipc, parquet

    frame = pandas.DataFrame(POINTS, columns=["a", "b"], index=[3, 1, 2, 0]).assign(kind=NAMES)
    table, stream = pyarrow.Table.from_pandas(frame), io.BytesIO()
    if kind == "parquet":
        parquet.write_table(table, stream)
    elif kind == "feather":
        feather.write_feather(table, stream, compression="uncompressed")
    else:
        with ipc.new_stream(stream, table.schema) as writer:
            writer.write_table(table)
    return stream.getvalue()


# Reader -> format -> a small file of it.
SEEDS: dict[str, dict[str, Callable[[], bytes]]] = {
    "points_csv": {
        "iris": lambda: lines("5.1,3.5,Iris-setosa", "4.9,3.0,Iris-setosa", "7,3.2,Iris-x", ""),
        "wine": lambda: lines("1,14.2,1.7", "1,13.2,1.8", "2,13.1,2.4"),
        "digits": lambda: lines("0,1,6,15,0", "0,0,10,16,0", "0,0,8,15,7"),
        "pandas": lambda: lines(",a,b,species", "0,1,2,x", "1,3,4,y"),
        "kaggle": lambda: lines("Id,a,b,Species", "1,1,2,x", "2,3,4,y"),
        "bars": lambda: lines("a|b|label", "1|2|x", "3|4|y"),
    },
    "points_txt": {
        "seeds": lambda: lines("15.26\t14.84\t\t0.871\t1", "14.88\t14.57\t0.8811\t1"),
        "savetxt": lambda: lines("1.500000000000000000e+00 2.0e+00", "3.0e+00 -4.0e+00"),
        "r": lambda: lines('"a" "b" "Species"', '"1" 1.5 2 "x"', '"2" 3 4 "y"'),
    },
    "points_excel": {
        "french": lambda: lines("a;b;espèce", "0,5;1,25;x", "2,5;3;y", encoding="utf-8-sig"),
        "windows": lambda: lines("a;b;espèce", "0,5;1,25;x", "2,5;3;y", encoding="cp1252"),
        "unicode": lambda: lines("a\tb\tlabel", "0,5\t1\tx", "2,5\t3\ty", encoding="utf-16"),
    },
    "points_npz": {
        "sklearn": lambda: npz(X=POINTS, y=CODES),
        "arr": lambda: npz(arr_0=POINTS, arr_1=NAMES),
        "keras": lambda: npz(x_train=POINTS, y_train=CODES, x_test=POINTS),
        "bunch": lambda: npz(data=POINTS, target=CODES, target_names=NAMES[:2]),
        "sparse": sparse_npz,
    },
    "points_mat": {
        "whole": lambda: matlab(X=POINTS, y=CODES),
        "packed": lambda: matlab(features=POINTS, labels=CODES, packed=True),
        "cells": sparse_matlab,
        "matlab73": lambda: b"MATLAB 7.3 MAT-file".ljust(512) + hdf5(matlab_73),
    },
    "points_hdf5": {"whole": lambda: hdf5(plain_hdf5)},
    "points_h5ad": {"whole": lambda: hdf5(anndata), "sparse": lambda: hdf5(sparse_anndata)},
    "points_feather": {"pandas": lambda: arrow("feather")},
    "points_arrow": {"whole": lambda: arrow("stream"), "file": lambda: arrow("feather")},
    "points_parquet": {"pandas": lambda: arrow("parquet")},
    "caption_table": {
        "kaggle": lambda: lines("image,caption", 'a.jpg,"A dog, red ."', "a.jpg,A cat ."),
        "token": lambda: lines("a.jpg#0\tA dog .", "a.jpg#1\tA cat ."),
        "results": lambda: lines(
            "image_name| comment_number| comment", "a.jpg| 0| A dog .", "a.jpg| 4   A dog runs ."
        ),
        "metadata": lambda: lines("file_name,text", "a.jpg,A dog ."),
    },
    "caption_json": {
        "karpathy": lambda: json.dumps(
            {"images": [{"filename": "a.jpg", "split": "val", "sentences": [{"raw": "A dog ."}]}]}
        ).encode(),
        "coco_instances": lambda: json.dumps(
            {
                "images": [{"id": 7, "file_name": "a.jpg"}],
                "annotations": [{"image_id": 7, "id": 1, "caption": "A dog ."}],
            }
        ).encode(),
    },
    "vectors": {
        "glove_840b": lambda: lines(". . . 0.1 -0.2 0.3", "at name@x.com 1 2 3", "dog 3 2 1"),
        "word2vec": lambda: lines("2 3", "dog 0.1 0.2 0.3", "cat 1 2 3"),
        "word2vec_binary": lambda: (
            b"2 3\ndog " + np.float32([1, 2, 3]).tobytes() + b"\ncat "
            + np.float32([3, 2, 1]).tobytes() + b"\n"
        ),
        "not_utf8": lambda: b"\xe9t\xe9 0.1 0.2 0.3\ndog 1 2 3\ncat 3 2 1\n",
    },
    "vectors_npy": {"doubles": lambda: npy(np.eye(3))},
    "own_text": {
        "verse": lambda: lines("Été,", "", "    La mer é", "\u2028Je\x0c"),
        "utf16_be": lambda: b"\xfe\xff" + "Vers\nune île\n".encode("utf-16-be"),
        "gutenberg": lambda: lines("T", "*** START OF THE PROJECT X ***", "A", "*** END OF", "L"),
        "small_print": lambda: lines("T", "*END*THE SMALL PRINT!*V.1*END*", "A", "End of X"),
    },
}  # fmt: skip


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def main() -> None:
    for reader, formats in SEEDS.items():
        (CORPUS / reader).mkdir(exist_ok=True)
        for name, make in formats.items():
            path = CORPUS / reader / name
            if not path.exists() or "--replace" in sys.argv:
                path.write_bytes(make())
                print(path.relative_to(CORPUS), path.stat().st_size)


if __name__ == "__main__":
    main()
