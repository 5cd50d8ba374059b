"""Models that learn from a text while they read it, and placed points: they see no future."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from properties.arrays import numbers, quick, seeds

from etabli.metrics.average_precision import bootstrap_gain
from etabli.metrics.neighborhood_hit import shared_neighbor_interval
from etabli.models.text.adaptive import (
    list_character_contexts,
    mix_online,
    read_online,
)
from etabli.models.text.ppm import read_ppm
from etabli.projection.neighbors import make_neighbor_search
from etabli.projection.placing import place

LETTERS = "abc"
texts = st.lists(st.integers(0, 2), min_size=60, max_size=120)
FIRST = 40


def spell(codes):
    return "".join(LETTERS[code] for code in codes)


@quick
@given(texts, st.integers(0, 10), seeds)
def test_a_reader_gives_distributions_that_no_later_symbol_changes(text, cut, seed):
    def read(codes):
        characters = spell(codes)
        counts = read_online(list_character_contexts(characters, 2), codes, 3, FIRST)
        partial = read_ppm(characters, codes, 3, FIRST, 2)
        mixed = mix_online([counts, partial], codes[FIRST:])
        return [counts, partial, mixed]

    codes = np.array(text)
    later = codes.copy()
    rest = len(codes) - FIRST - cut
    later[FIRST + cut :] = np.random.default_rng(seed).integers(0, 3, rest)
    for one, other in zip(read(codes), read(later), strict=True):
        np.testing.assert_allclose(np.exp(one).sum(axis=1), 1, rtol=1e-6)
        np.testing.assert_array_equal(one[: cut + 1], other[: cut + 1])


@quick
@given(numbers((6, 20), 2), seeds)
def test_a_ranking_gains_nothing_over_itself(scores, seed):
    labels = np.where(np.arange(len(scores) * 2).reshape(-1, 2) % 3, -1, 1)
    gain = bootstrap_gain(labels, scores, scores, np.random.default_rng(seed), 20)
    assert (gain.value, gain.low, gain.high) == (0, 0, 0)


@quick
@given(st.integers(8, 40), st.integers(1, 5), seeds)
def test_an_interval_of_hits_contains_their_mean_and_lies_within_zero_and_one(n, k, seed):
    draw = np.random.default_rng(seed)
    hits, near = draw.integers(0, k + 1, n) / k, draw.integers(0, n, (n, k))
    low, high = shared_neighbor_interval(hits, near)
    assert 0 <= low <= hits.mean() <= high <= 1
    assert shared_neighbor_interval(np.full(n, 0.5), near) == (0.5, 0.5)


@quick
@given(numbers((8, 30), 3, dtype="float32"), st.integers(1, 5))
def test_the_nearest_references_are_those_of_all_distances(reference, k):
    distances, indices = make_neighbor_search(reference, k)(reference)
    apart = np.linalg.norm(reference[:, None] - reference[None], axis=2)
    np.testing.assert_allclose(distances, np.sort(apart, axis=1)[:, :k], atol=1e-3)
    np.testing.assert_allclose(np.take_along_axis(apart, indices, axis=1), distances, atol=1e-3)


@quick
@given(seeds)
def test_the_place_of_a_new_point_does_not_depend_on_the_other_new_points(seed):
    draw = np.random.default_rng(seed)
    reference, plane = draw.normal(size=(60, 4)), draw.normal(size=(60, 2))
    points = draw.normal(size=(5, 4))
    whole = place(points, reference, plane, perplexity=4)
    assert whole.shape == (5, 2) and np.isfinite(whole).all()
    for row in range(5):
        alone = place(points[row : row + 1], reference, plane, perplexity=4)
        assert alone[0] == pytest.approx(whole[row], abs=1e-4 * np.ptp(plane))
