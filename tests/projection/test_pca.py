"""PCA against scikit-learn and by its theorems."""

import numpy as np
import pytest
from sklearn.decomposition import PCA as ReferencePCA

from etabli.core.errors import BadArray
from etabli.projection.pca import pca


@pytest.mark.parametrize("n,size", [(200, 12), (10, 40)])
def test_it_is_scikit_learns_up_to_the_sign_of_an_axis(n, size, frozen):
    points = frozen(np.random.default_rng(0).normal(size=(n, size)) * np.arange(1, size + 1))
    reference = ReferencePCA(2, svd_solver="full").fit(points)
    ours = pca(points)
    np.testing.assert_allclose(np.abs(ours.points), np.abs(reference.transform(points)), atol=1e-8)
    np.testing.assert_allclose(ours.spectrum[:2], reference.explained_variance_ratio_, rtol=1e-8)


def test_the_spectrum_falls_and_sums_to_one():
    spectrum = pca(np.random.default_rng(1).normal(size=(50, 8))).spectrum
    assert (np.diff(spectrum) <= 0).all()
    assert spectrum.sum() == pytest.approx(1)


def test_all_components_keep_every_distance():
    points = np.random.default_rng(2).normal(size=(30, 4))
    kept = pca(points, 4).points
    np.testing.assert_allclose(
        np.linalg.norm(kept[0] - kept, axis=1), np.linalg.norm(points[0] - points, axis=1)
    )


def test_so_many_components_hold_a_share():
    found = pca(np.diag([3.0, 2.0, 1.0, 0.0]).repeat(2, axis=0) * np.array([[1], [-1]] * 4))
    assert found.spectrum.tolist() == pytest.approx([9 / 14, 4 / 14, 1 / 14, 0])
    assert [found.count_components(share) for share in (0.5, 0.9, 1.0)] == [1, 2, 3]


def test_one_dimension_one_point_or_equal_points_are_projected_too():
    np.testing.assert_allclose(
        np.abs(pca(np.arange(4.0)).points), [[1.5, 0], [0.5, 0], [0.5, 0], [1.5, 0]]
    )
    assert pca(np.ones((1, 3))).points.tolist() == [[0, 0]]
    assert pca(np.ones((5, 3))).points.tolist() == [[0, 0]] * 5


def test_what_is_not_finite_is_refused():
    with pytest.raises(BadArray, match="point 1"):
        pca(np.array([[1.0, 2], [np.inf, 1]]))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_more_components_than_the_points_have_come_as_zeros(dtype):
    points = np.random.default_rng(4).random((30, 300)).astype(dtype)
    found = pca(points, 50).points
    assert np.abs(found[:, 29:]).max() == 0
    reference = ReferencePCA(29, svd_solver="full").fit_transform(points.astype("float64"))
    np.testing.assert_allclose(np.abs(found[:, :29]), np.abs(reference), atol=1e-5)
