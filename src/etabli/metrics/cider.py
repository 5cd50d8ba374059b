"""CIDEr-D: TF-IDF weighted n-gram agreement of a caption with its references."""

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from etabli.metrics.bleu import count_ngrams
from etabli.metrics.caption_tokens import check_pairs, tokenize
from etabli.metrics.score import Score

ORDERS = 4
SIGMA = 6.0


def cider_d(
    hypotheses: Sequence[Sequence[str]],
    references: Sequence[Sequence[Sequence[str]]],
    sigma: float = SIGMA,
) -> np.ndarray:
    """Compute CIDEr-D of N tokenized captions: (N,) float64; the corpus value is the mean.

    10 / (4 R) sum_n sum_r exp(-(c - r)^2 / 2 sigma^2) <min(h_n, r_n), r_n> / (|h_n| |r_n|), where
    ``h_n`` and ``r_n`` are the n-gram counts of hypothesis and reference, n = 1 ... 4, weighted
    by log(images / images whose references have the n-gram); ``c`` and ``r`` are their lengths in
    words. The weights come from these references, so that values on different sets of images are
    not comparable; where every weight is log 1 (one image, or the same references for all), all
    values are NaN: CIDEr-D is undefined. Vedantam et al. 2015, section 5; weights and the factor
    10 as in coco-caption.
    """
    check_pairs(hypotheses, references)
    grams = [[_counts(words) for words in group] for group in references]
    seen = Counter(gram for group in grams for gram in set().union(*group))
    images = math.log(len(references))

    def weigh(counts: Counter) -> list[dict]:
        levels: list[dict] = [{} for _ in range(ORDERS)]
        for gram, number in counts.items():
            levels[len(gram) - 1][gram] = number * (images - math.log(max(1, seen[gram])))
        return levels

    if all(seen[gram] == len(references) for gram in seen):
        return np.full(len(hypotheses), np.nan)
    values = np.zeros(len(hypotheses))
    for row, (words, group) in enumerate(zip(hypotheses, references, strict=True)):
        ours = weigh(_counts(words))
        for reference, counts in zip(group, grams[row], strict=True):
            gap = len(words) - len(reference)
            values[row] += math.exp(-(gap**2) / (2 * sigma**2)) * _agreement(ours, weigh(counts))
        values[row] *= 10.0 / len(group)
    return values


def cider(
    hypotheses: Sequence[str],
    references: Sequence[Sequence[str]],
    protocol: str = "standard",
    **recipe: object,
) -> Score:
    """Compute the mean CIDEr-D of captions; NaN where it is undefined, as the recipe then says."""
    words, answers = tokenize(hypotheses, references, protocol)
    signature = {
        "cider": "D",
        "protocol": protocol,
        "idf": "references",
        "sigma": 6,
        "n": len(words),
        **recipe,
    }
    value = float(cider_d(words, answers).mean())
    if math.isnan(value):
        return Score.undefined("every n-gram is in the references of all images", signature)
    return Score(value, signature)


def _counts(words: Sequence[str]) -> Counter:
    counts: Counter = Counter()
    for n in range(1, ORDERS + 1):
        counts.update(count_ngrams(words, n))
    return counts


def _agreement(ours: list[dict], theirs: list[dict]) -> float:
    """Average <min(h, r), r> / (|h| |r|) over n; 0 where one of them has no weight."""
    total = 0.0
    for ours_n, theirs_n in zip(ours, theirs, strict=True):
        size = math.sqrt(_square(ours_n) * _square(theirs_n))
        if size > 0:
            shared = ours_n.keys() & theirs_n.keys()
            total += (
                sum(min(ours_n[gram], theirs_n[gram]) * theirs_n[gram] for gram in shared) / size
            )
    return total / ORDERS


def _square(weights: dict) -> float:
    return sum(weight * weight for weight in weights.values())
