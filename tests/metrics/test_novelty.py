"""Distances from training examples, against scikit-learn, and their limit."""

import numpy as np
import pytest
from hypothesis import given
from properties.arrays import numbers, quick
from sklearn.neighbors import NearestNeighbors

from etabli.metrics.novelty import Familiarity, normalize_rows


@pytest.fixture(scope="module")
def training():
    return np.random.default_rng(0).normal(3, 1, (300, 8)).astype(np.float32)


def test_distances_are_those_of_scikit_learn(training):
    queries = np.random.default_rng(1).normal(size=(40, 8))
    familiarity = Familiarity.fit(training, neighbor=5)
    index = NearestNeighbors(n_neighbors=5).fit(normalize_rows(training))
    expected = index.kneighbors(normalize_rows(queries))[0][:, -1]
    np.testing.assert_allclose(familiarity.measure(queries), expected, atol=1e-5)


def test_the_limit_leaves_each_training_example_out(training):
    familiarity = Familiarity.fit(training, neighbor=3, quantile=0.9)
    index = NearestNeighbors(n_neighbors=4).fit(normalize_rows(training))  # itself is the first
    left_out = index.kneighbors(normalize_rows(training))[0][:, -1]
    assert familiarity.limit == pytest.approx(np.quantile(left_out, 0.9), abs=1e-5)


def test_like_examples_are_familiar_and_others_far(training):
    familiarity = Familiarity.fit(training)
    like = np.random.default_rng(2).normal(3, 1, (500, 8))
    assert familiarity.is_far(like).mean() < 0.05
    assert familiarity.is_far(-like).all()


def test_the_scale_of_features_does_not_matter(training):
    familiarity = Familiarity.fit(training)
    np.testing.assert_allclose(
        familiarity.measure(10 * training[:5]), familiarity.measure(training[:5]), atol=1e-6
    )


def test_one_example_has_no_neighbor():
    assert Familiarity.fit(np.ones((1, 4))) is None
    assert Familiarity.fit(np.eye(2)).neighbor == 1


@quick
@given(numbers((1, 9), (1, 6)))
def test_normalized_rows_have_length_one_and_zeros_stay(features):
    rows = normalize_rows(features)
    lengths = np.linalg.norm(rows, axis=1)
    large = np.linalg.norm(features, axis=1) > 1e-6
    np.testing.assert_allclose(lengths[large], 1, rtol=1e-5)
    assert not rows[(features == 0).all(axis=1)].any()
