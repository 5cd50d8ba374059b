"""Exercises of the five practicals: functions to write in NumPy, and their grading.

Grading needs only NumPy and the standard library, so that it also runs in a browser.
"""

from collections.abc import Mapping

from etabli.core.errors import UnknownName
from etabli.core.i18n import _
from etabli.exercises import tp1, tp2, tp3, tp4, tp5
from etabli.exercises.grading import ItemResult, Result, grade
from etabli.exercises.spec import Exercise

__all__ = ["Exercise", "ItemResult", "Result", "get_exercise", "grade", "list_exercises"]

_BY_NAME: Mapping[str, Exercise] = {
    exercise.name: exercise
    for practical in (tp1, tp2, tp3, tp4, tp5)
    for exercise in practical.EXERCISES
}


def list_exercises(practical: str | None = None) -> list[Exercise]:
    """Return the exercises of one practical, or all in their order. Raises ``UnknownName``."""
    known = dict.fromkeys(each.practical for each in _BY_NAME.values())
    if practical is not None and practical not in known:
        raise UnknownName(_("practical"), practical, known)
    return [each for each in _BY_NAME.values() if practical in (None, each.practical)]


def get_exercise(name: str) -> Exercise:
    """Return an exercise by its name. Raises ``UnknownName``."""
    if name not in _BY_NAME:
        raise UnknownName(_("exercise"), name, _BY_NAME)
    return _BY_NAME[name]
