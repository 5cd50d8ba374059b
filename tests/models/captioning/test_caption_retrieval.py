"""The training images that a captioner remembers."""

import numpy as np
import pytest

from etabli.core.errors import BadArray
from etabli.models.captioning.reranking import CaptionRetrieval

FEATURES = np.array([[9.0, 1.0], [1.0, 9.0], [8.0, 2.0], [2.0, 2.0]], np.float32)
CAPTIONS = np.array(
    [[[0, 3, 1, -1], [0, 4, 4, 1]]] * 3 + [[[0, 5, 1, -1], [0, 6, 1, -1]]], np.int32
)


@pytest.fixture
def retrieval(frozen):
    frozen(FEATURES, CAPTIONS)
    return CaptionRetrieval.from_features(FEATURES, CAPTIONS)


def test_every_image_is_nearest_to_itself(retrieval):
    assert retrieval.nearest_images(FEATURES, 1)[:, 0].tolist() == [0, 1, 2, 3]


def test_near_is_a_small_angle_seen_from_the_mean(retrieval):
    """Brute force: cosines of the features less their mean."""
    asked = np.random.default_rng(0).normal(4, 5, (30, 2)).astype(np.float32)
    a, b = asked - FEATURES.mean(axis=0), FEATURES - FEATURES.mean(axis=0)
    cosines = (a @ b.T) / np.linalg.norm(a, axis=1, keepdims=True) / np.linalg.norm(b, axis=1)
    nearest = retrieval.nearest_images(asked, 4)
    found = np.take_along_axis(cosines, nearest, axis=1)
    assert (np.diff(found, axis=1) <= 2e-3).all()  # half precision
    assert (np.sort(nearest, axis=1) == np.arange(4)).all()


def test_the_captions_of_the_nearest_images_end_and_do_not_start(retrieval):
    near = retrieval.retrieve(FEATURES[3:], 2)
    assert near[0][0] == [(5, 1), (6, 1)]
    assert near[0][1] == [(3, 1), (4, 4, 1)]


def test_more_neighbors_than_images_are_all_images(retrieval):
    assert retrieval.nearest_images(FEATURES, 100).shape == (4, 4)
    assert retrieval.retrieve(FEATURES, 0) == [[], [], [], []]


def test_images_and_captions_that_do_not_pair_up_are_refused(retrieval):
    with pytest.raises(BadArray, match="do not match"):
        CaptionRetrieval(retrieval.mean, retrieval.directions, retrieval.captions[:2])
