"""From a captioner to captions, many images at a time: greedy, beam, sampled. A caption always ends.

A captioner is here a pure function ``step(weights, scene, state, words)``: from what was computed once for each of N
images (``scene``, leaves (N, ...)), the state of K captions of each (leaves (N, K, ...)) and their last words (N, K)
to the log-probabilities of the next (N, K, V) and the next state. The image is in ``scene``, hence there at every step.
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
IMAGES_AT_ONCE = 250


@dataclass(frozen=True)
class Search:
    """How a caption is sought. ``beam`` captions of an image are followed at once, 1 is greedy; of two finished ones
    the better has the greater log p / length^``alpha`` (alpha 0 favours short ones, 1 takes the mean over words);
    a caption still open before step ``steps`` is ended there. With a ``consensus`` above 0 the captions found are put
    in the order of what the others agree with (``etabli.models.captioning.reranking``), the less likely ones counting the more
    the greater it is; with ``neighbours``, of what the captions of so many similar training images agree with too,
    ``trust`` times as much.
    """

    beam: int = 3
    steps: int = 24
    alpha: float = 0.7
    consensus: float = 0.0
    neighbours: int = 0
    trust: float = 10.0

    def __post_init__(self) -> None:
        if not 1 <= self.beam <= 50:
            raise _bad("beam", _("a whole number from 1 to 50"), self.beam)
        if self.steps < 2:
            raise _bad("steps", _("2 steps or more: a word, and the end"), self.steps)
        if not 0 <= self.alpha <= 2:
            raise _bad("alpha", _("a number from 0 to 2"), self.alpha)
        if not 0 <= self.consensus <= 100:
            raise _bad("consensus", _("a number from 0 to 100"), self.consensus)
        if not 0 <= self.neighbours <= 1000 or (self.neighbours and not self.consensus):
            raise _bad(
                "neighbours",
                _("a whole number from 0 to 1000, 0 without consensus"),
                self.neighbours,
            )
        if not 0 <= self.trust <= 1000:
            raise _bad("trust", _("a number from 0 to 1000"), self.trust)

    def describe(self) -> str:
        if self.beam == 1:
            return "greedy"
        parts = [f"beam {self.beam}, alpha {self.alpha:g}"]
        parts += [f"consensus {self.consensus:g}"] if self.consensus else []
        parts += [f"{self.neighbours} neighbours x {self.trust:g}"] if self.neighbours else []
        return ", ".join(parts)


@dataclass(frozen=True)
class Found:
    """Captions of N images as word numbers (N, K, T), ended by ``<end>`` and -1s, the best first, and their
    log p / length^alpha (N, K)."""

    words: np.ndarray
    scores: np.ndarray

    def captions(self, vocabulary: Vocabulary) -> list[list[str]]:
        return [[vocabulary.decode(row) for row in group] for group in self.words]

    def best(self, vocabulary: Vocabulary) -> list[str]:
        """The best caption of each image."""
        return [vocabulary.decode(group[0]) for group in self.words]


def search(
    step: Step, weights: Any, scene: Any, state: Any, vocabulary: Vocabulary, how: Search
) -> Found:
    """The ``how.beam`` best captions of each image; ``state`` is the first one (leaves (N, ...))."""
    import jax

    images = jax.tree.leaves(state)[0].shape[0]
    how = Search(min(how.beam, max(1, len(vocabulary) - 2)), how.steps, how.alpha)
    parts = []
    for first in range(0, images, IMAGES_AT_ONCE):
        rows = slice(first, first + IMAGES_AT_ONCE)
        part = jax.tree.map(lambda leaf, rows=rows: np.asarray(leaf)[rows], (scene, state))
        parts.append(_search_part(step, weights, *part, vocabulary, how))
    return Found(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def _search_part(step, weights, scene, state, vocabulary, how):
    import jax

    # NumPy, where nothing is heavy: each operation of JAX outside of a compiled function is compiled by itself.
    advance = _advance()
    n, k = jax.tree.leaves(state)[0].shape[0], how.beam
    state = jax.tree.map(lambda leaf: np.repeat(np.asarray(leaf)[:, None], k, axis=1), state)
    beams = {
        "words": np.full((n, k, how.steps), -1, np.int32),
        "last": np.full((n, k), vocabulary.start, np.int32),
        "log_p": np.where(np.arange(k) == 0, np.float32(0), -np.inf).astype(np.float32)
        + np.zeros((n, 1), np.float32),
        "length": np.zeros((n, k), np.int32),
        "done": np.zeros((n, k), bool),
    }
    marks = (vocabulary.start, vocabulary.end)
    for t in range(how.steps):
        state, beams = advance(step, marks, how, weights, scene, state, beams, t)
        if np.asarray(beams["done"]).all():
            break
    length = np.maximum(np.asarray(beams["length"]), 1)
    return np.asarray(beams["words"]), np.asarray(beams["log_p"]) / length**how.alpha


@cache
def _advance():
    """One step of every beam, compiled once for each captioner, search and shape."""
    import jax
    import jax.numpy as jnp

    @partial(jax.jit, static_argnums=(0, 1, 2))
    def advance(step, marks, how, weights, scene, state, beams, t):
        log_p, state = step(weights, scene, state, beams["last"])
        word_p, words = jax.lax.top_k(_allowed(log_p, marks, t, how.steps), how.beam)
        done = beams["done"][..., None]
        # A finished caption goes on as the single candidate that it is.
        kept = jnp.arange(how.beam) == 0
        words = jnp.where(done, -1, words)
        total = beams["log_p"][..., None] + jnp.where(done, jnp.where(kept, 0.0, -jnp.inf), word_p)
        length = jnp.broadcast_to(jnp.where(done, beams["length"][..., None], t + 1), total.shape)
        n, k = beams["last"].shape
        _best, chosen = jax.lax.top_k(_normalised(total, length, how.alpha).reshape(n, k * k), k)
        parent = chosen // k

        def from_parent(leaf):
            return jnp.take_along_axis(leaf, parent.reshape(n, k, *[1] * (leaf.ndim - 2)), axis=1)

        pick = lambda leaf: jnp.take_along_axis(leaf.reshape(n, k * k), chosen, axis=1)  # noqa: E731
        last = pick(words)
        return jax.tree.map(from_parent, state), {
            "words": from_parent(beams["words"]).at[:, :, t].set(last),
            "last": jnp.maximum(last, 0),
            "log_p": pick(total),
            "length": pick(length),
            "done": (last == marks[1]) | (last < 0),
        }

    return advance


def _allowed(log_p: Any, marks: tuple[int, int], t: Any, steps: int) -> Any:
    """Without ``<start>``, without ``<end>`` before the first word, and with ``<end>`` alone at the last step."""
    import jax.numpy as jnp

    start, end = marks
    place = jnp.arange(log_p.shape[-1])
    barred = (place == start) | ((place == end) & (t == 0)) | ((place != end) & (t == steps - 1))
    return jnp.where(barred, -jnp.inf, log_p)


def _normalised(log_p: Any, length: Any, alpha: float) -> Any:
    import jax.numpy as jnp

    return log_p / jnp.maximum(length, 1) ** alpha


def sample(
    step: Step,
    weights: Any,
    scene: Any,
    state: Any,
    vocabulary: Vocabulary,
    decoding: Decoding,
    generator: np.random.Generator,
    steps: int = 24,
) -> Found:
    """One caption of each image, word after word drawn from the distribution that ``decoding`` leaves."""
    import jax

    run = _jitted(step)
    n = jax.tree.leaves(state)[0].shape[0]
    state = jax.tree.map(lambda leaf: leaf[:, None], state)
    words = np.full((n, steps), -1, np.int32)
    last, log_p = np.full((n, 1), vocabulary.start, np.int32), np.zeros(n)
    done = np.zeros(n, bool)
    for t in range(steps):
        next_p, state = run(weights, scene, state, last)
        allowed = np.asarray(_allowed(next_p, (vocabulary.start, vocabulary.end), t, steps))[:, 0]
        chosen = decoding.choose(allowed, words[:, :t], generator)
        log_p += np.where(done, 0.0, np.asarray(next_p)[np.arange(n), 0, chosen])
        words[:, t] = np.where(done, -1, chosen)
        done |= chosen == vocabulary.end
        if done.all():
            break
        last = chosen[:, None].astype(np.int32)
    return Found(words[:, None], log_p[:, None])


@cache
def _jitted(step: Step) -> Step:
    import jax

    return jax.jit(step)


def _bad(name: str, expected: str, got: object) -> BadSetting:
    return BadSetting(
        _("the setting '{name}' is out of range").format(name=name), expected=expected, got=got
    )
