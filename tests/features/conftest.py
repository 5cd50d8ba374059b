import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope="session")
def small_net():
    """A net of three layers, small enough to run on one image in a millisecond."""
    import keras

    keras.utils.set_random_seed(1)
    images = keras.Input((24, 24, 3))
    x = keras.layers.Rescaling(1 / 127.5, offset=-1.0)(images)
    x = keras.layers.Conv2D(4, 3, strides=2, activation="relu", name="early")(x)
    x = keras.layers.Conv2D(6, 3, strides=2, activation="relu", name="out_relu")(x)
    return keras.Model(images, x)


@pytest.fixture
def folder(tmp_path):
    """Eleven images of several sizes, with names that a shell would not like."""
    generator = np.random.default_rng(5)
    place = tmp_path / "mes images"
    place.mkdir()
    for number in range(11):
        height, width = generator.integers(20, 60, 2)
        pixels = generator.integers(0, 256, (height, width, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(place / f"été {number:02d}.png")
    return place
