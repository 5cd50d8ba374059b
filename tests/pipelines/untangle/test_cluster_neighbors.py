"""Neighbors that a cluster finds are those that one machine finds."""

import numpy as np
import pytest
from clusters import use_in_process

from etabli.core.seeding import make_generator
from etabli.metrics.neighborhood_hit import neighborhood_hit
from etabli.pipelines.untangle.cluster_neighbors import find_on_cluster


@pytest.fixture
def points():
    """Whole numbers, so that many distances are equal."""
    return make_generator(0, "points").integers(0, 3, (300, 12)).astype(np.float32)


@pytest.mark.parametrize("count", [None, 37])
def test_a_cluster_gives_hits_and_intervals_of_one_machine(points, monkeypatch, count):
    cluster, labels, done = use_in_process(monkeypatch, cpus=3), points[:, 0].astype(int), []

    def find(*arguments):
        return find_on_cluster(cluster, lambda text: None, *arguments)

    queries = None if count is None else np.arange(0, 300, 8)[:count]
    local = neighborhood_hit(points, labels, queries=queries)
    there = neighborhood_hit(points, labels, queries=queries, progress=done.append, find=find)
    assert there.score == local.score and there.interval == local.interval
    assert there.per_class == local.per_class
    np.testing.assert_array_equal(there.hits, local.hits)
    assert sum(done) == (count or 300) and cluster.computed >= 10


def test_fewer_queries_than_workers_are_answered(points, monkeypatch):
    cluster = use_in_process(monkeypatch, cpus=64)
    near = find_on_cluster(cluster, lambda text: None, points, 4, np.array([5, 7]))
    assert near.shape == (2, 4) and cluster.computed == 2
