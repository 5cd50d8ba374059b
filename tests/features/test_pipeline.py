import threading
import time

import numpy as np
import pytest

from etabli.core.errors import CorruptFile
from etabli.features.pipeline import NamedImage, stream_features

PICTURES = [NamedImage(f"{number}", b"") for number in range(23)]


def read(picture):
    """Later pictures are decoded faster, so that order has to be kept against time."""
    time.sleep(0.002 * (5 - int(picture.name) % 5))
    if picture.name in {"4", "20", "21", "22"}:
        raise CorruptFile(f"{picture.name} is broken")
    return np.full((2, 2, 3), int(picture.name), np.uint8)


def mean(pictures):
    return pictures.reshape(len(pictures), -1).mean(1, keepdims=True)


def chunks(size):
    return [PICTURES[start : start + size] for start in range(0, len(PICTURES), size)]


@pytest.mark.parametrize("size", [1, 2, 7, 23, 100])
def test_rows_come_in_order_under_their_names_for_every_batch_size(size):
    rows = [
        (name, row[0])
        for batch in stream_features(chunks(size), mean, read)
        for name, row in zip(batch.names, batch.features, strict=True)
    ]
    expected = [number for number in range(20) if number != 4]
    assert rows == [(str(number), number) for number in expected]


def test_unreadable_pictures_are_listed_with_their_reason_and_nothing_else_is_lost():
    batches = list(stream_features(chunks(4), mean, read))
    assert [each.name for batch in batches for each in batch.unreadable] == ["4", "20", "21", "22"]
    assert "broken" in batches[1].unreadable[0].reason
    assert [len(batch.names) for batch in batches] == [4, 3, 4, 4, 4, 0]


def test_only_a_few_batches_are_under_way_when_the_reader_is_slow():
    asked = []

    def counted():
        for chunk in [[picture] for picture in PICTURES[:4] * 50]:
            asked.append(chunk)
            yield chunk

    flow = stream_features(counted(), mean, lambda picture: np.zeros((2, 2, 3), np.uint8))
    next(flow)
    time.sleep(0.05)
    assert len(asked) <= 6
    flow.close()


def test_decoding_goes_on_while_the_net_runs():
    inside, overlapped = threading.Event(), threading.Event()

    def slow_net(pictures):
        inside.set()
        overlapped.wait(2)
        return mean(pictures)

    def watching(picture):
        if inside.is_set():
            overlapped.set()
        return np.zeros((2, 2, 3), np.uint8)

    list(stream_features([[picture] for picture in PICTURES], slow_net, watching))
    assert overlapped.is_set()


def test_an_error_that_is_no_refusal_reaches_the_caller():
    def broken_net(pictures):
        raise RuntimeError("the net")

    with pytest.raises(RuntimeError, match="the net"):
        list(stream_features(chunks(5), broken_net, read))
