"""Baselines that learn nothing from images: constant caption, nearest image, trigram model."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from etabli.models.captioning.vocabulary import Vocabulary
from etabli.models.text import ngram

# The caption with the best score on the practical's references where one caption serves all images.
CONSTANT_CAPTION = "a man in a black shirt is standing in front of a building ."


def most_common_caption(captions: Sequence[str]) -> str:
    """Return the most frequent caption, lower-cased."""
    return Counter(caption.lower() for caption in captions).most_common(1)[0][0]


def nearest_captions(
    known: np.ndarray, captions: Sequence[Sequence[str]], features: np.ndarray
) -> list[str]:
    """Return for each image (N, D) the first caption of the most similar ``known`` one (M, D)."""

    def unit(rows: np.ndarray) -> np.ndarray:
        rows = rows.astype(np.float32)
        return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)

    return [captions[row][0].lower() for row in (unit(features) @ unit(known).T).argmax(axis=1)]


class Trigram:
    """A trigram model of captions, p(w | the two words before), without any image."""

    def __init__(self, captions: np.ndarray, vocabulary: Vocabulary) -> None:
        """Fit interpolated Kneser-Ney on ``captions`` (N, T + 1), word indices padded with -1."""
        self.vocabulary = vocabulary
        self.model = ngram.kneser_ney(captions[captions >= 0], len(vocabulary), context=2)

    def accuracy(self, captions: np.ndarray) -> float:
        """Return the next-word accuracy, the words before given."""
        codes = captions[captions >= 0]
        right = total = 0
        for first in range(0, len(codes), 4096):
            last = min(first + 4096, len(codes))
            guesses = self.model.log_probabilities(codes, first, last).argmax(axis=1)
            counts = codes[first:last] != self.vocabulary.start  # <start> is given, not predicted
            right += int((guesses == codes[first:last])[counts].sum())
            total += int(counts.sum())
        return right / total

    def caption(self, steps: int = 24) -> str:
        """Return the greedy caption, one for all images."""
        words = [self.vocabulary.end, self.vocabulary.start]
        while len(words) < steps + 1 and (words[-1] != self.vocabulary.end):
            log_p = self.model.log_probabilities(np.array(words), len(words))[0].copy()
            log_p[self.vocabulary.start] = -np.inf
            words.append(int(log_p.argmax()))
        return self.vocabulary.decode(words[2:])
