"""Every layout of labeled images, written small, read with the labels that it was written with."""

import json
import os
import re
import shutil
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from etabli.core.errors import BadSetting, CorruptFile, DataMissing, EtabliError
from etabli.data.formats import image_source
from etabli.data.synthetic import scene_voc

counter = iter(range(10**6))


def draw(path, size=(6, 6)):
    """Write an image of a color that no other has, so that no two files are equal."""
    path.parent.mkdir(parents=True, exist_ok=True)
    number = next(counter)
    image = Image.new("RGB", size, (37 * number % 256, 91 * number % 256, 53 * number % 256))
    image.save(path, format=None if path.suffix not in ("", ".pjpeg") else "JPEG")


def draw_all(root, names):
    for name in names.split():
        draw(root / name)


def labels_of(source):
    """The labels of each image: {name: {class, ...}}."""
    data = source.images
    return {
        name: {data.classes[column] for column in np.flatnonzero(row == 1)}
        for name, row in zip(data.names, data.labels, strict=True)
    }


def splits_of(source):
    return dict(zip(source.images.names, source.images.splits, strict=True))


def write_xml(path, *classes, difficult=(), size=True):
    objects = "".join(
        f"<object><name>{name}</name><difficult>{int(name in difficult)}</difficult></object>"
        for name in classes
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    inner = "<size><width>6</width><height>6</height></size>" if size else ""
    path.write_text(f"<annotation>{inner}{objects}</annotation>", encoding="utf-8")


# ---- a folder per class


def test_a_folder_per_class_needs_nothing_else(tmp_path):
    draw_all(tmp_path, "cat/a.jpg cat/b.png dog/c.jpg")
    source = image_source.read(tmp_path)
    assert labels_of(source) == {"cat/a.jpg": {"cat"}, "cat/b.png": {"cat"}, "dog/c.jpg": {"dog"}}
    assert source.images.splits == () and source.images.is_exclusive and source.remarks == ()
    assert source.summary() == "3 images, 2 classes (cat 2, dog 1), one label each"
    assert source.images.paths[0] == tmp_path / "cat" / "a.jpg"


@pytest.mark.parametrize(
    "folders",
    [
        ("train", "val", "test"),
        ("Training", "VALID", "Testing"),
        ("training_set", "validation", "test_set"),
        ("train2017", "dev", "test2017"),
        ("train_1", "val_1", "test1"),
        ("Apprentissage", "valid", "evaluation"),
    ],
)
@pytest.mark.parametrize("place", ["{split}/{kind}", "{kind}/{split}", "data/{split}/{kind}"])
def test_split_folders_are_splits_above_and_below_the_classes(tmp_path, folders, place):
    expected = {}
    for folder, split in zip(folders, ("train", "validation", "test"), strict=True):
        for kind in ("cat", "dog"):
            name = place.format(split=folder, kind=kind) + "/0.jpg"
            draw(tmp_path / name)
            expected[name] = split
    source = image_source.read(tmp_path)
    assert source.images.classes == ("cat", "dog")
    assert splits_of(source) == expected
    assert source.summary().endswith("; split: train 2, validation 2, test 2")
    assert len(source.images.select_split("train")) == 2


@pytest.mark.parametrize(
    ("names", "classes"),
    [
        ("photos/cat/a.jpg photos/dog/b.jpg", "cat dog"),  # one wrapper folder
        ("x/photos/train/cat/a.jpg x/photos/train/dog/b.jpg", "cat dog"),
        ("one/cat/a.jpg one/dog/b.jpg two/cat/c.jpg two/dog/d.jpg", "cat dog"),  # two archives
        ("animals/cat/a.jpg animals/dog/b.jpg vehicles/car/c.jpg", "car cat dog"),
        ("animals/cat/a.jpg animals/dog/b.jpg car/c.jpg", "car cat dog"),
        ("cat/a.jpg cat/b.jpg cat/more/c.jpg dog/d.jpg", "cat dog"),  # a folder in a class
        ("n01/images/a.jpg n02/images/b.jpg", "n01 n02"),  # Tiny ImageNet
        ("train/n01/images/a.jpg train/n02/images/b.jpg", "n01 n02"),
    ],
)
def test_the_class_is_the_folder_that_holds_the_images(tmp_path, names, classes):
    draw_all(tmp_path, names)
    source = image_source.read(tmp_path)
    assert source.images.classes == tuple(classes.split())
    assert len(source.images) == len(names.split())


def test_folders_above_the_classes_are_named(tmp_path):
    draw_all(tmp_path, "one/cat/a.jpg one/dog/b.jpg two/cat/c.jpg")
    assert image_source.read(tmp_path).remarks == (
        "The folders above the class folders are not classes: one, two.",
    )


def test_images_above_the_class_folders_are_left_out_and_counted(tmp_path):
    draw_all(tmp_path, "stray.jpg cat/a.jpg dog/b.jpg")
    source = image_source.read(tmp_path)
    assert len(source.images) == 2
    assert source.left_out.files == (("stray.jpg", "in no class folder"),)
    unlabeled = image_source.read(tmp_path, need_labels=False)
    assert "stray.jpg" in unlabeled.images.names  # predict takes them


def test_images_in_a_wrapper_above_the_class_folders_are_no_class(tmp_path):
    draw_all(tmp_path, "photos/stray.jpg photos/cat/a.jpg photos/cat/c.jpg photos/dog/b.jpg")
    source = image_source.read(tmp_path)
    assert source.images.classes == ("cat", "dog")
    assert source.left_out.counts == {"in no class folder": 1}


def test_unlabeled_test_images_are_left_out_or_predicted(tmp_path):
    draw_all(tmp_path, "train/cat/a.jpg train/dog/b.jpg test/1.jpg test/2.jpg")
    source = image_source.read(tmp_path)
    assert source.left_out.counts == {"in no class folder": 2}
    assert source.images.splits == ("train", "train")
    assert len(image_source.read(tmp_path, need_labels=False).images) == 4


def test_numbered_test_images_next_to_splits_are_no_class(tmp_path):
    draw_all(tmp_path, "train/cat/a.jpg train/dog/b.jpg test1/1.jpg test1/2.jpg")
    source = image_source.read(tmp_path)
    assert source.images.classes == ("cat", "dog")
    assert source.left_out.counts == {"in no class folder": 2}


@pytest.mark.parametrize("pattern", ["{}.{}.jpg", "{}_{}.jpg", "{} ({}).jpg", "a/{}-00{}.jpg"])
def test_numbered_file_names_name_the_class(tmp_path, pattern):
    names = [pattern.format(kind, number) for kind in ("cat", "dog") for number in (1, 2)]
    for name in names:
        draw(tmp_path / name)
    source = image_source.read(tmp_path)
    assert labels_of(source) == {name: {"cat" if "cat" in name else "dog"} for name in names}
    assert source.remarks[0].startswith("The classes are the beginnings of the file names")


def test_file_names_of_kaggles_dogs_and_cats_leave_the_images_to_predict(tmp_path):
    draw_all(tmp_path, "train/cat.0.jpg train/cat.1.jpg train/dog.0.jpg train/dog.1.jpg")
    draw_all(tmp_path, "test1/1.jpg test1/2.jpg")
    source = image_source.read(tmp_path)
    assert source.images.classes == ("cat", "dog") and set(source.images.splits) == {"train"}
    assert source.left_out.counts == {"no class in its name": 2}
    assert len(image_source.read(tmp_path, need_labels=False).images) == 6


@pytest.mark.parametrize(
    "names",
    [
        "IMG_0001.jpg IMG_0002.jpg DSC_0003.jpg DSC_0004.jpg",  # two cameras
        "IMG_20200101_1.jpg IMG_20200101_2.jpg IMG_20200102_1.jpg IMG_20200102_2.jpg",
        "beach_1.jpg boat_1.jpg house_1.jpg tree_1.jpg",  # no beginning repeats
        "cat_1.jpg cat_2.jpg",
    ],
)
def test_other_file_names_are_no_classes(tmp_path, names):
    draw_all(tmp_path, names)
    with pytest.raises(DataMissing, match="Move the images of each class into a folder"):
        image_source.read(tmp_path)


def test_class_folders_win_over_file_names(tmp_path):
    draw_all(tmp_path, "x/cat_1.jpg x/cat_2.jpg y/dog_1.jpg y/dog_2.jpg")
    assert image_source.read(tmp_path).images.classes == ("x", "y")


def test_lists_in_the_source_are_its_splits(tmp_path):
    draw_all(tmp_path, "images/cat/1.jpg images/cat/2.jpg images/dog/1.jpg images/dog/2.jpg")
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta" / "train.txt").write_text("cat/1\ndog/1\n")  # as in Food-101
    (tmp_path / "meta" / "test.txt").write_text("cat/2\ndog/2\ncat/1\n")
    source = image_source.read(tmp_path)
    assert source.images.splits == ("train", "test", "train", "test") and not source.left_out
    assert source.remarks == ("The splits are those of meta/train.txt, meta/test.txt.",)
    (tmp_path / "meta" / "train.txt").unlink()
    assert image_source.read(tmp_path).images.splits == ("test", "test", "train", "test")


def test_a_table_without_known_columns_is_refused_with_its_columns(tmp_path):
    draw_all(tmp_path, "a.jpg b.jpg")
    table = tmp_path / "x.csv"
    table.write_text("photograph;animal\na.jpg;cat\nb.jpg;dog\n")
    with pytest.raises(DataMissing, match=r"x\.csv with the columns photograph, animal.*file_name"):
        image_source.read(tmp_path)
    table.write_text(table.read_text().replace("photograph;animal", "file_name;label"))
    assert image_source.read(tmp_path).images.classes == ("cat", "dog")
    table.rename(tmp_path / "x.xlsx")
    with pytest.raises(DataMissing, match="Save the spreadsheet as CSV"):
        image_source.read(tmp_path)


def test_a_class_that_is_named_like_a_split_is_refused_with_a_way_out(tmp_path):
    draw_all(tmp_path, "car/a.jpg bus/b.jpg train/c.jpg")
    with pytest.raises(CorruptFile, match=r"train holds images next to class folders.*trains"):
        image_source.read(tmp_path)
    (tmp_path / "train").rename(tmp_path / "trains")
    assert image_source.read(tmp_path).images.classes == ("bus", "car", "trains")


def test_a_class_named_like_a_split_is_refused_in_a_wrapper_folder_too(tmp_path):
    draw_all(tmp_path, "photos/car/a.jpg photos/train/c.jpg")
    with pytest.raises(CorruptFile, match="photos/train holds images"):
        image_source.read(tmp_path)


def test_what_systems_leave_behind_is_counted_and_never_a_class(tmp_path):
    draw_all(tmp_path, "cat/a.jpg dog/b.jpg cat/@eaDir/a.jpg @eaDir/x.jpg __MACOSX/cat/y.jpg")
    draw_all(tmp_path, "cat/.ipynb_checkpoints/a.jpg cat/._a.jpg .hidden/z.jpg")
    (tmp_path / "Thumbs.db").write_bytes(b"x")
    source = image_source.read(tmp_path)
    assert source.images.names == ("cat/a.jpg", "dog/b.jpg")
    assert source.left_out.counts == {"hidden or of the system": 7}


def test_every_file_that_is_no_image_is_counted_by_kind(tmp_path, monkeypatch):
    monkeypatch.setattr(image_source.images, "has_heic", lambda: False)
    draw_all(tmp_path, "cat/a.jpg dog/b.jpg")
    for name in ("cat/notes.txt", "cat/a.heic", "dog/film.mp4", "dog/empty.jpg", "dog/README"):
        (tmp_path / name).write_bytes(b"" if "empty" in name else b"words")
    whole = (tmp_path / "cat" / "a.jpg").read_bytes()
    (tmp_path / "cat" / "half.jpg").write_bytes(whole[: len(whole) // 2])
    source = image_source.read(tmp_path)
    assert source.left_out.counts == {
        ".heic: pip install 'etabli[heic]'": 1,
        **{".txt": 1, "truncated": 1, "no image": 1, "empty": 1, ".mp4": 1},
    }
    assert "left out: 6 (1 .heic: pip install 'etabli[heic]', " in source.summary()


@pytest.mark.parametrize(
    "suffix", [".jfif", ".JPEG", ".pjpeg", ".bmp", ".tif", ".webp", ".avif", ".jp2", ""]
)
def test_every_format_that_pillow_opens_is_an_image(tmp_path, suffix):
    draw_all(tmp_path, f"cat/a{suffix} dog/b{suffix}")
    source = image_source.keep_readable(image_source.read(tmp_path))
    assert len(source.images) == 2 and not source.left_out


def test_linked_folders_are_read_once_and_a_circle_ends(tmp_path):
    draw_all(tmp_path / "elsewhere", "dog/a.jpg dog/b.jpg")
    draw_all(tmp_path / "photos", "cat/c.jpg")
    (tmp_path / "photos" / "dog").symlink_to(tmp_path / "elsewhere" / "dog")
    (tmp_path / "photos" / "cat" / "circle").symlink_to(tmp_path / "photos")
    (tmp_path / "photos" / "above").symlink_to(tmp_path)
    (tmp_path / "photos" / "self").symlink_to(tmp_path / "photos" / "self")
    source = image_source.read(tmp_path / "photos")
    assert labels_of(source) == {"cat/c.jpg": {"cat"}, "dog/a.jpg": {"dog"}, "dog/b.jpg": {"dog"}}
    assert source.left_out.counts == {"linked folder, already read": 2, "broken link": 1}


def test_linked_files_are_images(tmp_path):
    draw(tmp_path / "all" / "1.jpg")
    (tmp_path / "photos" / "cat").mkdir(parents=True)
    (tmp_path / "photos" / "cat" / "1.jpg").symlink_to(tmp_path / "all" / "1.jpg")
    assert len(image_source.read(tmp_path / "photos").images) == 1


def test_similar_class_names_and_equal_images_of_two_classes_are_reported(tmp_path):
    draw_all(tmp_path, "Cat/a.jpg cat/b.jpg dog/c.jpg")
    shutil.copy(tmp_path / "cat" / "b.jpg", tmp_path / "dog" / "same.jpg")
    alike, equal = image_source.read(tmp_path).remarks
    assert alike == "Classes whose names differ in case or blanks only: 'Cat' / 'cat'."
    assert "cat/b.jpg = dog/same.jpg" in equal


def test_a_folder_without_labels_says_what_was_expected(tmp_path):
    draw_all(tmp_path, "a.jpg b.jpg")
    with pytest.raises(DataMissing, match=r"no labels.*metadata\.csv"):
        image_source.read(tmp_path)
    source = image_source.read(tmp_path, need_labels=False)
    assert source.images.classes == () and source.images.names == ("a.jpg", "b.jpg")
    assert source.summary() == "2 images"
    with pytest.raises(DataMissing, match="nowhere"):
        image_source.read(tmp_path / "nowhere")


def test_a_folder_without_images_says_what_is_in_it(tmp_path):
    (tmp_path / "notes.md").write_text("x")
    with pytest.raises(DataMissing, match=r"no images.*1 \.md"):
        image_source.read(tmp_path, need_labels=False)


def test_images_inside_parquet_files_are_to_be_saved_first(tmp_path):
    (tmp_path / "train-00000-of-00001.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataMissing, match=r"1 \.parquet.*save them as image files"):
        image_source.read(tmp_path)


def test_one_image_is_a_source_and_an_archive_is_not(tmp_path):
    draw(tmp_path / "a.jpg")
    assert image_source.read(tmp_path / "a.jpg", need_labels=False).images.names == ("a.jpg",)
    (tmp_path / "a.zip").write_bytes(b"PK")
    with pytest.raises(DataMissing, match="Extract it"):
        image_source.read(tmp_path / "a.zip")


def test_too_many_classes_are_refused_before_memory_is_taken(tmp_path, monkeypatch):
    monkeypatch.setattr(image_source, "_MOST_LABELS", 10)
    draw_all(tmp_path, "a/1.jpg b/1.jpg c/1.jpg d/1.jpg")
    with pytest.raises(BadSetting, match="4 classes of 4 images are too many"):
        image_source.read(tmp_path)
    source = image_source.read(tmp_path, need_labels=False)
    assert source.images.classes == ()
    assert source.remarks == ("4 classes of 4 images are too many.",)


def test_of_many_classes_the_summary_names_the_largest_and_the_smallest(tmp_path):
    for number in range(9):
        for each in range(1 + number):
            draw(tmp_path / f"c{number}" / f"{each}.jpg")
    summary = image_source.read(tmp_path).summary()
    assert summary == "45 images, 9 classes (c8 9, c7 8, c6 7, ..., c0 1), one label each"


# ---- tables in a folder, Roboflow, COCO


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_metadata_at_the_root_as_hugging_face_has_it(tmp_path, suffix):
    draw_all(tmp_path, "a.jpg sub/b.jpg left.jpg")
    write_rows(tmp_path / f"metadata.{suffix}", [("a.jpg", "cat"), ("sub/b.jpg", "dog")])
    source = image_source.read(tmp_path)
    assert labels_of(source) == {"a.jpg": {"cat"}, "sub/b.jpg": {"dog"}}
    assert source.left_out.counts == {"not in the table": 1}


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_metadata_in_each_split(tmp_path, suffix):
    for split in ("train", "test"):
        draw(tmp_path / split / "0.jpg")
        write_rows(tmp_path / split / f"metadata.{suffix}", [("0.jpg", split[0])])
    source = image_source.read(tmp_path)
    assert labels_of(source) == {"test/0.jpg": {"t"}, "train/0.jpg": {"t"}}
    assert splits_of(source) == {"test/0.jpg": "test", "train/0.jpg": "train"}


def write_rows(path, rows):
    if path.suffix == ".csv":
        path.write_text("file_name,label\n" + "".join(f"{a},{b}\n" for a, b in rows))
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps({"file_name": a, "label": b}) + "\n" for a, b in rows))
    else:
        pandas = pytest.importorskip("pandas")
        pandas.DataFrame(rows, columns=["file_name", "label"]).to_parquet(path)


def test_metadata_without_labels_leaves_the_classes_to_the_folders(tmp_path):
    draw_all(tmp_path, "cat/1.jpg dog/2.jpg")
    (tmp_path / "metadata.csv").write_text("file_name,text\ncat/1.jpg,A cat.\ndog/2.jpg,A dog.\n")
    source = image_source.read(tmp_path)
    assert labels_of(source) == {"cat/1.jpg": {"cat"}, "dog/2.jpg": {"dog"}}
    assert source.remarks == ("metadata.csv has no labels: the classes are the folders.",)
    assert image_source.read(tmp_path, need_labels=False).images.classes == ()


def test_roboflow_classes_in_each_split(tmp_path):
    draw_all(tmp_path, "train/a.jpg train/b.jpg valid/c.jpg")
    for split, rows in (("train", "a.jpg, 1, 1\nb.jpg, 0, 1\n"), ("valid", "c.jpg, 0, 0\n")):
        (tmp_path / split / "_classes.csv").write_text("filename, cat, dog\n" + rows)
    source = image_source.read(tmp_path)
    assert labels_of(source) == {
        **{"train/a.jpg": {"cat", "dog"}, "train/b.jpg": {"dog"}},
        "valid/c.jpg": set(),
    }
    assert source.images.splits == ("train", "train", "validation")
    assert not source.images.is_exclusive and "0 to 2 labels each" in source.summary()


@pytest.mark.parametrize("layout", ["coco", "roboflow"])
def test_the_categories_of_coco_are_labels(tmp_path, layout):
    coco = layout == "coco"
    for part, kinds in (("train", ["cat", "cat", "dog"]), ("val", ["dog"])):
        folder = tmp_path / (f"{part}2017" if coco else part)
        draw_all(folder, "1.jpg 2.jpg")
        where = tmp_path / "annotations" if coco else folder
        where.mkdir(exist_ok=True)
        name = f"instances_{part}2017.json" if coco else "_annotations.coco.json"
        write_coco(where / name, kinds, f"{part}2017/" if coco else "")
    source = image_source.read(tmp_path)
    found = {name.replace("2017", ""): kinds for name, kinds in labels_of(source).items()}
    assert found == {
        **{"train/1.jpg": {"cat", "dog"}, "train/2.jpg": set()},
        **{"val/1.jpg": {"dog"}, "val/2.jpg": set()},
    }
    assert sorted(source.images.splits) == ["train", "train", "validation", "validation"]
    assert not source.left_out


def test_coco_paths_of_another_machine_are_found_by_their_names(tmp_path):
    draw_all(tmp_path, "images/1.jpg images/2.jpg")
    write_coco(tmp_path / "result.json", ["cat"], folder="/data/upload/")
    for location in (tmp_path, tmp_path / "result.json"):
        source = image_source.read(location, task="multi")
        assert labels_of(source) == {"images/1.jpg": {"cat"}, "images/2.jpg": set()}
        assert not source.left_out


def write_coco(path, kinds, folder="", only=None):
    """Write COCO annotations: every object is in the first of two images, or in the only one."""
    names = ["bird", "cat", "dog"]
    document = {
        "images": [
            {"id": n, "file_name": f"{folder}{n}.jpg"} for n in ([only] if only else [1, 2])
        ],
        "annotations": [
            {"image_id": only or 1, "category_id": names.index(each)} for each in kinds
        ],
        "categories": [{"id": number, "name": name} for number, name in enumerate(names)],
    }
    path.write_text(json.dumps(document))


def test_the_only_table_of_a_folder_is_read_where_no_folder_is_a_class(tmp_path):
    draw_all(tmp_path, "images/a.jpg images/b.jpg")
    (tmp_path / "labels.csv").write_text("id,label\na,cat\nb,dog\n")
    assert labels_of(image_source.read(tmp_path)) == {
        "images/a.jpg": {"cat"},
        "images/b.jpg": {"dog"},
    }
    (tmp_path / "other.csv").write_text("id,label\na,cat\nb,dog\n")
    with pytest.raises(CorruptFile, match="several tables"):
        image_source.read(tmp_path)
    (tmp_path / "labels.csv").rename(tmp_path / "train.csv")
    (tmp_path / "other.csv").write_text("id,label\nb,dog\n")
    (tmp_path / "other.csv").rename(tmp_path / "val.csv")
    assert len(image_source.read(tmp_path).images) == 2


def test_kaggles_example_of_an_answer_and_names_of_classes_are_no_tables(tmp_path):
    draw_all(tmp_path, "train_images/0.jpg train_images/b.jpg test_images/c.jpg")
    (tmp_path / "train.csv").write_text("image_id,label\n0.jpg,cat\nb.jpg,dog\n")
    (tmp_path / "sample_submission.csv").write_text("image_id,label\nc.jpg,cat\n")
    (tmp_path / "label_names.json").write_text('{"0": "cat", "1": "dog"}')
    source = image_source.read(tmp_path)
    assert labels_of(source) == {"train_images/0.jpg": {"cat"}, "train_images/b.jpg": {"dog"}}
    unlabeled = image_source.read(tmp_path, need_labels=False).images
    assert len(unlabeled) == 3 and unlabeled.classes == ("cat", "dog")


def test_a_table_in_each_split_is_read_under_any_name(tmp_path):
    draw_all(tmp_path, "train/a.jpg valid/b.jpg")
    for split, name in (("train", "a.jpg"), ("valid", "b.jpg")):
        text = f"filename,width,class\n{name},6,cat\n{name},6,dog\n"
        (tmp_path / split / "_annotations.csv").write_text(text)
    source = image_source.read(tmp_path)
    assert labels_of(source) == {"train/a.jpg": {"cat", "dog"}, "valid/b.jpg": {"cat", "dog"}}
    assert source.images.splits == ("train", "validation")


def test_of_files_with_the_same_name_a_table_means_those_of_its_split(tmp_path):
    draw_all(tmp_path, "train/1.png train/2.png test/1.png")
    (tmp_path / "trainLabels.csv").write_text("id,label\n1,cat\n2,dog\n")
    assert labels_of(image_source.read(tmp_path)) == {
        "train/1.png": {"cat"},
        "train/2.png": {"dog"},
    }


@pytest.mark.parametrize(
    "header", ["Image Index,Finding Labels", "image_id,dx", "filepaths,labels", "id,breed"]
)
def test_a_table_wins_over_folders_that_are_not_its_labels(tmp_path, header):
    draw_all(tmp_path, "images_001/a.jpg images_001/b.jpg images_002/c.jpg images_002/d.jpg")
    (tmp_path / "info.csv").write_text(f"{header}\na.jpg,nv\nb.jpg,df\nc.jpg,nv\nd.jpg,df\n")
    source = image_source.read(tmp_path)
    assert source.images.classes == ("df", "nv")
    expected = "The labels are those of info.csv: the folders of the images are not classes."
    assert expected in source.remarks


@pytest.mark.parametrize("rows", ["a.jpg,cat\nb.jpg,cat\n", "a.jpg,x\n", "c.jpg,x\nd.jpg,y\n"])
def test_folders_named_like_labels_or_with_other_images_are_the_classes(tmp_path, rows):
    draw_all(tmp_path, "cat/a.jpg cat/e.jpg dog/b.jpg")
    (tmp_path / "predictions.csv").write_text("file_name,label\n" + rows)
    source = image_source.read(tmp_path)
    assert source.images.classes == ("cat", "dog") and source.left_out.counts == {".csv": 1}


@pytest.mark.parametrize("forms", [("NFC", "NFD"), ("NFD", "NFC")])
def test_accents_are_the_same_however_they_are_composed(tmp_path, forms):
    file_form, table_form = forms
    for name in ("été.jpg", "chat/noël.jpg", "garçon/b.jpg", "garçon/c.jpg"):
        draw(tmp_path / unicodedata.normalize(file_form, name))
    draw(tmp_path / unicodedata.normalize(table_form, "garçon/d.jpg"))
    source = image_source.read(tmp_path)
    assert source.images.classes == ("chat", "garçon") and len(source.images) == 4
    rows = unicodedata.normalize(table_form, "file_name,label\nété,é\nchat/noël.jpg,x\n")
    (tmp_path / "labels.csv").write_text(rows, encoding="utf-8")
    assert len(image_source.read(tmp_path / "labels.csv").images) == 2


def test_images_to_predict_next_to_splits_have_no_class(tmp_path):
    draw_all(tmp_path, "seg_train/seg_train/sea/a.jpg seg_test/seg_test/ice/b.jpg")
    draw_all(tmp_path, "seg_pred/seg_pred/c.jpg")
    source = image_source.read(tmp_path)
    assert source.images.classes == ("ice", "sea")
    assert source.left_out.counts == {"in no class folder": 1}


def test_files_that_are_there_twice_are_counted(tmp_path):
    draw_all(tmp_path, "data/cat/a.jpg data/dog/b.jpg")
    shutil.copytree(tmp_path / "data", tmp_path / "data" / "data")
    assert any(
        remark.startswith("Files that repeat the content of another: 2, such as data/")
        for remark in image_source.read(tmp_path).remarks
    )


def test_a_table_for_other_images_is_refused(tmp_path):
    draw_all(tmp_path, "a.jpg")
    (tmp_path / "labels.csv").write_text("file_name,label\nx/1.jpg,cat\nx/2.jpg,dog\n")
    with pytest.raises(DataMissing, match=r"lists no image that there is.*x/1\.jpg"):
        image_source.read(tmp_path / "labels.csv")


def test_a_table_refers_to_the_names_of_features(tmp_path):
    (tmp_path / "labels.csv").write_text("file_name,label\n1,cat\nphotos/2.jpg,dog\n9.jpg,cat\n")
    source = image_source.read(tmp_path / "labels.csv", known=["in/1.jpg", "2.jpg", "3.jpg"])
    assert labels_of(source) == {"in/1.jpg": {"cat"}, "2.jpg": {"dog"}}
    assert source.left_out.counts == {"missing": 1}


def test_images_get_the_names_that_their_features_have(tmp_path):
    scene_voc.write_devkit(tmp_path / "VOC2007", {"train": 3, "val": 2})
    data = image_source.read(tmp_path).images
    stems = [path.stem for path in data.paths]  # as features of earlier versions are named
    renamed = image_source.read(tmp_path, known=stems[:4]).images
    assert list(renamed.names) == stems[:4] and renamed.paths == data.paths[:4]
    np.testing.assert_array_equal(renamed.labels, data.labels[:4][:, columns(data, renamed)])
    with pytest.raises(DataMissing, match=r"no image has both.*x\.jpg"):
        image_source.read(tmp_path, known=["x.jpg"])


def columns(data, other):
    return [data.classes.index(name) for name in other.classes]


# ---- VOC


@pytest.mark.parametrize("inner", ["VOC2007", "VOCdevkit/VOC2007", "kaggle/VOCdevkit/VOC2007"])
def test_a_voc_tree_is_read_from_any_folder_above_it(tmp_path, inner):
    scene_voc.write_devkit(tmp_path / inner, {"train": 5, "val": 3, "test": 4})
    draw(tmp_path / inner / "SegmentationClass" / "000001.png")
    source = image_source.read(tmp_path)
    counts = [source.images.splits.count(name) for name in ("train", "validation", "test")]
    assert counts == [5, 3, 4] and source.left_out.counts == {"segmentation masks": 1}
    assert all(name.startswith(f"{inner}/JPEGImages/") for name in source.images.names)
    unlabeled = image_source.read(tmp_path, need_labels=False)
    assert unlabeled.images.names == source.images.names


def test_a_voc_tree_has_the_labels_that_read_devkit_gives(tmp_path):
    scene_voc.write_devkit(tmp_path / "VOC2007", {"train": 20, "val": 10})
    data = image_source.read(tmp_path).images
    for split, name in (("train", "train"), ("val", "validation")):
        part = data.select_split(name)
        expected = image_source.voc.read_devkit(tmp_path, split).select_classes(data.classes)
        assert [path.stem for path in part.paths] == list(expected.names)
        np.testing.assert_array_equal(part.labels, expected.labels)
    assert 0 in data.labels  # difficult objects stay apart


def test_several_years_side_by_side_are_joined(tmp_path):
    for year in (2007, 2012):
        scene_voc.write_devkit(tmp_path / f"VOC{year}", {"train": 4, "val": 2})
    source = image_source.read(tmp_path)
    assert len(source.images) == 12 and source.images.title == "VOC2007, VOC2012"


def voc_tree(root, stems, suffix=".jpg", size=True):
    for number, stem in enumerate(stems):
        draw(root / "JPEGImages" / f"{stem}{suffix}")
        write_xml(root / "Annotations" / f"{stem}.xml", ("cat", "dog")[number % 2], size=size)


@pytest.mark.parametrize(
    ("lists", "suffix", "stems", "size"),
    [
        ({"train": "0\n1\n", "val": "2\n3\n"}, ".jpg", "0 1 2 3", True),  # without trainval
        ({"test": "0\n1\n2\n3\n"}, ".jpg", "0 1 2 3", True),  # only test
        ({"trainval": "0\n1\n2\n3\n"}, ".png", "0 1 2 3", True),
        ({"trainval": "0\n1\n2\n3\n"}, ".JPEG", "0 1 2 3", False),
        ({"trainval": "\ufeffété0\r\nété1\r\n"}, ".jpg", "été0 été1", True),
        ({"trainval": "0.jpg\n1.jpg\n"}, ".jpg", "0 1", True),
        ({}, ".jpg", "0 1 2 3", True),  # the list is missing
    ],
)
def test_voc_trees_as_people_have_them(tmp_path, lists, suffix, stems, size):
    root = tmp_path / "VOC2012"
    voc_tree(root, stems.split(), suffix, size)
    for name, text in lists.items():
        path = root / "ImageSets" / "Main" / f"{name}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    source = image_source.read(tmp_path)
    expected = {
        f"VOC2012/JPEGImages/{stem}{suffix}": {("cat", "dog")[number % 2]}
        for number, stem in enumerate(stems.split())
    }
    assert labels_of(source) == expected and not source.left_out


def test_the_folder_jpegimages_is_never_a_class(tmp_path):
    draw_all(tmp_path, "VOC2007/JPEGImages/1.jpg VOC2007/SegmentationClass/1.png")
    with pytest.raises(DataMissing, match="got 1 segmentation masks, 1 without a label"):
        image_source.read(tmp_path)
    unlabeled = image_source.read(tmp_path, need_labels=False)
    assert unlabeled.images.names == ("VOC2007/JPEGImages/1.jpg",)


def test_a_few_annotations_in_class_folders_do_not_hide_the_classes(tmp_path):
    draw_all(tmp_path, "cats/1.jpg cats/2.jpg dogs/3.jpg")
    write_xml(tmp_path / "cats" / "1.xml", "kitten")
    source = image_source.read(tmp_path)
    assert source.images.classes == ("cats", "dogs") and source.left_out.counts == {".xml": 1}


def test_names_with_blanks_are_kept_whole_in_lists_of_images_and_of_classes(tmp_path):
    voc_tree(tmp_path, ["my cat 1", "my cat 2"])
    (tmp_path / "ImageSets" / "Main").mkdir(parents=True)
    lists = tmp_path / "ImageSets" / "Main"
    (lists / "train.txt").write_text("my cat 1\nmy cat 2\n")
    (lists / "old_train.txt").write_text("my cat 1  1\nmy cat 2 -1\n")
    (lists / "young_train.txt").write_text("my cat 1 -1\nmy cat 2  1\n")
    assert labels_of(image_source.read(tmp_path)) == {
        "JPEGImages/my cat 1.jpg": {"old"},
        "JPEGImages/my cat 2.jpg": {"young"},
    }


def test_an_image_in_several_lists_is_of_the_first_of_train_val_and_test(tmp_path):
    voc_tree(tmp_path, ["0", "1", "2"])
    lists = tmp_path / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    for name, text in {"test": "0\n1\n2\n", "train": "0\n", "val": "0\n1\n"}.items():
        (lists / f"{name}.txt").write_text(text)
    assert image_source.read(tmp_path).images.splits == ("train", "validation", "test")


def test_an_absent_class_in_a_list_is_no_second_label(tmp_path):
    voc_tree(tmp_path, ["0", "1"])
    lists = tmp_path / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    (lists / "cat_train.txt").write_text("0  1\n1 -1\n")
    (lists / "dog_train.txt").write_text("0 -1\n1  1\n")
    source = image_source.read(tmp_path, task="single")
    assert source.images.is_exclusive and source.images.splits == ("train", "train")


def test_images_that_a_list_lacks_or_names_in_vain_are_counted(tmp_path):
    voc_tree(tmp_path, ["0", "1", "2", "3"])
    (tmp_path / "Annotations" / "1.xml").unlink()
    (tmp_path / "Annotations" / "2.xml").write_text("<annotation><object>")
    (tmp_path / "ImageSets" / "Main").mkdir(parents=True)
    (tmp_path / "ImageSets" / "Main" / "train.txt").write_text("0\n1\n2\n9\n")
    source = image_source.read(tmp_path)
    assert source.left_out.counts == {
        **{"in no list of images": 1, "missing": 1, "without a label": 1},
        "malformed annotation": 1,
    }


@pytest.mark.parametrize(
    ("image", "annotation"),
    [
        ("{}.jpg", "{}.xml"),  # labelImg
        ("train/{}.jpg", "train/{}.xml"),  # Roboflow
        ("images/{}.png", "annotations/{}.xml"),
    ],
)
def test_an_annotation_for_each_image(tmp_path, image, annotation):
    for number, kinds in enumerate([("cat",), ("dog", "cat"), ("dog",)]):
        draw(tmp_path / image.format(number))
        write_xml(tmp_path / annotation.format(number), *kinds, size=False)
    draw(tmp_path / image.format("without"))
    source = image_source.read(tmp_path)
    names = [image.format(number) for number in range(3)]
    assert labels_of(source) == dict(zip(names, [{"cat"}, {"cat", "dog"}, {"dog"}], strict=True))
    assert source.left_out.counts == {"without a label": 1}
    assert set(source.images.splits) <= {"train"}


# ---- splits by lists and folders


@pytest.fixture
def photos(tmp_path):
    draw_all(tmp_path / "photos", "cat/0.jpg cat/1.jpg cat/2.jpg dog/0.jpg dog/1.jpg dog/2.jpg")
    return tmp_path / "photos"


def test_images_in_no_list_are_for_training_where_only_validation_is_given(photos, tmp_path):
    (tmp_path / "val.txt").write_text("cat/1.jpg 0\ndog/1\n")
    source = image_source.read(photos, validation=tmp_path / "val.txt")
    assert source.images.select_split("validation").names == ("cat/1.jpg", "dog/1.jpg")
    assert len(source.images.select_split("train")) == 4


def test_with_a_list_of_training_images_others_are_left_out(photos, tmp_path):
    (tmp_path / "train.txt").write_text("cat/0.jpg\ndog/0.jpg\n")
    (tmp_path / "test.csv").write_text("file_name\ncat/1.jpg\n")
    source = image_source.read(photos, train=tmp_path / "train.txt", test=tmp_path / "test.csv")
    assert splits_of(source) == {"cat/0.jpg": "train", "cat/1.jpg": "test", "dog/0.jpg": "train"}
    assert source.left_out.counts == {"in no split": 3}


def test_a_folder_inside_or_outside_is_a_split(photos, tmp_path):
    draw_all(tmp_path / "more", "cat/7.jpg dog/8.jpg")
    source = image_source.read(photos, test=tmp_path / "more")
    assert source.images.select_split("test").names == ("../more/cat/7.jpg", "../more/dog/8.jpg")
    assert source.images.select_split("").names[0] == "cat/0.jpg"
    assert all(path.is_file() for path in source.images.paths)
    (tmp_path / "more" / "notes.md").write_text("x")
    counted = image_source.read(photos, test=tmp_path / "more").left_out
    assert counted.files == (("../more/notes.md", ".md"),)
    draw_all(photos, "holdout/cat/5.jpg holdout/dog/6.jpg")
    inside = image_source.read(photos, validation=photos / "holdout").images
    assert inside.select_split("validation").names == ("holdout/cat/5.jpg", "holdout/dog/6.jpg")
    assert inside.classes == ("cat", "dog")


def test_a_list_that_is_used_is_not_left_out(photos):
    (photos / "meta").mkdir()
    (photos / "meta" / "val.txt").write_text("cat/1.jpg\n")
    source = image_source.read(photos, validation=photos / "meta" / "val.txt")
    assert len(source.left_out) == 0 and "validation" in source.images.splits


def test_a_list_replaces_only_its_own_split(tmp_path):
    draw_all(tmp_path / "in", "train/cat/0.jpg train/dog/1.jpg val/cat/2.jpg val/dog/3.jpg")
    draw_all(tmp_path / "in", "test/cat/4.jpg test/dog/5.jpg")
    (tmp_path / "val.txt").write_text("test/cat/4.jpg\nval/dog/3.jpg\n")
    source = image_source.read(tmp_path / "in", validation=tmp_path / "val.txt")
    assert splits_of(source) == {
        **{"train/cat/0.jpg": "train", "train/dog/1.jpg": "train"},
        **{"test/cat/4.jpg": "validation", "val/dog/3.jpg": "validation"},
        "test/dog/5.jpg": "test",
    }
    assert source.left_out.files == (("val/cat/2.jpg", "in no split"),)


def test_wrong_lists_are_refused(photos, tmp_path):
    (tmp_path / "other.txt").write_text("x.jpg\n")
    with pytest.raises(DataMissing, match=r"lists no image of the source.*x\.jpg"):
        image_source.read(photos, train=tmp_path / "other.txt")
    with pytest.raises(DataMissing, match="nowhere"):
        image_source.read(photos, train=tmp_path / "nowhere.txt")
    (tmp_path / "one.txt").write_text("cat/0.jpg\n")
    with pytest.raises(BadSetting, match=r"cat/0\.jpg is in two splits"):
        image_source.read(photos, train=tmp_path / "one.txt", test=tmp_path / "one.txt")
    with pytest.raises(BadSetting, match="--split-column"):
        image_source.read(photos, split_column="part")


# ---- tasks


def test_images_without_a_label_depend_on_the_task(tmp_path):
    draw_all(tmp_path, "a.jpg b.jpg c.jpg")
    table = tmp_path / "metadata.csv"
    table.write_text("file_name,label\na.jpg,cat\nb.jpg,dog\nc.jpg,NaN\n")
    assert image_source.read(tmp_path).left_out.counts == {"without a label": 1}
    assert len(image_source.read(tmp_path, task="multi").images) == 3
    table.write_text("file_name,label\na.jpg,cat;dog\nb.jpg,dog\nc.jpg,\n")
    assert len(image_source.read(tmp_path).images) == 3  # c shows none of the classes
    with pytest.raises(BadSetting, match=r"several labels in 1 of the images.*a\.jpg.*multi"):
        image_source.read(tmp_path, task="single")
    with pytest.raises(BadSetting, match="task"):
        image_source.read(tmp_path, task="both")


def test_unreadable_images_are_reported_and_dropped_with_their_labels(tmp_path):
    draw_all(tmp_path, "cat/good.png dog/good.png")
    (tmp_path / "cat" / "empty.jpg").write_bytes(b"")
    whole = (tmp_path / "cat" / "good.png").read_bytes()
    (tmp_path / "dog" / "truncated.png").write_bytes(whole[: len(whole) // 2])
    source, reports = image_source.read(tmp_path, check_files=False), []
    kept = image_source.keep_readable(source, reports.append)
    assert kept.images.names == ("cat/good.png", "dog/good.png")
    assert kept.images.labels.tolist() == [[1, -1], [-1, 1]]
    assert kept.left_out.counts == image_source.read(tmp_path).left_out.counts
    assert len(reports) == 3 and "cat/empty.jpg" in reports[0] and "2 of 4" in reports[2]
    for kind in ("cat", "dog"):
        (tmp_path / kind / "good.png").write_bytes(b"")
    with pytest.raises(DataMissing, match="none of the 4 images"):
        image_source.keep_readable(source, reports.append)


def test_a_folder_that_may_not_be_read_is_counted(tmp_path):
    draw_all(tmp_path, "cat/a.jpg dog/b.jpg locked/c.jpg")
    (tmp_path / "locked").chmod(0)
    try:
        if os.access(tmp_path / "locked", os.R_OK):
            pytest.skip("root reads every folder")
        assert image_source.read(tmp_path).left_out.counts == {"folder that cannot be read": 1}
    finally:
        (tmp_path / "locked").chmod(0o755)


@pytest.mark.parametrize("seed", range(3))
def test_random_trees_are_read_or_refused_and_no_file_is_lost(tmp_path, seed):
    generator = np.random.default_rng(seed)
    parts = ["cat", "dog", "train", "val", "images", "JPEGImages", "Annotations", "@eaDir", "x y"]
    names = set()
    for _ in range(30):
        depth = int(generator.integers(0, 4))
        folder = "/".join(generator.choice(parts, depth))
        name = f"{folder}/{len(names)}.{generator.choice(['jpg', 'png', 'txt', 'mp4'])}".strip("/")
        names.add(name)
        if name.endswith(("jpg", "png")):
            draw(tmp_path / name)
        else:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text("0\n")
    try:
        source = image_source.read(tmp_path, need_labels=bool(seed % 2))
    except EtabliError:
        return
    listed = {*source.images.names, *(name for name, _reason in source.left_out.files)}
    hidden = {name for name in names if "@eaDir" in name}
    assert names - hidden == {name for name in listed if "@eaDir" not in name}


# ---- the page

PAGES = Path(__file__).parents[3] / "docs" / "tools"
CONTENT = {
    "metadata.csv": "file_name,label\n1.jpg,cat\nmore/2.jpg,dog\n",
    "labels.csv": "id;label\n1;cat\n2;dog\n",
    "train.txt": "1\n",
    "val.txt": "2\n",
    "test.txt": "2\n3\n",
    "data.yaml": "train: images/train\nval: images/val\nnames: [cat, dog]\n",
    "annotations.xml": '<annotations><image name="1.jpg"><tag label="cat"/></image>'
    '<image name="2.jpg"><box label="dog"/></image></annotations>',
}


def documented_layouts():
    for page in ("images.md", "images.fr.md"):
        for line in (PAGES / page).read_text(encoding="utf-8").split("\n"):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if len(cells) == 4 and cells[1].startswith("`"):
                yield pytest.param(*cells[1:], id=f"{page} {cells[0]}")


@pytest.mark.parametrize(("files", "classes", "splits"), documented_layouts())
def test_every_layout_of_the_page_is_read_as_it_says(tmp_path, files, classes, splits):
    """The first image of a layout is a cat, the second a dog, the third a cat, the fourth a dog."""
    kinds = {"1": "cat", "2": "dog"}
    for name in files.replace("`", "").split():
        path, part = tmp_path / name, "12"["valid" in name or "val" in name or "test" in name]
        if path.suffix in (".jpg", ".png"):
            draw(path)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".txt" and path.stem in kinds:
            path.write_text(f"{int(part) - 1} 0.5 0.5 0.1 0.1\n")
        elif path.suffix == ".xml" and path.stem in kinds:
            write_xml(path, kinds[path.stem])
        elif path.name == "_classes.csv":
            path.write_text(f"filename, cat, dog\n{part}.jpg, {2 - int(part)}, {int(part) - 1}\n")
        elif path.suffix == ".jsonl":
            write_rows(path, [(f"{part}.jpg", kinds[part])])
        elif path.suffix == ".json":
            write_coco(path, [kinds[part]], only=int(part))
        else:
            path.write_text(CONTENT[path.name])
    source = image_source.read(tmp_path)
    assert list(source.images.classes) == classes.split(", ")
    assert sorted(set(source.images.splits)) == sorted(splits.split(", ") if splits else [])
    expected = {"1": {"cat"}, "2": {"dog"}, "3": {"cat"}, "4": {"dog"}}
    for name, labels in labels_of(source).items():
        assert labels == expected[Path(name).stem[-1]]
    assert len(source.images) == len(re.findall(r"\.(?:jpg|png)`", files))
