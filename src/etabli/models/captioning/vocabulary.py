"""The vocabulary of a captioner, and captions as rows of word indices."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from etabli.core.errors import BadArray, BadSetting
from etabli.core.i18n import _

START, END = "<start>", "<end>"


def tokenize(caption: str) -> list[str]:
    """Return the lower-cased words of a caption (Unicode NFC), without ``<start>`` and
    ``<end>``."""
    words = unicodedata.normalize("NFC", caption).lower().split()
    return [word for word in words if word not in (START, END)]


def count_words(captions: Iterable[str]) -> Counter:
    """Count the words of captions, with ``<start>`` and ``<end>`` once in each."""
    counts: Counter = Counter()
    captions = list(captions)
    for caption in captions:
        counts.update(tokenize(caption))
    if captions:
        counts.update({START: len(captions), END: len(captions)})
    return counts


def sort_by_frequency(counts: Counter) -> list[str]:
    """Return the words, most frequent first; ties from z to a, as in the list of the practical."""
    return sorted(counts, key=lambda word: (counts[word], word), reverse=True)


def cumulative_coverage(counts: Counter) -> np.ndarray:
    """Return the share of all tokens that the n most frequent words cover, for n = 1, 2, ...:
    (words,)."""
    numbers = np.sort(np.fromiter(counts.values(), dtype=np.float64))[::-1]
    return np.cumsum(numbers) / numbers.sum()


@dataclass(frozen=True)
class Vocabulary:
    """V distinct words, ``<start>`` and ``<end>`` among them.

    The index of a word is its position.
    """

    words: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(set(self.words)) != len(self.words) or not {START, END} <= set(self.words):
            raise BadArray(
                _("the words do not form a vocabulary"),
                expected=_("distinct words, {start} and {end} among them").format(
                    start=START, end=END
                ),
                got=_("{n} words, {distinct} of them distinct").format(
                    n=len(self.words), distinct=len(set(self.words))
                ),
            )

    @classmethod
    def most_frequent(
        cls, captions: Iterable[str], size: int | None = None, min_count: int = 1
    ) -> "Vocabulary":
        """Take the ``size`` most frequent words, marks included, that occur at least ``min_count``
        times."""
        if (size is not None and size < 3) or min_count < 1:
            raise BadSetting(
                _("the vocabulary is too small"),
                expected=_("size >= 3, min_count >= 1"),
                got=f"{size=}, {min_count=}",
            )
        counts = count_words(captions)
        if not counts:
            raise BadArray(_("there are no captions to build a vocabulary from"))
        kept = [
            word
            for word in sort_by_frequency(counts)
            if counts[word] >= min_count or word in (START, END)
        ]
        return cls(tuple(kept[:size]))

    def __len__(self) -> int:
        return len(self.words)

    @cached_property
    def index(self) -> dict[str, int]:
        """The index of each word."""
        return {word: number for number, word in enumerate(self.words)}

    @property
    def start(self) -> int:
        """The index of ``<start>``."""
        return self.index[START]

    @property
    def end(self) -> int:
        """The index of ``<end>``."""
        return self.index[END]

    def encode_caption(self, caption: str) -> list[int]:
        """Return a caption as indices, from ``<start>`` to ``<end>``, without words outside the
        vocabulary."""
        known = [self.index[word] for word in tokenize(caption) if word in self.index]
        return [self.start, *known, self.end]

    def encode(self, captions: Sequence[str], steps: int | None = None) -> tuple[np.ndarray, int]:
        """Return captions as indices padded with -1, (N, steps + 1) int32, and how many were
        truncated.

        ``steps`` is the number of inputs, hence of predictions, of a recurrent network; None takes
        what the longest caption needs. A longer caption loses the words before its ``<end>``.
        """
        rows = [self.encode_caption(caption) for caption in captions]
        steps = steps or max((len(row) for row in rows), default=2) - 1
        encoded = np.full((len(rows), steps + 1), -1, dtype=np.int32)
        for place, row in enumerate(rows):
            short = row if len(row) <= steps + 1 else [*row[:steps], self.end]
            encoded[place, : len(short)] = short
        return encoded, sum(len(row) > steps + 1 for row in rows)

    def encode_groups(self, groups: Sequence[Sequence[str]]) -> np.ndarray:
        """Return the captions of each image, (N, R, T + 1) int32.

        An image with fewer than R repeats its first ones.
        """
        most = max(map(len, groups))
        captions = [caption for group in groups for caption in (list(group) * most)[:most]]
        return self.encode(captions)[0].reshape(len(groups), most, -1)

    def decode(self, indices: Iterable[int]) -> str:
        """Return indices as a caption, up to ``<end>``, without marks."""
        words = []
        for index in indices:
            if index < 0 or index == self.end:
                break
            if index != self.start:
                words.append(self.words[index])
        return " ".join(words)

    def embedding_table(self, vectors: dict[str, np.ndarray], size: int) -> np.ndarray:
        """Return each word's vector and indicators of both marks: (V, size + 2) float32.

        Words without a vector, and both marks, have zeros in the first ``size`` columns.
        """
        rows = np.zeros((len(self), size + 2), dtype=np.float32)
        for place, word in enumerate(self.words):
            if word in vectors and word not in (START, END):
                rows[place, :size] = vectors[word]
        rows[self.start, size] = rows[self.end, size + 1] = 1.0
        return rows
