"""Agreement of two clusterings of the same items."""

from collections.abc import Mapping, Sequence

from etabli.core.errors import BadArray
from etabli.core.i18n import _
from etabli.metrics.score import Score

__all__ = ["adjusted_rand", "select_unambiguous"]


def adjusted_rand(one: Sequence, other: Sequence) -> Score:
    """Compute the adjusted Rand index of two labelings (N,): 1 if equal, 0 on average if random.

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
    """Return the group of every item that is in one group only."""
    seen: dict[str, set[str]] = {}
    for group, items in groups.items():
        for item in items:
            seen.setdefault(item, set()).add(group)
    return {item: next(iter(found)) for item, found in seen.items() if len(found) == 1}
