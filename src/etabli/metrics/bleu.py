"""BLEU of a corpus of captions (Papineni et al., 2002), with any number of references to a caption."""

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from etabli.metrics.caption_tokens import check_pairs, tokenize
from etabli.metrics.score import Score

ORDERS = 4


def corpus_bleu(
    hypotheses: Sequence[Sequence[str]],
    references: Sequence[Sequence[Sequence[str]]],
    orders: int = ORDERS,
) -> np.ndarray:
    """BLEU-n = BP exp(1/n sum_{k<=n} log p_k), n = 1 ... ``orders``; BP = exp(min(0, 1 - r/c)).

    ``p_k`` is the share of the hypotheses' k-grams that a reference has too, each counted at most as often as
    in the reference that has it most; numerators and denominators are summed over the corpus before dividing.
    ``c`` is the number of words of all hypotheses, ``r`` the same of the references nearest in length (the
    shorter of two). Without smoothing: a precision of 0 makes the score 0. Words in, (orders,) float64 out.
    Agrees with ``sacrebleu`` and, where no hypothesis is shorter than n words, with nltk's ``corpus_bleu``
    (which counts one n-gram in a hypothesis too short to have any).
    """
    check_pairs(hypotheses, references)
    matched, proposed = np.zeros(orders), np.zeros(orders)
    ours = theirs = 0
    for words, group in zip(hypotheses, references, strict=True):
        ours += len(words)
        theirs += _nearest_length(len(words), group)
        for n in range(1, orders + 1):
            counts = ngrams(words, n)
            matched[n - 1] += _clipped(counts, group, n)
            proposed[n - 1] += counts.total()
    if ours == 0:
        return np.zeros(orders)
    with np.errstate(divide="ignore"):
        logs = np.log(matched / np.maximum(proposed, 1))
    means = np.cumsum(logs) / np.arange(1, orders + 1)
    return math.exp(min(0.0, 1 - theirs / ours)) * np.exp(means)


def bleu(
    hypotheses: Sequence[str],
    references: Sequence[Sequence[str]],
    protocol: str = "course",
    **recipe: object,
) -> list[Score]:
    """BLEU-1 to BLEU-4 of whole captions as ``Score``; ``recipe`` adds how they were decoded, on what, ..."""
    words, answers = tokenize(hypotheses, references, protocol)
    numbers = sorted({len(group) for group in answers})
    signature = {
        "protocol": protocol,
        "refs": numbers[0] if len(numbers) == 1 else f"{numbers[0]}-{numbers[-1]}",
        "reflen": "closest",
        "smooth": "none",
        "n": len(words),
        **recipe,
    }
    values = corpus_bleu(words, answers)
    return [Score(float(value), {"bleu": n, **signature}) for n, value in enumerate(values, 1)]


def ngrams(words: Sequence[str], n: int) -> Counter:
    """How often each run of ``n`` words stands in the caption."""
    return Counter(zip(*(words[start:] for start in range(n)), strict=False))


def _clipped(counts: Counter, group: Sequence[Sequence[str]], n: int) -> int:
    most: Counter = Counter()
    for reference in group:
        most |= ngrams(reference, n)
    return (counts & most).total()


def _nearest_length(length: int, group: Sequence[Sequence[str]]) -> int:
    return min(
        (len(reference) for reference in group), key=lambda other: (abs(other - length), other)
    )
