"""Best-fit ellipses against scikit-learn's Gaussian mixture, and their symmetries."""

import numpy as np
import pytest
from sklearn.mixture import GaussianMixture

from etabli.core.errors import BadSetting
from etabli.metrics import hulls
from etabli.metrics.ellipses import best_fit_ellipse, class_ellipses, ellipse_overlap


def cloud(seed=0, n=300):
    return np.random.default_rng(seed).normal(size=(n, 2)) @ np.array([[3.0, 1.0], [0.0, 0.5]]) + [
        4,
        -2,
    ]


def test_it_is_the_component_of_scikit_learns_mixture(frozen):
    points = frozen(cloud())
    fitted = best_fit_ellipse(points)
    mixture = GaussianMixture(1, reg_covar=0).fit(points)
    turn = np.array(
        [
            [np.cos(fitted.angle), -np.sin(fitted.angle)],
            [np.sin(fitted.angle), np.cos(fitted.angle)],
        ]
    )
    np.testing.assert_allclose(fitted.center, mixture.means_[0])
    np.testing.assert_allclose(
        turn @ np.diag(np.square(fitted.axes)) @ turn.T, mixture.covariances_[0]
    )


def test_the_outline_is_that_many_deviations_from_the_center():
    points = cloud()
    covariance = np.cov(points.T, bias=True)
    off = best_fit_ellipse(points).outline(2.0) - points.mean(axis=0)
    np.testing.assert_allclose(np.einsum("md,de,me->m", off, np.linalg.inv(covariance), off), 4.0)


def test_the_area_is_pi_a_b_and_stays_under_turning():
    fitted = best_fit_ellipse(cloud())
    expected = np.pi * 4 * fitted.axes[0] * fitted.axes[1]
    assert hulls.polygon_area(fitted.outline(2.0)) == pytest.approx(expected, rel=2e-3)
    turned = best_fit_ellipse(cloud() @ np.array([[0.6, -0.8], [0.8, 0.6]]))
    assert turned.axes == pytest.approx(fitted.axes)


def test_overlap_is_one_for_the_same_and_nothing_far_apart():
    labels = np.repeat([0, 1], 300)
    assert ellipse_overlap(np.concatenate([cloud(), cloud()]), labels).value == pytest.approx(1)
    assert ellipse_overlap(np.concatenate([cloud(), cloud() + 100]), labels).value == 0


def test_points_on_a_line_or_alone_have_an_ellipse_without_area():
    line = np.arange(9.0)[:, None] * np.array([[1.0, 2.0]])
    assert hulls.polygon_area(best_fit_ellipse(line).outline()) == 0
    assert best_fit_ellipse(line[:1]).axes == (0.0, 0.0)
    assert set(class_ellipses(line, list("aaabbbbbc"))) == {"a", "b", "c"}


def test_no_width_is_refused():
    with pytest.raises(BadSetting, match="standard deviations"):
        best_fit_ellipse(cloud()).outline(0)
