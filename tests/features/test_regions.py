"""What a captioner sees of an image."""

import threading
import time

import numpy as np
import pytest
from filelock import FileLock
from PIL import Image

from etabli.core.errors import CorruptFile, UnknownName
from etabli.features import regions


def test_a_cell_has_its_color(frozen):
    pixels = np.zeros((112, 112, 3), np.uint8)
    pixels[:16, 96:] = [255, 0, 0]
    cells = regions.compute_cells(frozen(pixels))
    assert cells.shape == (49, 41)
    np.testing.assert_allclose(cells[6, :3], [1, 0, 0])
    assert (cells[np.arange(49) != 6, 0] == 0).all()
    np.testing.assert_allclose(cells[:, 6:33].sum(axis=1), 1.0, atol=1e-6)


def test_a_uniform_image_has_no_edges_and_no_variance():
    cells = regions.compute_cells(np.full((112, 112, 3), 90, np.uint8))
    np.testing.assert_allclose(cells[:, 3:6], 0, atol=1e-3)
    np.testing.assert_allclose(cells[:, 33:], 0, atol=1e-6)


def test_maps_are_in_the_order_of_the_images(tmp_path):
    paths = [tmp_path / name for name in ("red.png", "blue.png")]
    for path, color in zip(paths, ("red", "blue"), strict=True):
        Image.new("RGB", (20, 30), color).save(path)
    maps = regions.extract_region_maps(paths, ["red", "blue"], "cells", tmp_path)
    assert maps.dtype == np.float16
    assert (maps[0, :, 0] == 1).all()
    assert (maps[1, :, 2] == 1).all()


def test_other_files_and_unknown_kinds_raise_errors(tmp_path):
    path = tmp_path / "note.jpg"
    path.write_text("not a image")
    with pytest.raises(CorruptFile):
        regions.extract_region_maps([path], ["note"], "cells", tmp_path)
    with pytest.raises(UnknownName, match="mobilenet_v2"):
        regions.extract_region_maps([path], ["note"], "mobilenet", tmp_path)


@pytest.mark.slow
def test_two_seeds_share_the_features_of_a_net(tmp_path):
    """The second one waits: with an empty cache, seeds in parallel failed once."""
    image, folder, taken = tmp_path / "red.png", tmp_path / "maps", threading.Event()
    Image.new("RGB", (32, 32), "red").save(image)
    folder.mkdir()

    def hold():
        with FileLock(folder / ".lock"):
            taken.set()
            time.sleep(0.3)

    threading.Thread(target=hold).start()
    assert taken.wait(10)
    maps = regions.extract_region_maps([image], ["red"], "mobilenet_v2", folder)
    assert maps.shape == (1, 49, 1280)
