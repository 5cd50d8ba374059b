"""Convex hulls against SciPy: areas, overlaps, the trimming of outliers, cases without an area."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import ConvexHull

from etabli.core.errors import BadArray, BadSetting
from etabli.metrics import hulls
from etabli.metrics.hulls import class_hulls, convex_hull, hull_overlap, trim_outliers


def cloud(n=200, seed=0):
    return np.random.default_rng(seed).normal(size=(n, 2))


def test_the_area_is_scipys(frozen):
    points = frozen(cloud())
    assert hulls.polygon_area(convex_hull(points)) == pytest.approx(ConvexHull(points).volume)


def test_turning_and_moving_keeps_the_area():
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    for trim in (0.0, 0.1):
        moved = convex_hull(cloud() @ turn + 7, trim)
        assert hulls.polygon_area(moved) == pytest.approx(
            hulls.polygon_area(convex_hull(cloud(), trim))
        )


def test_trimming_drops_outliers():
    points = np.concatenate([cloud(98), [[50, 50], [-50, 20]]])
    assert len(trim_outliers(points, 0.02)) == 98
    assert np.abs(trim_outliers(points, 0.02)).max() < 10


def test_classes_apart_do_not_overlap_and_a_class_with_itself_does_wholly():
    points = np.concatenate([cloud(), cloud() + 100])
    labels = np.repeat([0, 1], 200)
    assert hull_overlap(points, labels).value == 0
    assert hull_overlap(np.concatenate([cloud(), cloud()]), labels).value == pytest.approx(1)


@pytest.mark.parametrize(
    "points,corners",
    [
        (np.array([[1.0, 2.0]]), 1),
        (np.array([[1.0, 2.0], [3.0, 4.0]]), 2),
        (np.array([[1.0, 2.0]] * 5), 1),
        (np.arange(6)[:, None] * np.array([[1.0, 2.0]]), 2),
        (np.arange(6)[:, None] * np.array([[0.0, 1.0]]), 2),
    ],
)
def test_one_two_equal_or_collinear_points_have_a_hull_without_area(points, corners):
    hull = convex_hull(points)
    assert len(hull) == corners
    assert hulls.polygon_area(hull) == 0
    np.testing.assert_allclose(hull[-1], points[-1])


def test_a_tiny_class_next_to_a_large_one():
    points = np.concatenate([cloud(), [[0.0, 0.0]]])
    labels = np.array(["many"] * 200 + ["one"])
    assert set(class_hulls(points, labels)) == {"many", "one"}
    assert hull_overlap(points, labels).is_undefined


def test_only_the_plane_has_hulls():
    with pytest.raises(BadArray, match="two-dimensional"):
        convex_hull(np.zeros((5, 3)))


def test_a_trimmed_share_is_below_one():
    with pytest.raises(BadSetting, match="trimmed"):
        convex_hull(cloud(), 1.0)


SQUARE = np.array([[0.0, 0], [1, 0], [1, 1], [0, 1]])


def a_polygon(seed):
    points = np.random.default_rng(seed).normal(size=(12, 2))
    return points[ConvexHull(points).vertices]


def inside(polygon, points):
    edges = np.roll(polygon, -1, axis=0) - polygon
    offsets = points[:, None] - polygon
    return (edges[:, 0] * offsets[..., 1] - edges[:, 1] * offsets[..., 0] >= 0).all(axis=1)


@given(st.integers(0, 10**6))
def test_the_area_of_a_polygon_is_scipys(seed):
    polygon = a_polygon(seed)
    assert hulls.polygon_area(polygon) == pytest.approx(ConvexHull(polygon).volume)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_the_shared_area_is_what_random_points_count(seed):
    first, second = a_polygon(seed), a_polygon(seed + 1)
    points = np.random.default_rng(0).uniform(-4, 4, (100_000, 2))
    counted = (inside(first, points) & inside(second, points)).mean() * 64
    assert hulls.polygon_area(hulls.intersect(first, second)) == pytest.approx(counted, abs=0.25)


@given(st.integers(0, 10**6))
def test_overlap_is_symmetric_and_one_with_itself(seed):
    first, second = a_polygon(seed), a_polygon(seed + 1)
    assert hulls.intersection_over_union(first, second) == pytest.approx(
        hulls.intersection_over_union(second, first)
    )
    assert hulls.intersection_over_union(first, first) == pytest.approx(1.0)
    assert 0 <= hulls.intersection_over_union(first, second) <= 1


def test_known_squares():
    assert hulls.intersection_over_union(SQUARE, SQUARE + np.array([0.5, 0])) == pytest.approx(
        1 / 3
    )
    assert hulls.intersection_over_union(SQUARE, SQUARE + np.array([1, 0])) == 0
    assert hulls.intersection_over_union(SQUARE, SQUARE * 0.5 + 0.25) == pytest.approx(0.25)


def test_points_and_lines_overlap_nothing():
    assert hulls.intersection_over_union(SQUARE, SQUARE[:2]) == 0
    assert hulls.intersection_over_union(SQUARE[:1], SQUARE[:2]) == 0


def test_an_overlap_without_two_classes_that_have_an_area_is_undefined():
    assert hulls.score_overlap([SQUARE], {}).recipe == {"undefined": "one-class"}
    flat = hulls.score_overlap([SQUARE, SQUARE[:1], SQUARE[:2], SQUARE * 0 + 3], {})
    assert flat.is_undefined and np.isnan(flat.value) and flat.recipe["flat-classes"] == 3
    mixed = hulls.score_overlap([SQUARE, SQUARE, SQUARE[:2]], {})
    assert mixed.value == pytest.approx(1) and mixed.recipe == {"flat-classes": 1}


def test_a_line_that_rounding_gives_a_width_is_still_a_line():
    line = np.outer(np.linspace(0, 1, 9), [0.3, 0.7])
    bent = line + np.random.default_rng(0).normal(scale=1e-13, size=line.shape)
    assert hulls.is_flat(hulls.convex_hull(bent)) and not hulls.is_flat(SQUARE * 1e-9)


def test_of_many_classes_some_pairs_are_compared_and_the_recipe_says_so():
    corners = [SQUARE + np.array([shift, 0]) for shift in np.linspace(0, 500, 150)]
    score = hulls.score_overlap(corners, {})
    assert score.recipe == {"pairs": "5000-of-11175"} and 0 <= score.value < 0.01
