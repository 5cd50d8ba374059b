"""Areas and overlaps of convex polygons against SciPy and against counting points."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import ConvexHull

from etabli.metrics.hulls import area, intersection, mean_overlap, overlap

SQUARE = np.array([[0.0, 0], [1, 0], [1, 1], [0, 1]])


def a_polygon(seed):
    points = np.random.default_rng(seed).normal(size=(12, 2))
    return points[ConvexHull(points).vertices]


def inside(polygon, points):
    edges = np.roll(polygon, -1, axis=0) - polygon
    offsets = points[:, None] - polygon
    return (edges[:, 0] * offsets[..., 1] - edges[:, 1] * offsets[..., 0] >= 0).all(axis=1)


@given(st.integers(0, 10**6))
def test_the_area_is_scipys(seed):
    polygon = a_polygon(seed)
    assert area(polygon) == pytest.approx(ConvexHull(polygon).volume)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_the_shared_area_is_what_random_points_count(seed):
    first, second = a_polygon(seed), a_polygon(seed + 1)
    points = np.random.default_rng(0).uniform(-4, 4, (100_000, 2))
    counted = (inside(first, points) & inside(second, points)).mean() * 64
    assert area(intersection(first, second)) == pytest.approx(counted, abs=0.25)


@given(st.integers(0, 10**6))
def test_overlap_is_symmetric_and_one_with_itself(seed):
    first, second = a_polygon(seed), a_polygon(seed + 1)
    assert overlap(first, second) == pytest.approx(overlap(second, first))
    assert overlap(first, first) == pytest.approx(1.0)
    assert 0 <= overlap(first, second) <= 1


def test_known_squares():
    assert overlap(SQUARE, SQUARE + np.array([0.5, 0])) == pytest.approx(1 / 3)
    assert overlap(SQUARE, SQUARE + np.array([1, 0])) == 0
    assert overlap(SQUARE, SQUARE * 0.5 + 0.25) == pytest.approx(0.25)


def test_points_and_lines_overlap_nothing():
    assert overlap(SQUARE, SQUARE[:2]) == 0
    assert overlap(SQUARE[:1], SQUARE[:2]) == 0


def test_one_polygon_has_no_pair():
    assert mean_overlap([SQUARE]) == 0.0
