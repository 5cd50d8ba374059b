"""BLEU of a corpus of captions (Papineni et al., 2002), with any number of references each."""

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
    """Compute BLEU-n = BP exp(1/n sum_{k<=n} log p_k), n = 1 ... ``orders``; (orders,) float64.

    BP = exp(min(0, 1 - r/c)). ``p_k`` is the share of the hypotheses' k-grams that also occur in a
    reference, each counted at most as often as in the reference that has it most; numerators and
    denominators are summed over the corpus before dividing. ``c`` is the number of words of all
    hypotheses, ``r`` that of the references closest in length (the shorter of two). There is no
    smoothing: a precision of 0 makes the score 0. Agrees with ``sacrebleu`` and, where no
    hypothesis is shorter than n words, with NLTK (which counts one n-gram in a shorter one).
    """
    check_pairs(hypotheses, references)
    matched, proposed = np.zeros(orders), np.zeros(orders)
    length = reference_length = 0
    for words, group in zip(hypotheses, references, strict=True):
        length += len(words)
        lengths = (len(reference) for reference in group)
        reference_length += min(lengths, key=lambda other: (abs(other - len(words)), other))
        for n in range(1, orders + 1):
            counts, most = count_ngrams(words, n), Counter[tuple[str, ...]]()
            for reference in group:
                most |= count_ngrams(reference, n)
            matched[n - 1] += (counts & most).total()
            proposed[n - 1] += counts.total()
    if length == 0:
        return np.zeros(orders)
    with np.errstate(divide="ignore"):
        logs = np.log(matched / np.maximum(proposed, 1))
    means = np.cumsum(logs) / np.arange(1, orders + 1)
    return math.exp(min(0.0, 1 - reference_length / length)) * np.exp(means)


def bleu(
    hypotheses: Sequence[str],
    references: Sequence[Sequence[str]],
    protocol: str = "course",
    **recipe: object,
) -> list[Score]:
    """Compute BLEU-1 to BLEU-4 of captions; ``recipe`` adds how they were decoded, on what, ..."""
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


def count_ngrams(words: Sequence[str], n: int) -> Counter[tuple[str, ...]]:
    """Count the n-grams of a caption."""
    return Counter(zip(*(words[start:] for start in range(n)), strict=False))
