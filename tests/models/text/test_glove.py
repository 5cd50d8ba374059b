import numpy as np
import pytest
from scipy import sparse

from etabli.core.errors import BadArray, BadSetting
from etabli.models.text import glove
from etabli.models.text.glove import TrainConfig

SENTENCES = [["a", "b", "c"], ["a", "b"], ["c"]]


def last(counts, epochs, recipe, seed=0):
    return list(glove.train(counts, epochs, recipe, seed))


def test_the_vocabulary_begins_with_the_commonest_word():
    assert glove.build_vocabulary([["b", "a", "c"], ["b", "c"], ["b"]]) == ("b", "c", "a")
    assert glove.build_vocabulary([["b", "a", "c"], ["b", "c"]], min_count=2) == ("b", "c")


def test_pairs_count_one_over_their_distance_and_never_cross_a_sentence():
    counts = glove.count_cooccurrences(SENTENCES, ("a", "b", "c"), window=5).toarray()
    np.testing.assert_allclose(counts, [[0, 2, 0.5], [2, 0, 1], [0.5, 1, 0]])


def test_the_window_limits_the_distance():
    counts = glove.count_cooccurrences(SENTENCES, ("a", "b", "c"), window=1).toarray()
    np.testing.assert_allclose(counts, [[0, 2, 0], [2, 0, 1], [0, 1, 0]])


def test_unknown_words_keep_their_place():
    assert glove.count_cooccurrences([["a", "x", "b"]], ("a", "b")).toarray()[0, 1] == 0.5


def test_the_error_falls_and_the_products_come_to_the_logarithms():
    """As many numbers to a word as words: the counts can be met exactly."""
    random = np.random.default_rng(0)
    counts = random.integers(1, 50, (8, 8)).astype(float)
    errors = [
        error
        for error, _ in last(
            sparse.csr_matrix(counts + counts.T), 400, TrainConfig(8, learning_rate=0.2)
        )
    ]
    assert errors[-1] < 0.01 < errors[0]


def test_the_step_is_adagrad_on_the_stated_error():
    """One block and one step, against the gradient of J by finite differences."""
    random = np.random.default_rng(1)
    counts = sparse.csr_matrix(random.integers(1, 30, (4, 4)).astype(float))
    w, c = random.normal(size=(2, 4, 5))
    w[:, -1] = c[:, -2] = 1.0

    def half_error(w_, c_):
        difference = w_ @ c_.T - np.log(counts.toarray())
        return 0.5 * (np.minimum(1, (counts.toarray() / 10) ** 0.75) * difference**2).sum()

    before, h = w.copy(), 1e-6
    numeric = np.zeros_like(w)
    for index in np.ndindex(4, 4):
        up, down = w.copy(), w.copy()
        up[index] += h
        down[index] -= h
        numeric[index] = (half_error(up, c) - half_error(down, c)) / (2 * h)
    sums = [np.ones_like(w), np.ones_like(c)]
    glove._update(counts, np.arange(4), w, c, sums, TrainConfig(3))
    np.testing.assert_allclose((before - w), 0.05 * numeric / np.sqrt(1 + numeric**2), atol=1e-6)


def test_words_of_the_same_company_come_near_each_other():
    random = np.random.default_rng(0)
    sentences = []
    for _ in range(600):
        animal, drink = random.choice(["dog", "cat", "cow"]), random.choice(["tea", "milk", "wine"])
        sentences.append(["the", animal, random.choice(["runs", "barks", "sleeps"])])
        sentences.append(["pour", drink, random.choice(["cup", "glass", "jug"])])
    words = glove.build_vocabulary(sentences)
    vectors = last(glove.count_cooccurrences(sentences, words), 60, TrainConfig(8, blocks=4))[-1][1]
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    row = {word: unit[i] for i, word in enumerate(words)}
    assert row["dog"] @ row["cat"] > row["dog"] @ row["tea"]
    assert row["milk"] @ row["wine"] > row["milk"] @ row["cow"]


def test_the_same_seed_gives_the_same_vectors():
    counts = glove.count_cooccurrences(SENTENCES, ("a", "b", "c"))
    one, same, other = (last(counts, 2, TrainConfig(3), seed)[-1][1] for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("counts", [sparse.csr_matrix((3, 3)), sparse.csr_matrix(np.ones((2, 3)))])
def test_counts_without_pairs_are_refused(counts):
    with pytest.raises(BadArray, match="no co-occurrences"):
        last(counts, 1, TrainConfig())


@pytest.mark.parametrize(
    "bad", [{"dimension": 0}, {"blocks": 0}, {"learning_rate": 0}, {"x_max": -1}]
)
def test_recipes_out_of_range_are_refused(bad):
    with pytest.raises(BadSetting, match="out of range"):
        TrainConfig(**bad)


def test_a_window_of_nothing_is_refused():
    with pytest.raises(BadSetting, match="window"):
        glove.count_cooccurrences(SENTENCES, ("a",), window=0)
