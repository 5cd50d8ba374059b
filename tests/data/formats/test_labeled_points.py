"""Your own points: from a table with labels, or from a folder of images for each class."""

import numpy as np
import pytest
from PIL import Image

from etabli.core.errors import BadArray, DataMissing
from etabli.data.formats import labeled_points


@pytest.fixture
def photos(tmp_path):
    for at, name in enumerate(("cat", "dog")):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for index in range(3):
            Image.new("RGB", (40, 30), (80 * at, 20 * index, 9)).save(
                tmp_path / "photos" / name / f"{index}.png"
            )
    return tmp_path / "photos"


def test_text_labels_become_indices_into_sorted_names(tmp_path):
    np.savez(tmp_path / "mine.npz", features=np.eye(3), labels=np.array(["b", "a", "b"]))
    found = labeled_points.read(tmp_path / "mine.npz")
    assert (found.names, found.labels.tolist(), found.name) == (("a", "b"), [1, 0, 1], "mine")
    assert found.thumbnails is None


def test_a_folder_gives_pixels_thumbnails_and_a_remark_on_each_broken_file(photos):
    (photos / "cat" / "broken.png").write_bytes(b"nothing")
    found = labeled_points.read(photos)
    assert found.points.shape == (
        6,
        labeled_points.THUMBNAIL_SIZE * labeled_points.THUMBNAIL_SIZE * 3,
    )
    assert found.labels.tolist() == [0, 0, 0, 1, 1, 1]
    np.testing.assert_array_equal(found.thumbnails.reshape(6, -1) / np.float32(255), found.points)
    assert any("broken.png" in remark for remark in found.remarks)


def test_a_folder_with_nothing_readable_is_refused(photos):
    for path in photos.rglob("*.png"):
        path.write_bytes(b"nothing")
    with pytest.raises(DataMissing, match="can be used"):
        labeled_points.read(photos)


def test_images_of_a_table_are_as_many_as_its_points_and_a_broken_one_keeps_its_row(
    photos, tmp_path
):
    np.savez(tmp_path / "mine.npz", features=np.eye(6), labels=np.arange(6) % 2)
    (photos / "cat" / "1.png").write_bytes(b"nothing")
    found = labeled_points.read(tmp_path / "mine.npz", image_dir=photos)
    assert (found.thumbnails[1] == 200).all()
    np.savez(tmp_path / "five.npz", features=np.eye(5), labels=np.arange(5) % 2)
    with pytest.raises(BadArray, match="5 images"):
        labeled_points.read(tmp_path / "five.npz", image_dir=photos)
