"""Decoding of captions, many images at a time: greedy, beam search, sampling. Every caption ends
with ``<end>``.

A captioner is a pure function ``step(weights, context, state, words)`` from the context of N images
(leaves (N, ...)), the state of K captions of each (leaves (N, K, ...)) and their last words (N, K)
to the log-probabilities of the next words (N, K, V) and the next state.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np

from etabli.core.errors import BadSetting
from etabli.core.i18n import _
from etabli.models.captioning.vocabulary import Vocabulary
from etabli.models.text.sampling import Decoding

Step = Callable[[Any, Any, Any, Any], tuple[Any, Any]]
IMAGES_PER_BATCH = 250


@dataclass(frozen=True)
class SearchConfig:
    """How captions are searched and reranked.

    beam: captions kept per image; 1 is greedy search.
    steps: longest caption, ``<end>`` included.
    alpha: exponent of the length normalization log p / length^alpha (0 favors short captions, 1 is
        the mean).
    reranking_temperature: temperature of the weights of the captions that rerank each other (0: no
        reranking), see ``etabli.models.captioning.reranking``.
    neighbors: similar training images whose captions count too, ``retrieval_weight`` times as much.
    """

    beam: int = 3
    steps: int = 24
    alpha: float = 0.7
    reranking_temperature: float = 0.0
    neighbors: int = 0
    retrieval_weight: float = 10.0

    def __post_init__(self) -> None:
        if not 1 <= self.beam <= 50:
            raise _bad("beam", _("a whole number from 1 to 50"), self.beam)
        if self.steps < 2:
            raise _bad("steps", _("2 steps or more: a word, and the end"), self.steps)
        if not 0 <= self.alpha <= 2:
            raise _bad("alpha", _("a number from 0 to 2"), self.alpha)
        temperature = self.reranking_temperature
        if not 0 <= temperature <= 100:
            raise _bad("reranking_temperature", _("a number from 0 to 100"), temperature)
        if not 0 <= self.neighbors <= 1000 or (self.neighbors and not temperature):
            expected = _("a whole number from 0 to 1000, 0 without reranking")
            raise _bad("neighbors", expected, self.neighbors)
        if not 0 <= self.retrieval_weight <= 1000:
            expected = _("a number from 0 to 1000")
            raise _bad("retrieval_weight", expected, self.retrieval_weight)

    def describe(self) -> str:
        """Return a short name of the search for tables."""
        if self.beam == 1:
            return "greedy"
        parts = [f"beam {self.beam}, alpha {self.alpha:g}"]
        if self.reranking_temperature:
            parts.append(f"reranking {self.reranking_temperature:g}")
        if self.neighbors:
            parts.append(f"{self.neighbors} neighbors x {self.retrieval_weight:g}")
        return ", ".join(parts)


@dataclass(frozen=True)
class SearchResult:
    """K captions of N images, the best first.

    ``words`` (N, K, T) are word indices with ``<end>`` and padding -1, ``scores`` (N, K) their log
    p / length^alpha.
    """

    words: np.ndarray
    scores: np.ndarray

    def captions(self, vocabulary: Vocabulary) -> list[list[str]]:
        """Return all captions of each image as text."""
        return [[vocabulary.decode(row) for row in group] for group in self.words]

    def best(self, vocabulary: Vocabulary) -> list[str]:
        """Return the best caption of each image as text."""
        return [vocabulary.decode(group[0]) for group in self.words]

    def by_score(self) -> "SearchResult":
        """Return the captions of each image by decreasing score, as the search found them."""
        order = np.argsort(-self.scores, axis=1, kind="stable")
        return SearchResult(
            np.take_along_axis(self.words, order[..., None], axis=1),
            np.take_along_axis(self.scores, order, axis=1),
        )


def search(
    step: Step, weights: Any, context: Any, state: Any, vocabulary: Vocabulary, config: SearchConfig
) -> SearchResult:
    """Return the ``config.beam`` best captions of each image.

    Args:
        step: The captioner.
        weights: Its weights.
        context: The encoded images (leaves (N, ...)).
        state: The first state (leaves (N, ...)).
        vocabulary: Its words.
        config: The search; reranking is not part of it.
    """
    import jax

    images = jax.tree.leaves(state)[0].shape[0]
    beam = min(config.beam, max(1, len(vocabulary) - 2))  # no more than there are words
    config = SearchConfig(beam, config.steps, config.alpha)
    parts = []
    for first in range(0, images, IMAGES_PER_BATCH):
        rows = slice(first, first + IMAGES_PER_BATCH)
        here, first_state = jax.tree.map(
            lambda leaf, rows=rows: np.asarray(leaf)[rows], (context, state)
        )
        parts.append(_search_part(step, weights, here, first_state, vocabulary, config))
    return SearchResult(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def _search_part(
    step: Step, weights: Any, context: Any, state: Any, vocabulary: Vocabulary, config: SearchConfig
) -> tuple[np.ndarray, np.ndarray]:
    import jax

    # NumPy outside of the compiled step: JAX would compile each of these small operations.
    advance = _compile_advance()
    n, k = jax.tree.leaves(state)[0].shape[0], config.beam
    state = jax.tree.map(lambda leaf: np.repeat(np.asarray(leaf)[:, None], k, axis=1), state)
    beams = {
        "words": np.full((n, k, config.steps), -1, np.int32),
        "last": np.full((n, k), vocabulary.start, np.int32),
        # Only the first of the k equal beams may expand at the first step.
        "log_p": np.where(np.arange(k) == 0, np.float32(0), -np.inf).astype(np.float32)
        + np.zeros((n, 1), np.float32),
        "length": np.zeros((n, k), np.int32),
        "done": np.zeros((n, k), bool),
    }
    marks = (vocabulary.start, vocabulary.end)
    for t in range(config.steps):
        state, beams = advance(step, marks, config, weights, context, state, beams, t)
        if np.asarray(beams["done"]).all():
            break
    length = np.maximum(np.asarray(beams["length"]), 1)
    return np.asarray(beams["words"]), np.asarray(beams["log_p"]) / length**config.alpha


@cache
def _compile_advance() -> Callable:
    """One step of every beam, compiled once for each captioner, search and shape."""
    import jax
    import jax.numpy as jnp

    @partial(jax.jit, static_argnums=(0, 1, 2))
    def advance(
        step: Step,
        marks: tuple[int, int],
        config: SearchConfig,
        weights: Any,
        context: Any,
        state: Any,
        beams: dict[str, Any],
        t: Any,
    ) -> tuple[Any, dict[str, Any]]:
        log_p, state = step(weights, context, state, beams["last"])
        # The best k of all k V continuations are among the best k of each beam.
        word_p, words = jax.lax.top_k(_mask_marks(log_p, marks, t, config.steps), config.beam)
        done = beams["done"][..., None]
        # A finished caption stays as one candidate, at its own probability.
        kept = jnp.arange(config.beam) == 0
        words = jnp.where(done, -1, words)
        total = beams["log_p"][..., None] + jnp.where(done, jnp.where(kept, 0.0, -jnp.inf), word_p)
        length = jnp.broadcast_to(jnp.where(done, beams["length"][..., None], t + 1), total.shape)
        n, k = beams["last"].shape
        _best, chosen = jax.lax.top_k(
            _normalize_length(total, length, config.alpha).reshape(n, k * k), k
        )
        parent = chosen // k

        def from_parent(leaf: Any) -> Any:
            return jnp.take_along_axis(leaf, parent.reshape(n, k, *[1] * (leaf.ndim - 2)), axis=1)

        def pick(leaf: Any) -> Any:
            return jnp.take_along_axis(leaf.reshape(n, k * k), chosen, axis=1)

        last = pick(words)
        return jax.tree.map(from_parent, state), {
            "words": from_parent(beams["words"]).at[:, :, t].set(last),
            "last": jnp.maximum(last, 0),
            "log_p": pick(total),
            "length": pick(length),
            "done": (last == marks[1]) | (last < 0),
        }

    return advance


def _mask_marks(log_p: Any, marks: tuple[int, int], t: Any, steps: int) -> Any:
    """Rule out ``<start>``, ``<end>`` before the first word, and all but ``<end>`` at the last
    step."""
    import jax.numpy as jnp

    start, end = marks
    word = jnp.arange(log_p.shape[-1])
    ruled_out = (word == start) | ((word == end) & (t == 0)) | ((word != end) & (t == steps - 1))
    return jnp.where(ruled_out, -jnp.inf, log_p)


def _normalize_length(log_p: Any, length: Any, alpha: float) -> Any:
    import jax.numpy as jnp

    return log_p / jnp.maximum(length, 1) ** alpha


def sample(
    step: Step,
    weights: Any,
    context: Any,
    state: Any,
    vocabulary: Vocabulary,
    decoding: Decoding,
    generator: np.random.Generator,
    steps: int = 24,
) -> SearchResult:
    """Return one caption of each image, sampled word by word.

    Args:
        step: The captioner.
        weights: Its weights.
        context: The encoded images (leaves (N, ...)).
        state: The first state (leaves (N, ...)).
        vocabulary: Its words.
        decoding: Temperature and truncation of the distributions.
        generator: Of the draws.
        steps: Longest caption, ``<end>`` included.
    """
    import jax

    run = _compile_step(step)
    n = jax.tree.leaves(state)[0].shape[0]
    state = jax.tree.map(lambda leaf: leaf[:, None], state)
    words = np.full((n, steps), -1, np.int32)
    last, log_p = np.full((n, 1), vocabulary.start, np.int32), np.zeros(n)
    done = np.zeros(n, bool)
    for t in range(steps):
        next_p, state = run(weights, context, state, last)
        allowed = np.asarray(_mask_marks(next_p, (vocabulary.start, vocabulary.end), t, steps))[
            :, 0
        ]
        chosen = decoding.choose(allowed, words[:, :t], generator)
        log_p += np.where(done, 0.0, np.asarray(next_p)[np.arange(n), 0, chosen])
        words[:, t] = np.where(done, -1, chosen)
        done |= chosen == vocabulary.end
        if done.all():
            break
        last = chosen[:, None].astype(np.int32)
    return SearchResult(words[:, None], log_p[:, None])


@cache
def _compile_step(step: Step) -> Step:
    import jax

    return jax.jit(step)


def _bad(name: str, expected: str, got: object) -> BadSetting:
    return BadSetting(
        _("the setting '{name}' is out of range").format(name=name), expected=expected, got=got
    )
