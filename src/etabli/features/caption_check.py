"""Captions that are compared with the ImageNet classes of the same features, and with the training.

Where the best caption names an animal that the ImageNet classes contradict, captions are searched a
second time: without the words of other animals, and with a bonus for those of the animal that the
classes say. Captions that agree come first. Doubtful words are reported.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from etabli.core.i18n import N_, _, localize_number
from etabli.features.imagenet import ImageNetHead
from etabli.metrics.novelty import Familiarity
from etabli.models.captioning.animals import ANIMALS, Sighting, find_animal
from etabli.models.captioning.beam_search import SearchConfig
from etabli.models.captioning.vocabulary import END, START
from etabli.saved_models.captioner import Captioner, pool_regions

BONUS = 4.0  # of the log p of words for the animal that is seen
RARE = 20  # captions below which a word was hardly learned
COUNTED_FROM = 2000  # training captions from which on rare words are reported
_NAMES = {
    "dog": N_("dog"),
    "cat": N_("cat"),
    "horse": N_("horse"),
    "cow": N_("cow"),
    "sheep": N_("sheep"),
    "bird": N_("bird"),
    "bear": N_("bear"),
    "elephant": N_("elephant"),
    "monkey": N_("monkey"),
    "rabbit": N_("rabbit"),
    "pig": N_("pig"),
}


@dataclass(frozen=True, eq=False)
class CheckedCaption:
    """A caption with its word indices (T,), its score, and what is doubtful in it.

    ``seen`` is the animal that the ImageNet classes say, ``doubtful`` a word that it contradicts;
    ``is_second`` marks captions of the second search, ``rare`` words with their training captions.
    """

    text: str
    score: float
    words: np.ndarray
    seen: Sighting | None = None
    doubtful: str | None = None
    is_second: bool = False
    rare: tuple[tuple[str, int], ...] = ()

    @property
    def rank(self) -> int:
        """0 where the caption agrees with the ImageNet classes, 1 where it is silent, else 2."""
        if self.seen is None:
            return 0
        if self.doubtful:
            return 2
        return 0 if set(self.text.split()) & set(self.seen.animal.words) else 1

    def _format_share(self) -> str:
        return localize_number(f"{self.seen.probability:.0%}") if self.seen else ""

    def describe(self) -> list[str]:
        """Return what a reader should know of the caption, in sentences."""
        notes = []
        if self.seen and (self.doubtful or self.is_second):
            animal, share = _(_NAMES[self.seen.animal.name]), self._format_share()
            if self.doubtful:
                text = _("“{word}” is doubtful: the ImageNet classes say {animal} ({share}).")
                notes.append(text.format(word=self.doubtful, animal=animal, share=share))
            else:
                text = _("Searched again, because the ImageNet classes say {animal} ({share}).")
                notes.append(text.format(animal=animal, share=share))
        for word, count in self.rare:
            text = _("Training captions that contain “{word}”: only {count}.")
            notes.append(text.format(word=word, count=count))
        return notes


def write_checked(
    captioner: Captioner,
    maps: np.ndarray,
    search: SearchConfig | None = None,
    head: ImageNetHead | None = None,
) -> list[list[CheckedCaption]]:
    """Return the captions of each image, those that agree with the ImageNet classes first.

    Args:
        captioner: The captioner.
        maps: Region maps (N, L, D).
        search: The search; by default that of the captioner.
        head: The ImageNet classifier on the same features; None compares with nothing.
    """
    seen: list[Sighting | None] = [None] * len(maps)
    if head is not None and captioner.features == "mobilenet_v2":
        seen = [find_animal(row) for row in head.probabilities(pool_regions(maps))]
    found = _search(captioner, maps, search, seen)
    again: dict[str, list[int]] = {}
    for row, (sighting, captions) in enumerate(zip(seen, found, strict=True)):
        if sighting and captions[0].doubtful:
            again.setdefault(sighting.animal.name, []).append(row)
    for rows in again.values():
        sighting = seen[rows[0]]
        assert sighting is not None
        shifted = _favor(captioner, sighting)
        second = _search(shifted, maps[rows], search, [seen[row] for row in rows])
        for row, captions in zip(rows, second, strict=True):
            found[row] += [replace(each, is_second=True) for each in captions]
    return [sorted(captions, key=lambda each: each.rank) for captions in found]


def _search(
    captioner: Captioner,
    maps: np.ndarray,
    search: SearchConfig | None,
    seen: Sequence[Sighting | None],
) -> list[list[CheckedCaption]]:
    found = captioner.write(maps, search)
    counts = captioner.word_counts
    result = []
    for sighting, words, scores in zip(seen, found.words, found.scores, strict=True):
        captions = []
        for row, score in zip(words, scores, strict=True):
            text = captioner.vocabulary.decode(row)
            split = text.split()
            doubtful = sighting.contradicts(split) if sighting else None
            known = sighting.animal.words if sighting else ()
            rare = _find_rare(captioner, counts, [each for each in split if each not in known])
            captions.append(CheckedCaption(text, float(score), row, sighting, doubtful, rare=rare))
        result.append(captions)
    return result


def _favor(captioner: Captioner, seen: Sighting) -> Captioner:
    """Return the captioner without the words of other animals, and with a bonus for this one."""
    index, shift = captioner.vocabulary.index, np.zeros(len(captioner.vocabulary), np.float32)
    for animal in ANIMALS:
        for word in animal.words:
            if word in index:
                shift[index[word]] = BONUS if animal is seen.animal else -1e9
    return captioner.shift_words(shift)


def _find_rare(
    captioner: Captioner, counts: np.ndarray | None, words: list[str]
) -> tuple[tuple[str, int], ...]:
    index = captioner.vocabulary.index
    if counts is None or counts[index[END]] < COUNTED_FROM:
        return ()
    distinct = dict.fromkeys(word for word in words if word not in (START, END))
    return tuple(
        (word, int(counts[index[word]])) for word in distinct if counts[index[word]] < RARE
    )


def fit_familiarity(captioner: Captioner) -> Familiarity | None:
    """Return what measures how far an image is from the training images, where they are known."""
    if captioner.known is None:
        return None
    return Familiarity.fit(captioner.known.features)
