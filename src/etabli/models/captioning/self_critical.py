"""Self-critical training: captions are drawn from the captioner, and rewarded by their CIDEr-D.

For S captions c_1 ... c_S drawn for an image, with CIDEr-D r_s against its references:

    advantage_s = r_s - mean of the other r's
    loss        = -sum_s advantage_s log p(c_s | image) / words

so that a caption better than the others becomes more probable. Rennie et al. 2017, "Self-critical
sequence training for image captioning", with the baseline of Luo 2020, "A better variant of
self-critical sequence training". The n-gram weights come from the training captions.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from etabli.models.captioning import attention
from etabli.models.captioning.attention import Parameters
from etabli.models.captioning.reranking import ORDERS, SIGMA
from etabli.models.captioning.train import TrainConfig, smoothed_cross_entropy

RegionMaps = Callable[[Parameters, Any], Any]


class CiderReward:
    """CIDEr-D of captions given as word indices, against the captions (N, R, T + 1) of N images.

    Captions begin with ``<start>``, which does not count; ``<end>`` does, so that a caption that
    stops in the middle of a phrase loses. Padding is -1.
    """

    def __init__(self, captions: np.ndarray, vocabulary: int) -> None:
        self.references, self.size = captions[..., 1:].astype(np.int64), vocabulary
        self._weights = []
        for order in range(1, ORDERS + 1):
            grams = self._grams(self.references, order).reshape(len(captions), -1)
            distinct = np.concatenate([np.unique(row[row >= 0]) for row in grams])
            self._weights.append(np.unique(distinct, return_counts=True))
        self._top = np.log(len(captions))

    def score(self, rows: np.ndarray, captions: np.ndarray) -> np.ndarray:
        """Return CIDEr-D (B, S) of captions (B, S, T + 1) of the images ``rows`` (B,)."""
        ours, theirs = captions[..., 1:].astype(np.int64), self.references[rows]
        lengths = [(each >= 0).sum(axis=-1) for each in (ours, theirs)]
        gap = lengths[0][:, :, None] - lengths[1][:, None]
        total = np.zeros(gap.shape)
        for order in range(1, ORDERS + 1):
            total += self._agreement(self._grams(ours, order), self._grams(theirs, order), order)
        return 10 / ORDERS * (total * np.exp(-(gap**2) / (2 * SIGMA**2))).mean(axis=-1)

    def _grams(self, words: np.ndarray, order: int) -> np.ndarray:
        """Return each n-gram as one number, -1 where it contains padding."""
        length = words.shape[-1] - order + 1
        grams = np.zeros((*words.shape[:-1], length), np.int64)
        for place in range(order):
            grams = grams * self.size + words[..., place : place + length]
        return np.where(words[..., order - 1 :] < 0, -1, grams)

    def _idf(self, grams: np.ndarray, order: int) -> np.ndarray:
        known, counts = self._weights[order - 1]
        place = np.minimum(np.searchsorted(known, grams), len(known) - 1)
        seen = np.where(known[place] == grams, counts[place], 1)
        return np.where(grams < 0, 0.0, self._top - np.log(seen))

    def _agreement(self, ours: np.ndarray, theirs: np.ndarray, order: int) -> np.ndarray:
        """Return <min(h, r), r> / (|h| |r|) for each of S captions and R references: (B, S, R)."""
        squares, counts = [], []
        for grams in (ours, theirs):
            counts.append((grams[..., :, None] == grams[..., None, :]).sum(axis=-1))
            squares.append(self._idf(grams, order) ** 2)
        norms = [(c * s).sum(axis=-1) for c, s in zip(counts, squares, strict=True)]
        both = (ours[:, :, None, :, None] == theirs[:, None, :, None, :]).sum(axis=-1)
        own = counts[0][:, :, None]
        shared = np.minimum(both, own) * both / own * squares[0][:, :, None]
        size = np.sqrt(norms[0][:, :, None] * norms[1][:, None])
        return shared.sum(axis=-1) / np.maximum(size, 1e-12)


def make_sampler(regions_of: RegionMaps, start: int, end: int, samples: int, steps: int) -> Any:
    """Return the compiled (weights, maps, key) -> captions (N, S, steps + 1), ``<start>`` first.

    Args:
        regions_of: From (weights, maps) to the region maps that the captioner reads.
        start: The index of ``<start>``.
        end: The index of ``<end>``.
        samples: S, captions of each image.
        steps: The longest caption, ``<end>`` included.
    """
    import jax
    import jax.numpy as jnp

    @jax.jit
    def sample(weights: Parameters, maps: Any, key: Any) -> Any:
        context = attention.encode_images(weights, regions_of(weights, maps))
        n = len(context["first"])
        state = jnp.repeat(context["first"][:, None], samples, axis=1)
        first = jnp.full((n, samples), start, jnp.int32)

        def advance(carry: Any, key: Any) -> Any:
            state, words, done = carry
            log_p, state = attention.step(weights, context, state, words)
            log_p = log_p.at[..., start].set(-jnp.inf)
            words = jax.random.categorical(key, log_p).astype(jnp.int32)
            return (state, words, done | (words == end)), jnp.where(done, -1, words)

        carry = state, first, jnp.zeros((n, samples), bool)
        words = jax.lax.scan(advance, carry, jax.random.split(key, steps))[1]
        return jnp.concatenate([first[..., None], jnp.moveaxis(words, 0, -1)], axis=-1)

    return sample


def make_loss(regions_of: RegionMaps, config: TrainConfig) -> Callable:
    """Return (weights, maps, captions (N, S, T + 1), advantages (N, S), key) -> loss."""
    import jax.numpy as jnp

    cross_entropy = smoothed_cross_entropy(0.0)

    def loss(weights: Parameters, maps: Any, captions: Any, advantages: Any, key: Any) -> Any:
        targets = captions[..., 1:]
        known = (targets >= 0).astype(jnp.float32)
        features = attention.decode_teacher_forced(
            weights,
            regions_of(weights, maps),
            jnp.maximum(captions[..., :-1], 0),
            config.dropout,
            key,
        )
        weight = (known * advantages[..., None]).reshape(-1)
        total = cross_entropy(
            features, weights["words"], weights["bias"], targets.reshape(-1), weight
        )
        return total / known.sum()

    return loss


def make_targets(
    reward: CiderReward, sampler: Any, seed: int
) -> Callable[[Parameters, Any, np.ndarray, int], tuple[np.ndarray, np.ndarray]]:
    """Return (weights, maps, rows, step) -> drawn captions and their advantages, for ``train``."""
    import jax

    key = jax.random.key(seed)

    def targets(
        weights: Parameters, maps: Any, rows: np.ndarray, step: int
    ) -> tuple[np.ndarray, np.ndarray]:
        captions = np.asarray(sampler(weights, maps, jax.random.fold_in(key, step)))
        rewards = reward.score(rows, captions)
        count = rewards.shape[1]
        advantages = (rewards - rewards.mean(axis=1, keepdims=True)) * count / (count - 1)
        return captions, advantages.astype(np.float32)

    return targets
