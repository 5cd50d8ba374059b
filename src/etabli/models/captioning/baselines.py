"""What needs no learning of images: the captions that every captioner must beat."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from etabli.models.captioning.vocabulary import Vocabulary
from etabli.models.text import ngram

# The caption that the practical's references favour when one sentence must do for all images.
CONSTANT = "a man in a black shirt is standing in front of a building ."


def commonest(captions: Sequence[str]) -> str:
    """The caption that was written most often, lower-cased."""
    return Counter(caption.lower() for caption in captions).most_common(1)[0][0]


def nearest(
    known: np.ndarray, captions: Sequence[Sequence[str]], features: np.ndarray
) -> list[str]:
    """For each of ``features`` (N, D) the first caption of the ``known`` (M, D) image of greatest cosine."""

    def unit(rows: np.ndarray) -> np.ndarray:
        rows = rows.astype(np.float32)
        return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)

    return [captions[row][0].lower() for row in (unit(features) @ unit(known).T).argmax(axis=1)]


class Trigram:
    """p(w | the two words before), from captions alone: what grammar gives without any image."""

    def __init__(self, captions: np.ndarray, vocabulary: Vocabulary) -> None:
        """Counts over ``captions`` (N, T + 1), word numbers ended by -1s; interpolated Kneser-Ney."""
        self.vocabulary = vocabulary
        self.model = ngram.kneser_ney(captions[captions >= 0], len(vocabulary), context=2)

    def accuracy(self, captions: np.ndarray) -> float:
        """The share of next words that it puts first, the words before given."""
        codes = captions[captions >= 0]
        right = total = 0
        for first in range(0, len(codes), 4096):
            last = min(first + 4096, len(codes))
            guesses = self.model.log_probabilities(codes, first, last).argmax(axis=1)
            asked = codes[first:last] != self.vocabulary.start
            right += int((guesses == codes[first:last])[asked].sum())
            total += int(asked.sum())
        return right / total

    def caption(self, steps: int = 24) -> str:
        """The caption that it writes taking the likeliest word each time: one for all images."""
        words = [self.vocabulary.end, self.vocabulary.start]
        while len(words) < steps + 1 and (words[-1] != self.vocabulary.end):
            log_p = self.model.log_probabilities(np.array(words), len(words))[0].copy()
            log_p[self.vocabulary.start] = -np.inf
            words.append(int(log_p.argmax()))
        return self.vocabulary.decode(words[2:])
