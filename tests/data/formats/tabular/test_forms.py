"""Every form of table that people have, made small and read back to the same points."""

import contextlib
import csv
import io

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import io as scipy_io
from scipy import sparse

from etabli.core.errors import BadArray, CorruptFile, EtabliError, UnknownName
from etabli.data.formats import tabular
from etabli.data.formats.tabular import Options, text_table

POINTS = np.random.default_rng(0).normal(size=(30, 3)).round(3)
CODES = np.arange(30) % 3
NAMES = np.array(["ape", "bee", "cat"])[CODES]
FIRST, LAST = Options(label_column="first"), Options(label_column="last")


def lines(separator=",", *, before=lambda row: "", labels=NAMES, comma=False):
    """One line a point: what comes before it, its numbers, its label."""
    made = []
    for row, point in enumerate(POINTS):
        cells = [f"{value:g}".replace(".", "," if comma else ".") for value in point]
        made.append(before(row) + separator.join([*cells, str(labels[row])]))
    return made


def text(header, body, encoding="utf-8"):
    return ("\n".join([*header, *body]) + "\n").encode(encoding)


def h5ad(path):
    with h5py.File(path, "w") as file:
        file["X"] = POINTS
        column = file.create_group("obs/louvain")
        column["codes"], column["categories"] = CODES.astype("i1"), ["ape", "bee", "cat"]
        file["obs/n_counts"] = POINTS[:, 0]


def matlab_73(path):
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, array in (("X", POINTS.T), ("y", CODES[None].astype(float))):
            file.create_dataset(name, data=array).attrs["MATLAB_class"] = np.bytes_("double")
    content = bytearray(path.read_bytes())
    content[:19] = b"MATLAB 7.3 MAT-file"
    path.write_bytes(content)


def arrow(path, *, shuffled=False):
    frame = pytest.importorskip("pandas").DataFrame(POINTS, columns=list("abc"))
    pytest.importorskip("pyarrow")
    frame["kind"] = NAMES
    if shuffled:
        frame.index = np.random.default_rng(1).permutation(30)
    (frame.to_parquet if path.suffix == ".parquet" else frame.to_feather)(path)


# The rows of the table in docs/tools/data.md: file name, what writes it, options.
FORMS = {
    "csv with a header": ("a.csv", text(["a,b,c,label"], lines()), None),
    "iris.data": ("iris.data", text([], [*lines(), ""]), None),
    "wine.data": (
        "wine.data",
        text([], [f"{CODES[at] + 1},{line[:-4]}" for at, line in enumerate(lines())]),
        FIRST,
    ),
    "seeds_dataset.txt": (
        "seeds_dataset.txt",
        text([], [line.replace("\t", "\t\t", at % 4 == 0) for at, line in enumerate(
            lines("\t", labels=CODES))]),
        LAST,
    ),
    "optdigits.tra": ("optdigits.tra", text([], lines(labels=CODES)), LAST),
    "glass.data, rows counted": ("glass.data", text([], lines(before=lambda r: f"{r + 1},")), None),
    "np.savetxt": ("a.txt", text(["# a b c label"], lines(" ", labels=CODES)), None),
    "tabs": ("a.tsv", text(["a\tb\tc\tlabel"], lines("\t")), None),
    "pipes": ("a.csv", text(["a|b|c|label"], lines("|")), None),
    "Excel in French": (
        "a.csv", text(["a;b;c;label"], lines(";", comma=True), "utf-8-sig"), None
    ),
    "Excel with sep=": ("a.csv", text(["sep=;", "a;b;c;label"], lines(";")), None),
    "Excel as Unicode text": (
        "a.txt", text(["a\tb\tc\tlabel"], lines("\t", comma=True), "utf-16"), None
    ),
    "Windows-1252": ("a.csv", text(["a,b,c,espèce"], lines(), "cp1252"), None),
    "pandas index": ("a.csv", text([",a,b,c,label"], lines(before=lambda r: f"{r},")), None),
    "pandas without names": (
        "a.csv", text([",0,1,2,label"], lines(before=lambda r: f"{r},")), None
    ),
    "pandas index, shuffled": (
        "a.csv", text([",a,b,c,label"], lines(before=lambda r: f"{7 * r % 30},")), None
    ),
    "Kaggle's Id": ("a.csv", text(["Id,a,b,c,Species"], lines(before=lambda r: f"{r + 1},")), None),
    "R write.table": (
        "a.txt", text(['"a" "b" "c" "Species"'], lines(" ", before=lambda r: f'"{r + 1}" ')), None
    ),
    "npz X, y": ("a.npz", lambda path: np.savez(path, X=POINTS, y=NAMES), None),
    "npz features, targets": (
        "a.npz", lambda path: np.savez(path, features=POINTS, targets=NAMES), None
    ),
    "npz arr_0, arr_1": ("a.npz", lambda path: np.savez(path, POINTS, CODES), None),
    "npz of Keras": (
        "a.npz",
        lambda path: np.savez(path, x_train=POINTS, y_train=CODES, x_test=POINTS[:1], y_test=[0]),
        None,
    ),
    "npz of a Bunch": (
        "a.npz",
        lambda path: np.savez(
            path, data=POINTS, target=CODES, target_names=np.array(["ape", "bee", "cat"])
        ),
        None,
    ),
    "mat": ("a.mat", lambda path: scipy_io.savemat(path, {"X": POINTS, "y": CODES}), None),
    "mat, sparse and cells": (
        "a.mat",
        lambda path: scipy_io.savemat(
            path, {"fea": sparse.csr_matrix(POINTS), "gnd": NAMES.astype(object)}
        ),
        None,
    ),
    "mat 7.3": ("a.mat", matlab_73, None),
    "h5ad": ("a.h5ad", h5ad, None),
    "feather": ("a.feather", arrow, None),
    "parquet": ("a.parquet", arrow, None),
    "parquet, shuffled index": ("a.parquet", lambda path: arrow(path, shuffled=True), None),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_points_and_classes(form, tmp_path):
    name, content, options = FORMS[form]
    path = tmp_path / name
    path.write_bytes(content) if isinstance(content, bytes) else content(path)
    table = tabular.read(path, options=options, need_labels=True)
    np.testing.assert_allclose(table.points, POINTS)
    _names, codes = np.unique(table.labels, return_inverse=True)
    np.testing.assert_array_equal(codes, CODES)


def test_hdf5_groups_are_searched_for_the_names_of_points_and_labels(tmp_path):
    with h5py.File(tmp_path / "a.hdf5", "w") as file:
        file["train/embeddings"], file["train/labels"] = POINTS, [str(name) for name in NAMES]
    table = tabular.read(tmp_path / "a.hdf5")
    np.testing.assert_array_equal(table.labels, NAMES)


def write(tmp_path, content, name="a.csv"):
    (tmp_path / name).write_text(content, encoding="utf-8")
    return tmp_path / name


def test_columns_that_name_rows_are_left_out_and_said_or_kept(tmp_path):
    rows = "\n".join(f"{at},{at % 7},x{at % 2}" for at in range(9))
    path = write(tmp_path, f"Id,a,label\n{rows}\n")
    table = tabular.read(path)
    assert table.columns == ("a",) and "'Id' names the rows" in table.remarks[0]
    assert tabular.read(path, options=Options(keep_columns=("Id",))).columns == ("Id", "a")
    counting = tabular.read(write(tmp_path, f"time,a,label\n{rows}\n"))
    assert counting.columns == ("time", "a") and "in equal steps" in counting.remarks[0]
    dropped = tabular.read(tmp_path / "a.csv", options=Options(drop_columns=("time",)))
    assert dropped.columns == ("a",) and not dropped.remarks


@pytest.mark.parametrize("name", ["N°", "Unnamed: 0.1", "__index_level_0__", "PassengerId", ""])
def test_the_names_of_counters_are_known(name, tmp_path):
    rows = "\n".join(f"{at},{at % 7},x{at % 2}" for at in range(9))
    assert tabular.read(write(tmp_path, f"{name},a,label\n{rows}\n")).columns == ("a",)


@pytest.mark.parametrize("step", [60, -1])
def test_a_column_of_equal_steps_is_reported_and_kept(step, tmp_path):
    rows = "\n".join(f"{1700000000 + at * step},{at % 7},x{at % 2}" for at in range(9))
    table = tabular.read(write(tmp_path, f"time,a,label\n{rows}\n"))
    assert table.columns == ("time", "a")
    assert "equal steps" in table.remarks[0] and table.remarks[0].endswith("out): time.")
    rows = "\n".join(f"{at / 2},{at % 7},x{at % 2}" for at in range(9))
    assert not tabular.read(write(tmp_path, f"time,a,label\n{rows}\n")).remarks


def test_an_id_that_repeats_is_reported_and_kept(tmp_path):
    rows = "\n".join(f"{at // 2},{at % 7},x{at % 2}" for at in range(9))
    table = tabular.read(write(tmp_path, f"id,a,label\n{rows}\n"))
    assert table.columns == ("id", "a")
    assert "repeated values" in table.remarks[0] and table.remarks[0].endswith("out): id.")
    assert not tabular.read(tmp_path / "a.csv", options=Options(keep_columns=("id",))).remarks


def test_constant_columns_and_copies_of_the_label_are_reported(tmp_path):
    rows = "\n".join(f"3,{at % 2},{at * at},x{at % 2}" for at in range(9))
    remarks = tabular.read(write(tmp_path, f"k,copy,a,label\n{rows}\n")).remarks
    assert "Constant" in remarks[0] and remarks[0].endswith("k.")
    assert "copy of the label" in remarks[1] and remarks[1].endswith("copy.")


@pytest.mark.parametrize("gap", ["", "?", "NA", "NaN", "null", "-", "--", "n.a.", "#REF!"])
def test_missing_values_are_refused_dropped_or_filled_in(gap, tmp_path):
    path = write(tmp_path, f"a,b,label\n1,2,x\n{gap},4,y\n3,6,x\n5,8,y\n")
    with pytest.raises(BadArray, match=r"row 2, column 'a'.*--missing drop.*--missing mean"):
        tabular.read(path)
    dropped = tabular.read(path, options=Options(missing="drop"))
    assert dropped.points.tolist() == [[1, 2], [3, 6], [5, 8]]
    assert dropped.labels.tolist() == ["x", "x", "y"] and dropped.row_indices.tolist() == [0, 2, 3]
    filled = tabular.read(path, options=Options(missing="mean"))
    assert filled.points.tolist() == [[1, 2], [3, 4], [3, 6], [5, 8]]


@pytest.mark.parametrize("cell", ["5%", "1.5 cm", "$3.2", "1'234", "12 km/h", "3 €"])
def test_numbers_that_are_text_are_named_with_what_to_write(cell, tmp_path):
    path = write(tmp_path, "a;b;label\n" + f"{cell};1;x\n{cell};2;y\n" * 4)
    remarks = " ".join(tabular.read(path).remarks)
    assert "Columns of text, left out: a." in remarks
    assert "numbers, and are text: a. Write plain numbers" in remarks


@pytest.mark.parametrize("blank", [" ", "\u00a0", "\u202f"])
@pytest.mark.parametrize("mark", [";", "\t"])
def test_blanks_between_thousands_are_read_and_said(blank, mark, tmp_path):
    rows = [f"{1 + at % 3}{blank}{100 + at},5{mark}{at},25{mark}x{at % 2}\n" for at in range(9)]
    table = tabular.read(write(tmp_path, f"a{mark}b{mark}label\n" + "".join(rows)))
    assert table.points.tolist() == [
        [1000 * (1 + at % 3) + 100 + at + 0.5, at + 0.25] for at in range(9)
    ]
    assert table.remarks[0].endswith("blanks between thousands, are read as numbers: a.")


def test_integers_between_blanks_before_a_tab_are_columns(tmp_path):
    rows = "".join(f"{1 + at} {200 + at} {300 + at}\tx{at % 2}\n" for at in range(9))
    table = tabular.read(write(tmp_path, rows, "a.txt"), options=Options(keep_columns=("1",)))
    assert table.points.tolist() == [[1 + at, 200 + at, 300 + at] for at in range(9)]


def test_decimal_commas_before_a_unit_are_no_delimiters(tmp_path):
    rows = "".join(f"{at},5 %;{at * at};x{at % 2}\n" for at in range(9))
    table = tabular.read(write(tmp_path, "a;b;label\n" + rows))
    assert table.columns == ("b",) and "Write plain numbers" in table.remarks[1]


def test_a_thousand_in_a_column_of_smaller_numbers_is_read(tmp_path):
    table = tabular.read(write(tmp_path, "a;label\n950,5;x\n1 100,5;y\n" + "2,5;x\n3;y\n" * 3))
    assert table.points[:3, 0].tolist() == [950.5, 1100.5, 2.5]


def test_three_digits_between_blanks_and_decimal_commas_are_columns(tmp_path):
    rows = "".join(f"{1 + at},100 {200 + at},500 x{at % 2}\n" for at in range(9))
    table = tabular.read(write(tmp_path, rows, "a.txt"))
    assert table.points.tolist() == [[1.1 + at, 200.5 + at] for at in range(9)]


@pytest.mark.parametrize("minus", ["\u2212", "\u2013"])
def test_minus_signs_of_labels_are_those_of_numbers(minus, tmp_path):
    rows = "".join(f"{at * at},{minus if at % 2 else '-'}1\n{at},1\n" for at in range(6))
    labels = tabular.read(write(tmp_path, "a,label\n" + rows)).labels
    assert labels.tolist() == [-1, 1] * 6


@pytest.mark.parametrize("minus", ["\u2212", "\u2013"])
def test_typographic_minus_signs_are_read_and_said(minus, tmp_path):
    body = "".join(f"{minus}{1 + at % 3} {100 + at},5;{at};x{at % 2}\n" for at in range(6))
    assert tabular.read(write(tmp_path, "a;b;label\n" + body)).points[1, 0] == -2101.5
    rows = "".join(f"{minus if at % 2 else ''}{at}.5,2,x{at % 2}\n" for at in range(6))
    table = tabular.read(write(tmp_path, "a,b,label\n" + rows))
    assert table.points[:, 0].tolist() == [0.5, -1.5, 2.5, -3.5, 4.5, -5.5]
    assert "typographic minus" in table.remarks[0] and table.remarks[0].endswith("numbers: a.")


@pytest.mark.parametrize("cell", ["1'234.5", "1.234,5", "5%"])
def test_a_number_that_is_not_read_is_refused_with_what_to_write(cell, tmp_path):
    path = write(tmp_path, "a;b;label\n" + "1.5;1;x\n2.5;2;y\n" * 3 + f"{cell};3;x\n")
    with pytest.raises(BadArray, match=r"row 7, column 'a'.*Write plain numbers"):
        tabular.read(path)


def test_a_column_with_a_cell_that_is_no_number_can_be_left_out(tmp_path):
    path = write(tmp_path, "a,b,label\n" + "1,2,x\n3,4,y\n" * 3 + "n.d,5,x\n")
    with pytest.raises(BadArray, match=r"row 7, column 'a'.*leave the column out with --drop-col"):
        tabular.read(path)
    assert tabular.read(path, options=Options(drop_columns=("a",))).columns == ("b",)


@pytest.mark.parametrize(
    ("header", "names", "removed"),
    [
        ("length,width,species\ncm,cm,", "cm, cm", 2),
        ("a,b,label\n\ncm,mm,name", "cm, mm, name", 3),
        ("sepal,sepal,\nlength,width,species", "length, width, species", 1),
        ("cm,cm,\nx0,x1,label", "x0, x1, label", 1),
    ],
)
def test_a_second_header_is_refused_with_its_line(header, names, removed, tmp_path):
    rows = "".join(f"{at}.5,{at % 3},x{at % 2}\n" for at in range(6))
    line = header.count("\n") + 1
    with pytest.raises(BadArray, match=f"line {line} of .*got {names}.*Remove line {removed};"):
        tabular.read(write(tmp_path, f"{header}\n{rows}"))
    lines = f"{header}\n{rows}".splitlines(keepends=True)
    del lines[removed - 1]
    assert tabular.read(write(tmp_path, "".join(lines)), need_labels=True).points.shape == (6, 2)


def test_labels_that_differ_only_in_case_or_blanks_are_reported(tmp_path):
    rows = "".join(f"{at % 4},{cat}\n" for at, cat in enumerate(["cat", "Cat", "cat ", "ox"] * 3))
    table = tabular.read(write(tmp_path, "a,label\n" + rows))
    assert table.remarks[0].endswith("blanks around them are one class: 'cat', 'cat '.")
    assert table.remarks[1].endswith("case or blanks are different classes: 'Cat', 'cat'.")
    assert table.classes.names.tolist() == ["Cat", "cat", "ox"]
    write(tmp_path, "\n".join(["cat", "cat ", "ox"] * 4), "labels.txt")
    table = tabular.read(write(tmp_path, "1,2\n4,3\n2,9\n" * 4), tmp_path / "labels.txt")
    assert "one class: 'cat', 'cat '." in table.remarks[0]
    array = tabular.read_object(POINTS, np.array(["a b", "a  b", "c"])[CODES])
    assert array.remarks == (
        "Labels that differ only in case or blanks are different classes: 'a  b', 'a b'.",
    )


def test_a_table_of_such_text_only_is_refused_with_what_to_write(tmp_path):
    path = write(tmp_path, "a,b,label\n" + "5%,$2,x\n1%,$3,y\n" * 4)
    with pytest.raises(BadArray, match=r"no points: expected columns of numbers, got a, b\. Write"):
        tabular.read(path)


def test_a_table_without_a_delimiter_that_fits_is_refused_with_what_separates(tmp_path):
    path = write(tmp_path, "".join(f"{at}.5D-03/x{at % 2}\n" for at in range(8)))
    with pytest.raises(BadArray, match=r"no points.*Separate the columns with commas"):
        tabular.read(path)


@pytest.mark.parametrize("cell", ["2024-01-05", "A001", "Paris", "0x1f"])
def test_other_text_is_not_read_as_numbers(cell, tmp_path):
    path = write(tmp_path, "a,b,label\n" + f"{cell},1,x\n{cell},2,y\n" * 4)
    assert "begin or end" not in " ".join(tabular.read(path).remarks)


def test_a_title_before_the_header_is_refused_with_what_makes_it_a_comment(tmp_path):
    body = "a,b,label\n" + "1,2,x\n3,4,y\n" * 3
    with pytest.raises(BadArray, match=r"expected 3 names, got My data.*begin it with #"):
        tabular.read(write(tmp_path, "My data\n" + body))
    assert tabular.read(write(tmp_path, "# My data\n" + body)).columns == ("a", "b")


@pytest.mark.parametrize(
    ("name", "advice"),
    [("a.csv.gz", "Unpack"), ("a.xlsx", "as CSV"), ("a.pkl", r"numpy\.savez"), ("a.arff", "csv")],
)
def test_formats_that_are_not_read_come_with_what_converts_them(name, advice, tmp_path):
    with pytest.raises(CorruptFile, match=advice):
        tabular.read(write(tmp_path, "x", name))


def test_a_first_row_with_a_gap_is_a_row(tmp_path):
    path = write(tmp_path, "0.5,,1.5,x\n" + "1,2,3,x\n2,3,5,y\n" * 5)
    assert len(tabular.read(path, options=Options(missing="mean")).points) == 11


def test_y_is_a_coordinate_next_to_x(tmp_path):
    path = write(tmp_path, "x,y,species\n1,2,ape\n3,4,bee\n")
    assert tabular.read(path).columns == ("x", "y")
    path = write(tmp_path, "x,y\n1,2\n3,4\n")
    with pytest.raises(BadArray, match=r"the columns x, y.*--label-column"):
        tabular.read(path, need_labels=True)
    assert tabular.read(path, options=Options(label_column="y")).labels.tolist() == [2, 4]
    assert tabular.read(write(tmp_path, "a,b,y\n1,2,0\n3,4,1\n")).columns == ("a", "b")


def test_a_wrong_column_is_refused_with_a_suggestion(tmp_path):
    with pytest.raises(UnknownName, match="Did you mean Species"):
        tabular.read(
            write(tmp_path, "a,Species\n1,x\n2,y\n"), options=Options(label_column="Specis")
        )


def test_numbers_are_grouped_into_bins_of_equal_size(tmp_path):
    rows = "\n".join(f"{at % 5},{at / 3}" for at in range(30))
    path = write(tmp_path, f"a,target\n{rows}\n")
    with pytest.raises(BadArray, match=r"not classes.*--bins 5"):
        tabular.read(path)
    table = tabular.read(path, options=Options(bins=3))
    assert np.unique(table.classes.codes, return_counts=True)[1].tolist() == [10, 10, 10]
    assert table.classes.names[0] == "1: 0 … 3"


@pytest.mark.parametrize("header", ["species\n", ""])
def test_a_file_of_labels_may_have_any_header(header, tmp_path):
    np.save(tmp_path / "x.npy", POINTS)
    labels = write(tmp_path, header + "\n".join(NAMES) + "\n")
    assert tabular.read(tmp_path / "x.npy", labels).labels.tolist() == NAMES.tolist()


def test_arrays_of_objects_are_refused_with_what_saves_them(tmp_path):
    np.savez(tmp_path / "a.npz", features=POINTS, labels=NAMES.astype(object))
    with pytest.raises(BadArray, match=r"labels\.astype\(str\)"):
        tabular.read(tmp_path / "a.npz")


def test_a_damaged_matlab_file_is_refused(tmp_path):
    scipy_io.savemat(tmp_path / "a.mat", {"X": POINTS, "y": CODES})
    whole = (tmp_path / "a.mat").read_bytes()
    for content in (whole[:200], whole[:140] + b"\xff" * 40 + whole[180:], b"", b"\0" * 300):
        (tmp_path / "a.mat").write_bytes(content)
        with pytest.raises((CorruptFile, BadArray)):
            tabular.read(tmp_path / "a.mat")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a.h5", "a.h5ad"])
def test_a_damaged_hdf5_file_is_read_or_refused(name, tmp_path):
    h5ad(tmp_path / name)
    whole = (tmp_path / name).read_bytes()
    draw = np.random.default_rng(0)
    for _time in range(6):
        at, junk = draw.integers(len(whole)), draw.bytes(40)
        (tmp_path / name).write_bytes(whole[:at] + junk + whole[at + 40 :])
        with contextlib.suppress(EtabliError):
            tabular.read(tmp_path / name)


def test_objects_of_python_are_read_and_left_as_they_are():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(POINTS, columns=list("abc")).assign(kind=pandas.Categorical(NAMES))
    np.testing.assert_array_equal(tabular.read_object(frame).labels, NAMES)
    own = POINTS.copy()
    own[3, 1] = np.nan
    table = tabular.read_object(own, NAMES, Options(missing="mean"))
    assert np.isfinite(table.points).all() and np.isnan(own[3, 1]) and own.flags.writeable
    full = tabular.read_object(sparse.csr_matrix(POINTS), NAMES)
    np.testing.assert_array_equal(full.points, POINTS)

    class AnnData:
        X, obs = sparse.csr_matrix(POINTS), frame[["kind"]]

    np.testing.assert_array_equal(tabular.read_object(AnnData()).labels, NAMES)


class Polars:
    """What the reader uses of a frame of polars."""

    columns = ("a", "kind")

    def __getitem__(self, name):
        class Series:
            dtype = "Float64" if name == "a" else "String"

            def to_numpy(self):
                return POINTS[:, 0] if name == "a" else NAMES.astype(object)

        return Series()


def test_a_frame_without_an_index_is_read_by_its_columns():
    assert tabular.read_object(Polars()).columns == ("a",)


NUMBERS = st.floats(-1e6, 1e6, allow_subnormal=False)
TABLES = st.integers(1, 4).flatmap(
    lambda width: st.lists(
        st.lists(NUMBERS, min_size=width, max_size=width), min_size=3, max_size=9
    )
)


@settings(max_examples=150, deadline=None)
@given(
    TABLES,
    st.sampled_from([",", ";", "\t", "|"]),
    st.booleans(),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.booleans(),
    st.sampled_from(["\n", "\r\n"]),
)
def test_a_table_in_any_writing_is_read_back(tmp_path_factory, rows, mark, comma, code, named, end):
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=mark, lineterminator=end)
    if named:
        writer.writerow([*(f"wide {at}" for at in range(len(rows[0]))), "label"])
    for at, row in enumerate(rows):
        cells = [repr(value).replace(".", "," if comma else ".") for value in row]
        writer.writerow([*cells, f"é {at % 2}"])
    path = tmp_path_factory.mktemp("writing") / "a.csv"
    path.write_bytes(out.getvalue().encode(code))
    table = tabular.read(path, options=Options(keep_columns=("1",)))
    np.testing.assert_array_equal(table.points, np.array(rows))
    assert table.labels.tolist() == [f"é {at % 2}" for at in range(len(rows))]


@pytest.mark.parametrize("gap", [False, True])
def test_pyarrow_and_the_reader_of_rows_agree(gap, tmp_path, monkeypatch):
    pytest.importorskip("pyarrow")
    rows = [line.replace("cat", "café") for line in lines(";", comma=True)]
    if gap:
        rows[4] = "NA" + rows[4][rows[4].index(";") :]
    path = tmp_path / "a.csv"
    path.write_bytes(text(["a;b;c;label"], rows))
    chosen = Options(missing="drop")
    expected = tabular.read(path, options=chosen)
    monkeypatch.setattr(text_table, "_MIN_FOR_ARROW", 0)
    monkeypatch.setattr(text_table, "_ARROW_BLOCK", 256)
    monkeypatch.setattr(text_table, "_read_rows", None)
    table = tabular.read(path, options=chosen)
    np.testing.assert_array_equal(table.points, expected.points)
    assert table.labels.tolist() == expected.labels.tolist()


def test_large_tables_are_float32_as_long_as_their_values_fit(tmp_path, monkeypatch):
    monkeypatch.setattr(text_table, "_MIN_FOR_FLOAT32", 10)
    path = write(tmp_path, "a,b,label\n" + "0.1,2,x\n" * 9 + "3,4,y\n" * 9)
    table = tabular.read(path)
    assert table.points.dtype == np.float32 and "float32" in table.remarks[0]
    path = write(tmp_path, "a,b,label\n" + "0.1,2,x\n" * 9 + "1e200,4,y\n" * 9)
    table = tabular.read(path)
    assert table.points.dtype == np.float64 and table.points.max() == 1e200
