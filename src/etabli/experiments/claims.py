"""Claims of the lab report: the statement, its data, and when a run confirms it."""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from etabli.core.i18n import _
from etabli.report.run_folder import Verdict

Values = Mapping[str, float]
Relation = Literal["<", "<=", "=", ">=", ">"]

_RELATIONS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">=": operator.ge,
    ">": operator.gt,
}
_TITLES = {
    "mnist": "MNIST",
    "voc": "PASCAL VOC",
    "voc2007": "VOC 2007",
    "resnet50": "ResNet-50",
    "flickr8k": "Flickr8k",
    "fleurs_du_mal": "Les Fleurs du mal",
    "glove": "GloVe",
}


@dataclass(frozen=True)
class Condition:
    """A relation of a measured value to a number, or to another measured value.

    ``tolerance`` widens the condition: ``=`` holds up to it, and the others hold by as much
    beyond the number. No condition holds for NaN.
    """

    score: str
    relation: Relation
    value: float | str
    tolerance: float = 0.0

    def __call__(self, values: Values) -> bool:
        """Return whether the condition holds; raise ``KeyError`` for a value that is missing."""
        measured = values[self.score]
        other = values[self.value] if isinstance(self.value, str) else self.value
        if self.relation == "=":
            return abs(measured - other) <= self.tolerance
        slack = self.tolerance if self.relation.startswith(">") else -self.tolerance
        return _RELATIONS[self.relation](measured, other - slack)

    def __str__(self) -> str:
        value = self.value if isinstance(self.value, str) else f"{self.value:g}"
        tolerance = f" (± {self.tolerance:g})" if self.tolerance else ""
        return f"{self.score} {self.relation} {value}{tolerance}"


@dataclass(frozen=True)
class Claim:
    """A statement of the lab report, in our words, and what a run has to measure to decide it.

    Attributes:
        key: Its name in the experiment.
        says: What it states, with its number or order.
        where: Where the report states it.
        data: What it is about: names of data sets of the catalog, ``voc2007``, ``resnet50``. On
            other data it is not evaluated.
        confirmed_if: Conditions that all have to hold; without any, no run can confirm it.
        refuted_if: Conditions that refute it if all hold; ``None``: it is refuted where it is not
            confirmed; without any, no run can refute it. In between it is undecided.
    """

    key: str
    says: str
    where: str = ""
    data: tuple[str, ...] = ()
    confirmed_if: tuple[Condition, ...] = ()
    refuted_if: tuple[Condition, ...] | None = None

    def evaluate(self, values: Values) -> Verdict:
        """Return the verdict on measured values; raise ``KeyError`` where one is missing."""
        confirmed, refuted = (
            bool(conditions) and all([each(values) for each in conditions])
            for conditions in (self.confirmed_if, self.refuted_if or ())
        )
        if confirmed:
            return "confirmed"
        return "refuted" if refuted or self.refuted_if is None else "undecided"

    @property
    def is_about(self) -> str:
        """The data that the claim is about, in words."""
        return ", ".join(_TITLES.get(name, name) for name in self.data)

    @property
    def condition(self) -> str:
        """When it is confirmed or, where no run can confirm it, when it is refuted."""
        conditions, template = self.confirmed_if, _("confirmed if {condition}")
        if not conditions:
            conditions, template = self.refuted_if or (), _("refuted if {condition}")
        return template.format(condition=", ".join(map(str, conditions)))
