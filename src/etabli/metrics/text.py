"""Metrics of next-character prediction and of generated text."""

import re
from collections.abc import Collection, Sequence

import numpy as np

from etabli.core.errors import BadArray
from etabli.core.i18n import _
from etabli.metrics.score import Score

__all__ = [
    "distinct",
    "find_copied",
    "find_words",
    "known_words",
    "mean_nats",
    "negative_log_likelihood",
    "next_character_accuracy",
    "repetition",
]

_WORD = re.compile(r"[^\W\d_]+")


def negative_log_likelihood(log_probabilities: np.ndarray, targets: np.ndarray) -> Score:
    """Compute -mean_n ln p_n(target_n), nats per character, from (N, V) and (N,).

    Its exponential is the perplexity; bits per character are nats / ln 2; uniform gives ln V.
    """
    log_p, targets = _check_pairs(log_probabilities, targets)
    value = -float(log_p[np.arange(len(targets)), targets].mean())
    return Score(value, {"nats": "per character", "n": len(targets), "v": log_p.shape[1]})


def mean_nats(log_p: np.ndarray, vocabulary: int) -> Score:
    """Compute the negative log-likelihood from ln p (N,) of the targets, of an adaptive model."""
    recipe = {"nats": "per character", "n": len(log_p), "v": vocabulary}
    return Score(-float(np.mean(log_p)), recipe)


def next_character_accuracy(log_probabilities: np.ndarray, targets: np.ndarray) -> Score:
    """Compute the share of targets (N,) that are the argmax of (N, V); the first of ties counts."""
    log_p, targets = _check_pairs(log_probabilities, targets)
    return Score(
        float((log_p.argmax(axis=1) == targets).mean()),
        {"accuracy": "next character", "n": len(targets)},
    )


def distinct(symbols: Sequence, n: int = 4) -> Score:
    """Compute distinct-n: the number of different n-grams over that of all n-grams.

    Li et al. 2016, "A diversity-promoting objective function for neural conversation models".
    """
    grams = _grams(symbols, n)
    return Score(len(set(grams)) / len(grams), {"distinct": n, "n": len(grams)})


def repetition(symbols: Sequence, n: int = 20) -> Score:
    """Compute the share of n-grams that occurred before in the sequence: how much of it loops."""
    return Score(1 - distinct(symbols, n).value, {"repeated runs of": n, "n": len(symbols) - n + 1})


def known_words(text: str, lexicon: Collection[str]) -> Score:
    """Compute the share of the words of a text that are in the lexicon; 0 without a word.

    Words cut off by the beginning or the end of the text count like the others.
    """
    words = find_words(text)
    known = sum(word in lexicon for word in words)
    return Score(known / len(words) if words else 0.0, {"words": "known", "n": len(words)})


def find_copied(text: str, source: str, shortest: int = 32) -> tuple[int, int, int] | None:
    """Return the longest passage of a text that is in ``source``: start, length, start in source.

    None where no passage has ``shortest`` characters; of several equally long ones the last.
    """
    block = shortest // 2
    wanted: dict[str, list[int]] = {}
    for start in range(len(text) - block + 1):
        wanted.setdefault(text[start : start + block], []).append(start)
    best = (0, 0, 0)
    # Every passage of 2 * block - 1 characters contains a block that begins at a multiple of it.
    for position in range(0, len(source) - block + 1, block):
        for start in wanted.get(source[position : position + block], ()):
            found = _extend(text, start, source, position)
            if (found[1], found[0]) > (best[1], best[0]):
                best = found
    return best if best[1] >= shortest else None


def _extend(text: str, start: int, source: str, position: int) -> tuple[int, int, int]:
    """Return the whole passage around a common character."""
    back = 0
    while (
        start > back and position > back and text[start - back - 1] == source[position - back - 1]
    ):
        back += 1
    length = 0
    end = min(len(text) - start, len(source) - position)
    while length < end and text[start + length] == source[position + length]:
        length += 1
    return start - back, back + length, position - back


def find_words(text: str) -> list[str]:
    """Return the runs of letters of a text, in order."""
    return _WORD.findall(text)


def _grams(symbols: Sequence, n: int) -> list[tuple]:
    if n < 1 or len(symbols) < n:
        raise BadArray(
            _("a sequence of {length} symbols has no n-gram of {n}").format(
                length=len(symbols), n=n
            ),
            expected=_("1 <= n <= {length}").format(length=len(symbols)),
        )
    return list(
        zip(*(symbols[start : len(symbols) - n + start + 1] for start in range(n)), strict=True)
    )


def _check_pairs(
    log_probabilities: np.ndarray, targets: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    log_p, targets = np.asarray(log_probabilities), np.asarray(targets)
    if log_p.ndim != 2 or targets.shape != log_p.shape[:1] or len(targets) == 0:
        raise BadArray(
            _("predictions and targets do not match"),
            expected=_("(N, V) and (N,), N >= 1"),
            got=_("{one} and {other}").format(one=log_p.shape, other=targets.shape),
        )
    return log_p, targets
