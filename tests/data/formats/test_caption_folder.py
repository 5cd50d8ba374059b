"""Your own images with captions."""

import json
import re

import numpy as np
import pytest
from PIL import Image

from etabli.core.errors import CorruptFile, DataMissing
from etabli.data.formats import caption_folder, images


@pytest.fixture
def folder(tmp_path):
    for name in ("cat.jpg", "dog.png"):
        Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(tmp_path / name)
    return tmp_path


def write(folder, *records):
    lines = [record if isinstance(record, str) else json.dumps(record) for record in records]
    (folder / caption_folder.METADATA_FILE).write_text("\n".join(lines), encoding="utf-8")


def test_captions_come_with_their_images(folder):
    write(
        folder,
        {"file_name": "cat.jpg", "captions": ["A cat.", "It sleeps"]},
        "",
        {"file_name": "dog.png", "text": "A dog"},
        {"file_name": "dog.png", "caption": "It runs!"},
    )
    data = caption_folder.read_folder(folder)
    assert data.names == ("cat.jpg", "dog.png")
    assert data.captions == (("A cat .", "It sleeps"), ("A dog", "It runs !"))
    assert data.rows() == ([0, 0, 1, 1], ["A cat .", "It sleeps", "A dog", "It runs !"])
    assert len(data.head(1)) == 1


def test_french_keeps_its_accents_and_apostrophes(folder):
    write(folder, {"file_name": "cat.jpg", "captions": ["L'e\u0301te\u0301, un arc-en-ciel."]})
    assert caption_folder.read_folder(folder).captions == (("L'été , un arc-en-ciel .",),)


def test_what_is_written_is_read_again(folder):
    records = [("cat.jpg", ["un chat noir"]), ("dog.png", ["a dog", "été"])]
    caption_folder.write_captions(folder / caption_folder.METADATA_FILE, records)
    data = caption_folder.read_folder(folder)
    assert list(zip(data.names, map(list, data.captions), strict=True)) == records


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ('{"file_name": "cat.jpg"', "is not JSON"),
        ({"captions": ["A cat"]}, "names no image"),
        ({"file_name": "cat.jpg"}, "an image without captions"),
        ('["cat.jpg"]', "names no image"),
    ],
)
def test_a_malformed_line_is_refused_with_its_number(folder, record, words):
    write(folder, {"file_name": "dog.png", "captions": ["A dog"]}, record)
    with pytest.raises(CorruptFile, match=f"jsonl:2 .*{words}"):
        caption_folder.read_folder(folder)


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ({"file_name": "cat.jpg", "captions": []}, r"images without captions: 1 \(cat.jpg\)"),
        ({"file_name": "cat.jpg", "captions": [" . "]}, "captions without words: 1"),
        ({"file_name": "cat.jpg", "captions": [3]}, "captions without words: 1"),
        ({"file_name": "bird.jpg", "captions": ["A"]}, r"missing images: 1 \(bird.jpg\)"),
        ({"file_name": "../../bird.jpg", "captions": ["A"]}, "missing images: 1"),
    ],
)
def test_what_is_left_out_is_counted(folder, record, words):
    write(folder, {"file_name": "dog.png", "captions": ["A dog"]}, record)
    data = caption_folder.read_folder(folder)
    assert data.names == ("dog.png",)
    assert re.search(words, data.remarks[0])


@pytest.mark.parametrize(
    ("name", "image"),
    [
        ("cat.jpg", "cat.jpg"),
        ("./cat.jpg", "cat.jpg"),
        ("C:\\photos\\CAT.JPG", "cat.jpg"),
        ("/kaggle/input/cat.jpg", "cat.jpg"),
        ("cat", "cat.jpg"),
        ("inner/dog.png", "inner/dog.png"),
        ("dog.png", "dog.png"),
        ("e\u0301te\u0301.png", "inner/été.png"),
        ("twice.png", None),
        ("a/twice.png", "a/twice.png"),
        ("x/a/twice.png", "a/twice.png"),
        ("", None),
        ("/", None),
        ("../outside.png", None),
        ("a" * 5000 + ".png", None),
        ("nul\0.png", None),
    ],
)
def test_an_image_is_found_by_the_end_of_its_path(folder, name, image):
    for path in ("inner/dog.png", "inner/été.png", "a/twice.png", "b/twice.png", "../outside.png"):
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(path[0])
    (folder / "b" / "twice.png").write_text("another image")
    names = [path.relative_to(folder).as_posix() for path in images.list_images(folder)]
    assert caption_folder.ImageIndex(folder, names).find(name) == image


def test_captions_without_their_image_are_refused(folder):
    write(folder, {"file_name": "bird.jpg", "captions": ["A bird"]})
    with pytest.raises(DataMissing, match=r"bird\.jpg"):
        caption_folder.read_folder(folder)


def test_a_folder_without_captions_is_refused_with_an_example(folder):
    with pytest.raises(DataMissing, match=r'"captions"'):
        caption_folder.read_folder(folder)
    write(folder, "", "")
    with pytest.raises(DataMissing, match="lists no image"):
        caption_folder.read_folder(folder)


def test_the_example_of_the_error_is_a_line_that_is_read(folder):
    with pytest.raises(DataMissing) as refused:
        caption_folder.read_folder(folder)
    example = re.search(r"\{.*\}", str(refused.value))[0]
    (folder / caption_folder.METADATA_FILE).write_text(example)
    assert caption_folder.read_folder(folder).captions == (("a cat sleeps",),)


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c"])
def test_a_line_ends_at_a_newline_and_nowhere_else(folder, separator):
    write(
        folder, json.dumps({"file_name": "cat.jpg", "text": f"A{separator}cat"}, ensure_ascii=False)
    )
    assert caption_folder.read_folder(folder).captions == (("A cat",),)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "windows-1252"])
def test_every_encoding_is_read(folder, encoding):
    line = json.dumps({"file_name": "cat.jpg", "text": "Un été"}, ensure_ascii=False)
    (folder / caption_folder.METADATA_FILE).write_bytes(line.encode(encoding))
    data = caption_folder.read_folder(folder)
    assert data.captions == (("Un été",),)
    assert any("Windows-1252" in each for each in data.remarks) == (encoding == "windows-1252")
