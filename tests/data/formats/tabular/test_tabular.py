import io
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from etabli.core.errors import BadArray, CorruptFile, DataMissing, EtabliError, UnknownName
from etabli.data.formats import tabular
from etabli.data.formats.tabular import frames

POINTS = np.array([[1.5, 2.0], [3.0, -4.0], [0.25, 6.0]], np.float32)
CLASSES = np.array([2, 0, 1])


def text(tmp_path, content, name="table.csv"):
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    return path


def test_a_npy_matrix_is_read_as_it_is(tmp_path):
    np.save(tmp_path / "a.npy", POINTS)
    table = tabular.read(tmp_path / "a.npy")
    np.testing.assert_array_equal(table.points, POINTS)
    assert table.points.dtype == np.float32 and table.labels is None
    assert not table.points.flags.writeable


@pytest.mark.parametrize("kind", [np.uint8, np.int64, np.float64, bool, ">f8"])
def test_other_numbers_come_as_float64(tmp_path, kind):
    np.save(tmp_path / "a.npy", np.ones((2, 3), kind))
    assert tabular.read(tmp_path / "a.npy").points.dtype == np.float64


def test_images_are_flattened(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((5, 28, 28), np.uint8))
    assert tabular.read(tmp_path / "a.npy").points.shape == (5, 784)


@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
def test_named_arrays_hold_points_and_labels(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    save = (
        (lambda **arrays: np.savez(path, **arrays))
        if suffix == "npz"
        else (lambda **a: save_file(a, path))
    )
    save(whatever=POINTS, Labels=CLASSES)
    table = tabular.read(path)
    np.testing.assert_array_equal(table.points, POINTS)
    assert table.labels.tolist() == [2, 0, 1] and table.labels.dtype == np.int64
    save(a=POINTS, b=POINTS)
    with pytest.raises(BadArray, match="does not say which of its arrays are the points"):
        tabular.read(path)
    save(a=POINTS * 2, features=POINTS)
    np.testing.assert_array_equal(tabular.read(path).points, POINTS)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_csv_with_a_header_and_a_column_of_names(tmp_path, delimiter):
    rows = [["width", "Label", "height"], ["1", "cat", "2.5"], ["-3e2", '"big dog"', "0"]]
    table = tabular.read(text(tmp_path, "\n".join(map(delimiter.join, rows)) + "\n"))
    assert table.columns == ("width", "height")
    assert table.points.tolist() == [[1, 2.5], [-300, 0]]
    assert table.labels.tolist() == ["cat", "big dog"]


def test_a_csv_of_bare_numbers_has_no_header(tmp_path):
    table = tabular.read(text(tmp_path, "\ufeff1,2\n3,4\n"))
    assert table.points.tolist() == [[1, 2], [3, 4]] and table.columns == ("1", "2")


def test_whole_numbers_written_as_fractions_are_classes(tmp_path):
    assert tabular.read(text(tmp_path, "a,class\n1,0.0\n2,3.0\n")).labels.tolist() == [0, 3]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            "a,b\n1,2\n3\n",
            r"row of another length: row 2 \(expected 2 cells, as in its first line, got 1\)",
        ),
        ("a,b\n1,2\n3,4,5\n", "row of another length: row 2"),
        ("a,b\n1,2\n3,mouse\n", "no number in row 2, column 'b': expected a number, got 'mouse'"),
        ("a,b\n1,\n2,3\n", "no value in row 1, column 'b'.*empty cells: 1, in 1 of 2 rows"),
        ("a,b\n1,2\n3,nan\n", "no value in row 2, column 'b'.*--missing drop.*--missing mean"),
        ("a,b\n1,-inf\n", "contains -inf in row 1, column 'b'"),
        ("a,label\n1,0.5\n", "are not classes: expected integers or names, got 0.5 in row 1"),
        ("label\ncat\n", "contains labels and no points"),
        ("a,b\n", "does not contain a table of points"),
        ("", "is empty"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_every_fault_of_a_text_table_names_its_place(tmp_path, content, sentence):
    with pytest.raises(EtabliError, match=sentence):
        tabular.read(text(tmp_path, content))


def test_labels_may_come_from_a_second_file(tmp_path):
    np.save(tmp_path / "a.npy", POINTS)
    np.save(tmp_path / "l.npy", CLASSES)
    np.savez(tmp_path / "l.npz", y=CLASSES)
    (tmp_path / "l.txt").write_text("2\n0\n1\n")
    (tmp_path / "l.csv").write_text("id,class\na,2\nb,0\nc,1\n")
    for name in ("l.npy", "l.npz", "l.txt", "l.csv"):
        assert tabular.read(tmp_path / "a.npy", tmp_path / name).labels.tolist() == [2, 0, 1]
    (tmp_path / "l.txt").write_text("cat\ncat\ndog\n")
    assert tabular.read(tmp_path / "a.npy", tmp_path / "l.txt").labels.tolist() == [
        "cat",
        "cat",
        "dog",
    ]


def test_labels_of_another_length_are_refused(tmp_path):
    np.save(tmp_path / "a.npy", POINTS)
    np.save(tmp_path / "l.npy", CLASSES[:2])
    with pytest.raises(
        BadArray, match=r"expected 3 labels, one for each row, got an array of shape \(2,\)"
    ):
        tabular.read(tmp_path / "a.npy", tmp_path / "l.npy")


def test_pickles_are_never_opened(tmp_path):
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("a pickle was opened",))

    np.save(tmp_path / "a.npy", np.array([[Trap()]], object), allow_pickle=True)
    np.savez(tmp_path / "a.npz", np.array([[Trap()]], object))
    for name in ("a.npy", "a.npz"):
        with pytest.raises(BadArray, match="Python objects, which are never loaded"):
            tabular.read(tmp_path / name)


@pytest.mark.parametrize(
    ("array", "sentence"),
    [
        (np.array(["a", "b"]), "does not contain numbers"),
        (np.zeros(3), "expected N rows of D numbers"),
        (np.zeros((0, 3)), "expected N rows of D numbers"),
        (np.zeros((2, 2), complex), "does not contain numbers"),
        (np.array([[1, 2], [np.nan, 3]]), "no value in row 2, column '1'"),
    ],
)
def test_arrays_that_are_no_points_are_refused(tmp_path, array, sentence):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(BadArray, match=sentence):
        tabular.read(tmp_path / "a.npy")


def test_a_header_that_declares_more_than_the_file_holds_allocates_nothing(tmp_path):
    held = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        held, {"descr": "<f8", "fortran_order": False, "shape": (10**12, 8)}
    )
    (tmp_path / "a.npy").write_bytes(held.getvalue())
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", held.getvalue())
    for name in ("a.npy", "a.npz"):
        with pytest.raises(CorruptFile, match="truncated"):
            tabular.read(tmp_path / name)


def test_an_unknown_format_and_a_missing_file_are_refused(tmp_path):
    with pytest.raises(UnknownName, match=r"no table format named '\.doc'"):
        tabular.read(tmp_path / "a.doc")
    with pytest.raises(DataMissing):
        tabular.read(tmp_path / "a.csv")


def test_an_arrow_file_with_offsets_out_of_its_buffer_is_refused(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    feather = pytest.importorskip("pyarrow.feather")
    path = tmp_path / "a.arrow"
    columns = {"a": [1.0, 2.0], "target": ["one", "two"]}
    feather.write_feather(pyarrow.table(columns), path, compression="uncompressed")
    content, offsets = path.read_bytes(), b"\0\0\0\0\3\0\0\0\6\0\0\0"
    assert content.count(offsets) == 1
    path.write_bytes(content.replace(offsets, b"\0\0\0\0\3\0\0\0\xff\xff\xff\x7f"))
    with pytest.raises(CorruptFile, match="not a complete Arrow file"):
        tabular.read(path)


def test_a_parquet_file_with_numbers_vectors_and_labels(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    columns = {"a": [1.0, 2.0], "v": [[1.0, 2.0], [3.0, 4.0]], "target": ["x", "y"]}
    parquet.write_table(pyarrow.table(columns), tmp_path / "a.parquet")
    table = tabular.read(tmp_path / "a.parquet")
    assert table.columns == ("a", "v[0]", "v[1]") and table.labels.tolist() == ["x", "y"]
    assert table.points.tolist() == [[1, 1, 2], [2, 3, 4]]
    for bad, sentence in (
        ({"a": ["text"]}, "contains labels and no points|no numeric column"),
        ({"a": [None, 1.0]}, "no value in row 1, column 'a'"),
        ({"a": [[1.0], [1.0, 2.0]]}, "vectors of different lengths"),
        ({"a": [1.0, 2.0], "label": ["x", None]}, "no label in row 2"),
    ):
        parquet.write_table(pyarrow.table(bad), tmp_path / "b.parquet")
        with pytest.raises(BadArray, match=sentence):
            tabular.read(tmp_path / "b.parquet")


@pytest.mark.parametrize("label", ["a text", "a number"])
def test_the_columns_of_a_parquet_file_are_joined_where_they_were_read(
    label, tmp_path, monkeypatch
):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    values = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
    labels = ["x", "y"] * 10 if label == "a text" else np.float32([1, 2] * 10)
    columns = {"a": values[:, 0], "label": labels}
    columns |= {f"x{at}": values[:, at] for at in range(1, 4)}
    parquet.write_table(pyarrow.table(columns), tmp_path / "a.parquet")
    wholes = []

    def read(path, read=frames._read_parquet_columns):
        found = read(path)
        wholes.append(found[-1])
        return found

    monkeypatch.setattr(frames, "_read_parquet_columns", read)
    points = tabular.read(tmp_path / "a.parquet").points
    np.testing.assert_array_equal(points, values)
    assert points.flags.c_contiguous
    # A number for a label is one of the columns of the whole, and no measurement.
    assert np.shares_memory(points, wholes[0]) == (label == "a text")


def saved(save) -> bytes:
    held = io.BytesIO()
    save(held)
    return held.getvalue()


WHOLE = {
    ".npy": saved(lambda held: np.save(held, POINTS)),
    ".npz": saved(lambda held: np.savez(held, x=POINTS, y=CLASSES)),
    ".csv": b"a,label\n1,x\n2,y\n",
    ".safetensors": b"",
}


@settings(max_examples=300, deadline=None)
@given(
    suffix=st.sampled_from([*WHOLE, ".parquet"]),
    at=st.integers(0, 400),
    junk=st.binary(max_size=6),
    keep=st.booleans(),
)
@pytest.mark.filterwarnings("ignore")
def test_any_bytes_give_a_table_or_an_error(tmp_path_factory, suffix, at, junk, keep):
    whole = WHOLE.get(suffix, b"")
    path = tmp_path_factory.mktemp("fuzz") / f"a{suffix}"
    path.write_bytes(whole[:at] + junk + (whole[at + len(junk) :] if keep else b""))
    try:
        table = tabular.read(path)
    except EtabliError:
        return
    assert np.isfinite(table.points).all() and table.points.ndim == 2


def test_of_x_y_and_label_it_is_label_that_names_the_classes(tmp_path):
    (tmp_path / "plane.csv").write_text("x,y,label\n1,2.5,a\n3,4,b\n")
    found = tabular.read(tmp_path / "plane.csv")
    assert found.points.tolist() == [[1, 2.5], [3, 4]] and found.labels.tolist() == ["a", "b"]
