"""Flickr8k and the course's lists, as they are."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from etabli.core.errors import CorruptFile, DataMissing
from etabli.data.catalog.source import Source
from etabli.data.formats import flickr8k


@pytest.fixture
def official(tmp_path):
    """A Flickr8k of three images, in the official files."""
    folder = tmp_path / "flickr8k"
    (folder / flickr8k.TEXT).mkdir(parents=True)
    (folder / flickr8k.IMAGES).mkdir()
    lines = []
    for name in ("one", "two", "three"):
        Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(
            folder / flickr8k.IMAGES / f"{name}.jpg"
        )
        lines += [f"{name}.jpg#{n}\tCaption {n} of {name} ." for n in range(5)]
    lines.append("bogus.jpg.1#0\tOf no list .")
    (folder / flickr8k.TEXT / flickr8k.TOKENS).write_text("\n".join(lines) + "\n", encoding="utf-8")
    for name, image in zip(flickr8k.SPLITS.values(), ("one", "two", "three"), strict=True):
        (folder / flickr8k.TEXT / name).write_text(f"{image}.jpg\n", encoding="utf-8")
    return tmp_path


def test_images_come_with_their_five_captions_by_split(official):
    data = flickr8k.load(Source.full(official))
    assert data.train.names == ("one.jpg",)
    assert data.test.captions[0][4] == "Caption 4 of three ."
    assert data.dev.paths[0].is_file()
    assert flickr8k.load_course(Source.full(official)) is None


def test_a_listed_image_without_captions_is_refused(official):
    path = official / "flickr8k" / flickr8k.TEXT / flickr8k.SPLITS["test"]
    path.write_text("three.jpg\nfour.jpg\n", encoding="utf-8")
    with pytest.raises(DataMissing, match=r"without captions: 1, such as four.jpg"):
        flickr8k.load(Source.full(official))


@pytest.mark.parametrize(
    "line", ["one.jpg\tno number", "one.jpg#0 no tab", "one.jpg#0\t  ", "one.jpg#x\twords"]
)
def test_a_line_that_is_no_caption_is_refused_with_its_number(official, line):
    path = official / "flickr8k" / flickr8k.TEXT / flickr8k.TOKENS
    path.write_text(f"one.jpg#0\tFine .\n{line}\n", encoding="utf-8")
    with pytest.raises(CorruptFile, match="line 2"):
        flickr8k.load(Source.full(official))


def test_data_that_are_not_there_are_refused_with_what_to_do(tmp_path):
    with pytest.raises(DataMissing, match="etabli data fetch flickr8k"):
        flickr8k.load(Source.full(tmp_path))


def test_a_list_that_is_not_the_course_s_is_refused(tmp_path):
    path = tmp_path / "rows.txt"
    path.write_text("a.jpg\t<start> A dog . <end>\n", encoding="utf-8")
    with pytest.raises(CorruptFile, match="header"):
        flickr8k.read_course(path)


def test_the_files_of_kaggle_and_karpathy_serve(official):
    folder, expected = official / "flickr8k", flickr8k.load(Source.full(official))
    tokens = flickr8k.read_tokens(folder / flickr8k.TEXT / flickr8k.TOKENS)
    rows = [f"{name},{caption}\n" for name, group in tokens.items() for caption in group]
    (folder / "captions.txt").write_text("image,caption\n" + "".join(rows))
    (folder / flickr8k.TEXT / flickr8k.TOKENS).unlink()
    assert flickr8k.load(Source.full(official)) == expected
    splits = zip(("one", "two", "three"), ("train", "val", "test"), strict=True)
    listed = [
        {
            "filename": f"{name}.jpg",
            "split": split,
            "sentences": [{"raw": caption} for caption in tokens[f"{name}.jpg"]],
        }
        for name, split in splits
    ]
    (folder / "dataset_flickr8k.json").write_text(json.dumps({"images": listed}))
    shutil.rmtree(folder / flickr8k.TEXT)
    assert flickr8k.load(Source.full(official)) == expected
    (folder / "dataset_flickr8k.json").write_text(json.dumps({"images": listed[:2]}))
    with pytest.raises(DataMissing, match="etabli data fetch flickr8k"):
        flickr8k.load(Source.full(official))


@pytest.mark.full
def test_flickr8k_has_its_numbers_and_the_course_s_rows_are_its_captions(full_data):
    source = Source.full(full_data)
    data, course = flickr8k.load(source), flickr8k.load_course(source)
    assert (len(data.train), len(data.dev), len(data.test)) == (6000, 1000, 1000)
    assert all(
        len(group) == 5 for part in (data.train, data.dev, data.test) for group in part.captions
    )
    for part, rows in course.items():
        split = getattr(data, part)
        images, captions = split.rows()
        assert [row[0] for row in rows] == [split.names[i] for i in images]
        assert [row[1] for row in rows] == [
            f"<start> {' '.join(c.split())} <end>" for c in captions
        ]
    assert "2258277193_586949ec62.jpg" not in {*data.train.names, *data.dev.names, *data.test.names}
