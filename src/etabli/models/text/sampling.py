"""From a distribution over the next symbol to a choice: temperature, top-k, nucleus, repetition penalty.

Everything works on log-probabilities (..., V) and returns log-probabilities, normalised, so that the steps
can be put one after the other; ``-inf`` marks a symbol that cannot come.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import log_softmax, logsumexp

from etabli.core.errors import BadArray, BadSetting
from etabli.core.i18n import _

__all__ = [
    "Decoding",
    "entropy",
    "keep_nucleus",
    "keep_top_k",
    "penalise_repetition",
    "sample",
    "temper",
]


@dataclass(frozen=True)
class Decoding:
    """How the next symbol is chosen; what each knob does when it is turned.

    temperature: below 1 the likely becomes likelier (-> 0: always the likeliest), above 1 all evens out.
    top_k: only the k likeliest symbols may come (None: all).
    top_p: only the likeliest symbols that together hold the share p may come (None: all).
    repetition_penalty: above 1, a symbol that would repeat is less likely: its probability is raised
    to this
        power; 1 leaves it. After Keskar et al. 2019 (CTRL, section 4.1), in log-probabilities.
    repetition_order: what counts as repeating: completing a run of so many symbols that was already written
        (1: the symbol itself was written before).
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    repetition_penalty: float = 1.0
    repetition_order: int = 1

    def __post_init__(self) -> None:
        _positive("temperature", self.temperature)
        _positive("repetition_penalty", self.repetition_penalty)
        for name in ("top_k", "repetition_order"):
            value = getattr(self, name)
            if value is not None and (value != int(value) or value < 1):
                raise _bad(name, _("a whole number of 1 or more"), value)
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise _bad("top_p", _("a share above 0, up to 1"), self.top_p)

    def apply(
        self, log_probabilities: np.ndarray, histories: Sequence[Sequence[int]] = ()
    ) -> np.ndarray:
        """The log-probabilities (B, V) that the next symbols are drawn from, row b after
        ``histories[b]``.
        """
        log_p = np.asarray(log_probabilities, dtype=np.float64)
        if self.repetition_penalty != 1.0:
            rows = zip(log_p, histories, strict=True)
            penalty, order = self.repetition_penalty, self.repetition_order
            log_p = np.stack([penalise_repetition(row, past, penalty, order) for row, past in rows])
        log_p = temper(log_p, self.temperature)
        if self.top_k is not None:
            log_p = keep_top_k(log_p, self.top_k)
        if self.top_p is not None:
            log_p = keep_nucleus(log_p, self.top_p)
        return log_p

    def choose(
        self,
        log_probabilities: np.ndarray,
        histories: Sequence[Sequence[int]],
        generator: np.random.Generator,
    ) -> np.ndarray:
        """One symbol for each row of (B, V), each row after its own history: indices (B,)."""
        return sample(self.apply(log_probabilities, histories), generator)


def temper(log_probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """log of p_i^(1/T) / sum_j p_j^(1/T), along the last axis, for any T above 0 without overflow.

    The largest log-probability is taken away before the division, so that T = 0.001 leaves the argmax (ties
    share), T = 1 the distribution itself, T = 1000 nearly the uniform one. Practical 4, exercise 1 c.
    """
    _positive("temperature", temperature)
    log_p = _checked(log_probabilities)
    with np.errstate(over="ignore"):
        return log_softmax((log_p - log_p.max(axis=-1, keepdims=True)) / temperature, axis=-1)


def keep_top_k(log_probabilities: np.ndarray, k: int) -> np.ndarray:
    """The k likeliest symbols of the last axis, renormalised; symbols equal to the k-th stay as well."""
    if k < 1:
        raise _bad("top_k", _("a whole number of 1 or more"), k)
    log_p = _checked(log_probabilities)
    if k >= log_p.shape[-1]:
        return _normalised(log_p)
    threshold = -np.partition(-log_p, k - 1, axis=-1)[..., k - 1 : k]
    return _normalised(np.where(log_p >= threshold, log_p, -np.inf))


def keep_nucleus(log_probabilities: np.ndarray, share: float) -> np.ndarray:
    """The smallest set of likeliest symbols whose probabilities reach ``share``, renormalised.

    The likeliest symbol always stays. Holtzman et al. 2020, "The curious case of neural text
    degeneration", section 3.1.
    """
    if not 0 < share <= 1:
        raise _bad("top_p", _("a share above 0, up to 1"), share)
    log_p = _normalised(_checked(log_probabilities))
    order = np.argsort(-log_p, axis=-1, kind="stable")
    ranked = np.take_along_axis(np.exp(log_p), order, axis=-1)
    before = np.cumsum(ranked, axis=-1) - ranked
    kept = np.zeros(log_p.shape, dtype=bool)
    np.put_along_axis(kept, order, (before < share - 1e-12) & (ranked > 0), axis=-1)
    return _normalised(np.where(kept, log_p, -np.inf))


def penalise_repetition(
    log_probabilities: np.ndarray, history: Sequence[int], penalty: float, order: int = 1
) -> np.ndarray:
    """p_i^penalty, renormalised, for every symbol i that would repeat a run of ``order`` symbols.

    Takes one row (V,); with ``order`` 1 every symbol of the history is penalised, as in CTRL.
    """
    _positive("repetition_penalty", penalty)
    log_p = _checked(log_probabilities).copy()
    repeated = _repeated(np.asarray(history, dtype=np.int64), order)
    log_p[repeated] *= penalty
    return _normalised(log_p)


def sample(log_probabilities: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """An index drawn from each row of (..., V), by inversion of the cumulative distribution; shape
    (...).
    """
    cumulative = np.cumsum(np.exp(_normalised(_checked(log_probabilities))), axis=-1)
    draws = generator.random((*cumulative.shape[:-1], 1)) * cumulative[..., -1:]
    return (cumulative <= draws).sum(axis=-1)


def entropy(log_probabilities: np.ndarray) -> np.ndarray:
    """H = -sum_i p_i ln p_i in nats along the last axis; 0 for a sure choice, ln V for the uniform one."""
    log_p = _normalised(_checked(log_probabilities))
    return -(np.exp(log_p) * np.where(np.isneginf(log_p), 0.0, log_p)).sum(axis=-1)


def _repeated(history: np.ndarray, order: int) -> np.ndarray:
    if order == 1:
        return np.unique(history)
    if len(history) < order:
        return np.empty(0, dtype=np.int64)
    runs = np.lib.stride_tricks.sliding_window_view(history, order)
    same = (runs[:, :-1] == history[len(history) - order + 1 :]).all(axis=1)
    return np.unique(runs[same, -1])


def _normalised(log_p: np.ndarray) -> np.ndarray:
    return log_p - logsumexp(log_p, axis=-1, keepdims=True)


def _checked(log_probabilities: np.ndarray) -> np.ndarray:
    log_p = np.asarray(log_probabilities, dtype=np.float64)
    if log_p.ndim == 0 or log_p.shape[-1] == 0 or not (log_p.max(axis=-1) > -np.inf).all():
        raise BadArray(
            _("these log-probabilities leave no symbol to choose"),
            expected=_("an array (..., V) with a finite number in every row and no NaN"),
            got=_("shape {shape}").format(shape=log_p.shape),
        )
    return log_p


def _positive(name: str, value: float) -> None:
    if not (np.isfinite(value) and value > 0):
        raise _bad(name, _("a number above 0"), value)


def _bad(name: str, expected: str, got: object) -> BadSetting:
    return BadSetting(
        _("the setting '{name}' is out of range").format(name=name), expected=expected, got=got
    )
