"""The captions that the course's net learns from, as numbers: what the practical's dense arrays repeat, held once."""

from dataclasses import dataclass

import numpy as np

from etabli.errors import BadArray
from etabli.i18n import _


@dataclass(frozen=True)
class CaptionData:
    """N captions as numbers, and what to look them up in: everything that the dense arrays would repeat.

    ``images`` (I, 100) vectors, ``image_of`` (N,) the image of each caption, ``captions`` (N, T + 1) int32 word
    numbers ended by -1s, ``table`` (V, 102) the row of each word.
    """

    images: np.ndarray
    image_of: np.ndarray
    captions: np.ndarray
    table: np.ndarray

    def __post_init__(self) -> None:
        same = len(self.image_of) == len(self.captions) and self.captions.ndim == self.images.ndim == 2
        if not same or self.captions.max(initial=-1) >= len(self.table):
            raise BadArray(
                _("captions, images and words do not go together"),
                expected=_("an image for every caption, and a row for every word number"),
                got=_("{n} captions, {m} image numbers, words up to {top} of {v}").format(
                    n=len(self.captions), m=len(self.image_of), top=self.captions.max(initial=-1), v=len(self.table)
                ),
            )

    def __len__(self) -> int:
        return len(self.captions)

    @property
    def steps(self) -> int:
        return self.captions.shape[1] - 1

    @property
    def width(self) -> int:
        """The numbers of one input step: 202 in the course."""
        return self.images.shape[1] + self.table.shape[1]

    @property
    def wanted(self) -> np.ndarray:
        """The next words (N, T), -1 where nothing is wanted."""
        return self.captions[:, 1:]

    def inputs(self, rows: np.ndarray) -> np.ndarray:
        """The course's X for some captions, (B, T, width) float32; steps after the caption are all zeros."""
        words = self.captions[rows, :-1]
        images = np.broadcast_to(self.images[self.image_of[rows], None], (*words.shape, self.images.shape[1]))
        dense = np.concatenate([images, self.table[np.maximum(words, 0)]], axis=-1, dtype=np.float32)
        # <end> is the last word that is wanted, never one that is read.
        return np.where((self.captions[rows, 1:] >= 0)[..., None], dense, np.float32(0))
