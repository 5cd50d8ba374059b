"""Nearest neighbors against a brute-force search in float64 with the same rule for ties."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from etabli.core.errors import BadArray, BadSetting
from etabli.metrics import neighbors
from etabli.metrics.neighbors import find_nearest_neighbors


def by_brute_force(points, k):
    distances = cdist(points.astype(np.float64), points.astype(np.float64), "sqeuclidean")
    np.fill_diagonal(distances, np.inf)
    return np.sort(np.argsort(distances, axis=1, kind="stable")[:, :k], axis=1)


@pytest.mark.parametrize("n,size", [(50, 1), (400, 2), (300, 9), (2500, 20), (1100, 300)])
def test_they_are_those_of_brute_force(n, size, frozen):
    points = frozen(np.random.default_rng(n).normal(size=(n, size)).astype(np.float32))
    np.testing.assert_array_equal(find_nearest_neighbors(points, 6), by_brute_force(points, 6))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([1, 2, 12]), st.integers(2, 60), st.integers(1, 4))
def test_among_equal_distances_the_lower_index_is_nearer(seed, size, n, k):
    """On a coarse grid nearly everything ties, duplicates too; integers have exact distances."""
    points = np.random.default_rng(seed).integers(0, 3, size=(n, size)).astype(np.float64)
    k = min(k, n - 1)
    np.testing.assert_array_equal(
        find_nearest_neighbors(points * n, k), by_brute_force(points * n, k)
    )


def test_ties_across_blocks_are_decided_exactly():
    points = np.random.default_rng(3).integers(0, 2, size=(2300, 12)).astype(np.float32)
    np.testing.assert_array_equal(find_nearest_neighbors(points, 6), by_brute_force(points, 6))


def test_points_far_from_the_origin_keep_their_neighbors():
    points = np.random.default_rng(4).normal(size=(1500, 30))
    np.testing.assert_array_equal(
        find_nearest_neighbors(points + 1e4, 6), by_brute_force(points + 1e4, 6)
    )


def test_identical_points_have_the_first_others_as_neighbors():
    assert find_nearest_neighbors(np.ones((5, 20)), 2).tolist() == [
        [1, 2],
        [0, 2],
        [0, 1],
        [0, 1],
        [0, 1],
    ]
    assert find_nearest_neighbors(np.ones((5, 2)), 2).tolist() == [
        [1, 2],
        [0, 2],
        [0, 1],
        [0, 1],
        [0, 1],
    ]


def test_k_needs_that_many_others():
    with pytest.raises(BadSetting, match=r"not enough points for 6 neighbors.*k = 6 with 6 points"):
        find_nearest_neighbors(np.zeros((6, 2)), 6)


@pytest.mark.parametrize(
    "points",
    [np.array([["a"]]), np.zeros((2, 2, 2)), np.zeros((3, 0)), np.array([[1.0], [np.nan]])],
)
def test_what_is_no_points_is_refused(points):
    with pytest.raises(BadArray):
        find_nearest_neighbors(points, 1)


@pytest.mark.parametrize("size", [2, 12])
def test_the_neighbors_of_some_points_are_those_among_all(size, monkeypatch):
    points = np.random.default_rng(5).integers(0, 9, size=(3000, size)).astype(np.float32)
    chosen = np.random.default_rng(6).choice(3000, 700, replace=False)
    monkeypatch.setattr(neighbors, "_GROUP_OF_QUERIES", 256)
    monkeypatch.setattr(neighbors, "_WIDE_BLOCK", 512)
    done = []
    near = find_nearest_neighbors(points, 6, chosen, done.append)
    np.testing.assert_array_equal(near, by_brute_force(points, 6)[chosen])
    assert sum(done) == 700


def test_many_points_are_searched_in_groups_with_the_same_result(monkeypatch):
    points = np.random.default_rng(7).normal(size=(1200, 15)).astype(np.float32) * 1e3 + 50
    monkeypatch.setattr(neighbors, "_MAX_AT_ONCE", 1000)
    np.testing.assert_array_equal(find_nearest_neighbors(points, 6), by_brute_force(points, 6))


@pytest.mark.parametrize("size", [2, 12])
def test_progress_counts_every_point_once(size, monkeypatch):
    monkeypatch.setattr(neighbors, "_BLOCK", 100)
    monkeypatch.setattr(neighbors, "_GROUP_OF_TREE", 100)
    done = []
    points = np.random.default_rng(8).normal(size=(450, size))
    near = find_nearest_neighbors(points, 6, progress=done.append)
    assert len(done) == 5 and sum(done) == 450
    np.testing.assert_array_equal(near, by_brute_force(points, 6))
