"""Learning from one's own captions: of those drawn for an image, the ones that people's captions agree with more
become likelier, the others less.

For image i, captions w_1 ... w_K drawn from the captioner, with rewards r_k (CIDEr-D against what people wrote):

    advantage_k = r_k - mean of the other K - 1 rewards,
    loss = - sum_k advantage_k log p(w_k) / words

whose gradient is, on average, that of the expected reward. Cross-entropy teaches the next word after a person's words;
this teaches whole captions after the captioner's own. Self-critical training: Rennie et al. 2017, section 3; the other
captions drawn as the baseline: Luo, "A better variant of self-critical sequence training", 2020.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from etabli.models import attention
from etabli.models.attention import Parameters
from etabli.models.caption_training import Views, batches, smoothed_cross_entropy, updater
from etabli.models.vocabulary import Vocabulary
from etabli.seeding import generator

Reward = Callable[[int, tuple[int, ...]], float]


@dataclass(frozen=True)
class Practice:
    """What each knob does: more ``epochs`` go further from what people write; ``images`` a batch, ``draws`` captions
    of each, of at most ``steps`` words; ``rate`` of Adam at the top of its cosine.
    """

    epochs: int = 3
    images: int = 16
    draws: int = 5
    steps: int = 18
    rate: float = 1e-4
    warm: float = 0.05
    clip: float = 5.0


def practise(
    weights: Parameters,
    maps: np.ndarray | Sequence[np.ndarray],
    vocabulary: Vocabulary,
    reward: Reward,
    practice: Practice,
    seed: int,
    after_epoch: Callable[[int, float, Parameters], None] = lambda epoch, reward, weights: None,
) -> Parameters:
    """Learn from the rewards of drawn captions of N images, ``maps`` (N, L, D) or several views of them.

    ``reward(row, words)`` values the word numbers of a caption of image ``row``, its ``<end>`` included if it came.
    """
    import jax

    views = Views(maps, generator(seed, "caption", "practice", "views"))
    number = len(maps if isinstance(maps, np.ndarray) else maps[0])
    order, noise = (generator(seed, "caption", "practice", name) for name in ("order", "draws"))
    per_epoch = max(1, number // practice.images)
    update = updater(policy_loss(), practice.rate, per_epoch * practice.epochs, practice.warm, practice.clip)
    draw = _drawing(vocabulary.start, vocabulary.end)
    moments = jax.tree.map(np.zeros_like, (weights, weights))
    key = jax.random.key(seed)
    for epoch in range(practice.epochs):
        rewards = []
        for batch, rows in enumerate(batches(order, number, practice.images)):
            seen = views.read(rows)
            shape = practice.steps, len(rows), practice.draws, len(vocabulary)
            words = np.asarray(draw(weights, seen, noise.standard_exponential(shape, dtype=np.float32)))
            values = _valued(reward, rows, words)
            opened = np.insert(words, 0, vocabulary.start, axis=-1)
            place = epoch * per_epoch + batch
            weights, moments, _loss = update(weights, moments, place, key, seen, opened, advantages(values))
            rewards.append(values.mean())
        after_epoch(epoch + 1, float(np.mean(rewards)), weights)
    return jax.device_get(weights)


def advantages(rewards: np.ndarray) -> np.ndarray:
    """Each of the rewards (N, K) less the mean of the others of its image: (N, K) float32, every row summing to 0."""
    k = rewards.shape[1]
    return ((rewards - rewards.mean(axis=1, keepdims=True)) * (k / max(1, k - 1))).astype(np.float32)


def policy_loss() -> Callable:
    """- sum advantage log p / words of a batch: (weights, maps, captions (N, K, T + 1), advantages (N, K), key) -> ().

    No dropout: the captioner that learns is the one that wrote.
    """
    import jax.numpy as jnp

    cross_entropy = smoothed_cross_entropy(0.0)

    def loss(weights, maps, captions, advantages, key):
        wanted = captions[..., 1:]
        known = (wanted >= 0).astype(jnp.float32)
        said = attention.teacher_forced(weights, maps, jnp.maximum(captions[..., :-1], 0))
        weight = (known * advantages[..., None]).reshape(-1)
        total = cross_entropy(said, weights["words"], weights["bias"], wanted.reshape(-1), weight)
        return total / jnp.maximum(known.sum(), 1.0)

    return loss


def _valued(reward: Reward, rows: np.ndarray, words: np.ndarray) -> np.ndarray:
    pairs = zip(rows.tolist(), words, strict=True)
    return np.array([[reward(row, tuple(line[line >= 0].tolist())) for line in group] for row, group in pairs])


def _drawing(start: int, end: int) -> Callable:
    """(weights, maps (N, L, D), noise (T, N, K, V)) -> K captions of each image, (N, K, T) word numbers and -1s.

    With e_v exponential, the word of the greatest p_v / e_v is v with probability p_v.
    """
    import jax
    import jax.numpy as jnp

    @jax.jit
    def draw(weights, maps, noise):
        scene = attention.look(weights, maps)
        place = jnp.arange(noise.shape[-1])

        def step(carry, now):
            state, last, done = carry
            t, exponential = now
            log_p, state = attention.step(weights, scene, state, last)
            barred = (place == start) | ((place == end) & (t == 0))
            words = jnp.where(barred, -1.0, jnp.exp(log_p) / exponential).argmax(axis=-1)
            words = jnp.where(done, -1, words)
            return (state, jnp.maximum(words, 0), done | (words == end)), words

        k = noise.shape[2]
        state = jnp.repeat(scene["first"][:, None], k, axis=1)
        first = state, jnp.full(state.shape[:2], start), jnp.zeros(state.shape[:2], bool)
        _last, words = jax.lax.scan(step, first, (jnp.arange(len(noise)), noise))
        return jnp.moveaxis(words, 0, 2)

    return draw
