"""Tables of labels as spreadsheets, pandas, Kaggle and annotation tools write them."""

import json

import numpy as np
import pytest

from etabli.core.errors import CorruptFile, DataMissing
from etabli.data.formats import image_tables
from etabli.data.formats.image_tables import Options

CAT, DOG, BOTH = {"cat": 1}, {"dog": 1}, {"cat": 1, "dog": 1}


def read(path, text, encoding="utf-8", **options):
    path.write_bytes(text.encode(encoding) if isinstance(text, str) else text)
    return image_tables.read_table(path, Options(**options), lambda name: name)


def labels_of(found):
    return {row.name: row.labels for row in found.rows}


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_separators_line_ends_and_encodings(tmp_path, separator, end, encoding):
    rows = [("file_name", "label"), ("é1.jpg", "chat"), ("b, c.jpg", "éléphant")]
    quoted = [[f'"{cell}"' if separator in cell else cell for cell in row] for row in rows]
    text = end.join(separator.join(row) for row in quoted) + end
    found = read(tmp_path / "t.csv", text, encoding)
    assert labels_of(found) == {"é1.jpg": {"chat": 1}, "b, c.jpg": {"éléphant": 1}}
    guessed = ["t.csv is not UTF-8 and was read as Windows-1252."]
    assert found.remarks == (guessed if encoding == "cp1252" else [])


FILES = ["file_name", "filename", "file", "path", "filepath", "image", "image_id", "id", "fname"]
LABELS = ["label", "labels", "class", "category", "tag", "tags", "target"]


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("label", LABELS)
def test_column_names(tmp_path, file, label):
    found = read(tmp_path / "t.csv", f"{file},{label}\na,cat\nb,dog\n")
    assert labels_of(found) == {"a": CAT, "b": DOG}
    odd = read(tmp_path / "t.csv", f"{label.upper()} , {file.title().replace('_', ' ')}\ncat,a\n")
    assert labels_of(odd) == {"a": CAT}


@pytest.mark.parametrize(
    "cell", ["cat;dog", "cat|dog", "cat, dog", "cat,dog", "['cat', 'dog']", '["cat", "dog"]',
             "['cat' 'dog']", "[cat, dog]", "('cat', 'dog')", "{'cat', 'dog'}", "cat dog"],
)  # fmt: skip
def test_several_labels_in_a_cell_are_split_and_reported(tmp_path, cell):
    quoted = '"' + cell.replace('"', '""') + '"'
    found = read(tmp_path / "t.csv", f"file,labels\na,{quoted}\nb,cat\nc,dog\n")
    assert labels_of(found) == {"a": BOTH, "b": CAT, "c": DOG}
    assert len(found.remarks) == 1 and "labels" in found.remarks[0]


def test_a_blank_separates_only_words_that_are_labels(tmp_path):
    found = read(tmp_path / "t.csv", "file,label\na,polar bear\nb,bear\nc,hot dog\n")
    assert set(labels_of(found)["a"]) == {"polar bear"}
    remark = "Labels with blanks are kept whole, such as 'polar bear' (--label-separator)."
    assert found.remarks == [remark]
    assert not read(tmp_path / "t.csv", "file,label\na,great dane\nb,cat\n").remarks


def test_a_blank_separates_words_that_are_combined_in_many_ways(tmp_path):
    tags = ["haze", "primary", "water", "road", "cloudy"]
    cells = [f"{a} {b}" for a in tags for b in tags if a != b]
    rows = "".join(f"{number},{cell}\n" for number, cell in enumerate(cells))
    found = read(tmp_path / "t.csv", "image_name,tags\n" + rows)
    assert {name for row in found.rows for name in row.labels} == set(tags)
    assert "(--label-separator)" in found.remarks[0]


def test_a_separator_can_be_given_or_refused(tmp_path):
    text = 'file,label\na,"tench, Tinca"\nb,x/y\n'
    whole = read(tmp_path / "t.csv", text, label_separator="none")
    assert labels_of(whole) == {"a": {"tench, Tinca": 1}, "b": {"x/y": 1}}
    slash = read(tmp_path / "t.csv", text, label_separator="/")
    assert labels_of(slash)["b"] == {"x": 1, "y": 1}


@pytest.mark.parametrize("cell", ["", " ", "NaN", "nan", "NA", "<NA>", "null", "[]"])
def test_an_empty_label_is_no_class(tmp_path, cell):
    found = read(tmp_path / "t.csv", f"file,label\na,cat\nb,{cell}\n")
    assert labels_of(found) == {"a": CAT, "b": {}}


def test_a_label_that_looks_like_half_a_list_is_refused(tmp_path):
    with pytest.raises(CorruptFile, match="looks like a list"):
        read(tmp_path / "t.csv", "file,label\na,\"['cat', 'dog'\"\n")


def test_rows_of_the_same_file_are_joined_and_reported(tmp_path):
    found = read(tmp_path / "t.csv", "file,class\na,cat\nb,cat\na,dog\n")
    assert labels_of(found) == {"a": BOTH, "b": CAT}
    assert "Files listed with several labels, which are all kept: 1, such as a" in found.remarks[0]


@pytest.mark.parametrize(("yes", "no"), [("1", "0"), ("1.0", "0.0"), ("True", "False"), ("1", "")])
def test_a_column_of_zeros_and_ones_is_a_class(tmp_path, yes, no):
    rows = [("a,30", yes, yes, no), ("b,31", no, yes, no), ("c,32", no, no, yes)]
    text = "".join(",".join(row) + "\n" for row in rows)
    found = read(tmp_path / "t.csv", f"id,width,cat,dog,bird\n{text}")
    assert labels_of(found) == {"a": BOTH, "b": DOG, "c": {"bird": 1}}
    assert found.classes == ["cat", "dog", "bird"] and "width" in found.remarks[0]


def test_minus_one_is_absent_in_celeba_and_uncertain_in_chexpert(tmp_path):
    celeba = read(tmp_path / "t.csv", "image_id,Bald,Smiling\na,-1,1\nb,1,-1\n")
    assert labels_of(celeba) == {"a": {"Smiling": 1}, "b": {"Bald": 1}}
    chexpert = read(tmp_path / "t.csv", "Path,Edema,Fracture\na,-1,1\nb,0,\n")
    assert labels_of(chexpert) == {"a": {"Edema": 0, "Fracture": 1}, "b": {}}
    assert "uncertain" in chexpert.remarks[0]


@pytest.mark.parametrize(
    "header", ["filename,cat,labels", "path,file_name,label", "id,split,image"]
)
def test_classes_that_are_named_like_columns_do_not_break_a_table(tmp_path, header):
    _file, one, two = header.split(",")
    found = read(tmp_path / "t.csv", f"{header}\na,1,0\nb,0,1\nc,1,0\n")
    assert labels_of(found) == {"a": {one: 1}, "b": {two: 1}, "c": {one: 1}}
    named = read(tmp_path / "t.csv", "file_name,label\na,labels\nb,file_name\n")
    assert labels_of(named) == {"a": {"labels": 1}, "b": {"file_name": 1}}


def test_predictions_can_be_read_as_labels(tmp_path):
    text = "file_name,label,score,cat,labels\na.jpg,cat,0.9,0.9,0.1\nb.jpg,labels,0.8,0.2,0.8\n"
    assert labels_of(read(tmp_path / "t.csv", text)) == {"a.jpg": CAT, "b.jpg": {"labels": 1}}


@pytest.mark.parametrize(
    ("column", "cells"),
    [
        ("split", ["train", "valid", "TEST"]),
        ("Subset", ["training", "val", "testing"]),
        ("set", ["train", "dev", "test"]),
    ],
)
def test_a_column_of_splits_is_used(tmp_path, column, cells):
    rows = "".join(f"{n},cat,{cell}\n" for n, cell in enumerate(cells))
    found = read(tmp_path / "t.csv", f"file,label,{column}\n{rows}")
    assert [row.split for row in found.rows] == ["train", "validation", "test"]


def test_a_french_table_is_read(tmp_path):
    text = "Fichier;Étiquette;Ensemble\na.jpg;cat;Entraînement\nb.jpg;dog;test\n"
    found = read(tmp_path / "t.csv", text)
    assert [(row.labels, row.split) for row in found.rows] == [(CAT, "train"), (DOG, "test")]


def test_another_column_of_splits_is_named_by_the_user(tmp_path):
    text = "file,label,part,is_valid\na,cat,train,True\nb,dog,test,False\n"
    named = read(tmp_path / "t.csv", text, split_column="Part")
    assert [row.split for row in named.rows] == ["train", "test"]
    fastai = read(tmp_path / "t.csv", text)
    assert [row.split for row in fastai.rows] == ["validation", "train"]
    with pytest.raises(CorruptFile, match=r"lacks a column.*weekend"):
        read(tmp_path / "t.csv", text, split_column="weekend")
    with pytest.raises(CorruptFile, match=r"label does not name splits.*cat, dog"):
        read(tmp_path / "t.csv", text, split_column="label")
    folds = read(tmp_path / "t.csv", "file,label,split\na,cat,0\nb,dog,1\nc,dog,2\n")
    assert "Column split does not name splits" in folds.remarks[0]


@pytest.mark.parametrize("separator", [",", "\t", " "])
def test_a_table_without_a_header_is_recognized_and_reported(tmp_path, separator):
    found = read(tmp_path / "t.txt", f"a.jpg{separator}cat\nb.jpg{separator}dog\n")
    assert labels_of(found) == {"a.jpg": CAT, "b.jpg": DOG} and "no header" in found.remarks[0]


def test_without_a_header_the_columns_are_recognized_in_any_order(tmp_path):
    lines = ["TRAIN,gs://bucket/a.jpg,cat", "TEST,gs://bucket/b.jpg,dog"]
    found = read(tmp_path / "t.csv", "\n".join(lines))
    assert {row.name.rpartition("/")[2]: row.split for row in found.rows} == {
        "a.jpg": "train",
        "b.jpg": "test",
    }
    assert [row.labels for row in found.rows] == [CAT, DOG]


def test_without_labels_a_table_is_a_list_of_images(tmp_path):
    for text in ("file_name\na.jpg\nb.jpg\n", "a.jpg\nb.jpg\n"):
        found = read(tmp_path / "t.csv", text, need_labels=False)
        assert labels_of(found) == {"a.jpg": None, "b.jpg": None}
        with pytest.raises(CorruptFile, match="column of 0 and 1"):
            read(tmp_path / "t.csv", text)


def test_the_other_of_two_columns_is_the_label_where_values_repeat(tmp_path):
    found = read(tmp_path / "t.csv", "id,breed\na,pug\nb,pug\nc,corgi\nd,corgi\n")
    assert labels_of(found)["c"] == {"corgi": 1} and "breed is taken" in found.remarks[0]
    with pytest.raises(CorruptFile, match="caption"):
        read(tmp_path / "t.csv", "id,caption\na,A dog.\nb,A cat.\n")


def test_json_of_every_shape(tmp_path):
    rows = [{"file_name": "a.jpg", "labels": ["cat", "dog"]}, {"file_name": "b.jpg", "labels": 3}]
    lines = read(tmp_path / "t.jsonl", "\n\n".join(map(json.dumps, rows)))
    listed = read(tmp_path / "t.json", json.dumps(rows))
    mapped = read(tmp_path / "t.json", json.dumps({"a.jpg": ["cat", "dog"], "b.jpg": 3.0}))
    columns = {"file_name": {"0": "a.jpg", "1": "b.jpg"}, "labels": {"0": "cat;dog", "1": 3}}
    pandas = read(tmp_path / "t.json", json.dumps(columns))
    assert labels_of(lines) == labels_of(listed) == labels_of(mapped) == labels_of(pandas)
    assert labels_of(lines) == {"a.jpg": BOTH, "b.jpg": {"3": 1}}


def test_parquet_is_read_and_images_inside_it_are_refused(tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"file_name": ["a", "b"], "label": [["cat", "dog"], ["cat"]]})
    frame.to_parquet(tmp_path / "t.parquet")
    found = image_tables.read_table(tmp_path / "t.parquet", Options(), lambda name: name)
    assert labels_of(found) == {"a": BOTH, "b": CAT}
    inside = pandas.DataFrame({"image": [{"bytes": b"x", "path": "a"}], "label": [0]})
    inside.to_parquet(tmp_path / "t.parquet")
    with pytest.raises(CorruptFile, match="images themselves"):
        image_tables.read_table(tmp_path / "t.parquet", Options(), lambda name: name)


@pytest.mark.parametrize(
    ("name", "text", "match"),
    [
        ("t.csv", "picture,label\na.gz,cat\n", "file_name"),
        ("t.csv", "file_name,colour\na.jpg,red\n", "label"),
        ("t.csv", "file_name,label\n", "no rows"),
        ("t.csv", "", "no rows"),
        ("t.csv", "file_name,label\n,cat\n", "row 1"),
        ("t.jsonl", "{not json\n", r"t\.jsonl"),
        ("t.jsonl", "[1, 2]\n", "not a JSON object"),
        ("t.jsonl", '{"file_name": "a", "label": {"x": 1}}', "a label that is not text"),
        ("t.jsonl", '{"file_name": "a", "label": [["x"]]}', "a label that is not text"),
        ("t.parquet", "PAR1 not", r"t\.parquet"),
        ("t.xlsx", "PK", "Save a spreadsheet as CSV"),
    ],
)
def test_a_bad_table_says_what_is_wrong(tmp_path, name, text, match):
    with pytest.raises(CorruptFile, match=match):
        read(tmp_path / name, text)


def test_cells_with_line_ends_quotes_and_unicode_separators_are_one_cell(tmp_path):
    text = 'file,note,label\n"a\n1","x, ""y""",cat\nb\u2028c,x\x85y,dog\n'
    assert labels_of(read(tmp_path / "t.csv", text)) == {"a\n1": CAT, "b\u2028c": DOG}


def test_a_missing_image_is_counted_and_none_at_all_is_refused(tmp_path):
    (tmp_path / "t.csv").write_text("file,label\na,cat\nb,dog\n")
    path = tmp_path / "t.csv"
    found = image_tables.read_table(path, Options(), lambda name: name if name == "a" else None)
    assert labels_of(found) == {"a": CAT} and found.left_out == [("b", "missing")]
    with pytest.raises(DataMissing, match="such as a"):
        image_tables.read_table(path, Options(), lambda name: None)


@pytest.mark.parametrize("seed", range(5))
def test_pandas_reads_the_same_labels(tmp_path, seed):
    pandas = pytest.importorskip("pandas")
    generator = np.random.default_rng(seed)
    words = ["cat", "big dog", "été", "a;b" if seed % 2 else "fox", 'q"q', "NA"]
    frame = pandas.DataFrame(
        {"file_name": [f"{n}.jpg" for n in range(40)], "label": generator.choice(words, 40)}
    )
    separator = generator.choice([",", ";", "\t"])
    frame.to_csv(tmp_path / "t.csv", index=False, sep=separator)
    again = pandas.read_csv(tmp_path / "t.csv", sep=separator)
    expected = {
        name: {} if label is np.nan or label != label else dict.fromkeys(str(label).split(";"), 1)
        for name, label in zip(again["file_name"], again["label"], strict=True)
    }
    options = Options(label_separator=";")
    found = image_tables.read_table(tmp_path / "t.csv", options, lambda name: name)
    assert labels_of(found) == expected
