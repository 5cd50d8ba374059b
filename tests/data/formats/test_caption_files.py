"""Files of captions in the formats that people have, each written here as its makers write it."""

import csv
import json
import sys
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etabli.core.errors import BadSetting, CorruptFile, MissingExtra
from etabli.data.formats import caption_files, caption_folder

NAMES = ("1000_ab0.jpg", "1001_ab1.jpg", "1002_ab2.jpg")
CAPTIONS = (
    ("A red disc , on grey .", "A disc"),
    ('He says " hello " to me .', "Two people , one dog , and a cat ."),
    ("A blue thing .", "It is blue"),
)
PAIRS = [(name, each) for name, group in zip(NAMES, CAPTIONS, strict=True) for each in group]


def kaggle(folder):
    with (folder / "captions.txt").open("w", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows([("image", "caption"), *PAIRS])
    return "Images"


def official(folder):
    (folder / "Flickr8k_text").mkdir()
    lines = [f"{name}#{number}\t{caption}\n" for number, (name, caption) in enumerate(PAIRS)]
    lines.insert(2, "999_bogus.jpg.1#0\tA bogus .\n")
    (folder / "Flickr8k_text" / "Flickr8k.token.txt").write_text("".join(lines))
    (folder / "Flickr8k_text" / "Flickr8k.lemma.token.txt").write_text("".join(lines))
    annotations = f"{NAMES[0]}\t{NAMES[0]}#2\t1\t1\t1\n"
    (folder / "Flickr8k_text" / "ExpertAnnotations.txt").write_text(annotations)
    (folder / "Flickr8k_text" / "readme.txt").write_text("These are, well, the captions.\n")
    return "Flicker8k_Dataset"


def karpathy(folder):
    splits = ("train", "restval", "val")
    listed = [
        {
            "filename": name,
            "split": split,
            "sentences": [{"raw": each, "tokens": each.lower().split()} for each in group],
        }
        for name, group, split in zip(NAMES, CAPTIONS, splits, strict=True)
    ]
    (folder / "dataset_flickr8k.json").write_text(json.dumps({"images": listed}))
    return "imgs"


def coco(folder):
    (folder / "annotations").mkdir()
    listed = [{"id": number, "file_name": name} for number, name in enumerate(NAMES)]
    notes = [{"image_id": NAMES.index(name), "id": 7, "caption": each} for name, each in PAIRS]
    document = {"info": {}, "images": listed, "annotations": notes}
    (folder / "annotations" / "captions_val2014.json").write_text(json.dumps(document))
    boxes = {"images": listed, "annotations": [{"image_id": 0, "bbox": [0, 0, 1, 1]}]}
    (folder / "annotations" / "instances_val2014.json").write_text(json.dumps(boxes))
    return "val2014"


def flickr30k(folder):
    lines = [f"{name}| {number % 2}| {each}\n" for number, (name, each) in enumerate(PAIRS)]
    lines[3] = lines[3].replace("| 1|", "| 1  ")  # as line 19,999 of the file
    (folder / "results.csv").write_text("image_name| comment_number| comment\n" + "".join(lines))
    return "flickr30k_images"


def metadata_csv(folder):
    with (folder / "metadata.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([("file_name", "text"), *PAIRS])
    return "."


def metadata_jsonl(folder):
    records = [{"file_name": name, "text": each} for name, each in PAIRS]
    (folder / "metadata.jsonl").write_text("\n".join(map(json.dumps, records)))
    return "."


def metadata_parquet(folder):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    columns = {"file_name": list(NAMES), "captions": list(map(list, CAPTIONS))}
    parquet.write_table(pyarrow.table(columns), folder / "metadata.parquet")
    return "."


def texts(folder):
    for name, group in zip(NAMES, CAPTIONS, strict=True):
        (folder / name).with_suffix(".txt").write_text("\n".join(group) + "\n")
    (folder / "README.txt").write_text("Photographs of mine.\n")
    return "."


def img2dataset(folder):
    """Write a text and a JSON file next to each image, as img2dataset does."""
    texts(folder)
    for name, group in zip(NAMES, CAPTIONS, strict=True):
        record = {"url": "http://x/1.jpg", "captions": group}
        (folder / name).with_suffix(".json").write_text(json.dumps(record))
    (folder / NAMES[0]).with_suffix(".txt").unlink()
    return "."


def list_of_objects(folder):
    records = [{"image": f"images/{name}", "caption": each} for name, each in PAIRS]
    (folder / "blip.json").write_text(json.dumps(records))
    return "images"


def mapping(folder):
    (folder / "captions.json").write_text(json.dumps(dict(zip(NAMES, CAPTIONS, strict=True))))
    return "images"


def lists_in_cells(folder):
    """The table of flickr30k on Hugging Face: all captions of an image in one cell."""
    rows = [(json.dumps(group), name) for name, group in zip(NAMES, CAPTIONS, strict=True)]
    with (folder / "flickr_annotations_30k.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([("raw", "filename"), *rows])
    return "images"


def columns_of_captions(folder):
    rows = [(name, *group) for name, group in zip(NAMES, CAPTIONS, strict=True)]
    with (folder / "captions.tsv").open("w", newline="") as stream:
        header = ("image", "caption_1", "caption_2")
        csv.writer(stream, delimiter="\t").writerows([header, *rows])
    return "images"


def without_header(folder):
    (folder / "mine.txt").write_text("".join(f"{name}\t{each}\n" for name, each in PAIRS))
    return "images"


def course(folder):
    lines = [f"{name}\t<start> {each} <end>\n" for name, each in PAIRS]
    (folder / "flickr_8k_train_dataset.txt").write_text("image_id\tcaptions\n" + "".join(lines))
    return "images"


def textcaps(folder):
    records = [
        {"image_id": name[:-4], "caption_str": each, "set_name": "train", "image_name": name[:-4]}
        for name, each in PAIRS
    ]
    document = {"dataset_name": "textcaps", "dataset_type": "train", "data": records}
    (folder / "TextCaps_0.1_train.json").write_text(json.dumps(document))
    return "train_images"


def roco(folder):
    """The captions of ROCO: names without suffix, a tab, a blank."""
    (folder / "captions.txt").write_text("".join(f"{name[:-4]}\t {c}\n" for name, c in PAIRS))
    return "images"


def roco_table(folder):
    """The other table of ROCO, in which "name" is that of the publication and "id" the image's."""
    rows = [(name[:-4], f"PMC{name}", each) for name, each in PAIRS]
    with (folder / "traindata.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([("id", "name", "caption"), *rows])
    return "images"


def caption_first(folder):
    (folder / "mine.tsv").write_text("".join(f"{each}\t{name}\n" for name, each in PAIRS))
    return "images"


def numbered(folder):
    rows = [(i, name, each) for i, (name, each) in enumerate(PAIRS)]
    with (folder / "mine.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)
    return "images"


def mapping_of_stems(folder):
    stems = [name[:-4] for name in NAMES]
    (folder / "captions.json").write_text(json.dumps(dict(zip(stems, CAPTIONS, strict=True))))
    return "images"


KNOWN_BY_THE_IMAGES = (roco, mapping_of_stems)  # names without a suffix, and no header
FORMATS = (
    *(kaggle, official, karpathy, coco, flickr30k, metadata_csv, metadata_jsonl, metadata_parquet),
    *(
        texts,
        img2dataset,
        list_of_objects,
        mapping,
        lists_in_cells,
        columns_of_captions,
        without_header,
    ),
    *(course, textcaps, roco_table, caption_first, numbered, *KNOWN_BY_THE_IMAGES),
)


def make(write, folder):
    """Write a caption file and empty images; return where the images are."""
    place = folder / write(folder)
    place.mkdir(exist_ok=True)
    for name in NAMES:
        (place / name).touch()
    return place


@pytest.mark.parametrize("write", FORMATS)
def test_every_format_is_read(tmp_path, write):
    place = make(write, tmp_path)
    data = caption_folder.read_folder(tmp_path)
    assert [path.resolve() for path in data.paths] == [place.resolve() / name for name in NAMES]
    assert data.captions == CAPTIONS


@pytest.mark.parametrize("write", [each for each in FORMATS if each not in (texts, img2dataset)])
def test_images_and_caption_file_may_be_apart(tmp_path, write):
    (tmp_path / "words").mkdir()
    (tmp_path / "photographs").mkdir()
    write(tmp_path / "words")
    for name in NAMES:
        (tmp_path / "photographs" / name).touch()
    stems = {name[:-4] for name in NAMES}
    (file,) = caption_files.find(tmp_path / "words", stems.__contains__)[-1:]
    data = caption_folder.read_folder(tmp_path / "photographs", file)
    assert (data.names, data.captions) == (NAMES, CAPTIONS)


def test_the_splits_of_karpathy_are_read(tmp_path):
    make(karpathy, tmp_path)
    data = caption_folder.read_folder(tmp_path)
    assert data.splits == ("train", "train", "validation")
    assert "training: 2, validation: 1" in data.remarks[0]


def test_the_lists_of_flickr8k_are_splits(tmp_path):
    make(official, tmp_path)
    for name, image in zip(("train", "dev", "test"), NAMES, strict=True):
        (tmp_path / "Flickr8k_text" / f"Flickr_8k.{name}Images.txt").write_text(f"{image}\n")
    data = caption_folder.read_folder(tmp_path)
    assert data.splits == ("train", "validation", "test")
    assert data.captions == CAPTIONS
    assert "missing images: 1 (999_bogus.jpg.1)" in data.remarks[0]


def test_the_folders_of_hugging_face_are_splits(tmp_path):
    for split, name in zip(("train", "validation", "test"), NAMES, strict=True):
        (tmp_path / split).mkdir()
        (tmp_path / split / "0.jpg").touch()
        (tmp_path / split / "metadata.csv").write_text(f"file_name,text\n0.jpg,of {name[:4]}\n")
    data = caption_folder.read_folder(tmp_path)
    found = dict(zip(data.names, zip(data.splits, data.captions, strict=True), strict=True))
    assert found == {
        "train/0.jpg": ("train", (f"of {NAMES[0][:4]}",)),
        "validation/0.jpg": ("validation", (f"of {NAMES[1][:4]}",)),
        "test/0.jpg": ("test", (f"of {NAMES[2][:4]}",)),
    }


def test_the_files_of_coco_are_splits(tmp_path):
    for split, name in (("train", NAMES[0]), ("val", NAMES[1])):
        (tmp_path / f"{split}2017").mkdir()
        (tmp_path / f"{split}2017" / name).touch()
        document = {
            "images": [{"id": 5, "file_name": name}],
            "annotations": [{"image_id": 5, "caption": f"of {split}"}],
        }
        path = tmp_path / "annotations" / f"captions_{split}2017.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(document))
    data = caption_folder.read_folder(tmp_path)
    assert (data.splits, data.captions) == (("train", "validation"), (("of train",), ("of val",)))


def test_the_folders_of_images_are_splits_where_nothing_else_is(tmp_path):
    for split, name in zip(("train", "val", "test"), NAMES, strict=True):
        (tmp_path / split).mkdir()
        (tmp_path / split / name).touch()
    with (tmp_path / "captions.csv").open("w", newline="", encoding="utf-16") as stream:
        csv.writer(stream, delimiter=";").writerows([("Image Name", "Caption"), *PAIRS * 200])
    data = caption_folder.read_folder(tmp_path)
    assert set(zip(data.names, data.splits, strict=True)) == {
        (f"train/{NAMES[0]}", "train"),
        (f"val/{NAMES[1]}", "validation"),
        (f"test/{NAMES[2]}", "test"),
    }
    assert caption_folder.read_folder(tmp_path / "captions.csv") == data


def test_two_caption_files_that_are_no_splits_are_refused(tmp_path):
    make(kaggle, tmp_path)
    for name in ("french.csv", "train.csv"):  # of the images of captions.txt
        (tmp_path / name).write_text(f"image,caption\n{NAMES[0]},un {name[:5]}\n")
    with pytest.raises(BadSetting, match=r"captions\.txt, french\.csv, train\.csv.*--captions"):
        caption_folder.read_folder(tmp_path)
    data = caption_folder.read_folder(tmp_path, tmp_path / "french.csv")
    assert data.captions == (("un frenc",),)


def test_a_set_that_was_unpacked_twice_is_read_once(tmp_path):
    for folder in (tmp_path / "inner", tmp_path):
        folder.mkdir(exist_ok=True)
        make(flickr30k, folder)
    assert caption_folder.read_folder(tmp_path).captions == CAPTIONS


def test_the_folder_of_an_image_is_read_from_karpathys_file_of_coco(tmp_path):
    make(karpathy, tmp_path)
    (tmp_path / "imgs").rename(tmp_path / "val2014")
    (tmp_path / "train2014").mkdir()
    (tmp_path / "train2014" / NAMES[0]).write_text("another image of that name")
    path = tmp_path / "dataset_flickr8k.json"
    document = json.loads(path.read_text())
    for image in document["images"]:
        image["filepath"] = "val2014"
    path.write_text(json.dumps(document))
    assert caption_folder.read_folder(tmp_path).names == tuple(f"val2014/{n}" for n in NAMES)


def test_a_lost_delimiter_is_repaired_with_its_line(tmp_path):
    make(flickr30k, tmp_path)
    remarks = caption_folder.read_folder(tmp_path).remarks
    assert any("results.csv, line 5" in each and "repaired" in each for each in remarks)


def test_a_line_with_too_few_columns_is_left_out_with_its_line(tmp_path):
    make(kaggle, tmp_path)
    with (tmp_path / "captions.txt").open("a") as stream:
        stream.write("1000_ab0.jpg\n")
    data = caption_folder.read_folder(tmp_path)
    assert data.captions == CAPTIONS
    assert any("line 8" in each and "too few columns" in each for each in data.remarks)


def test_commas_of_a_caption_that_is_not_quoted_stay(tmp_path):
    make(kaggle, tmp_path)
    (tmp_path / "captions.txt").write_text(
        f"image,caption\n{NAMES[0]},a dog, a cat, and a bird\n", encoding="utf-8"
    )
    assert caption_folder.read_folder(tmp_path).captions == (("a dog , a cat , and a bird",),)


def test_a_quotation_mark_that_is_not_closed_swallows_no_line(tmp_path):
    make(kaggle, tmp_path)
    rows = [f'{NAMES[0]},"a dog\n', f"{NAMES[1]},a cat, black\n", f'{NAMES[2]},"a bird"\n']
    (tmp_path / "captions.txt").write_text("image,caption\n" + "".join(rows))
    data = caption_folder.read_folder(tmp_path)
    assert len(data) == 3
    assert data.captions[1:] == (("a cat , black",), ("a bird",))


def test_a_caption_of_two_lines_is_one_caption(tmp_path):
    make(kaggle, tmp_path)
    (tmp_path / "captions.txt").write_text(f'image,caption\n{NAMES[0]},"a dog\nruns, fast"\n')
    assert caption_folder.read_folder(tmp_path).captions == (("a dog runs , fast",),)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.txt", "Nothing of the kind\n", "not a caption file"),
        ("a.csv", "x,y\n1,2\n", "not a caption file"),
        ("a.json", "{", "is not JSON"),
        ("a.json", '{"images": [], "annotations": [{"image_id": 1, "bbox": []}]}', "no captions"),
        ("a.json", "{}", "names no image"),
        ("a.parquet", "PAR1", "not a readable Parquet"),
        ("a.txt", "\0\0", "binary"),
        ("a.csv", "", "not a caption file"),
    ],
)
def test_another_file_is_refused_with_what_is_expected(tmp_path, name, content, words):
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    (tmp_path / name).write_text(content)
    with pytest.raises(CorruptFile, match=words):
        caption_folder.read_folder(tmp_path, tmp_path / name)


def test_a_parquet_file_without_its_package_is_refused_with_what_installs_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "metadata.parquet").write_bytes(b"PAR1")
    with pytest.raises(MissingExtra, match=r"etabli\[parquet\]"):
        caption_folder.read_folder(tmp_path)


_TEXT = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1).map(str.strip)


@settings(max_examples=60, deadline=None)
@given(
    captions=st.lists(_TEXT.filter(bool), min_size=1, max_size=8), delimiter=st.sampled_from(",\t;")
)
def test_what_the_csv_module_writes_is_read(tmp_path_factory, captions, delimiter):
    path = tmp_path_factory.mktemp("csv") / "captions.txt"
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, delimiter=delimiter)
        writer.writerows([("image", "caption"), *((f"{i}.jpg", c) for i, c in enumerate(captions))])
    found = caption_files.read(path).captions
    expected = {f"{i}.jpg": [caption] for i, caption in enumerate(captions)}
    lists = {name for name, each in expected.items() if each[0].startswith("[")}
    assert {name: each for name, each in found.items() if name not in lists} == {
        name: each for name, each in expected.items() if name not in lists
    }


@pytest.mark.parametrize(
    ("name", "text"),
    [
        # A blank after the comma, as in Kaggle's Flickr30k.
        ("captions.txt", 'image_name,comment_number,comment\na.jpg,0, "A dog, asleep"\n'),
        # Lists as pandas writes them: of Python and of NumPy.
        ("captions.csv", "image,captions\na.jpg,\"['A dog, asleep']\"\n"),
        ("captions.csv", "Image Name,Caption Text\na.jpg,\"['A dog,'\n 'asleep']\"\n"),
        ("captions.json", '{"a.jpg": "A dog, asleep"}'),
        ("metadata.jsonl", '{"file_name": "a.jpg", "text": "A dog, asleep"}\n'),
        ("blip.json", '[{"image": "a.jpg", "blip_caption": "A dog, asleep"}]'),
    ],
)
def test_captions_are_read_as_kaggle_pandas_and_blip_write_them(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    assert caption_files.find(tmp_path) == [tmp_path / name]
    found = caption_files.read(tmp_path / name).captions["a.jpg"]
    assert " ".join(found) == "A dog, asleep"


def test_a_null_caption_leaves_its_image_without_captions(tmp_path):
    lines = ['{"file_name": "a.jpg", "text": null}', '{"file_name": "b.jpg", "text": "A dog"}']
    (tmp_path / "metadata.jsonl").write_text("\n".join(lines))
    assert caption_files.read(tmp_path / "metadata.jsonl").captions == {
        "a.jpg": [],
        "b.jpg": ["A dog"],
    }


def test_files_that_a_program_converts_are_refused_with_the_way(tmp_path):
    (tmp_path / "old.csv").write_bytes(b"image,caption\ra.jpg,A dog\r")
    with zipfile.ZipFile(tmp_path / "captions.xlsx", "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
    with pytest.raises(CorruptFile, match=r"tr '\\r' '\\n'"):
        caption_files.read(tmp_path / "old.csv")
    with pytest.raises(CorruptFile, match="as CSV"):
        caption_files.read(tmp_path / "captions.xlsx")
