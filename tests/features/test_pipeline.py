import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from etabli.core.errors import BadSetting, CorruptFile
from etabli.core.i18n import use_language
from etabli.data.formats.images import list_images
from etabli.features.looks import LookReader
from etabli.features.pipeline import NamedImage, make_reader, stream_features

IMAGES = [NamedImage(f"{number}", Path()) for number in range(23)]


def read(image):
    """Later images are decoded faster, so that order has to be kept against time."""
    time.sleep(0.002 * (5 - int(image.name) % 5))
    if image.name in {"4", "20", "21", "22"}:
        raise CorruptFile(f"{image.name} is broken")
    return np.full((2, 2, 3), int(image.name), np.uint8)


def mean(images):
    return images.reshape(len(images), -1).mean(1, keepdims=True)


def chunks(size):
    return [IMAGES[start : start + size] for start in range(0, len(IMAGES), size)]


@pytest.mark.parametrize("size", [1, 2, 7, 23, 100])
def test_rows_come_in_order_under_their_names_for_every_batch_size(size):
    rows = [
        (name, row[0])
        for batch in stream_features(chunks(size), mean, read)
        for name, row in zip(batch.names, batch.features, strict=True)
    ]
    expected = [number for number in range(20) if number != 4]
    assert rows == [(str(number), number) for number in expected]


def test_unreadable_images_are_listed_with_their_reason():
    batches = list(stream_features(chunks(4), mean, read))
    assert [each.name for batch in batches for each in batch.unreadable] == ["4", "20", "21", "22"]
    assert "broken" in batches[1].unreadable[0].reason
    assert [len(batch.names) for batch in batches] == [4, 3, 4, 4, 4, 0]


def test_the_number_of_batches_in_memory_is_bounded():
    asked = []

    def counted():
        for chunk in [[image] for image in IMAGES[:4] * 50]:
            asked.append(chunk)
            yield chunk

    flow = stream_features(counted(), mean, lambda image: np.zeros((2, 2, 3), np.uint8))
    next(flow)
    time.sleep(0.05)
    assert len(asked) <= 6
    flow.close()


def test_images_are_decoded_while_the_net_runs():
    inside, overlapped = threading.Event(), threading.Event()

    def slow_net(images):
        inside.set()
        overlapped.wait(2)
        return mean(images)

    def watching(image):
        if inside.is_set():
            overlapped.set()
        return np.zeros((2, 2, 3), np.uint8)

    list(stream_features([[image] for image in IMAGES], slow_net, watching))
    assert overlapped.is_set()


def test_an_unexpected_error_reaches_the_caller():
    def broken_net(images):
        raise RuntimeError("the net")

    with pytest.raises(RuntimeError, match="the net"):
        list(stream_features(chunks(5), broken_net, read))


@pytest.fixture
def image(folder):
    path = list_images(folder)[0]
    return NamedImage(path.name, path)


def test_a_flip_mirrors_left_and_right(image):
    plain, flip = (make_reader(view, (16, 20))(image) for view in ("plain", "flip"))
    np.testing.assert_array_equal(flip, plain[:, ::-1])


def test_a_crop_is_fixed_by_its_number_and_differs_between_numbers(image):
    one, again, two = (
        make_reader(view, (16, 20))(image) for view in ("crop-1", "crop-1", "crop-2")
    )
    assert one.shape == (16, 20, 3) and one.dtype == np.uint8
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, two)


def test_an_unknown_view_raises_an_error():
    with pytest.raises(BadSetting, match="sideways"):
        make_reader("sideways", (8, 8))


class OnDevice:
    """A net that is so fast that processes decode for it."""

    decodes_in_processes = True

    def __call__(self, images):
        return mean(images)


def test_processes_decode_the_same_rows_in_order_and_say_the_same_of_broken_images(tmp_path):
    (tmp_path / "broken.png").write_bytes(b"no image")
    for number in range(21):
        Image.fromarray(np.full((6, 6, 3), 10 * number, np.uint8)).save(tmp_path / f"{number}.png")
    found = [NamedImage(path.name, path) for path in sorted(tmp_path.iterdir())]
    chunks = [found[start : start + 10] for start in range(0, len(found), 10)]
    reader = LookReader(make_reader("flip", (4, 4)))
    looks = []
    for engine in (mean, OnDevice()):
        kept = {}
        batches = list(stream_features(chunks, engine, reader, workers=2, keep=kept.__setitem__))
        rows = np.concatenate([batch.features for batch in batches])
        with use_language("fr"):
            again = list(stream_features(chunks[2:], engine, reader, workers=2))
        looks.append((rows.tolist(), {name: look[1:] for name, look in kept.items()}))
        assert "pas une image" in again[0].unreadable[0].reason
    assert looks[0] == looks[1] and len(looks[0][0]) == 21
