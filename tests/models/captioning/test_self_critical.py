"""The reward of drawn captions, against ``metrics.cider``, and what it teaches."""

import numpy as np
import pytest

from etabli.metrics.cider import cider_d
from etabli.models.captioning import attention, self_critical
from etabli.models.captioning.train import TrainConfig, train

START, END, WORDS = 0, 1, 9


@pytest.fixture
def generator():
    return np.random.default_rng(4)


def draw_caption(generator, steps=8):
    words = generator.integers(2, WORDS, generator.integers(1, steps + 1))
    row = np.full(steps + 1, -1)
    row[: len(words) + 1] = [START, *words]
    row[len(words)] = END
    return row


def draw_captions(generator, *shape):
    count = int(np.prod(shape))
    return np.stack([draw_caption(generator) for _each in range(count)]).reshape(*shape, -1)


def as_words(row):
    return [str(word) for word in row[1:] if word >= 0]


def test_the_reward_is_cider_d_of_word_indices_with_the_end_as_a_word(generator):
    references, drawn = draw_captions(generator, 12, 4), draw_captions(generator, 12, 3)
    rewards = self_critical.CiderReward(references, WORDS).score(np.arange(12), drawn)
    answers = [[as_words(row) for row in group] for group in references]
    for place in range(3):
        words = [as_words(group[place]) for group in drawn]
        np.testing.assert_allclose(rewards[:, place], cider_d(words, answers), atol=1e-12)


def test_the_reward_of_an_image_uses_its_own_references(generator):
    references, drawn = draw_captions(generator, 6, 2), draw_captions(generator, 6, 2)
    reward = self_critical.CiderReward(references, WORDS)
    rows = np.array([4, 1])
    every = reward.score(np.arange(6), drawn)
    np.testing.assert_array_equal(reward.score(rows, drawn[rows]), every[rows])


def test_drawn_captions_begin_with_start_and_end_once(generator):
    weights = make_weights(generator)
    sample = self_critical.make_sampler(lambda _weights, maps: maps, START, END, 3, 6)
    drawn = np.asarray(sample(weights, np.ones((5, 4, 3), np.float32), key(0)))
    assert drawn.shape == (5, 3, 7)
    assert (drawn[..., 0] == START).all() and not (drawn[..., 1:] == START).any()
    after = np.cumsum(drawn == END, axis=-1) - (drawn == END) > 0
    assert (drawn[after] == -1).all() and (drawn[~after] >= 0).all()


def test_rewarded_training_makes_rewarded_captions_more_probable(generator):
    captions = np.tile(np.array([START, 5, 6, 7, 8, END, -1]), (16, 2, 1))
    captions[::2] = [START, 4, 3, 2, END, -1, -1]
    maps = np.tile(np.eye(2, 3, dtype=np.float32)[np.arange(16) % 2][:, None], (1, 4, 1))
    weights = make_weights(generator)
    reward = self_critical.CiderReward(captions, WORDS)
    sample = self_critical.make_sampler(lambda _weights, maps: maps, START, END, 5, 6)
    config = TrainConfig(epochs=40, batch_size=8, dropout=0.0, learning_rate=0.02)

    def mean_reward(weights):
        return reward.score(np.arange(16), np.asarray(sample(weights, maps, key(1)))).mean()

    trained = train(
        weights,
        maps,
        captions,
        config,
        0,
        loss=self_critical.make_loss(lambda _weights, maps: maps, config),
        targets_of=self_critical.make_targets(reward, sample, 0),
    )
    assert mean_reward(trained) > 1.5 * mean_reward(weights)


def make_weights(generator):
    shape = attention.ModelConfig(WORDS, features=3, embedding=8, units=8, attention_dim=4)
    return attention.init_weights(shape, generator)


def key(number):
    import jax

    return jax.random.key(number)
