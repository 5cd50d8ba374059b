"""Sampling of the next symbol: temperature, top-k, nucleus (top-p), repetition penalty.

All functions map log-probabilities (..., V) to normalized log-probabilities, so that they can be
chained; ``-inf`` marks a symbol that is ruled out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import log_softmax, logsumexp

from etabli.core.errors import BadArray, BadSetting
from etabli.core.i18n import _

__all__ = [
    "Decoding",
    "apply_temperature",
    "entropy",
    "keep_nucleus",
    "keep_top_k",
    "penalize_repetition",
    "sample",
]


@dataclass(frozen=True)
class Decoding:
    """How the next symbol is sampled.

    temperature: below 1 the distribution is sharper (-> 0: greedy), above 1 flatter.
    top_k: sample from the k most probable symbols only (None: all).
    top_p: sample from the smallest set of most probable symbols with total probability p only
        (None: all).
    repetition_penalty: the power to which the probability of a repeating symbol is raised; 1 has no
        effect. After Keskar et al. 2019 (CTRL, section 4.1), in log-probabilities.
    repetition_order: a symbol repeats where it completes an n-gram of this order that occurred
        before.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    repetition_penalty: float = 1.0
    repetition_order: int = 1

    def __post_init__(self) -> None:
        _check_positive("temperature", self.temperature)
        _check_positive("repetition_penalty", self.repetition_penalty)
        for name in ("top_k", "repetition_order"):
            value = getattr(self, name)
            if value is not None and (value != int(value) or value < 1):
                raise _bad(name, _("a whole number of 1 or more"), value)
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise _bad("top_p", _("a share above 0, up to 1"), self.top_p)

    def apply(
        self, log_probabilities: np.ndarray, histories: Sequence[Sequence[int]] | np.ndarray = ()
    ) -> np.ndarray:
        """Return the log-probabilities (B, V) to sample from, row b after ``histories[b]``."""
        log_p = np.asarray(log_probabilities, dtype=np.float64)
        if self.repetition_penalty != 1.0:
            rows = zip(log_p, histories, strict=True)
            penalty, order = self.repetition_penalty, self.repetition_order
            log_p = np.stack([penalize_repetition(row, past, penalty, order) for row, past in rows])
        log_p = apply_temperature(log_p, self.temperature)
        if self.top_k is not None:
            log_p = keep_top_k(log_p, self.top_k)
        if self.top_p is not None:
            log_p = keep_nucleus(log_p, self.top_p)
        return log_p

    def choose(
        self,
        log_probabilities: np.ndarray,
        histories: Sequence[Sequence[int]] | np.ndarray,
        generator: np.random.Generator,
    ) -> np.ndarray:
        """Sample one symbol for each row of (B, V), each after its own history: indices (B,)."""
        return sample(self.apply(log_probabilities, histories), generator)


def apply_temperature(log_probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Return log of p_i^(1/T) / sum_j p_j^(1/T) along the last axis, for any T above 0 without
    overflow.

    T = 0.001 gives the argmax (ties share), T = 1 the distribution itself, T = 1000 nearly the
    uniform one. Practical 4, exercise 1 c.
    """
    _check_positive("temperature", temperature)
    log_p = _validate(log_probabilities)
    # The maximum is subtracted first: a tiny T then makes -inf of the others, never +inf.
    with np.errstate(over="ignore"):
        return log_softmax((log_p - log_p.max(axis=-1, keepdims=True)) / temperature, axis=-1)


def keep_top_k(log_probabilities: np.ndarray, k: int) -> np.ndarray:
    """Keep the k most probable symbols, renormalized; ties with the k-th stay too."""
    if k < 1:
        raise _bad("top_k", _("a whole number of 1 or more"), k)
    log_p = _validate(log_probabilities)
    if k >= log_p.shape[-1]:
        return _normalize(log_p)
    threshold = -np.partition(-log_p, k - 1, axis=-1)[..., k - 1 : k]
    return _normalize(np.where(log_p >= threshold, log_p, -np.inf))


def keep_nucleus(log_probabilities: np.ndarray, share: float) -> np.ndarray:
    """Keep the smallest set of most probable symbols with total probability ``share``,
    renormalized.

    The most probable symbol always stays. Holtzman et al. 2020, "The curious case of neural text
    degeneration", section 3.1.
    """
    if not 0 < share <= 1:
        raise _bad("top_p", _("a share above 0, up to 1"), share)
    log_p = _normalize(_validate(log_probabilities))
    order = np.argsort(-log_p, axis=-1, kind="stable")
    ranked = np.take_along_axis(np.exp(log_p), order, axis=-1)
    before = np.cumsum(ranked, axis=-1) - ranked
    is_kept = np.zeros(log_p.shape, dtype=bool)
    # The tolerance keeps rounding of the cumulative sum from adding a symbol.
    np.put_along_axis(is_kept, order, (before < share - 1e-12) & (ranked > 0), axis=-1)
    return _normalize(np.where(is_kept, log_p, -np.inf))


def penalize_repetition(
    log_probabilities: np.ndarray, history: Sequence[int], penalty: float, order: int = 1
) -> np.ndarray:
    """Return p_i^penalty, renormalized, for every symbol i that would repeat an ``order``-gram.

    Takes one row (V,); with ``order`` 1 every symbol of the history is penalized, as in CTRL.
    """
    _check_positive("repetition_penalty", penalty)
    log_p = _validate(log_probabilities).copy()
    repeated = _repeated(np.asarray(history, dtype=np.int64), order)
    log_p[repeated] *= penalty
    return _normalize(log_p)


def sample(log_probabilities: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Sample an index from each row of (..., V), by inversion of the cumulative distribution."""
    cumulative = np.cumsum(np.exp(_normalize(_validate(log_probabilities))), axis=-1)
    draws = generator.random((*cumulative.shape[:-1], 1)) * cumulative[..., -1:]
    return (cumulative <= draws).sum(axis=-1)


def entropy(log_probabilities: np.ndarray) -> np.ndarray:
    """Return H = -sum_i p_i ln p_i in nats along the last axis, from 0 to ln V."""
    log_p = _normalize(_validate(log_probabilities))
    return -(np.exp(log_p) * np.where(np.isneginf(log_p), 0.0, log_p)).sum(axis=-1)


def _repeated(history: np.ndarray, order: int) -> np.ndarray:
    """The symbols that would complete an n-gram of the history."""
    if order == 1:
        return np.unique(history)
    if len(history) < order:
        return np.empty(0, dtype=np.int64)
    ngrams = np.lib.stride_tricks.sliding_window_view(history, order)
    has_same_context = (ngrams[:, :-1] == history[len(history) - order + 1 :]).all(axis=1)
    return np.unique(ngrams[has_same_context, -1])


def _normalize(log_p: np.ndarray) -> np.ndarray:
    return log_p - logsumexp(log_p, axis=-1, keepdims=True)


def _validate(log_probabilities: np.ndarray) -> np.ndarray:
    log_p = np.asarray(log_probabilities, dtype=np.float64)
    if log_p.ndim == 0 or log_p.shape[-1] == 0 or not (log_p.max(axis=-1) > -np.inf).all():
        raise BadArray(
            _("no symbol has a finite log-probability"),
            expected=_("an array (..., V) with a finite number in every row and no NaN"),
            got=_("shape {shape}").format(shape=log_p.shape),
        )
    return log_p


def _check_positive(name: str, value: float) -> None:
    if not (np.isfinite(value) and value > 0):
        raise _bad(name, _("a number above 0"), value)


def _bad(name: str, expected: str, got: object) -> BadSetting:
    return BadSetting(
        _("the setting '{name}' is out of range").format(name=name), expected=expected, got=got
    )
