"""CIDEr-D: agreement with what all references say, words that every image has counting little."""

import math
from collections import Counter
from collections.abc import Hashable, Sequence

import numpy as np

from etabli.metrics.bleu import ngrams
from etabli.metrics.caption_tokens import check_pairs, tokenize
from etabli.metrics.score import Score

ORDERS = 4
SIGMA = 6.0

Words = Sequence[Hashable]


class CiderD:
    """10 / (4 R) sum_n sum_r exp(-(c - r)^2 / 2 sigma^2) <min(h_n, r_n), r_n> / (|h_n| |r_n|), for an image.

    ``h_n`` and ``r_n`` are the n-gram counts of hypothesis and reference, n = 1 ... 4, each weighted by
    log(images / images whose references have the n-gram); ``c`` and ``r`` their lengths in words. The weights come
    from the references given, those of all images; what depends on them alone is computed once, so that thousands of
    captions of the same images are scored quickly. Words may be strings or numbers. Vedantam et al., 2015, section 5;
    weights and the factor 10 as in coco-caption.
    """

    def __init__(self, references: Sequence[Sequence[Words]], sigma: float = SIGMA) -> None:
        counts = [[_counts(words) for words in group] for group in references]
        seen = Counter(gram for group in counts for gram in set().union(*group))
        self._unseen, self._sigma = math.log(len(references)), sigma
        self._weight = {gram: self._unseen - math.log(number) for gram, number in seen.items()}
        self._lengths = [np.array([len(words) for words in group]) for group in references]
        self._holders, self._sizes = zip(*map(self._indexed, counts), strict=True)

    def _indexed(self, group: Sequence[Counter]) -> tuple[dict, np.ndarray]:
        """n-gram -> the references that have it, with its weight in them; and |r_n|, (ORDERS, R)."""
        holders: dict[tuple, list[tuple[int, float]]] = {}
        squares = np.zeros((ORDERS, len(group)))
        for reference, counts in enumerate(group):
            for gram, number in counts.items():
                weight = number * self._weight[gram]
                holders.setdefault(gram, []).append((reference, weight))
                squares[len(gram) - 1, reference] += weight * weight
        return holders, np.sqrt(squares)

    def __call__(self, image: int, words: Words) -> float:
        """The value of one caption of one image."""
        lengths, sizes, holders = self._lengths[image], self._sizes[image], self._holders[image]
        shared, square = [[0.0] * len(lengths) for _ in range(ORDERS)], [0.0] * ORDERS
        for gram, number in _counts(words).items():
            ours, level = number * self._weight.get(gram, self._unseen), len(gram) - 1
            square[level] += ours * ours
            for reference, theirs in holders.get(gram, ()):
                shared[level][reference] += min(ours, theirs) * theirs
        both = np.sqrt(square)[:, None] * sizes
        agreement = np.divide(shared, both, out=np.zeros_like(both), where=both > 0).mean(axis=0)
        near = np.exp(-((len(words) - lengths) ** 2) / (2 * self._sigma**2))
        return 10.0 * float((near * agreement).mean())


def cider_d(hypotheses: Sequence[Words], references: Sequence[Sequence[Words]], sigma: float = SIGMA) -> np.ndarray:
    """``CiderD`` of one caption for every image: words in, (N,) float64 out; the corpus value is the mean.

    The weights come from these references, so that values on different sets of images do not compare.
    """
    check_pairs(hypotheses, references)
    value = CiderD(references, sigma)
    return np.array([value(image, words) for image, words in enumerate(hypotheses)])


def cider(
    hypotheses: Sequence[str],
    references: Sequence[Sequence[str]],
    protocol: str = "standard",
    **recipe: object,
) -> Score:
    """CIDEr-D of whole captions as a ``Score``, the mean over images."""
    words, answers = tokenize(hypotheses, references, protocol)
    signature = {
        "cider": "D",
        "protocol": protocol,
        "idf": "references",
        "sigma": 6,
        "n": len(words),
        **recipe,
    }
    return Score(float(cider_d(words, answers).mean()), signature)


def _counts(words: Words) -> Counter:
    counts: Counter = Counter()
    for n in range(1, ORDERS + 1):
        counts.update(ngrams(words, n))
    return counts
