"""How well characters are predicted, and what generated text looks like."""

import re
from collections.abc import Collection, Sequence

import numpy as np

from etabli.core.errors import BadArray
from etabli.core.i18n import _
from etabli.metrics.score import Score

__all__ = ["next_character_accuracy", "distinct", "known_words", "negative_log_likelihood", "repetition", "find_words"]

_WORD = re.compile(r"[^\W\d_]+")


def negative_log_likelihood(log_probabilities: np.ndarray, targets: np.ndarray) -> Score:
    """-mean_n ln p_n(target_n): nats per character, over (N, V) and (N,); ln V for the uniform guess.

    Perplexity is its exponential; bits per character are nats / ln 2.
    """
    log_p, targets = _paired(log_probabilities, targets)
    value = -float(log_p[np.arange(len(targets)), targets].mean())
    return Score(value, {"nats": "per character", "n": len(targets), "v": log_p.shape[1]})


def next_character_accuracy(log_probabilities: np.ndarray, targets: np.ndarray) -> Score:
    """The share of targets (N,) that are the likeliest symbol of (N, V); of equals the first counts."""
    log_p, targets = _paired(log_probabilities, targets)
    return Score(
        float((log_p.argmax(axis=1) == targets).mean()),
        {"accuracy": "next character", "n": len(targets)},
    )


def distinct(symbols: Sequence, n: int = 4) -> Score:
    """distinct-n: different n-grams over all n-grams of a sequence; 1 where none comes twice.

    Li et al. 2016, "A diversity-promoting objective function for neural conversation models", section 5.
    """
    grams = _grams(symbols, n)
    return Score(len(set(grams)) / len(grams), {"distinct": n, "n": len(grams)})


def repetition(symbols: Sequence, n: int = 20) -> Score:
    """The share of runs of n symbols that were written before in the same sequence: how much of it is a
    loop.
    """
    return Score(1 - distinct(symbols, n).value, {"repeated runs of": n, "n": len(symbols) - n + 1})


def known_words(text: str, lexicon: Collection[str]) -> Score:
    """The share of the words of a text that stand in the lexicon; 0 for a text without a word.

    A word that the end of the text cuts off, and one that its beginning may, count as the others.
    """
    words = find_words(text)
    known = sum(word in lexicon for word in words)
    return Score(known / len(words) if words else 0.0, {"words": "known", "n": len(words)})


def find_words(text: str) -> list[str]:
    """The runs of letters of a text, in order."""
    return _WORD.findall(text)


def _grams(symbols: Sequence, n: int) -> list[tuple]:
    if n < 1 or len(symbols) < n:
        raise BadArray(
            _("a sequence of {length} symbols has no n-gram of {n}").format(length=len(symbols), n=n),
            expected=_("1 <= n <= {length}").format(length=len(symbols)),
        )
    return list(
        zip(*(symbols[start : len(symbols) - n + start + 1] for start in range(n)), strict=True)
    )


def _paired(log_probabilities: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    log_p, targets = np.asarray(log_probabilities), np.asarray(targets)
    if log_p.ndim != 2 or targets.shape != log_p.shape[:1] or len(targets) == 0:
        raise BadArray(
            _("predictions and targets do not match"),
            expected=_("(N, V) and (N,), N >= 1"),
            got=_("{one} and {other}").format(one=log_p.shape, other=targets.shape),
        )
    return log_p, targets
