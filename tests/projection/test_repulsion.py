"""The repulsion of t-SNE against the sum over all pairs, for planes of any place and width."""

import numpy as np
import pytest

from etabli.projection import repulsion
from etabli.projection.repulsion import compute_repulsion


def by_pairs(points):
    apart = points[:, None] - points
    near = 1 / (1 + (apart**2).sum(axis=2))
    return (apart * near[..., None] ** 2).sum(axis=1), near.sum() - len(points)


def a_plane(width, n=800):
    """Five round heaps, as t-SNE makes them."""
    draw = np.random.default_rng(0)
    points = draw.normal(size=(5, 2))[np.arange(n) % 5] * 2 + draw.normal(size=(n, 2)) * 0.5
    return points * width / np.ptp(points)


@pytest.mark.parametrize(("width", "most"), [(1e-4, 1e-5), (1, 1e-4), (20, 0.02), (100, 0.02)])
def test_the_forces_and_their_sum_are_those_of_all_pairs(width, most):
    points = a_plane(width)
    points.setflags(write=False)
    (forces, total), (exact, exact_total) = compute_repulsion(points), by_pairs(points)
    assert np.linalg.norm(forces - exact) < most * np.linalg.norm(exact)
    assert total == pytest.approx(exact_total, rel=1e-3)


def test_the_forces_of_all_points_cancel_and_do_not_depend_on_a_translation():
    points = a_plane(50)
    forces, total = compute_repulsion(points)
    assert np.abs(forces.sum(axis=0)).max() < 1e-3 * np.abs(forces).sum()
    moved, moved_total = compute_repulsion(points[:, ::-1] + [0.1, 1e4])
    np.testing.assert_allclose(moved[:, ::-1], forces, atol=0.05 * np.abs(forces).max())
    assert moved_total == pytest.approx(total, rel=1e-3)


def test_points_scattered_thinly_keep_the_sum_of_their_pairs():
    points = np.random.default_rng(0).uniform(0, 600, (500, 2))
    assert compute_repulsion(points)[1] == pytest.approx(by_pairs(points)[1], rel=0.1)


def test_a_very_wide_plane_takes_no_more_memory_than_a_wide_one_and_equal_points_do_not_push():
    forces, total = compute_repulsion(a_plane(1e6))
    assert np.isfinite(forces).all()
    assert np.isfinite(total)
    forces, total = compute_repulsion(np.ones((600, 2)))
    np.testing.assert_allclose(forces, 0, atol=1e-6)
    assert total == pytest.approx(600 * 599)


@pytest.mark.parametrize("many", [10_000, 300])  # in one part, in several
def test_threads_change_nothing(many, monkeypatch):
    monkeypatch.setattr(repulsion, "MANY", many)
    points = a_plane(80)
    one, two = compute_repulsion(points, threads=1), compute_repulsion(points, threads=2)
    np.testing.assert_array_equal(one[0], two[0])
    assert one[1] == two[1]


@pytest.mark.parametrize("width", [1e-3, 80])
def test_many_points_are_repelled_like_few(width, monkeypatch):
    points = a_plane(width)
    few, total = compute_repulsion(points)
    monkeypatch.setattr(repulsion, "MANY", 300)
    many, total_of_many = compute_repulsion(points)
    assert many.dtype == np.float64
    np.testing.assert_allclose(many, few, atol=1e-4 * np.abs(few).max())
    assert total_of_many == pytest.approx(total, rel=1e-6)
