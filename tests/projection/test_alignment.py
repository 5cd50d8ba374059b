"""Alignment of planes: a rotated plane is found again, and distances do not change."""

import numpy as np
import pytest
from hypothesis import given
from properties.arrays import quick, seeds
from scipy.spatial.distance import pdist

from etabli.core.errors import BadArray
from etabli.projection.alignment import align


def test_a_rotated_reflected_and_moved_plane_is_brought_back(frozen):
    target = frozen(np.random.default_rng(0).normal(size=(30, 2)) * [3, 1])
    turn = np.array([[np.cos(2), -np.sin(2)], [np.sin(2), np.cos(2)]])
    for rotation in (turn, turn @ np.diag([1, -1])):
        found = align(frozen(target @ rotation + [5, -7]), target)
        np.testing.assert_allclose(found, target - target.mean(axis=0), atol=1e-12)


@quick
@given(seeds)
def test_distances_between_points_stay_and_no_plane_moves_away_from_its_target(seed):
    points, target = np.random.default_rng(seed).normal(size=(2, 20, 2))
    found, centered = align(points, target), target - target.mean(axis=0)
    np.testing.assert_allclose(pdist(found), pdist(points), rtol=1e-10)
    unaligned = points - points.mean(axis=0)
    assert np.sum((found - centered) ** 2) <= np.sum((unaligned - centered) ** 2) + 1e-9


def test_planes_of_other_points_are_refused():
    with pytest.raises(BadArray, match="differ in shape"):
        align(np.zeros((3, 2)), np.zeros((4, 2)))
