import numpy as np
import pytest

from etabli.core.errors import DataMissing
from etabli.core.seeding import make_generator
from etabli.data.formats import images
from etabli.features.frozen_stage import FrozenFeatures, ImageViews
from etabli.models.vision import backbones


@pytest.fixture
def maps(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("ETABLI_CACHE", str(tmp_path / "cache"))
    weights = tmp_path / "net.weights.h5"
    backbones.get_backbone("small_residual").build(size=(24, 24)).save_weights(weights)

    def make(paths=None, **options):
        paths = paths or images.list_images(folder)
        settings = {"weights": weights, "size": (24, 24), "engine": "keras", **options}
        return FrozenFeatures(
            "some", paths, [path.name for path in paths], "small_residual", "stage1", **settings
        )

    return make


def test_rows_are_the_stored_maps_and_a_random_view_is_one_of_them(maps):
    held = maps(crops=1)
    places = np.array([7, 0, 7, 3])
    plain = held(places)
    assert plain.shape == (4, 12, 12, 24) and plain.dtype == np.float16
    np.testing.assert_array_equal(plain, held.stores[0].array()[places])
    drawn = held(places, make_generator(0, "views"))
    for row, place in enumerate(places):
        assert any(np.array_equal(drawn[row], store.array()[place]) for store in held.stores)


def test_logits_are_the_mean_of_image_and_mirror_image(maps):
    held = maps()
    sums = held.logits(np.arange(5), lambda inputs: inputs.astype(np.float32).sum((1, 2)))
    expected = sum(store.array(dtype="float32")[:5].sum((1, 2)) for store in held.stores) / 2
    np.testing.assert_allclose(sums, expected, rtol=1e-3)


def test_image_views_are_the_pixels(folder):
    paths = images.list_images(folder)
    held = ImageViews(paths, [path.name for path in paths], (10, 12))
    np.testing.assert_array_equal(held(np.array([2]))[0], images.read(paths[2], (10, 12)))


def test_an_image_is_decoded_once_where_memory_allows_it_and_again_where_not(folder):
    paths = images.list_images(folder)
    for may_keep, decoded in ((100, 3), (0, 6)):
        held = ImageViews(paths, [path.name for path in paths], (10, 12))
        held._may_keep, read, calls = may_keep, held.readers[0], []
        held.readers[0] = lambda image, read=read, calls=calls: (calls.append(image), read(image))[
            1
        ]
        first, second = held(np.arange(3)), held(np.arange(3))
        np.testing.assert_array_equal(first, second)
        assert len(calls) == decoded


def test_an_unreadable_image_raises_an_error_with_its_reason(maps, folder):
    (folder / "été 02.png").write_bytes(b"")
    with pytest.raises(DataMissing, match="zero bytes"):
        maps()
