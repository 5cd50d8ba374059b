"""Annotations of objects, as YOLO, CVAT and labelImg write them, read as labels of images."""

from itertools import count

import numpy as np
import pytest
from PIL import Image

from etabli.core.errors import CorruptFile, DataMissing
from etabli.data.formats import annotations, image_source

CAT, DOG = "0 0.5 0.5 0.2 0.2\n", "1 0.1 0.1 0.2 0.2 0.3 0.3 1e-1 0.2\n"  # a box, an outline

colors = count()


def draw_all(root, names):
    """Write images of which no two are equal."""
    for name in names.split():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (6, 6), (37 * next(colors) % 256, 0, next(colors) % 256)).save(root / name)


def labels_of(source):
    """The labels of each image: {name: {class, ...}}."""
    data = source.images
    kinds = [{data.classes[column] for column in np.flatnonzero(row == 1)} for row in data.labels]
    return dict(zip(data.names, kinds, strict=True))


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def write_yolo(root, images, labels):
    """Write four images of two splits: a cat, a dog, both, nothing."""
    for split in ("train", "val"):
        for number, text in enumerate((CAT, DOG, CAT + DOG, "")):
            draw_all(root, f"{images.format(split=split)}/{number}.jpg")
            write(root / labels.format(split=split) / f"{number}.txt", text)


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        ("images/{split}", "labels/{split}"),  # Ultralytics
        ("{split}/images", "{split}/labels"),  # Roboflow
        ("{split}", "{split}"),  # labelImg, Darknet
        ("data/JPEGImages/{split}", "data/labels/{split}"),
    ],
)
@pytest.mark.parametrize(
    ("file", "names"),
    [
        ("data.yaml", "path: .\ntrain: x\nnc: 3\nnames: ['cat', \"dog\", bird]\n"),
        ("coco8.yaml", "# c\nnames:\n  0: cat # one\n\n  1: dog\n  2: bird\ndownload: x\n"),
        ("data.yml", "names:\n- cat\n- 'dog'\n- bird\nnc: 3\n"),
        ("data.yaml", "names: {0: cat,\n  1: dog, 2: bird}\n"),
        ("classes.txt", "cat\ndog\nbird\n"),
        ("obj.names", "cat\r\ndog\r\nbird\r\n"),
    ],
)
def test_the_objects_of_yolo_are_labels(tmp_path, images, labels, file, names):
    write_yolo(tmp_path, images, labels)
    write(tmp_path / file, names)
    source = image_source.read(tmp_path)
    expected = [{"cat"}, {"dog"}, {"cat", "dog"}, set()] * 2
    assert list(labels_of(source).values()) == expected and not source.left_out
    assert source.images.splits == ("train",) * 4 + ("validation",) * 4
    assert source.remarks == (
        "Images without an object, which show none of the classes: 2.",
        "Categories without images are not counted as classes: bird.",
    )
    if "y" in file.rpartition(".")[2]:
        assert labels_of(image_source.read(tmp_path / file)) == labels_of(source)


def test_folders_in_data_yaml_are_splits(tmp_path):
    for name in ("a/1", "a/2", "b/1", "b/2"):
        draw_all(tmp_path, f"{name}.jpg")
        write(tmp_path / f"{name}.txt", CAT if "1" in name else DOG)
    write(tmp_path / "data.yaml", "train: ../a\nval: './b/'\nnames: [cat, dog]\n")
    splits = image_source.read(tmp_path).images.splits
    assert splits == ("train", "train", "validation", "validation")


def test_yolo_without_names_has_numbers_for_classes(tmp_path):
    write_yolo(tmp_path, "images/{split}", "labels/{split}")
    source = image_source.read(tmp_path)
    assert source.images.classes == ("0", "1")
    assert "No data.yaml or classes.txt names the classes: they are numbers." in source.remarks


def test_numbers_without_a_name_and_two_kinds_of_names_are_refused(tmp_path):
    write_yolo(tmp_path, "images/{split}", "labels/{split}")
    write(tmp_path / "classes.txt", "cat\n")
    with pytest.raises(CorruptFile, match=r"classes.txt does not name class 1.*got cat"):
        image_source.read(tmp_path)
    write(tmp_path / "data.yaml", "names: [cat, dog]\n")
    with pytest.raises(CorruptFile, match=r"classes.txt.*different classes.*Remove the file"):
        image_source.read(tmp_path)
    (tmp_path / "classes.txt").unlink()
    assert image_source.read(tmp_path).images.classes == ("cat", "dog")


def test_numbers_of_classes_may_have_gaps_but_each_needs_its_name(tmp_path):
    draw_all(tmp_path, "1.jpg 2.jpg")
    write(tmp_path / "1.txt", CAT)
    write(tmp_path / "2.txt", "999999999 0.5 0.5 0.2 0.2\n")
    assert image_source.read(tmp_path).images.classes == ("0", "999999999")
    write(tmp_path / "data.yaml", "names:\n  999999999: dog\n")
    with pytest.raises(CorruptFile, match="does not name class 0"):
        image_source.read(tmp_path)
    write(tmp_path / "data.yaml", "names:\n  0: cat\n  999999999: dog\n")
    assert image_source.read(tmp_path).images.classes == ("cat", "dog")


def test_malformed_files_of_yolo_are_left_out_and_captions_are_none(tmp_path):
    draw_all(tmp_path, "1.jpg 2.jpg 3.jpg")
    for number, text in enumerate((CAT, DOG, "0 0.1 a b c\n"), 1):
        write(tmp_path / f"{number}.txt", text)
    source = image_source.read(tmp_path)
    assert source.left_out.counts == {"malformed annotation": 1} and len(source.images) == 2
    for number in (1, 2, 3):
        write(tmp_path / f"{number}.txt", "A photograph of 2 cats.\n")
    with pytest.raises(DataMissing, match="no labels"):
        image_source.read(tmp_path)


CVAT = """<?xml version="1.0" encoding="utf-8"?>
<annotations><version>1.1</version><meta><task><labels>
<label><name>cat</name></label><label><name>dog</name></label><label><name>cow</name></label>
</labels></task></meta>{images}</annotations>"""


def test_the_tags_and_objects_of_cvat_are_labels(tmp_path):
    draw_all(tmp_path, "images/a.jpg images/b.jpg images/c.jpg")
    inner = """<image id="0" name="a.jpg" subset="Train"><tag label="cat" source="manual"/></image>
    <image id="1" name="b.jpg" subset="Train"><box label="dog" xtl="1"/><polygon label="cat"/>
    </image><image id="2" name="c.jpg" subset="Validation"></image><image id="3" name="d.jpg"/>"""
    write(tmp_path / "annotations.xml", CVAT.format(images=inner))
    for location in (tmp_path, tmp_path / "annotations.xml"):
        source = image_source.read(location)
        assert list(labels_of(source).values()) == [{"cat"}, {"cat", "dog"}, set()]
        assert source.images.splits == ("train", "train", "validation")
        assert source.left_out.files == (("d.jpg", "missing"),)
        assert source.remarks == ("Categories without images are not counted as classes: cow.",)


def test_a_video_of_cvat_is_refused_with_the_export_to_choose(tmp_path):
    draw_all(tmp_path, "images/frame_000000.png")
    track = '<track id="0" label="cat"><box frame="0"/></track>'
    write(tmp_path / "annotations.xml", CVAT.format(images=track))
    with pytest.raises(CorruptFile, match=r"describes a video.*CVAT for images 1\.1"):
        image_source.read(tmp_path)


def test_entities_in_xml_are_refused(tmp_path):
    write(tmp_path / "x.xml", '<!DOCTYPE x [<!ENTITY a "b">]><annotations/>')
    with pytest.raises(CorruptFile, match="declares XML entities"):
        annotations.read_xml(tmp_path / "x.xml")


def test_equal_names_in_two_splits_have_their_own_xml(tmp_path):
    draw_all(tmp_path, "images/train/1.jpg images/val/1.jpg")
    for split, kind in (("train", "cat"), ("val", "dog")):
        text = f"<annotation><object><name>{kind}</name></object></annotation>"
        write(tmp_path / "annotations" / split / "1.xml", text)
    found = labels_of(image_source.read(tmp_path))
    assert found == {"images/train/1.jpg": {"cat"}, "images/val/1.jpg": {"dog"}}
