"""Your own images with captions."""

import json

import numpy as np
import pytest
from PIL import Image

from etabli.core.errors import CorruptFile, DataMissing
from etabli.data.formats import caption_folder


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
        ({"file_name": "../cat.jpg", "captions": ["A cat"]}, "names no image"),
        ({"file_name": "cat.jpg", "captions": []}, "an image without captions"),
        ({"file_name": "cat.jpg"}, "an image without captions"),
        ({"file_name": "cat.jpg", "captions": ["A cat", " . "]}, "a caption without words"),
        ({"file_name": "cat.jpg", "captions": [3]}, "a caption without words"),
        ('["cat.jpg"]', "names no image"),
    ],
)
def test_a_malformed_line_is_refused_with_its_number(folder, record, words):
    write(folder, {"file_name": "dog.png", "captions": ["A dog"]}, record)
    with pytest.raises(CorruptFile, match=f"jsonl:2 .*{words}"):
        caption_folder.read_folder(folder)


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


def test_text_that_is_not_utf_8_is_refused(folder):
    (folder / caption_folder.METADATA_FILE).write_bytes(b"\xff\xfe{}")
    with pytest.raises(CorruptFile, match="UTF-8"):
        caption_folder.read_folder(folder)
