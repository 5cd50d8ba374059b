"""Reranking of captions by agreement with each other and with captions of similar images.

With scores s_k (log p / length^alpha) of captions c_1 ... c_K of an image, weights q = softmax(s /
temperature), and d_1 ... d_E the reference captions of the most similar training images
(``CaptionRetrieval``):

    value of c_k = sum_j q_j agreement(c_k, c_j) + retrieval_weight 1/E sum_e agreement(c_k, d_e)
    agreement(c, d) = 1/4 sum_n exp(-(|c| - |d|)^2 / 2 sigma^2) <min(c_n, d_n), d_n> / (|c_n| |d_n|)

where c_n are the counts of n-grams, n = 1 ... 4: CIDEr-D without the tf-idf weights. The most
probable caption is often an outlier; the most central one is closer to the references. Kumar and
Byrne, "Minimum Bayes-risk decoding", 2004; with captions of similar images: Devlin et al.,
"Exploring nearest neighbor approaches for image captioning" and "Language models for image
captioning: the quirks and what works", both 2015.
"""

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import softmax

from etabli.core.errors import BadArray
from etabli.core.i18n import _
from etabli.models.captioning.beam_search import SearchConfig, SearchResult

ORDERS = 4
SIGMA = 6.0
Caption = Sequence[Hashable]


@dataclass(frozen=True)
class Agreements:
    """K captions of an image and their agreements.

    ``mutual`` (K, K) holds those with each other, ``retrieved`` (K, images) those with the captions
    of similar images, averaged per image, most similar image first.
    """

    words: np.ndarray
    scores: np.ndarray
    mutual: np.ndarray
    retrieved: np.ndarray

    def rank(self, config: SearchConfig) -> np.ndarray:
        """Return the indices of the captions by decreasing value."""
        value = self.mutual @ softmax(self.scores / config.reranking_temperature)
        if config.neighbors:
            retrieved = self.retrieved[:, : config.neighbors].mean(axis=1)
            value = value + config.retrieval_weight * retrieved
        return np.argsort(-value, kind="stable")


def compare_captions(
    found: SearchResult, similar: Sequence[Sequence[Sequence[Caption]]] = ()
) -> list[Agreements]:
    """Return the agreements of every image's captions.

    ``similar`` holds the captions of the images that are similar to each.
    """
    agreements = []
    for image, (group, scores) in enumerate(zip(found.words, found.scores, strict=True)):
        captions = [tuple(line[line >= 0].tolist()) for line in group]
        retrieved = np.zeros((len(captions), 0))
        if similar:
            written = [caption for each in similar[image] for caption in each]
            ends = np.cumsum([len(each) for each in similar[image]])[:-1]
            shares = np.split(agreement(captions, written), ends, axis=1)
            retrieved = np.stack([share.mean(axis=1) for share in shares], axis=1)
        mutual = agreement(captions, captions)
        agreements.append(Agreements(group, scores, mutual, retrieved))
    return agreements


def rerank(agreements: Sequence[Agreements], config: SearchConfig) -> SearchResult:
    """Return the captions of each image with their scores, by decreasing value."""
    pairs = [(each, each.rank(config)) for each in agreements]
    return SearchResult(
        np.stack([each.words[order] for each, order in pairs]),
        np.stack([each.scores[order] for each, order in pairs]),
    )


def agreement(captions: Sequence[Caption], others: Sequence[Caption]) -> np.ndarray:
    """Return the agreement (K, E) of captions with others.

    A caption of four or more words has agreement 1 with itself.
    """
    total = np.zeros((len(captions), len(others)))
    for n in range(1, ORDERS + 1):
        ours, theirs = _ngrams(captions, n), _ngrams(others, n)
        distinct = dict.fromkeys(ngram for line in ours for ngram in line)
        columns = {ngram: column for column, ngram in enumerate(distinct)}
        a, b = _counts(ours, columns), _counts(theirs, columns)
        # N-grams found in none of our captions count only in the norm of the other caption.
        size = np.linalg.norm(a, axis=1)[:, None] * _norms(theirs)
        shared = (np.minimum(a[:, None], b) * b).sum(axis=-1)
        total += np.divide(shared, size, out=np.zeros_like(size), where=size > 0)
    lengths, other_lengths = (np.array(list(map(len, each))) for each in (captions, others))
    gap = lengths[:, None] - other_lengths
    return total / ORDERS * np.exp(-(gap**2) / (2 * SIGMA**2))


def _ngrams(captions: Sequence[Caption], n: int) -> list[list[tuple]]:
    return [
        list(zip(*(caption[start:] for start in range(n)), strict=False)) for caption in captions
    ]


def _counts(ngrams: list[list[tuple]], columns: dict[tuple, int]) -> np.ndarray:
    """Count each n-gram of ``columns`` in each caption: (captions, n-grams)."""
    counts = np.zeros((len(ngrams), len(columns)))
    for row, line in enumerate(ngrams):
        for ngram in line:
            if ngram in columns:
                counts[row, columns[ngram]] += 1
    return counts


def _norms(ngrams: list[list[tuple]]) -> np.ndarray:
    """Return |d_n|, the Euclidean norm of the n-gram counts of each caption."""
    return np.sqrt([sum(number * number for number in Counter(line).values()) for line in ngrams])


@dataclass(frozen=True)
class CaptionRetrieval:
    """I training images whose captions can be used to rerank others.

    ``directions`` (I, D) are unit vectors of their mean features minus ``mean`` (D,), ``captions``
    (I, R, T) word indices padded with -1, without ``<start>``.
    """

    mean: np.ndarray
    directions: np.ndarray
    captions: np.ndarray

    def __post_init__(self) -> None:
        same = (
            len(self.directions) == len(self.captions) > 0
            and self.directions.shape[1:] == self.mean.shape
        )
        if not same or self.captions.ndim != 3:
            raise BadArray(
                _("the arrays of the caption retrieval do not match"),
                expected="(D,), (I, D), (I, R, T)",
                got=(self.mean.shape, self.directions.shape, self.captions.shape),
            )

    @classmethod
    def from_features(cls, features: np.ndarray, captions: np.ndarray) -> "CaptionRetrieval":
        """Build it from mean features (I, D) and captions (I, R, T + 1) that begin with <start>."""
        mean = features.mean(axis=0)
        return cls(
            mean,
            _directions(features - mean).astype(np.float16),
            captions[:, :, 1:].astype(np.int32),
        )

    def nearest_images(self, features: np.ndarray, number: int) -> np.ndarray:
        """Return the indices (N, number) of the images with the largest cosines, nearest first."""
        cosines = _directions(features - self.mean) @ self.directions.astype(np.float32).T
        return np.argsort(-cosines, axis=1, kind="stable")[:, : max(0, number)]

    def retrieve(self, features: np.ndarray, number: int) -> list[list[list[tuple[int, ...]]]]:
        """Return, for each of N images, the captions of each of the ``number`` nearest ones."""
        images = self.nearest_images(features, number)
        captions = {
            image: [tuple(line[line >= 0].tolist()) for line in self.captions[image]]
            for image in np.unique(images).tolist()
        }
        return [[captions[image] for image in row] for row in images.tolist()]


def _directions(features: np.ndarray) -> np.ndarray:
    features = features.astype(np.float32)
    return features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
