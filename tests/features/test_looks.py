"""What is found to be a copy: the promise of ``inspect`` on drawn scenes, measured."""

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from etabli.data.synthetic import scenes
from etabli.features import looks
from etabli.metrics.duplicates import group_pairs

SCENES = 60
COPIES = [(scale, quality) for scale in (0.6, 1.0, 1.7) for quality in (60, 80, 95)]


def draw(seed, is_textured):
    """Return a scene; texture is what photographs have, and flat drawings lack."""
    generator = np.random.default_rng(seed)
    image = scenes.draw_scene(generator, (120, 160)).image
    if not is_textured:
        return image
    noise = gaussian_filter(generator.normal(size=(120, 160, 1)), (6, 6, 0))
    pixels = np.asarray(image) + 15 * noise / noise.std()
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


# In a flat area a bit of the hash is noise, so copies of some drawings are not found.
@pytest.mark.parametrize(("is_textured", "least"), [(True, 0.99), (False, 0.9)])
def test_nearly_all_copies_of_other_sizes_and_qualities_are_found_and_no_other_image(
    tmp_path, is_textured, least
):
    paths = []
    for seed in range(SCENES):
        image = draw(seed, is_textured)
        for number, (scale, quality) in enumerate([(1.0, 100), *COPIES]):
            paths.append(tmp_path / f"{seed}-{number}.jpg")
            size = round(160 * scale), round(120 * scale)
            image.resize(size).save(paths[-1], quality=quality)
    found = looks.read_looks(paths, [path.name for path in paths])
    pairs = looks.find_near_duplicates(found)
    each = 1 + len(COPIES)
    assert (pairs[:, 0] // each == pairs[:, 1] // each).all()
    groups = group_pairs(pairs, len(paths))
    together = sum(len(group) - 1 for group in groups if group[0] % each == 0)
    assert together / (SCENES * len(COPIES)) >= least
