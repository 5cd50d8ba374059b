import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from properties.arrays import labeled, log_probabilities, numbers, quick, seeds

from etabli.core.errors import BadArray
from etabli.metrics import (
    average_precision,
    ellipses,
    hulls,
    neighborhood_hit,
    score,
    separability,
    text,
    units,
)
from etabli.projection import pca, repulsion, tsne


@st.composite
def ranked(draw):
    n, k = draw(st.integers(2, 12)), draw(st.integers(1, 3))
    chance = np.random.default_rng(draw(seeds))
    labels = chance.choice([-1, 0, 1], (n, k))
    labels[0], labels[1] = 1, -1  # every class has both
    return labels, draw(numbers(n, k))


@quick
@given(ranked())
def test_average_precision_looks_at_the_order_alone_and_the_perfect_order_has_one(given):
    labels, ranks = given
    for rule in ("area", "11pt"):
        each = average_precision.average_precision_per_class(labels, ranks, rule)
        assert ((each >= 0) & (each <= 1)).all()
        order = np.unique(ranks, return_inverse=True)[1].reshape(ranks.shape)
        np.testing.assert_allclose(
            average_precision.average_precision_per_class(labels, order**3, rule), each
        )
        np.testing.assert_allclose(
            average_precision.average_precision_per_class(labels, labels.astype(float), rule), 1
        )
        mean = average_precision.mean_average_precision(labels, ranks, rule).value
        np.testing.assert_allclose(mean, each.mean())
    found = average_precision.compute_scores(
        labels, ranks, [str(at) for at in range(labels.shape[1])]
    )
    assert all(0 <= score.value <= 1 for score in found.values())


@quick
@given(ranked(), seeds)
def test_the_standard_error_is_none_for_the_perfect_order_and_looks_at_the_order_alone(given, seed):
    labels, ranks = given

    def error(of):
        return average_precision.bootstrap_standard_error(
            labels, of, np.random.default_rng(seed), resamples=20
        ).value

    assert error(labels.astype(float)) == 0
    order = np.unique(ranks, return_inverse=True)[1].reshape(ranks.shape)
    assert error(ranks) == pytest.approx(error(order**3)) and error(ranks) >= 0


@quick
@given(ranked())
def test_element_accuracy_of_the_truth_is_one_and_of_its_opposite_none(given):
    labels = given[0]
    truth = labels == 1
    assert average_precision.element_accuracy(labels, truth).value == 1
    assert average_precision.element_accuracy(labels, ~truth).value == 0


@quick
@given(numbers((1, 9), (1, 3)), st.sampled_from([np.nan, np.inf, -np.inf]))
def test_points_are_taken_as_they_are_and_no_point_at_infinity(array, odd):
    for take in (score.check_points, pca.check_points):
        np.testing.assert_array_equal(take(array), array)
        with pytest.raises(BadArray):
            take(np.vstack([array, np.full(array.shape[1], odd)]))


@quick
@given(labeled())
def test_classes_are_found_again_from_their_indices(both):
    labels = both[1].astype(str)
    names, which = score.encode_labels(labels, len(labels))
    assert list(names) == sorted(set(labels)) and (names[which] == labels).all()


@quick
@given(labeled(), st.floats(0.1, 5), numbers(2))
def test_overlaps_do_not_change_when_the_plane_is_moved_and_stretched(both, factor, shift):
    plane, labels = both
    moved = plane * factor + shift
    for overlap in (hulls.hull_overlap, ellipses.ellipse_overlap):
        first, second = overlap(plane, labels), overlap(moved, labels)
        if first.recipe == second.recipe and not first.is_undefined:
            assert 0 <= first.value <= 1 + 1e-9
            assert second.value == pytest.approx(first.value, abs=0.05)


@quick
@given(numbers((3, 20), 2))
def test_every_point_is_in_the_hull_and_the_hull_of_a_hull_is_itself(plane):
    corners = hulls.convex_hull(hulls.check_plane_points(plane))
    assert {tuple(corner) for corner in corners} <= {tuple(point) for point in plane}
    again = hulls.convex_hull(corners)
    assert {tuple(each) for each in again} == {tuple(each) for each in corners}
    if len(corners) > 2:  # counter-clockwise: every point is to the left of every side
        side, way = np.roll(corners, -1, axis=0) - corners, plane[:, None] - corners
        turn = side[:, 0] * way[..., 1] - side[:, 1] * way[..., 0]
        assert turn.min() > -1e-6 * max(1, np.abs(plane).max() ** 2)


@quick
@given(numbers((8, 20), 2), st.floats(0, 0.5))
def test_trimming_removes_points_and_adds_none(plane, share):
    left = hulls.trim_outliers(plane, share)
    assert 1 <= len(left) <= len(plane)
    assert {tuple(each) for each in left} <= {tuple(each) for each in plane}


@quick
@given(labeled())
def test_every_class_has_its_hull_and_its_ellipse(both):
    plane, labels = both
    assert (
        set(hulls.class_hulls(plane, labels))
        == set(ellipses.class_ellipses(plane, labels))
        == set(labels)
    )
    whole = ellipses.best_fit_ellipse(plane)
    np.testing.assert_allclose(whole.center, plane.mean(axis=0), atol=1e-6)
    assert whole.axes[0] >= whole.axes[1] >= 0


@quick
@given(st.floats(0.5, 3), st.floats(0.5, 3))
def test_two_equal_squares_overlap_wholly_and_two_apart_not_at_all(width, height):
    square = np.array([[0, 0], [width, 0], [width, height], [0, height]])
    assert hulls.score_overlap([square, square], {}).value == pytest.approx(1)
    assert hulls.score_overlap([square, square + np.array([4, 0])], {}).value == 0


@quick
@given(labeled(), seeds)
def test_neighborhood_hit_is_a_share_that_ignores_the_order_and_one_for_one_class(both, seed):
    plane, labels = both
    plane = plane + np.random.default_rng(0).normal(size=plane.shape)  # no equal distances
    hits = neighborhood_hit.neighborhood_hits(plane, labels, 3)
    assert ((hits >= 0) & (hits <= 1)).all()
    order = np.random.default_rng(seed).permutation(len(labels))
    np.testing.assert_allclose(
        neighborhood_hit.neighborhood_hits(plane[order], labels[order], 3), hits[order]
    )
    assert (neighborhood_hit.neighborhood_hits(plane, 0 * labels, 3) == 1).all()
    whole = neighborhood_hit.neighborhood_hit(plane, labels, 3, resamples=50)
    assert whole.score.value == pytest.approx(hits.mean())


@quick
@given(numbers((1, 30), least=0, most=1), seeds)
def test_the_interval_of_a_mean_is_within_the_values(values, seed):
    low, high = neighborhood_hit.bootstrap_interval(values, seed, 100)
    assert values.min() - 1e-9 <= low <= high <= values.max() + 1e-9


@quick
@given(labeled())
def test_silhouette_and_trustworthiness_keep_their_ranges(both):
    plane, labels = both
    assert -1 <= separability.silhouette(plane, labels).value <= 1
    plane = plane + np.random.default_rng(0).normal(size=plane.shape)
    assert separability.trustworthiness(plane, plane, k=2).value == pytest.approx(1)


@quick
@given(log_probabilities(), seeds)
def test_nats_and_accuracy_of_the_likeliest_are_the_best_there_are(log_p, seed):
    targets = np.random.default_rng(seed).integers(0, log_p.shape[1], len(log_p))
    best = log_p.argmax(axis=1)
    assert text.next_character_accuracy(log_p, best).value == 1
    assert (
        0
        <= text.negative_log_likelihood(log_p, best).value
        <= text.negative_log_likelihood(log_p, targets).value + 1e-12
    )
    uniform = np.full_like(log_p, -np.log(log_p.shape[1]))
    assert text.negative_log_likelihood(uniform, targets).value == pytest.approx(
        np.log(log_p.shape[1])
    )


@quick
@given(numbers((3, 12), (1, 3)), st.floats(0.1, 4), st.floats(-3, 3))
def test_a_unit_correlates_fully_with_itself_and_scale_does_not_matter(states, factor, shift):
    feature = states[:, 0]
    found = units.correlate(states, {"same": feature * factor + shift, "opposite": -feature})
    assert (np.abs(found["same"]) <= 1 + 1e-9).all()
    if np.ptp(feature) > 1e-3:
        assert found["same"][0] == pytest.approx(1, abs=1e-6) and found["opposite"][
            0
        ] == pytest.approx(-1, abs=1e-6)


@quick
@given(numbers((3, 12), (2, 4)))
def test_principal_components_keep_the_variance_and_are_in_order(matrix):
    found = pca.pca(matrix, 2)
    spread = found.points.var(axis=0)
    assert found.points.shape == (len(matrix), 2) and spread[0] >= spread[1] - 1e-6
    assert spread.sum() <= matrix.var(axis=0).sum() + 1e-6
    np.testing.assert_allclose(found.points.mean(axis=0), 0, atol=1e-5)


@quick
@given(seeds, st.integers(2, 20))
def test_what_pushes_points_apart_sums_to_nothing(seed, n):
    plane = np.random.default_rng(seed).normal(size=(n, 2))
    forces, total = repulsion.compute_repulsion(plane)
    difference = plane[:, None] - plane[None]
    q = 1 / (1 + (difference**2).sum(axis=-1))
    np.testing.assert_allclose(forces, (difference * q[..., None] ** 2).sum(axis=1), atol=0.02 * n)
    assert total == pytest.approx(q.sum() - n, rel=0.05, abs=0.05)


@quick
@given(seeds)
def test_tsne_is_finite_and_the_same_for_the_same_seed(seed):
    matrix = np.random.default_rng(seed).normal(size=(12, 3))
    one, two = (tsne.tsne(matrix, iterations=10, seed=seed, threads=1) for _twice in "ab")
    assert one.shape == (12, 2) and np.isfinite(one).all()
    np.testing.assert_array_equal(one, two)
