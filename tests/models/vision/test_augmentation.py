"""Random deformations: small, seeded, and nothing at all where every setting is nothing."""

import numpy as np
import pytest

from etabli.models.vision.augmentation import average_over_shifts, random_shift, random_warp


def images(n=40):
    drawn = np.zeros((n, 28, 28, 1), np.float32)
    drawn[:, 8:20, 10:18] = np.random.default_rng(0).random((n, 12, 8, 1))
    return drawn


def test_a_shift_moves_whole_pixels_and_keeps_their_sum(frozen):
    given = frozen(images())
    moved = random_shift(given, np.random.default_rng(1), 2)
    np.testing.assert_allclose(moved.sum((1, 2, 3)), given.sum((1, 2, 3)), rtol=1e-5)
    expected = [
        np.roll(given[0], (down, right), (0, 1)) for down in range(-2, 3) for right in range(-2, 3)
    ]
    assert any(np.array_equal(moved[0], each) for each in expected)


def test_a_prediction_is_averaged_over_five_places():
    given = images(6)
    ways = [(0, 0), (2, 0), (-2, 0), (0, 2), (0, -2)]
    draw = np.random.default_rng(1).normal(size=(28, 28, 1, 3))
    predict = lambda x: np.tanh(np.tensordot(x, draw, 3))  # noqa: E731
    expected = np.mean([predict(np.roll(given, way, (1, 2))) for way in ways], axis=0)
    np.testing.assert_allclose(average_over_shifts(predict, given, 2), expected, rtol=1e-5)
    np.testing.assert_array_equal(average_over_shifts(predict, given, 0), predict(given))


def test_the_strength_is_a_factor_of_every_deformation():
    given = images(10)
    half = random_warp(given, np.random.default_rng(1), strength=0.5)
    same = random_warp(
        given, np.random.default_rng(1), degrees=5, scale=0.05, shear=0.05, shift=1, elastic=0.5
    )
    np.testing.assert_array_equal(half, same)


def test_zero_shift_and_zero_warp_are_the_identity():
    given = images()
    np.testing.assert_array_equal(random_shift(given, np.random.default_rng(1), 0), given)
    still = random_warp(
        given, np.random.default_rng(1), degrees=0, scale=0, shear=0, shift=0, elastic=0
    )
    np.testing.assert_allclose(still, given, atol=1e-5)


def test_equal_generators_warp_equally_and_mildly(frozen):
    given = frozen(images())
    first, again = (random_warp(given, np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, given)
    assert (first >= 0).all()
    assert first.max() <= 1
    assert first.sum() == pytest.approx(given.sum(), rel=0.1)


def test_a_rotation_by_90_degrees_rotates():
    turned = random_warp(
        images(1), _AlwaysHighest(), degrees=90, scale=0, shear=0, shift=0, elastic=0
    )
    np.testing.assert_allclose(turned[0], np.rot90(images(1)[0], -1), atol=1e-4)


class _AlwaysHighest:
    """A generator whose uniform draws are always the upper end."""

    def uniform(self, low, high, size):
        return np.full(size, high, float)

    def normal(self, mean, deviation, size):
        return np.full(size, mean, float)
