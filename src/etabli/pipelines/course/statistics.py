"""Statistics of the items: share right, discrimination, most common mistake."""

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
    """An item among students with submissions: share right, discrimination, main mistake.

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


Records = Mapping[tuple[str, str], ItemRecord | None]
"""What a student has, by exercise and item; ``None`` for what was asked and not handed in."""


def compute_statistics(items: Sequence[Item], results: Sequence[Records]) -> list[ItemStatistics]:
    """Compute the statistics of items, each among the students to whom it was assigned."""
    return [
        _compute(item, items, [each for each in results if (item.exercise, item.name) in each])
        for item in items
    ]


def _compute(item: Item, items: Sequence[Item], results: Sequence[Records]) -> ItemStatistics:
    found = [result[item.exercise, item.name] for result in results]
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
    found_correlation = _correlate(right, rest)
    return ItemStatistics(item, len(results), sum(right), found_correlation, mistake, mistaken)


def _is_right(result: Records, item: Item) -> bool:
    record = result.get((item.exercise, item.name))
    return record is not None and record.passed


def _correlate(right: Sequence[bool], rest: Sequence[float]) -> float | None:
    import numpy as np

    if len(set(right)) < 2 or len(set(rest)) < 2:
        return None
    return float(np.corrcoef(np.asarray(right, float), np.asarray(rest, float))[0, 1])
