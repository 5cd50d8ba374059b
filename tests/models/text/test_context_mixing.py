import numpy as np
import pytest

from etabli.models.text.context_mixing import HuffmanTree, read_mixed
from etabli.models.text.contexts import list_contexts, list_selectors

LETTERS = "abe,"
DRAWS = np.random.default_rng(0)
CODES = DRAWS.choice(4, size=500, p=(0.3, 0.25, 0.25, 0.2))  # four paths of two decisions
FIRST = 300
NETS = np.log(DRAWS.dirichlet(np.ones(4), len(CODES) - FIRST))


def spell(codes) -> str:
    return "".join(LETTERS[code] for code in codes)


def read(codes, models=(NETS,), first=FIRST):
    characters = spell(codes)
    contexts, selectors = list_contexts(characters, codes), list_selectors(characters, codes)
    return read_mixed(codes, 4, first, contexts, selectors, models)


@pytest.mark.parametrize("cut", [0, 1, 57])
def test_permuting_the_future_moves_no_prediction(cut):
    other = CODES.copy()
    other[FIRST + cut :] = DRAWS.permutation(other[FIRST + cut :])
    one, two = read(CODES), read(other)
    np.testing.assert_array_equal(one[:cut], two[:cut])
    assert (one != two).any()


@pytest.mark.parametrize("position", [FIRST, FIRST + 140])
def test_the_probabilities_of_every_symbol_that_could_come_add_up_to_one(position):
    codes, paid = CODES.copy(), []
    for symbol in range(4):
        codes[position] = symbol
        paid.append(read(codes)[position - FIRST])
    assert np.exp(paid).sum() == pytest.approx(1, abs=1e-6)


def test_what_was_read_before_is_predicted_better_the_second_time():
    codes = CODES.copy()
    codes[400:] = codes[300:400]
    before, after = (-read(each, ())[100:].mean() for each in (CODES, codes))
    assert after < before - 0.2


def test_a_model_that_knows_is_followed_and_one_that_does_not_is_left():
    knows = np.log(np.where(np.eye(4)[CODES[FIRST:]] == 1, 0.91, 0.03))
    good, bad, alone = (-read(CODES, each).mean() for each in ((knows,), (NETS,), ()))
    assert good < alone - 0.5
    assert bad < -NETS[np.arange(200), CODES[FIRST:]].mean() - 0.1


def test_the_first_weights_say_how_far_a_model_is_followed():
    knows = np.log(np.where(np.eye(4)[CODES[FIRST:]] == 1, 0.91, 0.03))
    characters = spell(CODES)
    given = list_contexts(characters, CODES), list_selectors(characters, CODES)
    much, little = (
        -read_mixed(CODES, 4, FIRST, *given, [knows], [weight])[:20].mean() for weight in (1.0, 0.1)
    )
    assert much < little


def test_a_huffman_tree_is_as_short_as_the_entropy_allows():
    counts = DRAWS.integers(1, 100, 30)
    tree, p = HuffmanTree.build(counts), counts / counts.sum()
    entropy = -(p * np.log2(p)).sum()
    assert entropy <= (p * tree.lengths).sum() < entropy + 1
    assert (0.5**tree.lengths).sum() == 1
    assert sorted(tree.order) == list(range(30))


def test_the_decisions_of_a_distribution_multiply_to_the_probability_of_the_symbol():
    tree = HuffmanTree.build(np.array([5, 1, 2, 2, 9]))
    log_p = np.log(DRAWS.dirichlet(np.ones(5), 20))
    codes = DRAWS.integers(0, 5, 20)
    positions, nodes, bits = tree.decide(codes)
    right = 1 / (1 + np.exp(-tree.logits(log_p, positions, nodes)))
    paid = np.bincount(positions, weights=np.log(np.where(bits, right, 1 - right)))
    np.testing.assert_allclose(paid, log_p[np.arange(20), codes], rtol=1e-6)
