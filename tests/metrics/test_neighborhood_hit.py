"""Neighborhood hit: a brute-force count, its extremes, its symmetries."""

import numpy as np
import pytest

from etabli.core.errors import BadArray
from etabli.metrics.neighborhood_hit import (
    bootstrap_interval,
    neighborhood_hit,
    neighborhood_hits,
    shared_neighbor_interval,
)
from etabli.metrics.neighbors import find_nearest_neighbors


def blobs(n=300, classes=3, size=2, apart=20.0, seed=0):
    draw = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    centres = draw.normal(size=(classes, size)) * apart
    return (centres[labels] + draw.normal(size=(n, size))).astype(np.float32), labels


@pytest.mark.parametrize("size", [2, 30])
def test_it_is_the_share_of_same_class_neighbors_counted_one_by_one(size, frozen):
    points, labels = frozen(*blobs(120, apart=1.0, size=size))
    expected = []
    for index in range(len(points)):
        far = ((points.astype(float) - points[index].astype(float)) ** 2).sum(axis=1)
        far[index] = np.inf
        near = np.argsort(far, kind="stable")[:6]
        expected.append(np.mean(labels[near] == labels[index]))
    np.testing.assert_allclose(neighborhood_hits(points, labels), expected)
    assert neighborhood_hit(points, labels).score.value == pytest.approx(np.mean(expected))


def test_classes_far_apart_hit_always():
    found = neighborhood_hit(*blobs(apart=1000))
    assert found.score.value == 1.0
    assert found.per_class == {0: 1.0, 1: 1.0, 2: 1.0}
    assert found.interval == (1.0, 1.0)


def test_the_interval_covers_the_mean_of_many_data_sets_as_independent_points_would_not():
    draw, found, independent = np.random.default_rng(3), [], []
    for _number in range(120):
        labels = draw.integers(0, 3, 300)
        points = draw.normal(size=(300, 5)) + labels[:, None] * 1.2
        found.append(neighborhood_hit(points, labels))
        independent.append(bootstrap_interval(found[-1].hits))
    mean = np.mean([each.score.value for each in found])
    covered = np.mean([each.interval[0] <= mean <= each.interval[1] for each in found])
    too_narrow = np.mean([low <= mean <= high for low, high in independent])
    assert covered >= 0.92 and too_narrow < 0.9


def test_the_interval_weighs_pairs_by_the_neighbors_that_they_share():
    points, labels = blobs(40, apart=1.0)
    near = find_nearest_neighbors(points, 3)
    hits = (labels[near] == labels[:, None]).mean(axis=1)
    groups = [{row, *near[row]} for row in range(40)]
    apart = hits - hits.mean()
    variance = sum(
        apart[i] * apart[j] * len(groups[i] & groups[j]) / 4 for i in range(40) for j in range(40)
    )
    low, high = shared_neighbor_interval(hits, near)
    assert (high - low) / 2 == pytest.approx(1.96 * variance**0.5 / 40)


def test_shuffled_labels_hit_by_chance():
    points, labels = blobs(3000, classes=4)
    shuffled = np.random.default_rng(1).permutation(labels)
    assert neighborhood_hit(points, shuffled).score.value == pytest.approx(0.25, abs=0.02)


def test_turning_and_moving_the_points_changes_nothing():
    points, labels = blobs(400, apart=1.0)
    turn = np.array([[np.cos(1.0), -np.sin(1.0)], [np.sin(1.0), np.cos(1.0)]])
    moved = points.astype(float) @ turn + [5, -3]
    assert neighborhood_hit(moved, labels).score.value == pytest.approx(
        neighborhood_hit(points, labels).score.value
    )


def test_the_order_of_the_points_does_not_matter():
    points, labels = blobs(400, apart=1.0)
    order = np.random.default_rng(2).permutation(400)
    assert (
        neighborhood_hits(points[order], labels[order]).tolist()
        == neighborhood_hits(points, labels)[order].tolist()
    )


def test_labels_may_be_text_and_one_class_always_hits():
    points, labels = blobs()
    names = np.array(["chat", "chien", "âne"])[labels]
    assert set(neighborhood_hit(points, names).per_class) == {"chat", "chien", "âne"}
    assert neighborhood_hit(points, np.zeros(len(points))).score.value == 1.0


def test_a_class_of_one_point_never_hits():
    points, labels = blobs()
    labels = labels.copy()
    labels[0] = 9
    assert neighborhood_hit(points, labels).per_class[9] == 0.0


def test_labels_of_another_length_are_refused():
    points, labels = blobs()
    with pytest.raises(BadArray, match="300 labels"):
        neighborhood_hit(points, labels[:-1])


def test_the_recipe_names_what_must_be_equal():
    assert (
        neighborhood_hit(*blobs(), k=3).score.signature
        == "neighborhood-hit:k=3 | n:300 | dimensions:2 | classes:3"
    )


def test_the_interval_is_that_of_resampling_the_points_themselves():
    values = np.random.default_rng(5).integers(0, 7, 400) / 6
    draws = np.random.default_rng(6).choice(values, (4000, 400)).mean(axis=1)
    assert bootstrap_interval(values) == pytest.approx(
        tuple(np.quantile(draws, [0.025, 0.975])), abs=4e-3
    )


@pytest.mark.full
def test_the_known_hits_of_mnist(full_data):
    from etabli.data.catalog.source import Source
    from etabli.data.formats import mnist
    from etabli.projection.pca import pca

    digits = mnist.load(Source.full(full_data))
    _train, pixels = digits.flatten()
    assert neighborhood_hit(pixels, digits.test_labels).score.value == pytest.approx(
        0.9255, abs=1e-3
    )
    assert neighborhood_hit(pca(pixels).points, digits.test_labels).score.value == pytest.approx(
        0.3849, abs=1e-3
    )
