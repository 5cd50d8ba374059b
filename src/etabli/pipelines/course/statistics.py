"""Statistics of the items: how many have each right, how well it separates, what went wrong."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from etabli.core.i18n import N_
from etabli.pipelines.course.marking import ItemRecord
from etabli.pipelines.course.rubric import Item

__all__ = ["ItemStatistics", "compute_statistics"]


@dataclass(frozen=True)
class ItemStatistics:
    """An item among those who handed in: the share right, discrimination, commonest mistake.

    ``discrimination`` is the correlation of the item with the points of all other items; ``None``
    where either does not vary.
    """

    item: Item
    n: int
    right: int
    discrimination: float | None
    mistake: str
    mistaken: int

    @property
    def share(self) -> float:
        return self.right / self.n if self.n else math.nan


def compute_statistics(
    items: Sequence[Item], results: Sequence[Mapping[tuple[str, str], ItemRecord]]
) -> list[ItemStatistics]:
    """Compute the statistics of items; each result is that of a student who handed in.

    Args:
        items: The items, in their order.
        results: By exercise and item, what a student has; a missing one is not right.

    Returns:
        One row an item.
    """
    rows = []
    for item in items:
        key = item.exercise, item.name
        found = [result.get(key) for result in results]
        right = [record is not None and record.passed for record in found]
        rest = [
            sum(other.points for other in items if other is not item and _is_right(result, other))
            for result in results
        ]
        wrong = Counter(
            each.mistake or N_("another mistake") for each in found if each and not each.passed
        )
        commonest = sorted(wrong.items(), key=lambda pair: (-pair[1], pair[0]))
        mistake, mistaken = commonest[0] if commonest else ("", 0)
        rows.append(
            ItemStatistics(
                item, len(results), sum(right), _correlate(right, rest), mistake, mistaken
            )
        )
    return rows


def _is_right(result: Mapping[tuple[str, str], ItemRecord], item: Item) -> bool:
    record = result.get((item.exercise, item.name))
    return record is not None and record.passed


def _correlate(right: Sequence[bool], rest: Sequence[float]) -> float | None:
    import numpy as np

    if len(set(right)) < 2 or len(set(rest)) < 2:
        return None
    return float(np.corrcoef(np.asarray(right, float), np.asarray(rest, float))[0, 1])
