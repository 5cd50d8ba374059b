"""Scores of classifiers, label errors, near-duplicates, linear classifiers: what always holds."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from properties.arrays import numbers, quick, seeds
from scipy.special import softmax
from sklearn import metrics
from sklearn.utils.class_weight import compute_sample_weight

from etabli.metrics import classification, duplicates, label_errors
from etabli.models.vision import leave_one_out, linear_head


@st.composite
def exclusive(draw, most=30):
    """Return classes (N,), every one there, and probabilities (N, K) of some skill."""
    k, skill = draw(st.integers(2, 8)), draw(st.floats(-1, 4))
    generator = np.random.default_rng(draw(seeds))
    truth = np.append(np.arange(k), generator.integers(0, k, draw(st.integers(0, most))))
    logits = generator.normal(size=(len(truth), k)) + skill * np.eye(k)[truth]
    return truth, softmax(logits, axis=1)


@st.composite
def several(draw):
    """Return labels (N, K), every class there and not there, and logits (N, K)."""
    n, k = draw(st.integers(4, 25)), draw(st.integers(1, 4))
    labels = np.random.default_rng(draw(seeds)).choice([-1, 0, 1], (n, k), p=[0.5, 0.1, 0.4])
    labels[0], labels[1] = 1, -1
    # Multiples of 2^-20, so that different logits have different probabilities.
    return labels, np.round(draw(numbers(n, k)) * 2**20) / 2**20


def score(truth, probabilities, seed, resamples=40):
    names = [f"class {k}" for k in range(probabilities.shape[1])]
    draw = np.random.default_rng(seed)
    return classification.score_exclusive(truth, probabilities, names, draw, resamples)


def intervals(scores, by_class):
    return [*scores.values(), *(each for found in by_class.values() for each in found.values())]


def is_inside(interval, most=1.0):
    if math.isnan(interval.value):
        return math.isnan(interval.low) and math.isnan(interval.high)
    return -1e-12 <= interval.low <= interval.value <= interval.high <= most + 1e-12


@quick
@given(exclusive(), seeds)
def test_scores_are_those_of_scikit_learn_within_their_intervals(given, seed):
    truth, probabilities = given
    names = [str(k) for k in range(probabilities.shape[1])]
    generator = np.random.default_rng(seed)
    scores, by_class = classification.score_exclusive(truth, probabilities, names, generator, 40)
    guess = probabilities.argmax(axis=1)
    expected = {
        "accuracy": metrics.accuracy_score(truth, guess),
        "balanced_accuracy": metrics.balanced_accuracy_score(truth, guess),
        "macro_f1": metrics.f1_score(truth, guess, average="macro"),
        "log_loss": metrics.log_loss(truth, probabilities),
    }
    for name, value in expected.items():
        assert scores[name].value == pytest.approx(value, abs=1e-9), name
    assert is_inside(scores.pop("log_loss"), most=math.inf)
    assert all(map(is_inside, intervals(scores, by_class)))


@quick
@given(exclusive(most=12), seeds)
def test_neither_the_order_of_images_nor_that_of_classes_changes_a_score(given, seed):
    truth, probabilities = given
    generator = np.random.default_rng(seed)
    rows, columns = map(generator.permutation, probabilities.shape)
    one, by_class = score(truth, probabilities, seed, 5)
    other, permuted = score(np.argsort(columns)[truth[rows]], probabilities[rows][:, columns], 0, 5)
    for name, found in one.items():
        assert other[name].value == pytest.approx(found.value, abs=1e-9), name
    for new, old in enumerate(columns):
        for name, found in by_class[f"class {old}"].items():
            assert permuted[f"class {new}"][name].value == pytest.approx(
                found.value, abs=1e-9, nan_ok=True
            )


@quick
@given(exclusive(), seeds)
def test_certain_probabilities_have_perfect_scores_and_constant_ones_the_loss_ln_k(given, seed):
    truth, k = given[0], given[1].shape[1]
    scores, by_class = score(truth, np.eye(k)[truth], seed, 20)
    for name, found in scores.items():
        assert found.value == (0 if name in ("log_loss", "calibration_error") else 1), name
    assert all(each.value == 1 for found in by_class.values() for each in found.values())
    constant, _by_class = score(truth, np.full((len(truth), k), 1 / k), seed, 20)
    assert constant["log_loss"].value == pytest.approx(math.log(k))
    assert constant["log_loss"].high == pytest.approx(math.log(k))
    assert constant["balanced_accuracy"].value == pytest.approx(1 / k)


@quick
@given(several(), seeds)
def test_scores_of_several_labels_are_those_of_scikit_learn_and_difficult_ones_do_not_count(
    given, seed
):
    labels, logits = given
    probabilities, thresholds = 1 / (1 + np.exp(-logits)), np.full(labels.shape[1], 0.5)

    def compute(array, ranks=None):
        draw, names = np.random.default_rng(seed), [str(k) for k in range(labels.shape[1])]
        return classification.score_labels(labels, array, thresholds, names, draw, 30, ranks)

    scores, by_class = compute(probabilities)
    assert all(map(is_inside, intervals(scores, by_class)))
    known = labels != 0
    truth, decided = (labels == 1) & known, (probabilities >= 0.5) & known
    columns = [
        (truth[known[:, k], k], decided[known[:, k], k], probabilities[known[:, k], k])
        for k in range(labels.shape[1])
    ]
    f1 = [metrics.f1_score(*each[:2], zero_division=0) for each in columns]
    precisions = [metrics.average_precision_score(each[0], each[2]) for each in columns]
    assert scores["macro_f1"].value == pytest.approx(np.mean(f1))
    assert scores["micro_f1"].value == pytest.approx(metrics.f1_score(truth[known], decided[known]))
    assert scores["mean_average_precision"].value == pytest.approx(np.mean(precisions))
    changed = np.where(known, probabilities, 0.99)
    assert str(compute(changed)) == str((scores, by_class)) == str(compute(probabilities, logits))


@quick
@given(numbers((1, 30), least=0, most=1), st.integers(1, 20))
def test_a_probability_is_in_the_bin_whose_edges_enclose_it(confidence, bins):
    found = classification.calibration_bins(confidence, bins)
    assert ((found >= 0) & (found < bins)).all()
    assert (confidence <= (found + 1) / bins + 1e-12).all()
    assert ((confidence > found / bins - 1e-12) | (found == 0)).all()


@quick
@given(exclusive(), seeds)
def test_label_errors_do_not_depend_on_the_order_of_images_or_classes(given, seed):
    labels, probabilities = given
    generator = np.random.default_rng(seed)
    labels = generator.permutation(labels)
    rows, columns = map(generator.permutation, probabilities.shape)
    joint = label_errors.count_confident_joint(labels, probabilities)
    found = label_errors.find_label_errors(labels, probabilities)
    changed = np.argsort(columns)[labels[rows]], probabilities[rows][:, columns]
    np.testing.assert_array_equal(
        label_errors.count_confident_joint(*changed), joint[columns][:, columns]
    )
    np.testing.assert_array_equal(rows[label_errors.find_label_errors(*changed)], found)
    assert joint.sum() <= len(labels) and len(found) <= joint.sum() - np.trace(joint)
    margins = probabilities.max(axis=1) - probabilities[np.arange(len(labels)), labels]
    assert (margins[found] > 0).all() and (np.diff(margins[found]) <= 0).all()


@quick
@given(exclusive())
def test_no_label_that_is_the_most_probable_class_is_an_error(given):
    _truth, probabilities = given
    labels = probabilities.argmax(axis=1)
    assert label_errors.find_label_errors(labels, probabilities).size == 0


@quick
@given(numbers(9, 9, least=-100, most=100), st.integers(1, 3), st.integers(-50, 50))
def test_brightness_and_whole_enlargement_keep_a_hash(gray, times, brightness):
    gray = gray.round()
    found = duplicates.hash_image(gray)
    np.testing.assert_array_equal(duplicates.hash_image(3 * gray + brightness), found)
    enlarged = np.kron(gray, np.ones((times, times + 1)))
    np.testing.assert_array_equal(duplicates.hash_image(enlarged), found)
    assert not duplicates.hash_image(np.full((9, 9), float(brightness))).any()
    bits = np.unpackbits(found.view(np.uint8)).reshape(2, 8, 8)
    expected = [[gray[i, j + 1] > gray[i, j] for j in range(8)] for i in range(8)]
    np.testing.assert_array_equal(bits[0], expected)


@quick
@given(st.integers(1, 30), st.integers(0, 128), seeds)
def test_differences_of_hashes_are_a_distance_and_close_pairs_those_of_a_loop(n, most, seed):
    hashes = np.random.default_rng(seed).integers(0, 2**64, (n, 2), dtype=np.uint64)
    hashes[n // 2 :] = hashes[: n - n // 2] ^ np.uint64(seed % 8)  # some are close
    bits = duplicates.count_different_bits(hashes[:, None], hashes[None])
    np.testing.assert_array_equal(bits, bits.T)
    assert (np.diag(bits) == 0).all() and bits.max() <= 128
    assert (bits[:, None] <= bits[:, :, None] + bits[None]).all()  # the triangle inequality
    strings = [f"{int(a):064b}{int(b):064b}" for a, b in hashes]
    expected = [
        [i, j]
        for i in range(n)
        for j in range(i + 1, n)
        if sum(a != b for a, b in zip(strings[i], strings[j], strict=True)) <= most
    ]
    assert duplicates.find_close_hashes(hashes, most).tolist() == expected


@quick
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=12), seeds)
def test_groups_are_what_pairs_connect_in_any_order(pairs, seed):
    groups = duplicates.group_pairs(np.array(pairs, int), 10)
    group_of = {index: {index} for index in range(10)}
    for one, other in pairs:
        joined = group_of[one] | group_of[other]
        group_of |= dict.fromkeys(joined, joined)
    connected = {tuple(sorted(each)) for each in group_of.values() if len(each) > 1}
    assert [tuple(group) for group in groups] == sorted(connected)
    shuffled = np.random.default_rng(seed).permutation(np.array(pairs, int).reshape(-1, 2))
    assert duplicates.group_pairs(shuffled[:, ::-1], 10) == groups


def one_hot(truth, k):
    return np.where(np.eye(k)[truth] > 0, 1, -1)


@quick
@given(exclusive(most=12), st.floats(-50, 50))
def test_the_cross_entropy_is_that_of_scikit_learn_and_a_constant_does_not_change_it(
    given, constant
):
    truth, probabilities = given
    labels, logits = one_hot(truth, probabilities.shape[1]), np.log(probabilities)
    loss = linear_head.cross_entropy(labels, logits)
    assert loss == pytest.approx(metrics.log_loss(truth, probabilities))
    assert linear_head.cross_entropy(labels, logits + constant) == pytest.approx(loss, abs=1e-9)
    k = len(labels.T)
    assert linear_head.cross_entropy(labels, 0 * logits) == pytest.approx(math.log(k))


@quick
@given(exclusive(), st.floats(0.5, 2))
def test_the_chosen_scale_is_the_best_of_a_grid_and_undoes_a_known_factor(given, factor):
    truth, probabilities = given
    labels, logits = one_hot(truth, probabilities.shape[1]), np.log(probabilities)
    n, k = labels.shape
    targets = np.where(labels == 1, n + 1, 1) / (n + k)
    scale, loss = linear_head.choose_scale(labels, logits)
    assert 1 / 20 <= scale <= 20
    for tried in [*np.geomspace(0.05, 20, 30), scale]:
        log_p = np.log(np.maximum(softmax(tried * logits, axis=1), 1e-300))
        other = -(targets * log_p).sum() / n
        assert loss <= other + 1e-3
    assert loss == pytest.approx(other)  # the last that was tried is the chosen one
    if 0.2 < scale < 5:
        again, same = linear_head.choose_scale(labels, logits * factor)
        assert same == pytest.approx(loss, abs=1e-4)
        assert again * factor == pytest.approx(scale, rel=0.1)
    np.testing.assert_allclose(
        linear_head.choose_scale(labels, logits, np.full(labels.shape, 2.0))[1], 2 * loss, rtol=1e-4
    )


@quick
@given(numbers((1, 6), (2, 4), least=-300, most=300), st.booleans())
def test_probabilities_keep_the_order_of_the_logits(logits, is_exclusive):
    p = linear_head.compute_probabilities(logits, is_exclusive)
    assert ((p >= 0) & (p <= 1)).all()
    axis = 1 if is_exclusive else 0
    ordered = np.take_along_axis(p, np.argsort(logits, axis=axis), axis=axis)
    assert (np.diff(ordered, axis=axis) >= 0).all()
    if is_exclusive:
        np.testing.assert_allclose(p.sum(axis=1), 1)
    else:
        np.testing.assert_allclose(
            linear_head.compute_probabilities(-logits, False), 1 - p, atol=1e-12
        )


@quick
@given(exclusive(), several())
def test_balanced_weights_are_those_of_scikit_learn_and_give_every_class_the_same(one, other):
    truth, k = one[0], one[1].shape[1]
    weights = linear_head.balance_weights(one_hot(truth, k), True)
    expected = compute_sample_weight("balanced", truth)
    np.testing.assert_allclose(weights, np.repeat(expected[:, None], k, axis=1))
    labels = other[0]
    weights = linear_head.balance_weights(labels, False)
    for column, of_class in zip(labels.T, weights.T, strict=True):
        present, absent = (of_class[column == sign].sum() for sign in (1, -1))
        assert present == pytest.approx(absent)
        assert of_class[column != 0].mean() == pytest.approx(1)


@quick
@given(numbers(10, 3, least=-3, most=3), seeds, st.booleans())
def test_a_fold_is_judged_by_a_classifier_that_never_saw_it(features, seed, is_exclusive):
    generator = np.random.default_rng(seed)
    truth = generator.permutation(np.arange(10) % 2)
    labels, fold_of = one_hot(truth, 2), generator.permutation(np.arange(10) % 2)
    grid = (1.0, 0.1)

    def validate(given):
        return linear_head.cross_validate(
            features, given, fold_of, grid, is_exclusive=is_exclusive, weights=np.ones((10, 2))
        )

    logits = validate(labels)
    changed = np.where((fold_of == 0)[:, None], -labels, labels)
    for l2, other in validate(changed).items():
        np.testing.assert_array_equal(other[fold_of == 0], logits[l2][fold_of == 0])
    direct = linear_head.fit(features[fold_of == 1], labels[fold_of == 1], 1.0, None, 120)
    if not is_exclusive:
        np.testing.assert_allclose(
            direct.logits(features[fold_of == 0]), logits[1.0][fold_of == 0], atol=1e-4
        )
    judge = linear_head.binary_cross_entropy
    means = linear_head.average_folds(labels, logits, fold_of, judge)
    assert list(means) == list(grid)
    for l2, mean in means.items():
        each = [judge(labels[fold_of == fold], logits[l2][fold_of == fold]) for fold in (0, 1)]
        assert mean == pytest.approx(np.mean(each))


@quick
@given(seeds, st.integers(6, 14), st.integers(1, 20))
def test_scores_without_an_image_do_not_depend_on_its_features_scale_or_the_order(seed, n, d):
    generator = np.random.default_rng(seed)
    features = generator.normal(size=(n, d)).astype(np.float32)
    targets = np.where(generator.random((n, 2)) < 0.5, 1, -1)
    scores = leave_one_out.compute_scores(features, targets)
    rows = generator.permutation(n)
    permuted = leave_one_out.compute_scores(4 * features[rows] + 1, targets[rows])
    np.testing.assert_allclose(permuted, scores[rows], atol=0.02)
    np.testing.assert_allclose(leave_one_out.compute_scores(features, -targets), -scores, atol=1e-6)


@quick
@given(exclusive(), several(), seeds)
def test_probabilities_without_an_image_are_probabilities_and_better_than_none(one, other, seed):
    generator = np.random.default_rng(seed)
    truth, k = one[0], one[1].shape[1]
    truth = np.tile(truth, 2)
    features = 3 * np.eye(k)[truth] + generator.normal(size=(len(truth), k))
    p = leave_one_out.predict_exclusive(features, one_hot(truth, k))
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert metrics.log_loss(truth, p) <= math.log(k) + 0.1
    labels, logits = other
    p = leave_one_out.predict_multilabel(logits, labels)
    assert p.shape == labels.shape and ((p >= 0) & (p <= 1)).all()


@quick
@given(several())
def test_features_without_information_give_the_mean_of_the_other_labels(given):
    labels = given[0]
    scores = leave_one_out.compute_scores(np.full((len(labels), 3), 2.0), labels)
    others = (labels.sum(axis=0) - labels) / (len(labels) - 1)
    np.testing.assert_allclose(scores, others, atol=1e-9)
