"""Labeled images: the common form of a VOC devkit, a folder per class and a table of labels."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from etabli.core.errors import BadArray, UnknownName
from etabli.core.i18n import _

__all__ = ["ABSENT", "DIFFICULT", "PRESENT", "SPLITS", "LabeledImages", "from_names"]

PRESENT, DIFFICULT, ABSENT = 1, 0, -1
SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class LabeledImages:
    """N images by name and path, with their labels in K classes.

    ``labels`` (N, K) int8 in the convention of VOC: 1 present, -1 absent, 0 *difficult*: present,
    but so hidden or small that a metric ignores it. ``groups`` are classes under a wider name.
    ``splits`` is "train", "validation", "test" or "" for each image; () where the source has none.
    """

    names: tuple[str, ...]
    paths: tuple[Path, ...]
    classes: tuple[str, ...]
    labels: np.ndarray
    groups: dict[str, tuple[str, ...]] = field(default_factory=dict)
    title: str = ""
    splits: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        expected = (len(self.names), len(self.classes))
        if self.labels.shape != expected or len(self.paths) != len(self.names):
            raise BadArray(
                _("labels do not match the images"), expected=expected, got=self.labels.shape
            )
        if len(self.splits) not in (0, len(self.names)):
            raise BadArray(
                _("splits do not match the images"), expected=len(self.names), got=len(self.splits)
            )
        self.labels.setflags(write=False)

    def __len__(self) -> int:
        return len(self.names)

    @property
    def is_exclusive(self) -> bool:
        """Whether every image has exactly one label, and none is difficult."""
        if not len(self) or not self.classes:
            return False
        return bool(((self.labels == PRESENT).sum(1) == 1).all() and (self.labels != 0).all())

    def select_split(self, name: str) -> "LabeledImages":
        """Return the images of one split: "train", "validation", "test", or "" for no split."""
        return self.select([row for row, split in enumerate(self.splits) if split == name])

    def select_classes(self, classes: Sequence[str]) -> "LabeledImages":
        """Return the same images with some of the classes only, in the order given."""
        for name in classes:
            if name not in self.classes:
                raise UnknownName(_("class"), name, self.classes)
        columns = [self.classes.index(name) for name in classes]
        groups = {
            group: kept
            for group, members in self.groups.items()
            if (kept := tuple(name for name in members if name in classes))
        }
        return replace(self, classes=tuple(classes), labels=self.labels[:, columns], groups=groups)

    def select(self, rows: Sequence[int] | np.ndarray) -> "LabeledImages":
        """Return the images of some rows, in that order."""
        rows = [int(row) for row in rows]
        return replace(
            self,
            names=tuple(self.names[row] for row in rows),
            paths=tuple(self.paths[row] for row in rows),
            labels=self.labels[rows],
            splits=tuple(self.splits[row] for row in rows) if self.splits else (),
        )

    def split_validation(
        self, share: float, generator: np.random.Generator
    ) -> tuple["LabeledImages", "LabeledImages"]:
        """Split off ``share`` of the images; a class with two positives is in both parts.

        The rarest class is assigned first, so that it is not lost by chance.
        """
        order = generator.permutation(len(self))
        taken = np.zeros(len(self), dtype=bool)
        held = np.zeros(len(self), dtype=bool)
        positives = self.labels == PRESENT
        for column in np.argsort(positives.sum(0), kind="stable"):
            rows = order[positives[order, column] & ~taken[order]]
            already = int(positives[held, column].sum())
            wanted = round(share * positives[:, column].sum()) - already
            if len(rows) + int(positives[taken, column].sum()) > 1 and already + wanted < 1:
                wanted = 1 - already
            held[rows[: max(0, wanted)]] = True
            taken[rows] = True
        rest = order[~taken[order]]
        held[rest[: round(share * len(rest))]] = True
        return self.select(np.flatnonzero(~held)), self.select(np.flatnonzero(held))


def from_names(
    items: Sequence[tuple[str, Path, Sequence[str]]],
    *,
    classes: Sequence[str] | None = None,
    title: str = "",
    splits: Sequence[str] = (),
) -> LabeledImages:
    """Build from (name, path, labels) rows; the classes are all labels, sorted, unless given."""
    if classes is None:
        classes = sorted({word for _name, _path, words in items for word in words})
    known = {name: column for column, name in enumerate(classes)}
    labels = np.full((len(items), len(known)), ABSENT, dtype=np.int8)
    for row, (_name, _path, words) in enumerate(items):
        for word in words:
            if word not in known:
                raise UnknownName(_("class"), word, known)
            labels[row, known[word]] = PRESENT
    return LabeledImages(
        tuple(name for name, _path, _words in items),
        tuple(path for _name, path, _words in items),
        tuple(known),
        labels,
        title=title,
        splits=tuple(splits) if any(splits) else (),
    )
