import pytest
from PIL import Image

from etabli.core.errors import CorruptFile, DataMissing
from etabli.data.formats import image_folder
from etabli.data.synthetic import scene_voc


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (4, 4)).save(path)


def shown(held, name):
    row = held.names.index(name)
    return {word for word, label in zip(held.classes, held.labels[row], strict=True) if label == 1}


def test_a_folder_for_each_class(tmp_path):
    for name in ("chien/a b.jpg", "chien/deep/c.png", "chat/é.jpg", "loose.jpg"):
        touch(tmp_path / name)
    held = image_folder.read(tmp_path)
    assert held.classes == ("chat", "chien") and len(held) == 3
    assert shown(held, "chien/deep/c.png") == {"chien"} and shown(held, "chat/é.jpg") == {"chat"}


@pytest.mark.parametrize(
    "text",
    [
        "file_name,label\na.jpg,cat\nb.jpg,cat;dog\nc.jpg,\n",
        "\ufefffile_name,labels\na.jpg,cat\nb.jpg,cat| dog\nc.jpg,\n",
        "file,class\na.jpg,cat\nb.jpg,cat\nb.jpg,dog\nc.jpg,\n",
    ],
)
def test_a_table_of_comma_separated_values(tmp_path, text):
    (tmp_path / "metadata.csv").write_text(text, encoding="utf-8")
    held = image_folder.read(tmp_path)
    assert held.names == ("a.jpg", "b.jpg", "c.jpg") and held.classes == ("cat", "dog")
    assert [shown(held, name) for name in held.names] == [{"cat"}, {"cat", "dog"}, set()]
    assert held.paths[0] == tmp_path / "a.jpg"


def test_a_table_of_json_lines(tmp_path):
    lines = (
        '{"file_name": "a.jpg", "labels": ["cat", "dog"]}\n\n'
        '{"file_name": "b.jpg", "labels": "cat"}\n'
    )
    (tmp_path / "labels.jsonl").write_text(lines)
    held = image_folder.read(tmp_path / "labels.jsonl")
    assert [shown(held, name) for name in held.names] == [{"cat", "dog"}, {"cat"}]


def test_a_voc_tree(tmp_path):
    scene_voc.write_devkit(tmp_path / "VOC2007", {"train": 4, "val": 2})
    assert len(image_folder.read(tmp_path)) == 6
    assert len(image_folder.read(tmp_path / "VOC2007", split="val")) == 2


@pytest.mark.parametrize(
    ("name", "text", "match"),
    [
        ("t.csv", "picture,label\na.jpg,cat\n", "file_name"),
        ("t.csv", "file_name,colour\na.jpg,red\n", "label"),
        ("t.csv", "file_name,label\n", "no rows"),
        ("t.csv", "file_name,label\n,cat\n", "row 1"),
        ("t.jsonl", "{not json\n", "t.jsonl"),
        ("t.jsonl", "[1, 2]\n", "not a JSON object"),
    ],
)
def test_a_bad_table_says_what_is_wrong(tmp_path, name, text, match):
    (tmp_path / name).write_text(text)
    with pytest.raises(CorruptFile, match=match):
        image_folder.read(tmp_path / name)


def test_a_place_without_labels_says_what_was_expected(tmp_path):
    touch(tmp_path / "a.jpg")
    with pytest.raises(DataMissing, match=r"metadata\.csv"):
        image_folder.read(tmp_path)
    with pytest.raises(DataMissing, match="nowhere"):
        image_folder.read(tmp_path / "nowhere")


def test_unreadable_images_are_reported_and_dropped_with_their_labels(tmp_path):
    for kind in ("cat", "dog"):
        (tmp_path / kind).mkdir()
        Image.new("RGB", (20, 20)).save(tmp_path / kind / "good.png")
    (tmp_path / "cat" / "empty.jpg").write_bytes(b"")
    whole = (tmp_path / "cat" / "good.png").read_bytes()
    (tmp_path / "dog" / "truncated.png").write_bytes(whole[: len(whole) // 2])
    reports = []
    kept = image_folder.keep_readable(image_folder.read(tmp_path), reports.append)
    assert kept.names == ("cat/good.png", "dog/good.png") and kept.labels.tolist() == [
        [1, -1],
        [-1, 1],
    ]
    assert len(reports) == 3 and "cat/empty.jpg" in reports[0] and "2 of 4" in reports[2]
    for kind in ("cat", "dog"):
        (tmp_path / kind / "good.png").write_bytes(b"")
    with pytest.raises(DataMissing, match="none of the 4 images"):
        image_folder.keep_readable(image_folder.read(tmp_path), reports.append)
