"""Of the captions that a beam found, first the one that the others agree with, each as much as it is likely.

With scores s_k (log p / length^alpha) of captions c_1 ... c_K of an image, weights q = softmax(s / temperature):

    expected agreement of c_k = sum_j q_j agreement(c_k, c_j)
    agreement(c, d) = 1/4 sum_n exp(-(|c| - |d|)^2 / 2 sigma^2) <min(c_n, d_n), d_n> / (|c_n| |d_n|)

where c_n are the counts of n-grams, n = 1 ... 4: CIDEr-D with all n-grams counting alike. The likeliest caption is
often an odd one among its neighbours; the one in their midst is nearer to what people write. Kumar and Byrne, "Minimum
Bayes-risk decoding", 2004; consensus among captions: Devlin et al., "Exploring nearest neighbor approaches for image
captioning", 2015.
"""

from collections.abc import Hashable, Sequence

import numpy as np
from scipy.special import softmax

from etabli.models.beam import Found

ORDERS = 4
SIGMA = 6.0


def reranked(found: Found, temperature: float) -> Found:
    """The same captions of each image, those of the greatest expected agreement first; scores go with them."""
    words, scores = found.words.copy(), found.scores.copy()
    for image, (group, score) in enumerate(zip(found.words, found.scores, strict=True)):
        captions = [tuple(line[line >= 0].tolist()) for line in group]
        order = np.argsort(-(agreement(captions) @ softmax(score / temperature)), kind="stable")
        words[image], scores[image] = group[order], score[order]
    return Found(words, scores)


def agreement(captions: Sequence[Sequence[Hashable]]) -> np.ndarray:
    """How much each of K captions agrees with each, (K, K): 1 for a caption of four words or more with itself."""
    total = np.zeros((len(captions), len(captions)))
    for n in range(1, ORDERS + 1):
        counts = _counts(captions, n)
        size = np.linalg.norm(counts, axis=1)
        shared = (np.minimum(counts[:, None], counts) * counts).sum(axis=-1)
        both = size[:, None] * size
        total += np.divide(shared, both, out=np.zeros_like(both), where=both > 0)
    length = np.array([len(caption) for caption in captions])
    return total / ORDERS * np.exp(-((length[:, None] - length) ** 2) / (2 * SIGMA**2))


def _counts(captions: Sequence[Sequence[Hashable]], n: int) -> np.ndarray:
    """How often each n-gram that one of them has stands in each caption: (K, n-grams)."""
    runs = [list(zip(*(caption[start:] for start in range(n)), strict=False)) for caption in captions]
    places = {run: place for place, run in enumerate(dict.fromkeys(run for line in runs for run in line))}
    counts = np.zeros((len(captions), len(places)))
    for row, line in enumerate(runs):
        for run in line:
            counts[row, places[run]] += 1
    return counts
