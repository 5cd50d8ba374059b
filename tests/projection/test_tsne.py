"""t-SNE: seeded, it brings neighbors together, and few or equal points are no fault."""

import numpy as np
import pytest

from etabli.core.errors import BadArray, BadSetting
from etabli.projection import repulsion
from etabli.projection import tsne as tsne_module
from etabli.projection.placing import place
from etabli.projection.tsne import _compute_gradient, tsne


def blobs(n=150):
    draw = np.random.default_rng(0)
    labels = np.arange(n) % 3
    return draw.normal(size=(3, 60))[labels] * 5 + draw.normal(size=(n, 60)), labels


def test_the_same_seed_gives_the_same_plane_and_progress_is_reported(frozen):
    points, _labels = blobs()
    frozen(points)
    reports = []
    first = tsne(points, iterations=50, seed=3, progress=reports.append)
    np.testing.assert_array_equal(first, tsne(points, iterations=50, seed=3))
    assert first.shape == (150, 2)
    assert sum(reports) == 300


def test_separated_classes_stay_separated():
    points, labels = blobs()
    plane = tsne(points, iterations=150)
    centres = np.stack([plane[labels == code].mean(axis=0) for code in range(3)])
    nearest = np.linalg.norm(plane[:, None] - centres, axis=2).argmin(axis=1)
    assert (nearest == labels).all()


def test_what_the_optimizer_follows_is_the_gradient_that_opentsne_has_without_approximation():
    from openTSNE import affinity
    from openTSNE.tsne import kl_divergence_bh

    near = affinity.PerplexityBasedNN(blobs(600)[0], perplexity=20, method="exact").P
    plane = np.random.default_rng(1).normal(0, 8, (600, 2))
    exact, wanted = kl_divergence_bh(plane, near, 1, {"theta": 0.0}, should_eval_error=True)
    divergence, gradient = _compute_gradient(plane, near, 1, should_eval_error=True)
    assert divergence == pytest.approx(exact, rel=1e-3)
    assert np.linalg.norm(gradient - wanted) < 0.01 * np.linalg.norm(wanted)


def test_both_gradient_methods_bring_neighbors_together():
    from sklearn.manifold import trustworthiness

    for n in (480, 520):
        points, _labels = blobs(n)
        assert trustworthiness(points, tsne(points, iterations=150), n_neighbors=10) > 0.8


@pytest.mark.parametrize("many", [10_000, 1000])  # the last: sorted, and repelled in parts
def test_any_number_of_threads_gives_the_same_bytes(many, monkeypatch):
    from threadpoolctl import threadpool_limits

    monkeypatch.setattr(tsne_module, "MANY", many)
    monkeypatch.setattr(repulsion, "MANY", many)
    draw = np.random.default_rng(0)
    points = (draw.normal(size=(3100, 60)) + 3 * (np.arange(3100) % 5)[:, None]).astype(np.float32)
    found = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            plane = tsne(points, threads=threads, iterations=15, early_iterations=15)
            found.append((plane, place(points[:50], points[50:], plane[50:])))
    np.testing.assert_array_equal(found[0][0], found[1][0])
    np.testing.assert_array_equal(found[0][1], found[1][1])


def test_many_points_are_sorted_in_memory_alone(monkeypatch):
    points = np.random.default_rng(0).normal(size=(600, 10)).astype(np.float32)
    few = tsne(points, iterations=5, early_iterations=10, threads=1)
    monkeypatch.setattr(tsne_module, "MANY", 100)
    many = tsne(points, iterations=5, early_iterations=10, threads=1)
    np.testing.assert_allclose(many, few, atol=1e-3 * np.abs(few).max())


@pytest.mark.parametrize("n", [1, 3, 4, 7])
def test_few_points_have_a_plane(n):
    plane = tsne(np.random.default_rng(0).normal(size=(n, 5)), iterations=20)
    assert plane.shape == (n, 2)
    assert np.isfinite(plane).all()


def test_equal_points_fall_together():
    assert tsne(np.ones((20, 5))).tolist() == [[0, 0]] * 20


def test_a_perplexity_is_positive():
    with pytest.raises(BadSetting, match="perplexity"):
        tsne(blobs()[0], perplexity=0)


def test_a_plane_that_starts_from_another_one_is_arranged_like_it():
    from scipy.spatial import procrustes

    points, labels = blobs(300)
    first = tsne(points, iterations=100)
    turned = first @ np.array([[0, -1], [1, 0]])
    nearby = points + np.random.default_rng(2).normal(0, 0.3, points.shape)
    second = tsne(nearby, start=turned, early_iterations=100, iterations=100)
    assert procrustes(turned, second)[2] < 0.1
    centers = [
        np.stack([plane[labels == k].mean(axis=0) for k in range(3)]) for plane in (turned, second)
    ]
    before, after = (each - each.mean(axis=0) for each in centers)
    cosines = (before * after).sum(axis=1) / np.linalg.norm(before, axis=1)
    assert (cosines / np.linalg.norm(after, axis=1) > 0.8).all()  # each class kept its direction


def test_a_start_of_other_points_is_refused():
    with pytest.raises(BadArray, match="another shape"):
        tsne(blobs()[0], start=np.zeros((3, 2)))
