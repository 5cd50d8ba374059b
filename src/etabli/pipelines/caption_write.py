"""Image files in, captions out: a captioner with the eyes that it learnt with."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from etabli.core.errors import DataMissing
from etabli.core.i18n import _
from etabli.data.catalog.source import Source
from etabli.features.regions import WEIGHTS, region_maps
from etabli.models.captioning.beam_search import Search
from etabli.saved_models.captioner import Captioner

__all__ = ["Described", "describe", "eyes"]


@dataclass(frozen=True)
class Described:
    """Captions of one image, the best first, with their log p / length^alpha.

    ``looks[k]`` (words, L) says which of the L regions the captioner weighed while it wrote each word of caption k;
    None without attention.
    """

    path: Path
    captions: tuple[str, ...]
    scores: tuple[float, ...]
    looks: tuple[np.ndarray, ...] | None = None


def describe(
    captioner: Captioner,
    paths: Sequence[Path],
    search: Search | None = None,
    *,
    weights: Path | str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Described]:
    """The captions of pictures that may lie anywhere; the features are those that the captioner learnt from.

    ``weights`` is the file of the pretrained net where the features need one; by default that of the data folder.
    """
    if not paths:
        raise DataMissing(_("there is no picture to describe"))
    with tempfile.TemporaryDirectory() as folder:
        names = [f"{place:06d}" for place in range(len(paths))]
        weights = weights or eyes(captioner.features)
        maps = region_maps(
            paths, names, captioner.features, Path(folder), weights=weights, progress=progress
        )
    found = captioner.write(maps, search)
    looks = [captioner.looks(maps, found.words[:, k]) for k in range(found.words.shape[1])]
    return [
        Described(path, tuple(captions), tuple(map(float, scores)), _trimmed(looks, captions, row))
        for row, (path, captions, scores) in enumerate(
            zip(paths, found.captions(captioner.vocabulary), found.scores, strict=True)
        )
    ]


def eyes(features: str) -> Path | None:
    """The weights file that a kind of features needs; None where it needs none. ``DataMissing`` where it is away."""
    return Source.full().file("weights", *WEIGHTS) if features == "mobilenet_v2" else None


def _trimmed(looks: list, captions: Sequence[str], row: int) -> tuple[np.ndarray, ...] | None:
    if looks[0] is None:
        return None
    return tuple(
        look[row, : len(caption.split())] for look, caption in zip(looks, captions, strict=True)
    )
