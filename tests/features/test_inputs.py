"""The images of a location, with the names that every command gives them."""

import pytest
from PIL import Image

from etabli.core.errors import DataMissing
from etabli.core.progress import Silent
from etabli.features.inputs import find_images


class Lines(Silent):
    """A reporter that keeps its lines."""

    def __init__(self):
        self.lines = []

    def print_line(self, text):
        self.lines.append(text)


def test_a_folder_is_described_before_its_images_are_used(tmp_path):
    for name in ("train/cat/a.jpg", "train/dog/b.jpg", "test/cat/c.jpg", "stray.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4)).save(tmp_path / name)
    (tmp_path / "notes.md").write_text("x")
    reporter = Lines()
    paths, names = find_images(tmp_path, reporter=reporter)
    assert names == ["stray.png", "test/cat/c.jpg", "train/cat/a.jpg", "train/dog/b.jpg"]
    assert paths == [tmp_path / name for name in names]
    assert reporter.lines == [
        "4 images, 2 classes (cat 2, dog 1), 0 to 1 labels each; "
        "split: train 2, test 1, none 1; left out: 1 (1 .md)"
    ]


def test_one_image_is_not_described_and_a_missing_one_is_named(tmp_path):
    Image.new("RGB", (4, 4)).save(tmp_path / "a.jpg")
    reporter = Lines()
    assert find_images(tmp_path / "a.jpg", reporter=reporter) == ([tmp_path / "a.jpg"], ["a.jpg"])
    assert reporter.lines == []
    with pytest.raises(DataMissing, match=r"no image .*b\.jpg"):
        find_images(tmp_path / "b.jpg")
