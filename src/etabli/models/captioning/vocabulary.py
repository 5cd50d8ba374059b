"""The words a captioner knows, numbered; captions as rows of word numbers."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from etabli.core.errors import BadArray, BadSetting
from etabli.core.i18n import _

START, END = "<start>", "<end>"


def words_of(caption: str) -> list[str]:
    """The lower-cased words of a caption, in composed Unicode, its marks of start and end left out."""
    words = unicodedata.normalize("NFC", caption).lower().split()
    return [word for word in words if word not in (START, END)]


def count_words(captions: Iterable[str]) -> Counter:
    """How often each word stands in the captions, ``<start>`` and ``<end>`` once in each."""
    counts: Counter = Counter()
    captions = list(captions)
    for caption in captions:
        counts.update(words_of(caption))
    if captions:
        counts.update({START: len(captions), END: len(captions)})
    return counts


def by_frequency(counts: Counter) -> list[str]:
    """The words, most frequent first; words equally frequent from z to a, as the course's list has them."""
    return sorted(counts, key=lambda word: (counts[word], word), reverse=True)


def coverage(counts: Counter) -> np.ndarray:
    """The share of all words read that the n most frequent ones cover, for n = 1, 2, ...: (words,) float64."""
    numbers = np.sort(np.fromiter(counts.values(), dtype=np.float64))[::-1]
    return np.cumsum(numbers) / numbers.sum()


@dataclass(frozen=True)
class Vocabulary:
    """V distinct words, ``<start>`` and ``<end>`` among them, each known by its place."""

    words: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(set(self.words)) != len(self.words) or not {START, END} <= set(self.words):
            raise BadArray(
                _("this is no vocabulary"),
                expected=_("distinct words, {start} and {end} among them").format(
                    start=START, end=END
                ),
                got=_("{n} words, {distinct} of them distinct").format(
                    n=len(self.words), distinct=len(set(self.words))
                ),
            )

    @classmethod
    def most_frequent(
        cls, captions: Iterable[str], size: int | None = None, at_least: int = 1
    ) -> "Vocabulary":
        """The ``size`` most frequent words of the captions, marks among them, that occur ``at_least`` so often."""
        if (size is not None and size < 3) or at_least < 1:
            raise BadSetting(
                _("a vocabulary cannot be so small"),
                expected=_("3 words or more, each seen once or more"),
                got=f"size={size}, at_least={at_least}",
            )
        counts = count_words(captions)
        if not counts:
            raise BadArray(_("there are no captions to take words from"))
        kept = [
            word
            for word in by_frequency(counts)
            if counts[word] >= at_least or word in (START, END)
        ]
        return cls(tuple(kept[:size]))

    def __len__(self) -> int:
        return len(self.words)

    @cached_property
    def index(self) -> dict[str, int]:
        return {word: number for number, word in enumerate(self.words)}

    @property
    def start(self) -> int:
        return self.index[START]

    @property
    def end(self) -> int:
        return self.index[END]

    def numbers(self, caption: str) -> list[int]:
        """A caption as numbers, from ``<start>`` to ``<end>``; words outside the vocabulary are left out."""
        known = [self.index[word] for word in words_of(caption) if word in self.index]
        return [self.start, *known, self.end]

    def encode(self, captions: Sequence[str], steps: int | None = None) -> tuple[np.ndarray, int]:
        """Captions as rows of ``steps`` + 1 numbers, ended by -1s: (N, steps + 1) int32, and how many were cut.

        ``steps`` is the number of inputs, hence of predictions, of a recurrent net; None takes what the longest
        caption needs. A longer caption loses the words before its ``<end>`` and is counted.
        """
        rows = [self.numbers(caption) for caption in captions]
        steps = steps or max((len(row) for row in rows), default=2) - 1
        encoded = np.full((len(rows), steps + 1), -1, dtype=np.int32)
        for place, row in enumerate(rows):
            short = row if len(row) <= steps + 1 else [*row[:steps], self.end]
            encoded[place, : len(short)] = short
        return encoded, sum(len(row) > steps + 1 for row in rows)

    def encode_groups(self, groups: Sequence[Sequence[str]]) -> np.ndarray:
        """The captions of each image, (N, R, T + 1) int32; one with fewer than R captions repeats its first ones."""
        most = max(map(len, groups))
        captions = [caption for group in groups for caption in (list(group) * most)[:most]]
        return self.encode(captions)[0].reshape(len(groups), most, -1)

    def decode(self, numbers: Iterable[int]) -> str:
        """Numbers as a caption, up to ``<end>``, without marks."""
        words = []
        for number in numbers:
            if number < 0 or number == self.end:
                break
            if number != self.start:
                words.append(self.words[number])
        return " ".join(words)

    def table(self, vectors: dict[str, np.ndarray], size: int) -> np.ndarray:
        """One row for each word: its vector, then 1 for ``<start>``, then 1 for ``<end>``: (V, size + 2) float32.

        A word without vector, and the two marks, have zeros in the first ``size`` columns.
        """
        rows = np.zeros((len(self), size + 2), dtype=np.float32)
        for place, word in enumerate(self.words):
            if word in vectors and word not in (START, END):
                rows[place, :size] = vectors[word]
        rows[self.start, size] = rows[self.end, size + 1] = 1.0
        return rows
