"""Hulls of classes: SciPy's areas, the trimming of outliers, and the cases without an area."""

import numpy as np
import pytest
from scipy.spatial import ConvexHull

from etabli.core.errors import BadArray, BadSetting
from etabli.metrics import hulls
from etabli.metrics.hulls import class_hulls, convex_hull, hull_overlap, trimmed


def cloud(n=200, seed=0):
    return np.random.default_rng(seed).normal(size=(n, 2))


def test_the_area_is_scipys(frozen):
    points = frozen(cloud())
    assert hulls.area(convex_hull(points)) == pytest.approx(ConvexHull(points).volume)


def test_turning_and_moving_keeps_the_area():
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    for trim in (0.0, 0.1):
        moved = convex_hull(cloud() @ turn + 7, trim)
        assert hulls.area(moved) == pytest.approx(hulls.area(convex_hull(cloud(), trim)))


def test_trimming_drops_the_points_that_stand_alone():
    points = np.concatenate([cloud(98), [[50, 50], [-50, 20]]])
    assert len(trimmed(points, 0.02)) == 98
    assert np.abs(trimmed(points, 0.02)).max() < 10


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
    assert hulls.area(hull) == 0
    np.testing.assert_allclose(hull[-1], points[-1])


def test_a_tiny_class_beside_a_large_one():
    points = np.concatenate([cloud(), [[0.0, 0.0]]])
    labels = np.array(["many"] * 200 + ["one"])
    assert set(class_hulls(points, labels)) == {"many", "one"}
    assert hull_overlap(points, labels).value == 0


def test_only_the_plane_has_hulls():
    with pytest.raises(BadArray, match="two dimensions"):
        convex_hull(np.zeros((5, 3)))


def test_a_share_lies_below_one():
    with pytest.raises(BadSetting, match="trimmed"):
        convex_hull(cloud(), 1.0)
