import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from properties.arrays import log_probabilities, numbers, quick, seeds

from etabli.core.errors import EtabliError
from etabli.models.captioning import attention, baselines
from etabli.models.estimators import diagnostics
from etabli.models.estimators.softmax_regression import SoftmaxRegression
from etabli.models.text import (
    generation,
    ngram,
    sampling,
    simple_rnn,
    synthetic_text,
    word_similarity,
)
from etabli.models.text.ngram import kneser_ney
from etabli.models.text.sampling import Decoding
from etabli.models.vision import augmentation, backbones, finetune, linear_head
from etabli.saved_models import captioner, classifier, export

WORDS = ["one", "two", "three", "four", "five", "six"]


def is_distribution(log_p):
    np.testing.assert_allclose(np.exp(log_p).sum(axis=-1), 1, atol=1e-5)


@quick
@given(log_probabilities(), st.integers(1, 5), st.floats(1, 3), seeds)
def test_decoding_gives_distributions_and_draws_what_is_possible(log_p, k, penalty, seed):
    k = min(k, log_p.shape[1])
    kept = sampling.keep_top_k(log_p, k)
    is_distribution(kept)
    assert (np.isfinite(kept).sum(axis=1) >= k).all() and (
        kept.argmax(axis=1) == log_p.argmax(axis=1)
    ).all()
    punished = sampling.penalize_repetition(log_p[0], [0], penalty)
    is_distribution(punished)
    assert punished[0] <= log_p[0, 0] + 1e-6
    drawn = sampling.sample(kept, np.random.default_rng(seed))
    assert drawn.shape == (len(log_p),) and np.isfinite(kept[np.arange(len(log_p)), drawn]).all()


@quick
@given(log_probabilities(), log_probabilities(), st.floats(0, 1), seeds)
def test_a_mixture_is_a_distribution_and_the_fitted_one_is_no_worse_than_its_parts(
    one, other, share, seed
):
    n, v = min(len(one), len(other)), min(one.shape[1], other.shape[1])
    parts = [
        each[:n, :v] - np.logaddexp.reduce(each[:n, :v], axis=1, keepdims=True)
        for each in (one, other)
    ]
    is_distribution(ngram.mix(parts, np.array([share, 1 - share])))
    targets = np.random.default_rng(seed).integers(0, v, n)
    weights = ngram.fit_mixture_weights(parts, targets)
    assert (weights >= -1e-9).all()

    def nats(log_p):
        return -log_p[np.arange(n), targets].mean()

    assert nats(ngram.mix(parts, weights)) <= min(map(nats, parts)) + 1e-3


@quick
@given(seeds, st.integers(1, 3), st.integers(2, 5))
def test_what_the_counts_expect_of_a_text_that_they_left_out_is_a_distribution(
    seed, context, vocabulary
):
    codes = np.random.default_rng(seed).integers(0, vocabulary, 60)
    is_distribution(ngram.cross_predict(codes, vocabulary, context, 4))


@quick
@given(seeds, st.integers(1, 3), st.integers(1, 6))
def test_what_is_written_stays_inside_the_alphabet_and_is_the_same_for_the_same_seed(
    seed, texts, length
):
    codes = np.random.default_rng(seed).integers(0, 4, 80)
    reader = generation.NGramPredictor(kneser_ney(codes, 4, 2))
    one, two = (
        np.stack(
            list(
                generation.generate(
                    reader, codes[:5], length, Decoding(), np.random.default_rng(seed), texts
                )
            )
        )
        for _twice in "ab"
    )
    assert one.shape == (length, texts) and ((one >= 0) & (one < 4)).all()
    np.testing.assert_array_equal(one, two)
    made = synthetic_text.generate(reader, codes, texts, length, seed)
    assert made.codes.shape == (texts, length) and ((made.codes >= 0) & (made.codes < 4)).all()
    np.testing.assert_allclose(made.probabilities.astype(float).sum(axis=-1), 1, atol=0.01)


@quick
@given(seeds, st.integers(1, 5), st.integers(1, 6))
def test_a_recurrent_state_stays_inside_one_and_its_last_row_says_a_distribution(seed, n, steps):
    draw, vocabulary, hidden = np.random.default_rng(seed), 4, 3
    shapes = [
        (vocabulary, hidden),
        (hidden, hidden),
        (hidden,),
        (hidden, vocabulary),
        (vocabulary,),
    ]
    weights, inputs = (
        [draw.normal(size=shape) for shape in shapes],
        draw.integers(0, vocabulary, (n, steps)),
    )
    states = simple_rnn.compute_states(weights, inputs)
    assert states.shape == (steps, n, hidden) and (np.abs(states) <= 1).all()
    is_distribution(simple_rnn.log_probabilities(weights, inputs))


@quick
@given(numbers((1, 4), 6, 6, 1, least=0, most=1, dtype="float32"), seeds)
def test_moved_and_bent_images_keep_their_shape_and_their_range(images, seed):
    shifted = augmentation.random_shift(images, np.random.default_rng(seed), 1)
    assert shifted.shape == images.shape and set(shifted.ravel()) <= {0.0, *images.ravel()}
    warped = augmentation.random_warp(images, np.random.default_rng(seed))
    assert (
        warped.shape == images.shape
        and warped.min() >= -1e-5
        and warped.max() <= images.max() + 1e-5
    )
    still = {"degrees": 0.0, "scale": 0.0, "shear": 0.0, "shift": 0.0, "elastic": 0.0}
    np.testing.assert_allclose(
        augmentation.random_warp(images, np.random.default_rng(seed), **still), images, atol=1e-5
    )


@quick
@given(numbers((2, 5), (1, 4), 3, dtype="float16"), st.integers(1, 3))
def test_reduced_images_are_centered_on_those_that_they_were_fitted_on(maps, size):
    pooled = captioner.pool_regions(maps)
    np.testing.assert_allclose(pooled, maps.astype(float).mean(axis=1), atol=0.02)
    if np.ptp(pooled, axis=0).max() < 0.1:
        return
    mean, components = captioner.fit_pca(maps, size)
    low = captioner.project_features(maps, mean, components)
    np.testing.assert_allclose(low.mean(axis=0), 0, atol=0.05)
    arrays = captioner.simple_rnn_arrays([np.zeros(1)] * 5, np.eye(2), mean, components)
    np.testing.assert_array_equal(arrays["pca/components"], components)


@quick
@given(numbers((1, 5), 3, least=1, most=8), st.floats(0.5, 4))
def test_the_nearest_caption_to_a_known_image_is_its_own_however_bright(known, factor):
    known = np.unique(known / np.linalg.norm(known, axis=1, keepdims=True), axis=0)
    captions = [[f"caption {row}"] for row in range(len(known))]
    told = baselines.nearest_captions(known, captions, known * factor)
    cosines = known @ known.T
    for row, caption in enumerate(told):
        assert cosines[row, int(caption.split()[1])] > 1 - 1e-5


@quick
@given(numbers(3, 2), numbers(2), numbers((1, 4), 3))
def test_the_last_layer_of_an_imagenet_net_gives_distributions(kernel, bias, features):
    p = backbones.build_imagenet_head(kernel, bias)(features)
    np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-5)


@quick
@given(numbers((1, 5), 2), st.floats(1e-3, 1))
def test_two_outputs_are_the_same_up_to_their_tolerance(output, difference):
    assert export.check_same_numbers(output, output, 0.0) == 0
    assert export.check_same_numbers(output, output + difference, 2.0) == pytest.approx(
        difference, rel=1e-3, abs=1e-6
    )
    with pytest.raises(EtabliError):
        export.check_same_numbers(output, output + difference, difference / 2)


@quick
@given(numbers((1, 5), (1, 3), 4), st.floats(0.5, 3))
def test_moments_follow_the_scale_and_roots_have_length_one(maps, factor):
    mean, spread = attention.feature_moments(maps)
    np.testing.assert_allclose(
        attention.feature_moments(factor * maps)[0], factor * mean, atol=1e-4
    )
    assert (spread > 0).all()
    roots = linear_head.sqrt_normalize(maps[:, 0])
    lengths, seen = (
        np.linalg.norm(roots, axis=1),
        maps[:, 0].max(axis=1) > 1e-6,
    )  # of nothing there is no direction
    np.testing.assert_allclose(lengths[seen], 1, atol=1e-5)
    assert (lengths <= 1 + 1e-6).all()
    np.testing.assert_allclose(
        linear_head.sqrt_normalize(factor * maps[:, 0])[seen], roots[seen], atol=1e-5
    )


class Tail:
    """What ``mean_of`` knows of a net: that weights can be put into it."""

    def set_weights(self, weights):
        self.weights = weights


@quick
@given(numbers((1, 4), 3), numbers((1, 4), 2))
def test_the_mean_of_trainings_does_not_depend_on_their_order_and_of_equal_ones_is_each_bit_for_bit(
    ones, others
):
    trainings = [
        ([row, row[:2]], linear_head.LinearClassifier(np.outer(row, other), other))
        for row, other in zip(ones, others[np.arange(len(ones)) % len(others)], strict=True)
    ]
    tail, reversed_tail = Tail(), Tail()
    head = finetune.average_weights(tail, trainings)
    np.testing.assert_allclose(
        finetune.average_weights(reversed_tail, trainings[::-1]).kernel, head.kernel, atol=1e-5
    )
    np.testing.assert_allclose(tail.weights[0], ones.mean(axis=0), rtol=1e-5, atol=1e-5)
    finetune.average_weights(tail, trainings[:1] * 3)
    np.testing.assert_array_equal(tail.weights[0], ones[0])


@st.composite
def questions(draw):
    n, k = draw(st.integers(4, 12)), draw(st.integers(1, 3))
    labels = np.random.default_rng(draw(seeds)).choice([-1, 0, 1], (n, k))
    labels[0], labels[1] = 1, -1
    return labels, draw(numbers(n, k))


@quick
@given(questions())
def test_the_loss_of_no_opinion_is_ln_2_and_difficult_ones_do_not_count(both):
    labels, logits = both
    assert linear_head.binary_cross_entropy(labels, 0 * logits) == pytest.approx(np.log(2))
    other = np.where(labels == 0, 50.0, logits)
    loss = linear_head.binary_cross_entropy(labels, logits)
    assert linear_head.binary_cross_entropy(labels, other) == pytest.approx(loss) and loss >= 0


@quick
@given(questions())
def test_the_best_threshold_is_no_worse_than_one_half(both):
    labels, logits = both
    probabilities = 1 / (1 + np.exp(-logits))
    chosen = linear_head.choose_thresholds(labels, probabilities)

    def f1(row, threshold):
        counted = labels[:, row] != 0
        said, truth = probabilities[counted, row] >= threshold, labels[counted, row] == 1
        return 2 * (said & truth).sum() / max(1, said.sum() + truth.sum())

    assert ((chosen >= 0) & (chosen <= 1)).all()
    assert all(f1(row, chosen[row]) >= f1(row, 0.5) - 1e-9 for row in range(labels.shape[1]))


@quick
@given(questions(), st.sampled_from([1.0, 0.1]))
def test_a_fitted_layer_is_better_than_none_and_more_decay_makes_it_smaller(both, decay):
    labels, features = both
    fitted = linear_head.fit(features, labels, decay)
    loss = linear_head.binary_cross_entropy(labels, fitted.logits(features))
    assert loss <= np.log(2) + 1e-3
    spread = np.maximum(features.std(axis=0), 1e-6)
    smaller = linear_head.fit(features, labels, 10 * decay)
    assert (
        np.linalg.norm(smaller.kernel * spread[:, None])
        <= np.linalg.norm(fitted.kernel * spread[:, None]) + 1e-2
    )


@quick
@given(numbers((1, 5), 3, least=0, most=1))
def test_a_decision_names_the_classes_whose_probability_is_reached(probabilities):
    card = classifier.ModelCard(
        "t", "b", (8, 8), "p", ("a", "b", "c"), (0.2, 0.5, 0.9), "d", "l", "x"
    )
    told = classifier.decide_labels(probabilities, card)
    for row, names in zip(probabilities, told, strict=True):
        assert names == [
            name for name, p, least in zip("abc", row, card.thresholds, strict=True) if p >= least
        ]


@quick
@given(numbers(3, 4), st.floats(0.5, 3))
def test_twins_do_not_part_and_the_scale_of_the_weights_does_not_matter(weights, factor):
    twins = np.repeat(weights[:, :1], 3, axis=1)
    assert diagnostics.compute_unit_spread(twins) == pytest.approx(0, abs=1e-6)
    spread = diagnostics.compute_unit_spread(weights)
    assert spread >= 0
    if np.linalg.norm(weights.mean(axis=1)) > 1e-2:
        assert diagnostics.compute_unit_spread(factor * weights) == pytest.approx(spread, rel=1e-5)


@quick
@given(numbers((1, 4), 3, dtype="float32"), seeds)
def test_a_nudge_moves_every_weight_by_one_step_of_its_precision(weights, seed):
    moved = diagnostics.perturb_ulp(weights, seed)
    up, down = (np.nextafter(weights, np.float32(way)) for way in (np.inf, -np.inf))
    assert ((moved == up) | (moved == down)).all()


@quick
@given(seeds, st.integers(2, 12))
def test_the_gradient_of_the_whole_set_is_not_rough(seed, size):
    draw = np.random.default_rng(seed)
    x, y = draw.normal(size=(12, 3)), np.arange(12) % 3
    model = SoftmaxRegression(epochs=1, random_state=seed).fit(x, y)
    rough = diagnostics.compute_gradient_noise(
        model, x, y, size, np.random.default_rng(seed), draws=20
    )
    assert np.isfinite(rough) and rough >= 0


@quick
@given(numbers(6, 3), st.integers(1, 5), seeds)
def test_word_vectors_are_asked_by_their_direction_alone(vectors, k, seed):
    vectors = vectors + np.tile(np.eye(3), (2, 1)) * 20  # none is zero
    unit = word_similarity.normalize(vectors)
    np.testing.assert_allclose(np.linalg.norm(unit, axis=1), 1, atol=1e-5)
    near = word_similarity.nearest_neighbors(WORDS, vectors, "one", k)
    assert (
        len(near) == k
        and "one" not in dict(near)
        and all(abs(cosine) <= 1 + 1e-5 for _word, cosine in near)
    )
    assert [round(cosine, 3) for _word, cosine in near] == sorted(
        (round(c, 3) for _word, c in near), reverse=True
    )
    answers = word_similarity.analogy(WORDS, vectors, "one", "two", "three", 2)
    assert not {"one", "two", "three"} & set(dict(answers))
    shared = word_similarity.neighbor_overlap(vectors, vectors * 3, min(k, 4))
    assert ((shared >= 0) & (shared <= 1)).all()
    made = word_similarity.cluster(WORDS, vectors, 2, seed, 3)
    assert (
        set(made.labels) <= {0, 1}
        and made.centers.shape == (2, 3)
        and set(made.names) <= set(WORDS)
    )
