import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from etabli.core.errors import BadArray, NotFitted
from etabli.models.vision import linear_head


def problem(count=300, width=12, classes=3, seed=0):
    generator = np.random.default_rng(seed)
    features = generator.normal(1, 2, (count, width)).astype(np.float32)
    truth = generator.normal(size=(width, classes))
    labels = np.where(
        features @ truth + generator.normal(0, 2, (count, classes)) > 3, 1, -1
    ).astype(np.int8)
    features.setflags(write=False), labels.setflags(write=False)
    return features, labels


def test_the_fit_is_scikit_learns_logistic_regression_on_standardized_features():
    features, labels = problem()
    decay = 0.01
    model = linear_head.fit(features, labels, decay)
    z = StandardScaler().fit_transform(features)
    for k in range(labels.shape[1]):
        oracle = LogisticRegression(C=1 / (decay * len(z)), tol=1e-8, max_iter=2000).fit(
            z, labels[:, k]
        )
        np.testing.assert_allclose(
            model.logits(features)[:, k], oracle.decision_function(z), atol=0.02
        )


def test_at_the_minimum_the_numeric_gradient_vanishes():
    features, labels = problem(80, 4, 2)
    model = linear_head.fit(features, labels, 1e-9, max_iterations=2000)
    base = linear_head.binary_cross_entropy(labels, model.logits(features))
    generator = np.random.default_rng(1)
    for _trial in range(10):
        moved = linear_head.LinearClassifier(
            model.kernel + 1e-2 * generator.normal(size=model.kernel.shape).astype(np.float32),
            model.bias,
        )
        assert linear_head.binary_cross_entropy(labels, moved.logits(features)) >= base - 1e-6


def test_the_first_classes_keep_their_logits():
    draws = np.random.default_rng(0)
    head = linear_head.LinearClassifier(draws.normal(size=(4, 5)), draws.normal(size=5))
    x = draws.normal(size=(3, 4))
    np.testing.assert_array_equal(head.first(2).logits(x), head.logits(x)[:, :2])


def test_an_untrained_classifier_has_a_loss_of_ln_2():
    features, labels = problem()
    zero = linear_head.LinearClassifier(np.zeros((12, 3), np.float32), np.zeros(3, np.float32))
    assert linear_head.binary_cross_entropy(labels, zero.logits(features)) == pytest.approx(
        np.log(2)
    )


def test_a_difficult_label_has_no_gradient():
    features, labels = problem()
    hard, wrong = labels.copy(), labels.copy()
    hard[:100, 1], wrong[:100, 1] = 0, -labels[:100, 1]
    losses = [
        linear_head.binary_cross_entropy(
            labels[100:, 1:2], linear_head.fit(features, y, 0.01).logits(features)[100:, 1:2]
        )
        for y in (labels, hard, wrong)
    ]
    assert max(losses[:2]) < losses[2]
    others = [linear_head.fit(features, y, 0.01).kernel[:, 0] for y in (labels, hard)]
    np.testing.assert_allclose(*others, atol=2e-3)


def test_adam_approaches_the_same_minimum():
    features, labels = problem()
    losses = []
    model = linear_head.fit_adam(
        features,
        labels,
        np.random.default_rng(0),
        epochs=60,
        learning_rate=1e-2,
        watch=lambda epoch, now: losses.append(
            linear_head.binary_cross_entropy(labels, now.logits(features))
        ),
    )
    best = linear_head.binary_cross_entropy(
        labels, linear_head.fit(features, labels, 1e-9).logits(features)
    )
    assert losses[-1] < losses[0] and best <= losses[-1] < best + 0.05
    assert model.kernel.shape == (12, 3)


def test_cross_validation_prefers_regularization_on_noise():
    generator = np.random.default_rng(0)
    features = generator.normal(size=(60, 50)).astype(np.float32)
    labels = np.where(generator.random((60, 2)) < 0.5, 1, -1)
    judge = lambda truth, logits: -linear_head.binary_cross_entropy(truth, logits)  # noqa: E731
    chosen, means = linear_head.choose_l2(features, labels, judge)
    assert chosen == 1.0 and len(means) == 6


def test_thresholds_give_the_best_f1():
    generator = np.random.default_rng(3)
    labels = np.where(generator.random((120, 2)) < 0.3, 1, -1)
    probabilities = np.round(
        np.clip(0.3 * (labels == 1) + generator.random((120, 2)) * 0.7, 0, 1), 2
    )

    def f1(column, threshold):
        yes, truth = probabilities[:, column] > threshold, labels[:, column] == 1
        return 2 * (yes & truth).sum() / (yes.sum() + truth.sum())

    for column, threshold in enumerate(linear_head.choose_thresholds(labels, probabilities)):
        assert f1(column, threshold) == max(f1(column, t) for t in np.linspace(-0.01, 1, 500))
    assert linear_head.choose_thresholds(-np.ones((4, 1), int), np.ones((4, 1)))[0] == 0.5


def test_features_of_another_size_raise_an_error():
    features, labels = problem()
    model = linear_head.fit(features, labels, 0.1)
    with pytest.raises(BadArray, match="not those"):
        model.logits(features[:, :5])
    with pytest.raises(BadArray):
        linear_head.fit(features, labels[:-1], 0.1)
    with pytest.raises(NotFitted, match="nothing to train on"):
        linear_head.fit(features[:0], labels[:0], 0.1)


def test_sqrt_normalization_keeps_signs_and_order_and_has_length_one():
    features = np.random.default_rng(0).normal(size=(6, 5))
    features[2] = 0
    features.setflags(write=False)
    made = linear_head.sqrt_normalize(features)
    np.testing.assert_allclose(np.linalg.norm(np.delete(made, 2, 0), axis=1), 1)
    np.testing.assert_array_equal(np.sign(made), np.sign(features))
    np.testing.assert_array_equal(np.argsort(made[0]), np.argsort(features[0]))
    np.testing.assert_allclose(made, linear_head.sqrt_normalize(7 * features))


def test_the_dot_product_of_normalized_roots_is_the_bhattacharyya_coefficient():
    p, q = np.random.default_rng(1).dirichlet(np.ones(8), size=2)
    a, b = linear_head.sqrt_normalize(np.stack([p, q]))
    assert a @ b == pytest.approx(np.sqrt(p * q).sum())


def exclusive_problem(count=300, width=8, classes=4, seed=0):
    generator = np.random.default_rng(seed)
    truth = generator.integers(classes, size=count)
    features = generator.normal(size=(count, width)) + 2 * np.eye(classes, width)[truth]
    labels = np.where(truth[:, None] == np.arange(classes), 1, -1).astype(np.int8)
    return features.astype(np.float32), labels, truth


@pytest.mark.parametrize("balanced", [False, True])
def test_exclusive_classes_are_fitted_as_scikit_learns_multinomial_regression(balanced):
    features, labels, truth = exclusive_problem()
    kept = np.concatenate([np.flatnonzero(truth > 0), np.flatnonzero(truth == 0)[:20]])
    features, labels, truth = features[kept], labels[kept], truth[kept]
    weights = linear_head.balance_weights(labels, True) if balanced else None
    model = linear_head.fit(features, labels, 0.02, is_exclusive=True, weights=weights)
    z = StandardScaler().fit_transform(features)
    oracle = LogisticRegression(
        C=1 / (0.02 * len(z)),
        tol=1e-8,
        max_iter=2000,
        class_weight="balanced" if balanced else None,
    ).fit(z, truth)
    found = linear_head.compute_probabilities(model.logits(features), True)
    np.testing.assert_allclose(found, oracle.predict_proba(z), atol=0.005)


def test_permuting_exclusive_classes_permutes_their_probabilities():
    features, labels, _truth = exclusive_problem()
    order = np.array([2, 0, 3, 1])
    one = linear_head.fit(features, labels, 0.02, is_exclusive=True).logits(features)
    other = linear_head.fit(features, labels[:, order], 0.02, is_exclusive=True).logits(features)
    probabilities = linear_head.compute_probabilities(one, True)[:, order]
    np.testing.assert_allclose(
        probabilities, linear_head.compute_probabilities(other, True), atol=2e-3
    )


def test_the_scale_of_logits_undoes_a_wrong_confidence_and_never_makes_few_images_sure():
    generator = np.random.default_rng(0)
    logits = generator.normal(0, 2, size=(20_000, 3))
    probabilities = linear_head.compute_probabilities(logits, True)
    truth = (generator.random((20_000, 1)) > probabilities.cumsum(1)).sum(1)
    labels = np.where(truth[:, None] == np.arange(3), 1, -1)
    for factor in (0.2, 1.0, 5.0):
        scale, _loss = linear_head.choose_scale(labels, logits * factor)
        assert scale * factor == pytest.approx(1, rel=0.03)
    few = np.where(np.eye(3) > 0, 1, -1)
    scale, _loss = linear_head.choose_scale(few, 10.0 * np.eye(3))
    sure = linear_head.compute_probabilities(scale * 10.0 * np.eye(3), True).max()
    assert sure == pytest.approx(4 / 6, abs=0.01)


def test_weights_of_several_labels_give_present_and_absent_half_each():
    labels = np.array([[1, 1], [-1, 1], [-1, 1], [-1, 1], [0, 1]])
    weights = linear_head.balance_weights(labels, False)
    np.testing.assert_allclose(weights[:4, 0], [2, 2 / 3, 2 / 3, 2 / 3])
    np.testing.assert_allclose(weights[:, 1], 1)
