import numpy as np
import pytest

from etabli.core.errors import CorruptFile, DataMissing
from etabli.data.catalog.source import Source
from etabli.data.formats import images, voc
from etabli.data.synthetic import scene_voc


@pytest.fixture(scope="module")
def devkit(tmp_path_factory):
    home = tmp_path_factory.mktemp("voc")
    scene_voc.write_devkit(home / "VOCdevkit" / "VOC2007", {"train": 30, "val": 10, "test": 20})
    return home


def test_the_sample_is_a_devkit_with_all_its_lists_and_images(devkit):
    for split, count in (("train", 30), ("val", 10), ("trainval", 40), ("test", 20)):
        held = voc.read_devkit(devkit, split)
        assert len(held) == count and len(held.classes) == 12
        assert all(path.is_file() for path in held.paths)
    assert images.read(held.paths[0]).shape == (160, 160, 3)


def test_lists_and_annotations_agree(devkit, tmp_path):
    listed = voc.read_devkit(devkit, "train")
    for path in listed.paths[0].parent.parent.glob("ImageSets/Main/*"):
        if "_" not in path.name:
            target = tmp_path / "VOC2007" / "ImageSets" / "Main" / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    (tmp_path / "VOC2007" / "Annotations").symlink_to(listed.paths[0].parent.parent / "Annotations")
    annotated = voc.read_devkit(tmp_path, "train")
    assert annotated.classes == listed.classes
    np.testing.assert_array_equal(annotated.labels, listed.labels)


def test_difficult_is_kept_apart_from_absent(devkit):
    labels = voc.read_devkit(devkit, "trainval").labels
    assert {-1, 0, 1} == set(np.unique(labels))
    assert voc.label_objects(
        [("cat", True), ("dog", True), ("dog", False)], ["cat", "cow", "dog"]
    ) == [
        0,
        -1,
        1,
    ]


@pytest.mark.parametrize("inner", [".", "VOCdevkit", "VOCdevkit/VOC2007"])
def test_a_devkit_is_found_from_above_and_from_inside(devkit, inner):
    assert len(voc.read_devkit(devkit / inner, "val")) == 10


def test_the_same_seed_writes_the_same_bytes(devkit, tmp_path):
    scene_voc.write_devkit(tmp_path, {"train": 2, "val": 1, "test": 1})
    first = voc.read_devkit(devkit, "train").paths[0]
    assert (tmp_path / "JPEGImages" / first.name).read_bytes() == first.read_bytes()


def test_what_is_missing_or_broken_is_said(devkit, tmp_path):
    with pytest.raises(DataMissing, match="no VOC devkit"):
        voc.read_devkit(tmp_path, "train")
    with pytest.raises(DataMissing, match="weekend"):
        voc.read_devkit(devkit, "weekend")
    (tmp_path / "bad.xml").write_text("<annotation><size>")
    with pytest.raises(CorruptFile, match=r"bad\.xml"):
        voc.read_annotation(tmp_path / "bad.xml")
    (tmp_path / "laughs.xml").write_text(
        '<!DOCTYPE x [<!ENTITY a "aaaa">]><annotation>&a;</annotation>'
    )
    with pytest.raises(CorruptFile, match="entities"):
        voc.read_annotation(tmp_path / "laughs.xml")
    lists = tmp_path / "VOC2007" / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("000001\n000002\n")
    (lists / "cat_train.txt").write_text("000001  1\n")
    with pytest.raises(CorruptFile, match="000002"):
        voc.read_devkit(tmp_path, "train")
    (lists / "cat_train.txt").write_text("000001  1\n000002  7\n")
    with pytest.raises(CorruptFile, match="line 2"):
        voc.read_devkit(tmp_path, "train")


@pytest.mark.full
def test_the_official_lists_of_2007_have_their_published_sizes(full_data):
    train, test = (
        voc.read_devkit(full_data / "voc", split, 2007) for split in ("trainval", "test")
    )
    assert (len(train), len(test), len(test.classes)) == (5011, 4952, 20)
    assert set(test.classes) == {name for group in voc.GROUPS.values() for name in group}
    assert 0.92 < np.mean(test.labels != 1) < 0.93


@pytest.mark.full
def test_the_subset_of_2012_has_its_counts_and_its_images(full_data):
    val = voc.load(Source.full(full_data), "val")
    assert val.title == "VOC2012 val" and len(val) == 445
    counts = dict(zip(val.classes, (val.labels == 1).sum(0).tolist(), strict=True))
    expected = {
        "cat": 119,
        "chair": 16,
        "cow": 71,
        "dog": 128,
        "horse": 79,
        "person": 89,
        "sheep": 57,
        "sofa": 18,
    }
    assert expected.items() <= counts.items()
    assert all(path.is_file() for path in val.paths)
