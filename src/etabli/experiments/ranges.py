"""Expected ranges: where a score should fall on full data with the default settings, and why."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

ENOUGH_SEEDS = 5


@dataclass(frozen=True)
class ExpectedRange:
    """Where a score should fall: the mean of seeds ± 4 standard deviations, or by a theorem.

    Attributes:
        low: The least value.
        high: The greatest value.
        seeds: How many seeds it was set from; fewer than ``ENOUGH_SEEDS`` are marked in reports.
        reason: Why it holds, where it was not set from seeds.
        data: What the run has to read, as ``RunContext.data`` names it.
        date: When it was set.
        commit: The commit whose results set it.
        history: Earlier ranges, each with its last day.
    """

    low: float
    high: float
    seeds: int = 0
    reason: str = ""
    data: tuple[str, ...] = ()
    date: str = ""
    commit: str = ""
    history: tuple[str, ...] = ()


def select_ranges(
    ranges: Mapping[str, ExpectedRange], data: Iterable[str]
) -> dict[str, ExpectedRange]:
    """Return the ranges that are about what a run reads."""
    read = {*data}
    return {score: each for score, each in ranges.items() if read.issuperset(each.data)}
