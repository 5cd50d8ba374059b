"""The approximate neighbors of very many points against the exact ones."""

import numpy as np
import pytest

from etabli.projection import neighbors
from etabli.projection.neighbors import find_approximate, is_approximate, make_neighbor_search
from etabli.projection.tsne import tsne


@pytest.fixture(scope="module")
def points():
    draw = np.random.default_rng(0)
    found = draw.normal(size=(3000, 10)).astype(np.float32)
    found[5] = found[6] = found[7]  # copies
    return found


def test_nearly_all_neighbors_are_found_without_the_point_itself(points):
    found = find_approximate(points, 5, threads=2)
    distances, near = make_neighbor_search(points, 16)(points)
    assert found.indices.shape == (3000, 15)
    assert not (found.indices == np.arange(3000)[:, None]).any()
    shared = [len(set(a) & set(b)) for a, b in zip(found.indices, near[:, 1:], strict=True)]
    assert np.sum(shared) > 0.99 * found.indices.size
    np.testing.assert_allclose(found.distances[9], distances[9, 1:], rtol=1e-3)


def test_any_number_of_threads_finds_the_same(points):
    one, two = (find_approximate(points, 5, threads=threads) for threads in (1, 2))
    np.testing.assert_array_equal(one.indices, two.indices)
    np.testing.assert_array_equal(one.distances, two.distances)


def test_only_very_many_points_are_searched_approximately(points, monkeypatch):
    assert not is_approximate(100_000) and is_approximate(100_001)
    monkeypatch.setattr(neighbors, "find_spec", lambda _name: None)
    assert not is_approximate(100_001)
    monkeypatch.undo()
    exact = tsne(points[:600], iterations=30, early_iterations=50, threads=1)
    monkeypatch.setattr(neighbors, "MAX_EXACT", 100)
    nearly = tsne(points[:600], iterations=30, early_iterations=50, threads=1)
    assert np.corrcoef(exact[:, 0], nearly[:, 0])[0, 1] > 0.9
