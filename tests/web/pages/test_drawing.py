"""Strokes become images as MNIST has them."""

import numpy as np
import pytest

from etabli.web.pages.digits import BOX, SIDE, image_of

SEVEN = [[[0.3, 0.2], [0.65, 0.2], [0.45, 0.85]]]


def centre_of_mass(image: np.ndarray) -> tuple[float, float]:
    rows, columns = np.indices(image.shape)
    return (rows * image).sum() / image.sum(), (columns * image).sum() / image.sum()


def test_nothing_drawn_is_an_empty_image():
    assert image_of([]).sum() == image_of([[]]).sum() == 0


def test_a_digit_fills_the_box_and_its_mass_is_in_the_middle():
    image = image_of(SEVEN)
    assert image.shape == (SIDE, SIDE)
    assert image.dtype == np.float32
    assert 0 <= image.min() < image.max() <= 1
    tall = np.flatnonzero(image.max(axis=1) > 0.3)
    assert abs(tall[-1] - tall[0] + 1 - BOX) <= 1
    assert centre_of_mass(image) == pytest.approx(((SIDE - 1) / 2,) * 2, abs=0.51)


@pytest.mark.parametrize(("scale", "move"), [(0.2, 0.0), (1.0, 3.0), (0.1, -2.0)])
def test_where_and_how_large_one_draws_does_not_matter(scale, move):
    other = [[[scale * x + move, scale * y - move] for x, y in stroke] for stroke in SEVEN]
    assert np.abs(image_of(other) - image_of(SEVEN)).max() < 0.2


def test_a_dot_is_a_dot_and_stays_in_the_image():
    image = image_of([[[0.9, 0.9]]])
    assert 3 < image.sum() < 30
    assert centre_of_mass(image) == pytest.approx(((SIDE - 1) / 2,) * 2, abs=0.6)


def test_a_stroke_at_the_corner_loses_nothing_when_it_is_centred():
    strokes = [[[0, 0], [1, 0], [1, 1]]]
    ink = image_of(strokes).sum()
    assert ink == pytest.approx(image_of([[[1 - x, 1 - y] for x, y in strokes[0]]]).sum(), rel=0.02)
