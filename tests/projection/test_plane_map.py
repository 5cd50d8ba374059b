"""A map keeps what places new points, and says which of them are unlike its own."""

import numpy as np
import pytest

from etabli.core.errors import BadArray, CorruptFile, DataMissing
from etabli.projection.pca import pca
from etabli.projection.plane_map import load_map, make_map


@pytest.fixture(scope="module")
def points():
    draw = np.random.default_rng(0)
    labels = np.arange(300) % 3
    return (draw.normal(size=(300, 8)) + 9 * np.eye(3, 8)[labels]).astype(np.float32), labels


@pytest.fixture(scope="module")
def a_map(points):
    own, labels = points
    planes = {"t-SNE": pca(own).points * 2, "PCA": pca(own).points, "UMAP": pca(own).points}
    return make_map(own, planes, labels, 5, {"name": "é"})


def test_old_points_are_placed_where_they_are_and_none_is_moved(a_map, points):
    placed = a_map.transform(points[0])
    np.testing.assert_allclose(placed.planes["PCA"], a_map.planes["PCA"], atol=1e-4)
    for name in ("t-SNE", "UMAP"):
        apart = np.linalg.norm(placed.planes[name] - a_map.planes[name], axis=1)
        assert np.median(apart) < 0.15 * np.ptp(a_map.planes[name])


def test_points_far_away_are_unlike_also_in_directions_that_pca_left_out(a_map, points):
    own, _labels = points
    outside = np.linalg.svd(a_map.axes.T)[2][-1]  # orthogonal to all axes
    assert np.abs(outside @ a_map.axes).max() < 1e-6
    far = np.stack([own[0] + 100, own[0] + 100 * outside.astype(np.float32)])
    assert a_map.transform(far).is_unlike.all()
    draw = np.random.default_rng(1)
    alike = own[:60] + draw.normal(0, 0.1, (60, 8))
    assert a_map.transform(alike).is_unlike.mean() < 0.1


def test_the_distance_is_at_most_that_in_all_dimensions_and_equal_without_pca(points):
    own, labels = points
    new = own[:20] + np.float32(1)
    nearest = np.sort(np.linalg.norm(new[:, None] - own, axis=2), axis=1)[:, :5].mean(axis=1)
    reduced = make_map(own, {"PCA": pca(own).points}, labels, 3).transform(new)
    whole = make_map(own, {"PCA": pca(own).points}, labels, 50).transform(new)
    assert (reduced.distances <= nearest + 1e-4).all()
    np.testing.assert_allclose(whole.distances, nearest, rtol=1e-4)


def test_a_file_gives_the_same_map(a_map, points, tmp_path):
    a_map.save(tmp_path / "map.safetensors")
    again = load_map(tmp_path / "map.safetensors")
    assert again.facts == {"name": "é"} and list(again.planes) == sorted(again.planes)
    new = points[0][:7] + 1
    for name, plane in a_map.transform(new).planes.items():
        np.testing.assert_array_equal(again.transform(new).planes[name], plane)
    rows = np.array([3, 5])
    some = again.transform(points[0], rows)
    np.testing.assert_allclose(
        some.planes["t-SNE"], again.transform(points[0][rows]).planes["t-SNE"], atol=1e-4
    )


def test_faults_are_sentences(a_map, tmp_path):
    with pytest.raises(BadArray, match=r"the map differ in dimensions.*8"):
        a_map.transform(np.zeros((2, 7)))
    with pytest.raises(DataMissing, match="no file"):
        load_map(tmp_path / "absent")
    (tmp_path / "broken").write_bytes(b"x" * 50)
    with pytest.raises(CorruptFile, match="not a map"):
        load_map(tmp_path / "broken")
    from safetensors.numpy import save_file

    save_file({"reference": np.zeros((2, 2))}, tmp_path / "other")
    with pytest.raises(CorruptFile, match=r"not a map.*etabli untangle POINTS"):
        load_map(tmp_path / "other")
