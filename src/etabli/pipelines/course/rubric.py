"""The points of each item: read from the teacher's file; one point per item without one."""

import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from etabli.core.atomic_files import parse_json
from etabli.core.errors import BadSetting, CorruptFile, UnknownName
from etabli.core.i18n import _
from etabli.data.formats import text_file

__all__ = ["Item", "Rubric", "read_rubric"]


@dataclass(frozen=True)
class Item:
    """A row of the marks: an exercise, one value of it, and its points."""

    exercise: str
    name: str
    points: float

    @property
    def label(self) -> str:
        """The name of its column."""
        return f"{self.exercise}: {self.name}"


@dataclass(frozen=True)
class Rubric:
    """The items of an assignment, and the number that the best total becomes (0: the sum)."""

    items: tuple[Item, ...]
    maximum: float = 0.0

    @property
    def total(self) -> float:
        return sum(item.points for item in self.items)

    def select(self, exercises: Collection[str]) -> "Rubric":
        """Return the rubric of some exercises, with the same maximum."""
        return replace(self, items=tuple(item for item in self.items if item.exercise in exercises))

    def scale(self, points: float) -> float:
        """Return the mark of a sum of points."""
        if not self.maximum or not self.total:
            return points
        return points * self.maximum / self.total


def read_rubric(path: Path | None, known: Mapping[str, Sequence[str]]) -> Rubric:
    """Read a rubric in TOML or JSON; ``known`` are the items of each exercise.

    ``maximum = 20`` scales the sum; ``points`` holds, for an exercise, one number for all of its
    items together, or a table of items. An exercise that is not named gives no points.

    Raises:
        CorruptFile: The file is neither TOML nor JSON.
        BadSetting: A value is not a number of points.
        UnknownName: There is no such exercise or item in the assignment.
    """
    if path is None:
        pairs = [(exercise, name) for exercise, names in known.items() for name in names]
        return Rubric(tuple(Item(exercise, name, 1.0) for exercise, name in pairs))
    content = _parse(path)
    points = content.get("points")
    if not isinstance(points, dict) or not points:
        raise BadSetting(
            _("{path} assigns no points").format(path=path),
            expected='[points]\n"tp1.softmax" = 2',
        )
    items: list[Item] = []
    for exercise, value in points.items():
        if exercise not in known:
            raise UnknownName(_("exercise"), exercise, list(known))
        items += _make_items(exercise, value, known[exercise])
    maximum = _number(content.get("maximum", 0), "maximum")
    return Rubric(tuple(items), maximum)


def _parse(path: Path) -> dict[str, Any]:
    text = text_file.read(path).text
    try:
        content = parse_json(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise CorruptFile(_("{path} is neither TOML nor JSON").format(path=path)) from error
    if not isinstance(content, dict):
        raise CorruptFile(_("{path} is neither TOML nor JSON").format(path=path))
    return content


def _make_items(exercise: str, value: object, names: Sequence[str]) -> list[Item]:
    if not isinstance(value, dict):
        each = _number(value, exercise) / len(names)
        return [Item(exercise, name, each) for name in names]
    for name in value:
        if name not in names:
            raise UnknownName(_("item"), name, list(names))
    return [Item(exercise, name, _number(points, name)) for name, points in value.items()]


def _number(value: object, name: str) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 <= float(value) <= 1e6:  # type: ignore[arg-type]
        raise BadSetting(
            _("the points of {name} are not a number").format(name=name),
            expected=_("a number that is not negative"),
            got=str(value),
        )
    return float(value)  # type: ignore[arg-type]
