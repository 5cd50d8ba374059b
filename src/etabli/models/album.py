"""The training images that a captioner remembers: how each looks, and what people wrote of it."""

from dataclasses import dataclass

import numpy as np

from etabli.errors import BadArray
from etabli.i18n import _

__all__ = ["Album"]


@dataclass(frozen=True)
class Album:
    """I images: the ``directions`` (I, D) of their mean features less ``mean`` (D,), and their ``captions`` (I, R, T)
    as word numbers ended by -1s, without <start>."""

    mean: np.ndarray
    directions: np.ndarray
    captions: np.ndarray

    def __post_init__(self) -> None:
        same = len(self.directions) == len(self.captions) > 0 and self.directions.shape[1:] == self.mean.shape
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
        return cls(mean, _directions(features - mean).astype(np.float16), captions[:, :, 1:].astype(np.int32))

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
