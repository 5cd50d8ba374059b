"""How far two groupings of the same things agree."""

from collections.abc import Mapping, Sequence

from etabli.core.errors import BadArray
from etabli.core.i18n import _
from etabli.metrics.score import Score

__all__ = ["adjusted_rand", "select_unambiguous"]


def adjusted_rand(one: Sequence, other: Sequence) -> Score:
    """The adjusted Rand index of two labellings (N,): 1 for the same groups, 0 on average for random ones.

    Hubert, Arabie 1985, "Comparing partitions"; scikit-learn computes it.
    """
    from sklearn.metrics import adjusted_rand_score

    if len(one) != len(other) or len(one) < 2:
        raise BadArray(
            _("these clusterings cannot be compared"),
            expected=_("two labelings of the same two or more items"),
            got=_("{n} and {m} labels").format(n=len(one), m=len(other)),
        )
    return Score(
        float(adjusted_rand_score(list(one), list(other))),
        {"index": "adjusted Rand", "n": len(one)},
    )


def select_unambiguous(groups: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The group of every thing that stands in one group only."""
    seen: dict[str, set[str]] = {}
    for group, things in groups.items():
        for thing in things:
            seen.setdefault(thing, set()).add(group)
    return {thing: next(iter(found)) for thing, found in seen.items() if len(found) == 1}
