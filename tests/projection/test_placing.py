"""New points on an old t-SNE plane, against openTSNE's transform and properties of a map."""

import numpy as np
import pytest

from etabli.core.errors import BadArray
from etabli.projection.placing import place
from etabli.projection.repulsion import Potential
from etabli.projection.tsne import tsne


@pytest.fixture(scope="module")
def heaps():
    """Points of overlapping heaps, their labels, and the plane of the first 1,200."""
    draw = np.random.default_rng(0)
    labels = draw.integers(0, 8, 1500)
    points = (draw.normal(0, 2, (8, 12))[labels] + draw.normal(size=(1500, 12))).astype(np.float32)
    return points, labels, tsne(points[:1200], iterations=250, threads=2)


def hit(plane, labels, placed, own, k=6):
    apart = ((placed[:, None] - plane) ** 2).sum(axis=2)
    return (labels[np.argsort(apart, axis=1)[:, :k]] == own[:, None]).mean()


def test_new_points_land_among_their_class_at_least_as_often_as_by_opentsne(heaps):
    from openTSNE import TSNEEmbedding, affinity

    points, labels, plane = heaps
    old, new = points[:1200], points[1200:]
    index = affinity.PerplexityBasedNN(old.astype(float), 30, method="exact")
    theirs = TSNEEmbedding(plane.astype(float), index, negative_gradient_method="bh")
    theirs = np.asarray(theirs.transform(new.astype(float)))
    placed = place(new, old, plane)
    known, own = labels[:1200], labels[1200:]
    assert hit(plane, known, placed, own) > hit(plane, known, theirs, own) - 0.02
    apart = np.linalg.norm(placed - theirs, axis=1)
    assert np.median(apart) < 0.1 * np.ptp(plane)


def test_the_steps_lower_the_divergence_of_a_mean_of_neighbors(heaps):
    points, labels, plane = heaps
    old, new = points[:1200], points[1200:]
    known, own = labels[:1200], labels[1200:]
    at_mean = hit(plane, known, place(new, old, plane, steps=0), own)
    assert hit(plane, known, place(new, old, plane), own) >= at_mean


def test_a_point_is_placed_alike_alone_and_among_others(heaps):
    points, _labels, plane = heaps
    together = place(points[1200:1203], points[:1200], plane)
    alone = np.concatenate([place(points[[at]], points[:1200], plane) for at in range(1200, 1203)])
    np.testing.assert_allclose(alone, together, atol=1e-4)


def test_an_old_point_is_placed_next_to_itself(heaps):
    points, _labels, plane = heaps
    apart = np.linalg.norm(place(points[:100], points[:1200], plane) - plane[:100], axis=1)
    assert np.median(apart) < 0.02 * np.ptp(plane)


def test_the_potential_is_the_sum_over_the_points(heaps):
    _points, _labels, plane = heaps
    places = np.random.default_rng(1).uniform(plane.min(), plane.max(), (50, 2))
    squares = ((places[:, None] - plane) ** 2).sum(axis=2)
    phi, slope = Potential(plane.astype(float), 5.0).evaluate(places)
    np.testing.assert_allclose(phi, (1 / (1 + squares)).sum(axis=1), rtol=0.02)
    exact = (-2 * (places[:, None] - plane) / (1 + squares[..., None]) ** 2).sum(axis=1)
    assert np.linalg.norm(slope - exact) < 0.03 * np.linalg.norm(exact)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_a_map_of_few_points_takes_new_ones(n):
    plane = np.arange(2.0 * n).reshape(n, 2)
    placed = place(np.ones((3, 4)), np.eye(n, 4), plane)
    assert placed.shape == (3, 2) and np.isfinite(placed).all()


def test_points_of_other_dimensions_are_refused():
    with pytest.raises(BadArray, match="differ in dimensions"):
        place(np.zeros((2, 3)), np.zeros((4, 5)), np.zeros((4, 2)))
