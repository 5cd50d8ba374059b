"""Of the captions that a beam found, first the one that other captions agree with.

With scores s_k (log p / length^alpha) of captions c_1 ... c_K of an image, weights q = softmax(s / temperature), and
d_1 ... d_E what people wrote of the training images that look most alike (``etabli.models.captioning.reranking``):

    value of c_k = sum_j q_j agreement(c_k, c_j) + trust 1/E sum_e agreement(c_k, d_e)
    agreement(c, d) = 1/4 sum_n exp(-(|c| - |d|)^2 / 2 sigma^2) <min(c_n, d_n), d_n> / (|c_n| |d_n|)

where c_n are the counts of n-grams, n = 1 ... 4: CIDEr-D with all n-grams counting alike. The likeliest caption is
often an odd one among its neighbours; the one in their midst is nearer to what people write. Kumar and Byrne, "Minimum
Bayes-risk decoding", 2004; captions of similar images as judges: Devlin et al., "Exploring nearest neighbor approaches
for image captioning", 2015, and, of captions that a net proposed, "Language models for image captioning: the quirks and
what works", 2015.

The training images that a captioner remembers: how each looks, and what people wrote of it.
"""

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import softmax

from etabli.core.errors import BadArray
from etabli.core.i18n import _
from etabli.models.captioning.beam_search import Found, Search

ORDERS = 4
SIGMA = 6.0
Caption = Sequence[Hashable]


@dataclass(frozen=True)
class Judged:
    """Captions found of an image, and how each agrees: ``own`` (K, K) with each other, ``near`` (K, images) with the
    captions of similar images, the mean over an image's, the most similar first."""

    words: np.ndarray
    scores: np.ndarray
    own: np.ndarray
    near: np.ndarray

    def order(self, how: Search) -> np.ndarray:
        """The places of the captions, that of the greatest value first."""
        value = self.own @ softmax(self.scores / how.consensus)
        if how.neighbours:
            value = value + how.trust * self.near[:, : how.neighbours].mean(axis=1)
        return np.argsort(-value, kind="stable")


def judged(found: Found, similar: Sequence[Sequence[Sequence[Caption]]] = ()) -> list[Judged]:
    """Every image's captions with their agreements; ``similar`` holds for each image the captions of some others."""
    made = []
    for image, (group, scores) in enumerate(zip(found.words, found.scores, strict=True)):
        captions = [tuple(line[line >= 0].tolist()) for line in group]
        near = np.zeros((len(captions), 0))
        if similar:
            written = [caption for each in similar[image] for caption in each]
            ends = np.cumsum([len(each) for each in similar[image]])[:-1]
            shares = np.split(agreement(captions, written), ends, axis=1)
            near = np.stack([share.mean(axis=1) for share in shares], axis=1)
        made.append(Judged(group, scores, agreement(captions, captions), near))
    return made


def reranked(judgements: Sequence[Judged], how: Search) -> Found:
    """The captions of each image, those of the greatest value first; scores go with them."""
    orders = [each.order(how) for each in judgements]
    pairs = list(zip(judgements, orders, strict=True))
    return Found(
        np.stack([each.words[order] for each, order in pairs]),
        np.stack([e.scores[o] for e, o in pairs]),
    )


def agreement(captions: Sequence[Caption], others: Sequence[Caption]) -> np.ndarray:
    """How much each of K captions agrees with each of E others, (K, E): 1 for one of four words or more with itself."""
    total = np.zeros((len(captions), len(others)))
    for n in range(1, ORDERS + 1):
        ours, theirs = _runs(captions, n), _runs(others, n)
        places = {
            run: place
            for place, run in enumerate(dict.fromkeys(run for line in ours for run in line))
        }
        a, b = _counts(ours, places), _counts(theirs, places)
        # A run that none of ours has is shared by nobody, but makes the other caption's length greater.
        size = np.linalg.norm(a, axis=1)[:, None] * _lengths(theirs)
        shared = (np.minimum(a[:, None], b) * b).sum(axis=-1)
        total += np.divide(shared, size, out=np.zeros_like(size), where=size > 0)
    gap = _words(captions)[:, None] - _words(others)
    return total / ORDERS * np.exp(-(gap**2) / (2 * SIGMA**2))


def _words(captions: Sequence[Caption]) -> np.ndarray:
    return np.array([len(caption) for caption in captions])


def _runs(captions: Sequence[Caption], n: int) -> list[list[tuple]]:
    return [
        list(zip(*(caption[start:] for start in range(n)), strict=False)) for caption in captions
    ]


def _counts(runs: list[list[tuple]], places: dict[tuple, int]) -> np.ndarray:
    """How often each n-gram that has a place stands in each caption: (captions, n-grams)."""
    counts = np.zeros((len(runs), len(places)))
    for row, line in enumerate(runs):
        for run in line:
            if run in places:
                counts[row, places[run]] += 1
    return counts


def _lengths(runs: list[list[tuple]]) -> np.ndarray:
    """|d_n|, the root of the sum of squared counts, of each caption."""
    return np.sqrt([sum(number * number for number in Counter(line).values()) for line in runs])


@dataclass(frozen=True)
class Album:
    """I images: the ``directions`` (I, D) of their mean features less ``mean`` (D,), and their ``captions`` (I, R, T)
    as word numbers ended by -1s, without <start>."""

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
                _("this is no album of images with captions"),
                expected="(D,), (I, D), (I, R, T)",
                got=(self.mean.shape, self.directions.shape, self.captions.shape),
            )

    @classmethod
    def of(cls, features: np.ndarray, captions: np.ndarray) -> "Album":
        """Of mean features (I, D) and captions (I, R, T + 1) that begin with <start>."""
        mean = features.mean(axis=0)
        return cls(
            mean,
            _directions(features - mean).astype(np.float16),
            captions[:, :, 1:].astype(np.int32),
        )

    def nearest(self, features: np.ndarray, number: int) -> np.ndarray:
        """The places (N, number) of the images whose features make the smallest angles with (N, D), nearest first."""
        cosines = _directions(features - self.mean) @ self.directions.astype(np.float32).T
        return np.argsort(-cosines, axis=1, kind="stable")[:, : max(0, number)]

    def captions_near(self, features: np.ndarray, number: int) -> list[list[list[tuple[int, ...]]]]:
        """For each of N images, the captions of the ``number`` nearest ones."""
        places = self.nearest(features, number)
        used = {place: self._captions(place) for place in np.unique(places).tolist()}
        return [[used[place] for place in row] for row in places.tolist()]

    def _captions(self, place: int) -> list[tuple[int, ...]]:
        return [tuple(line[line >= 0].tolist()) for line in self.captions[place]]


def _directions(features: np.ndarray) -> np.ndarray:
    features = features.astype(np.float32)
    return features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
