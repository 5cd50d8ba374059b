"""Silhouette and trustworthiness are scikit-learn's, and make sense where theirs refuses."""

import numpy as np
import pytest
from sklearn import manifold
from sklearn.metrics import silhouette_score

from etabli.metrics.separability import silhouette, trustworthiness


def data(n=120):
    draw = np.random.default_rng(0)
    return draw.normal(size=(n, 5)) + np.arange(n)[:, None] % 3, np.arange(n) % 3


def test_few_points_give_scikit_learns_values():
    points, labels = data()
    assert silhouette(points, labels).value == pytest.approx(silhouette_score(points, labels))
    expected = manifold.trustworthiness(points, points[:, :2], n_neighbors=6)
    assert trustworthiness(points, points[:, :2]).value == pytest.approx(expected)


def test_many_points_are_sampled_and_the_recipe_says_how_many():
    points, labels = data(900)
    assert silhouette(points, labels, max_points=100).recipe["n"] == 100
    assert trustworthiness(points, points[:, :2], max_points=100).recipe["n"] == 100


def test_one_class_or_three_points_have_a_value():
    points, labels = data()
    assert silhouette(points, labels * 0).value == 0.0
    assert silhouette(points[:3], [0, 1, 2]).value == 0.0
    assert trustworthiness(points[:3], points[:3, :2]).value == 1.0


def test_a_projection_that_keeps_everything_is_trusted_wholly():
    points, _labels = data()
    assert trustworthiness(points, points).value == pytest.approx(1.0)
