"""Learning from one's own captions: the draws, the baseline, the loss by hand, and that rewards grow."""

import numpy as np
import pytest

from etabli.models import attention, caption_reward
from etabli.models.attention import Shape
from etabli.models.caption_reward import Practice, advantages, policy_loss, practise
from etabli.models.vocabulary import END, START, Vocabulary

VOCABULARY = Vocabulary((START, END, "a", "dog", "cat", "runs"))
SHAPE = Shape(len(VOCABULARY), features=6, embedding=5, hidden=7, attention=4)


@pytest.fixture
def weights(frozen):
    made = attention.initial(SHAPE, np.random.default_rng(0))
    generator = np.random.default_rng(1)
    made = {name: array + generator.normal(0, 0.3, array.shape).astype(np.float32) for name, array in made.items()}
    frozen(*made.values())
    return made


@pytest.fixture
def maps(frozen):
    made = np.random.default_rng(2).random((8, 4, 6)).astype(np.float32)
    frozen(made)
    return made


def test_a_caption_is_better_or_worse_than_its_siblings(frozen):
    rewards = np.array([[1.0, 2.0, 6.0], [4.0, 4.0, 4.0]])
    frozen(rewards)
    np.testing.assert_allclose(advantages(rewards), [[1 - 4, 2 - 3.5, 6 - 1.5], [0, 0, 0]])


def test_words_are_drawn_with_their_probabilities_and_an_end_is_the_end(weights, maps):
    draws = 20_000
    noise = np.random.default_rng(0).standard_exponential((3, 1, draws, len(VOCABULARY)), dtype=np.float32)
    words = np.asarray(caption_reward._drawing(VOCABULARY.start, VOCABULARY.end)(weights, maps[:1], noise))[0]
    said = attention.teacher_forced(weights, maps[:1], np.array([[[VOCABULARY.start, 3]]]))
    first, after_dog = np.exp(np.asarray(attention.log_probabilities(weights, said)))
    first[[VOCABULARY.start, VOCABULARY.end]] = after_dog[VOCABULARY.start] = 0
    shares = np.bincount(words[:, 0], minlength=len(VOCABULARY)) / draws
    np.testing.assert_allclose(shares, first / first.sum(), atol=0.015)
    second = words[words[:, 0] == 3, 1]
    shares = np.bincount(second, minlength=len(VOCABULARY)) / len(second)
    np.testing.assert_allclose(shares, after_dog / after_dog.sum(), atol=0.03)
    assert (words[words[:, 1] == VOCABULARY.end, 2] == -1).all()


def test_the_loss_is_that_of_the_formula_and_its_padding_counts_nothing(weights, maps):
    captions = np.array([[[0, 2, 3, 1, -1], [0, 4, 1, -1, -1]]])
    gains = np.array([[1.5, -0.5]], np.float32)
    log_p = 0.0
    for row, gain in zip(captions[0], gains[0], strict=True):
        read = np.maximum(row[None, None, :-1], 0)
        said = attention.teacher_forced(weights, maps[:1], read)
        steps = np.asarray(attention.log_probabilities(weights, said))
        log_p += gain * sum(steps[t, word] for t, word in enumerate(row[1:]) if word >= 0)
    np.testing.assert_allclose(policy_loss()(weights, maps[:1], captions, gains, None), -log_p / 5, rtol=1e-5)


def test_what_is_rewarded_is_said_more_often(weights, maps):
    def dogs(_image, words):
        return words.count(VOCABULARY.index["dog"]) / len(words)

    means = []
    practice = Practice(epochs=15, images=4, draws=8, steps=6, rate=0.02)
    practise(weights, maps, VOCABULARY, dogs, practice, 0, lambda _epoch, mean, _weights: means.append(mean))
    assert means[-1] > 2 * means[0]


def test_no_reward_no_change(weights, maps):
    learnt = practise(weights, [maps, maps], VOCABULARY, lambda _image, _words: 1.0, Practice(epochs=1, images=4), 0)
    for name, array in weights.items():
        np.testing.assert_allclose(learnt[name], array, atol=1e-7)
