"""What may be wrong with labeled images: duplicates, leakage, label errors, outliers, sizes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from etabli.core.i18n import _
from etabli.core.progress import Reporter, Silent
from etabli.data.formats.labeled_images import PRESENT, LabeledImages
from etabli.features.looks import Looks, find_near_duplicates, measure_neighbors, read_looks
from etabli.features.pipeline import Unreadable
from etabli.features.store import Features
from etabli.metrics.duplicates import group_pairs
from etabli.metrics.label_errors import find_label_errors
from etabli.models.vision import leave_one_out

__all__ = ["Group", "Inspection", "LabelError", "align_features", "inspect"]

_LEAST_FOR_ERRORS = 20  # images, below which probabilities say nothing about labels
_LEAST_OF_CLASS = 5
_FENCE = 3.0  # interquartile ranges above the third quartile (Tukey 1977: "far out")


@dataclass(frozen=True)
class Group:
    """Near-duplicates: indices of images; ``is_identical`` holds where the files are equal."""

    rows: tuple[int, ...]
    is_identical: bool
    splits: tuple[str, ...]
    has_two_labels: bool

    @property
    def is_leak(self) -> bool:
        """Whether images of the group are in different splits."""
        return len(self.splits) > 1


@dataclass(frozen=True)
class LabelError:
    """A label that is probably wrong, for an image: it should (not) have ``probable`` (``given``).

    Of exclusive classes both are set. Of several labels, ``given`` is a label that the image should
    not have, or ``probable`` one that it lacks. The probabilities are those of both.
    """

    row: int
    given: str
    probable: str
    p_given: float
    p_probable: float

    @property
    def margin(self) -> float:
        """How certain the error is."""
        return self.p_probable - self.p_given


@dataclass(frozen=True, eq=False)
class Inspection:
    """What was found in N images.

    Attributes:
        images: The images.
        sizes: Height and width (N, 2); zeros where an image is unreadable.
        groups: Near-duplicates; those across splits first, then those with two labels.
        errors: Probable label errors, the most certain first.
        outliers: (index, mean cosine distance to the nearest neighbors), the farthest first.
        unreadable: Images that cannot be read.
        has_features: Whether deep features were available; without, there are neither errors nor
            outliers, and crops are not found among the duplicates.
        remarks: What limits the findings.
    """

    images: LabeledImages
    sizes: np.ndarray
    groups: tuple[Group, ...] = ()
    errors: tuple[LabelError, ...] = ()
    outliers: tuple[tuple[int, float], ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    has_features: bool = False
    remarks: tuple[str, ...] = ()

    @property
    def leaks(self) -> tuple[Group, ...]:
        """The near-duplicates across splits."""
        return tuple(group for group in self.groups if group.is_leak)

    @property
    def conflicts(self) -> tuple[Group, ...]:
        """The identical files with different labels."""
        return tuple(each for each in self.groups if each.is_identical and each.has_two_labels)


def align_features(features: Features, names: Sequence[str]) -> np.ndarray:
    """Return the features (N, D) of the images with these names; NaN for those that have none."""
    known = set(features.names)
    there = [row for row, name in enumerate(names) if name in known]
    rows = features.array([names[row] for row in there], dtype="float32")
    found = np.full((len(names), int(np.prod(rows.shape[1:]))), np.nan, np.float32)
    found[there] = rows.reshape(len(rows), -1)
    return found


def inspect(
    images: LabeledImages,
    features: np.ndarray | None = None,
    *,
    looks: Looks | None = None,
    reporter: Reporter | None = None,
) -> Inspection:
    """Find near-duplicates, probable label errors and outliers among images.

    Args:
        images: N images; their splits and labels are used where they have any.
        features: Deep features (N, D); rows that are not finite are of unreadable images.
        looks: What the images look like, where that is known already.
        reporter: Shows the progress.
    """
    reporter = reporter or Silent()
    if looks is None:
        with reporter.task(_("looking for duplicates"), len(images)) as step:
            looks = read_looks(images.paths, images.names, step)
    sizes = np.zeros((len(images), 2), int)
    sizes[looks.rows] = looks.sizes
    errors: list[LabelError] = []
    outliers: list[tuple[int, float]] = []
    remarks: list[str] = []
    neighbors = None
    if features is not None and len(images):
        features = np.asarray(features, np.float32).reshape(len(images), -1)
        kept = np.flatnonzero(np.isfinite(features[looks.rows]).all(axis=1))
        looks = looks.select(kept)
        features = features[looks.rows]
        neighbors = measure_neighbors(features)
        outliers = _find_outliers(looks.rows, neighbors[1])
        errors = _find_errors(images.select(looks.rows), features, looks.rows, remarks)
    pairs = find_near_duplicates(looks, neighbors)
    groups = [_describe_group(images, looks, rows) for rows in group_pairs(pairs, len(looks.rows))]
    groups.sort(key=lambda each: (not each.is_leak, not each.has_two_labels))
    return Inspection(
        images,
        sizes,
        tuple(groups),
        tuple(errors),
        tuple(outliers),
        looks.unreadable,
        features is not None,
        tuple(remarks),
    )


def _describe_group(images: LabeledImages, looks: Looks, positions: Sequence[int]) -> Group:
    rows = tuple(int(looks.rows[position]) for position in positions)
    splits = tuple(sorted({images.splits[row] for row in rows})) if images.splits else ()
    labels = {images.labels[row].tobytes() for row in rows}
    is_identical = len({looks.digests[position] for position in positions}) == 1
    return Group(rows, is_identical, splits, len(labels) > 1)


def _find_outliers(rows: np.ndarray, distances: np.ndarray) -> list[tuple[int, float]]:
    """Return the images whose mean distance to their neighbors is far above that of the others."""
    if len(rows) < _LEAST_FOR_ERRORS:
        return []
    means = distances.mean(axis=1)
    low, high = np.percentile(means, (25, 75))
    order = np.argsort(-means, kind="stable")
    fence = high + _FENCE * (high - low)
    return [(int(rows[each]), float(means[each])) for each in order if means[each] > fence]


def _find_errors(
    images: LabeledImages, features: np.ndarray, rows: np.ndarray, remarks: list[str]
) -> list[LabelError]:
    """Find probable label errors among the classes with enough images."""
    counts = (images.labels == PRESENT).sum(axis=0)
    usable = [name for name, n in zip(images.classes, counts, strict=True) if n >= _LEAST_OF_CLASS]
    if len(usable) < 2 - (not images.is_exclusive) or len(images) < _LEAST_FOR_ERRORS:
        if images.classes:
            remarks.append(_("There are too few images to look for label errors."))
        return []
    if len(usable) < len(images.classes):
        text = _("Too few images to look for label errors: {names}.")
        rest = [name for name in images.classes if name not in usable]
        remarks.append(text.format(names=", ".join(rest[:8])))
    part = images.select_classes(usable)
    if not images.is_exclusive:
        return _find_errors_of_each(part, features, rows)
    kept = np.flatnonzero((part.labels == PRESENT).any(axis=1))
    labels = part.labels[kept]
    probabilities = leave_one_out.predict_exclusive(features[kept], labels)
    given = labels.argmax(axis=1)
    found = []
    for each in find_label_errors(given, probabilities):
        old, new = int(given[each]), int(probabilities[each].argmax())
        chances = (float(probabilities[each, old]), float(probabilities[each, new]))
        found.append(LabelError(int(rows[kept[each]]), usable[old], usable[new], *chances))
    return found


def _find_errors_of_each(
    images: LabeledImages, features: np.ndarray, rows: np.ndarray
) -> list[LabelError]:
    """Find labels that are missing or too many, each class as two exclusive ones."""
    probabilities = leave_one_out.predict_multilabel(features, images.labels)
    found = []
    for k, name in enumerate(images.classes):
        known = np.flatnonzero(images.labels[:, k] != 0)
        p = probabilities[known, k]
        given = (images.labels[known, k] == PRESENT).astype(int)
        if given.min() == given.max():
            continue
        for each in find_label_errors(given, np.stack([1 - p, p], axis=1)):
            own, row = float(p[each]), int(rows[known[each]])
            if given[each]:
                found.append(LabelError(row, name, "", own, 1 - own))
            else:
                found.append(LabelError(row, "", name, 1 - own, own))
    return sorted(found, key=lambda each: -each.margin)
