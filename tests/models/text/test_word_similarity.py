import numpy as np
import pytest

from etabli.core.errors import BadArray, BadSetting, UnknownName
from etabli.models.text import word_similarity

WORDS = ("king", "queen", "man", "woman", "apple", "pear")
VECTORS = np.array(
    [[2, 0, 1], [2, 1, 1], [1, 0, 0.2], [1, 1, 0.2], [-1, 0, 3], [-1, 0.1, 3]], dtype=np.float32
)
VECTORS.setflags(write=False)


def test_normalized_rows_have_length_one_and_zero_stays_zero():
    unit = word_similarity.normalize(np.array([[3.0, 4.0], [0.0, 0.0]]))
    np.testing.assert_allclose(unit, [[0.6, 0.8], [0, 0]])


def test_the_nearest_word_comes_first_and_the_word_itself_not_at_all():
    found = word_similarity.nearest_neighbors(WORDS, VECTORS, "apple", 5)
    assert found[0][0] == "pear"
    assert "apple" not in dict(found)
    cosines = [cosine for _word, cosine in found]
    assert cosines == sorted(cosines, reverse=True)


def test_neighbors_do_not_depend_on_the_length_of_vectors():
    scaled = VECTORS * np.arange(1, 7)[:, None]
    assert [w for w, _ in word_similarity.nearest_neighbors(WORDS, scaled, "king")] == [
        w for w, _ in word_similarity.nearest_neighbors(WORDS, VECTORS, "king")
    ]


def test_an_analogy_leaves_its_own_words_out():
    assert word_similarity.analogy(WORDS, VECTORS, "man", "king", "woman")[0][0] == "queen"


def test_an_unknown_word_is_refused_with_a_near_one():
    with pytest.raises(UnknownName, match="queen"):
        word_similarity.nearest_neighbors(WORDS, VECTORS, "quen")


def test_the_cluster_is_named_by_the_word_nearest_to_its_center():
    found = word_similarity.cluster(WORDS, VECTORS, 2, n_nearest=3)
    assert len(set(found.labels[:4])) == 1
    assert found.labels[4] == found.labels[5] != found.labels[0]
    unit = word_similarity.normalize(VECTORS)
    for name, near, center in zip(found.names, found.nearest, found.centers, strict=True):
        order = [WORDS[i] for i in np.linalg.norm(unit - center, axis=1).argsort(kind="stable")]
        assert [name, *near] == order[:4]


def test_the_same_seed_makes_the_same_clusters():
    one, other = (word_similarity.cluster(WORDS, VECTORS, 3, seed=4) for _ in range(2))
    np.testing.assert_array_equal(one.labels, other.labels)


@pytest.mark.parametrize("clusters", [0, 7])
def test_more_clusters_than_words_are_refused(clusters):
    with pytest.raises(BadSetting, match="clusters"):
        word_similarity.cluster(WORDS, VECTORS, clusters)


def test_the_same_vectors_agree_on_every_neighbor():
    np.testing.assert_array_equal(word_similarity.neighbor_overlap(VECTORS, 3 * VECTORS, 2), 1)


def test_random_vectors_agree_by_chance():
    one, other = np.random.default_rng(0).normal(size=(2, 400, 20))
    assert word_similarity.neighbor_overlap(one, other, 10).mean() == pytest.approx(
        10 / 399, abs=0.01
    )


def test_neighborhoods_of_other_words_are_refused():
    with pytest.raises(BadArray, match="cannot be compared"):
        word_similarity.neighbor_overlap(VECTORS, VECTORS[:3], 2)


def test_vectors_with_nan_are_refused():
    with pytest.raises(BadArray, match="not valid"):
        word_similarity.normalize(np.array([[np.nan, 1.0]]))
