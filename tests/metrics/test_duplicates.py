import io

import numpy as np
import pytest

from etabli.core.errors import BadArray
from etabli.data.formats import images
from etabli.data.synthetic import scenes
from etabli.metrics import duplicates


def draw(seed):
    return scenes.draw_scene(np.random.default_rng(seed), (120, 160)).image


def hash_of(image, quality=95):
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality)
    pixels = images.read(stream.getvalue(), (36, 36))
    return duplicates.hash_image(pixels.mean(axis=2))


def differ(one, other):
    return int(duplicates.count_different_bits(one, other))


def test_other_images_have_other_hashes():
    hashes = [hash_of(draw(seed)) for seed in range(20)]
    distances = [differ(a, b) for i, a in enumerate(hashes) for b in hashes[:i]]
    assert min(distances) > 16


def test_close_pairs_are_those_of_a_loop_over_all_pairs():
    generator = np.random.default_rng(0)
    hashes = generator.integers(0, 2**63, (40, 2)).astype(np.uint64)
    hashes[7], hashes[30] = hashes[3] ^ np.uint64(5), hashes[3]
    expected = [
        (i, j)
        for i in range(40)
        for j in range(i + 1, 40)
        if sum(bin(int(a)).count("1") for a in hashes[i] ^ hashes[j]) <= 50
    ]
    assert [tuple(pair) for pair in duplicates.find_close_hashes(hashes, 50)] == expected


def test_pairs_connect_groups():
    pairs = np.array([[4, 1], [1, 2], [6, 5]])
    assert duplicates.group_pairs(pairs, 8) == [[1, 2, 4], [5, 6]]
    assert duplicates.group_pairs(np.zeros((0, 2), int), 3) == []


def test_an_image_that_is_not_reduced_is_refused():
    with pytest.raises(BadArray, match="reduced image"):
        duplicates.hash_image(np.zeros((10, 9)))
