"""Command and page see the same image, also where a large JPEG is decoded at reduced scale."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from etabli.core.seeding import make_generator
from etabli.data.formats import images
from etabli.data.synthetic import scenes
from etabli.features.pipeline import NamedImage, make_reader
from etabli.features.regions import extract_region_maps, open_extractor
from etabli.models.captioning import attention
from etabli.models.captioning.beam_search import SearchConfig
from etabli.models.captioning.vocabulary import Vocabulary
from etabli.saved_models.captioner import Captioner
from etabli.web.pages import captions
from etabli.web.pages.photo import decode_photo

SIZE = (112, 112)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Four scenes of 2400 x 1800 pixels with the noise of a camera."""
    folder, paths = tmp_path_factory.mktemp("large"), []
    for seed in range(4):
        generator = make_generator(seed, "large photos")
        scene = scenes.draw_scene(generator, (450, 600)).image.resize((2400, 1800))
        noise = generator.integers(-20, 21, (1800, 2400, 3))
        pixels = np.clip(np.asarray(scene).astype(int) + noise, 0, 255).astype(np.uint8)
        paths.append(folder / f"{seed}.jpg")
        Image.fromarray(pixels).save(paths[-1], quality=90)
    return paths


def test_pages_decode_an_upload_as_training_and_commands_decode_a_file(photos):
    read = make_reader("plain", SIZE)
    for path in photos:
        expected = read(NamedImage(path.name, path))
        np.testing.assert_array_equal(decode_photo(path.read_bytes(), SIZE), expected)
        np.testing.assert_array_equal(images.read(path, SIZE), expected)


def test_a_large_jpeg_is_decoded_at_reduced_scale(photos):
    """Otherwise the other tests of this file would hold for any way of decoding."""
    whole = Image.fromarray(images.read(photos[0])).resize(SIZE, Image.Resampling.BILINEAR)
    assert (np.asarray(whole) != images.read(photos[0], SIZE)).any()


def test_command_and_page_write_the_same_captions(photos, tmp_path):
    vocabulary = Vocabulary.most_frequent(["a red car on the left of a tree .", "two stars ."])
    shape = attention.ModelConfig(len(vocabulary), 41, 8, 8, 4)
    arrays = attention.init_weights(shape, make_generator(3))
    arrays = {name: 3 * np.asarray(array) for name, array in arrays.items()}
    captioner = Captioner(
        "attention", vocabulary, arrays, "cells", SearchConfig(captions.N_CAPTIONS, 8)
    )
    maps = extract_region_maps(photos, [path.name for path in photos], "cells", tmp_path)
    extract, size = open_extractor("cells")
    page = captions.PhotoCaptioner(captioner, extract, size)
    assert page.search == replace(captioner.search)
    for row, path in enumerate(photos):
        command = captioner.write(maps[row : row + 1]).captions(vocabulary)[0]
        shown = page.caption(decode_photo(path.read_bytes(), size))["captions"]
        assert [" ".join(each["words"]) for each in shown] == list(command)
