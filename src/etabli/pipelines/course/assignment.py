"""An assignment: its exercises, students, and the key that determines variants and tokens.

Everything about a student follows from the key and the identifier, so that nothing has to be
recorded when files are handed out, and a handout can be repeated.
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from etabli import exercises
from etabli.core.atomic_files import atomic_write, parse_json
from etabli.core.errors import BadSetting, CorruptFile, DataMissing, UnknownName
from etabli.core.i18n import _
from etabli.exercises import Exercise
from etabli.pipelines.course.students import Student

__all__ = ["ASSIGNMENT", "Assignment", "find_exercises", "read_assignment"]

ASSIGNMENT = "class.json"
TOKEN_LINE = "# etabli class: "


@dataclass(frozen=True)
class Assignment:
    """The exercises of a class, and the teacher's key.

    ``is_varied``: everybody has a variant; ``drawn``: how many exercises everybody has, 0 for all.
    """

    name: str
    exercises: tuple[Exercise, ...]
    students: tuple[Student, ...]
    key: str
    is_varied: bool = True
    drawn: int = 0

    @property
    def items(self) -> dict[str, tuple[str, ...]]:
        """The items of each exercise."""
        return {exercise.name: exercise.items for exercise in self.exercises}

    def _sign(self, *words: str) -> bytes:
        content = json.dumps([self.name, *words]).encode()
        return hmac.new(self.key.encode(), content, hashlib.sha256).digest()

    def make_token(self, student: Student) -> str:
        """Return a token that proves the variant of a file, but not who wrote the file."""
        return self._sign("token", student.id).hex()[:16]

    def find_owner(self, token: str) -> Student | None:
        """Return the student to whom a token was handed out."""
        for student in self.students:
            if hmac.compare_digest(self.make_token(student).encode(), token.encode()):
                return student
        return None

    def list_asked(self, student: Student | None) -> tuple[Exercise, ...]:
        """Return the exercises of a student; all of them for an unknown student."""
        if not self.drawn or student not in self.students:
            return self.exercises
        order = sorted(self.exercises, key=lambda each: self._sign("drawn", student.id, each.name))
        return tuple(each for each in self.exercises if each in order[: self.drawn])

    def make_variant(self, student: Student | None, exercise: Exercise) -> dict[str, Any]:
        """Return the constants of a student's exercise."""
        if student is None or not self.is_varied:
            return exercise.make_variant()
        drawn = int.from_bytes(self._sign("variant", student.id, exercise.name)[:4])
        return exercise.make_variant(1 + drawn % 999_999)

    def make_marked_variant(self, student: Student | None, exercise: Exercise) -> dict[str, Any]:
        """Return the constants that a file is marked with: numbers that no student has seen."""
        drawn = int.from_bytes(self._sign("marking", exercise.name)[:4])
        return {**self.make_variant(student, exercise), "SEED": 1 + drawn % 999_999_999}

    def write(self, path: Path) -> None:
        """Write the teacher's file, which contains the key: only the owner may read it."""
        content = {
            "assignment": self.name,
            "exercises": [exercise.name for exercise in self.exercises],
            "varied": self.is_varied,
            "drawn": self.drawn,
            "key": self.key,
            "students": [
                {"id": each.id, "name": each.name, "cells": each.cells} for each in self.students
            ],
        }
        with atomic_write(path) as file:
            json.dump(content, file, indent=1, ensure_ascii=False)
        path.chmod(0o600)


def find_exercises(names: Sequence[str]) -> tuple[Exercise, ...]:
    """Return the exercises of practicals (``tp1``) and of names (``tp1.softmax``).

    Raises ``UnknownName`` for a name that is neither.
    """
    known = exercises.list_exercises()
    found: list[Exercise] = []
    for name in names:
        of_practical = [each for each in known if each.practical == name]
        found += of_practical or [exercises.get_exercise(name)]
    return tuple(dict.fromkeys(found))


def make_assignment(
    names: Sequence[str], students: Sequence[Student], *, is_varied: bool = True, drawn: int = 0
) -> Assignment:
    """Create an assignment with a new key."""
    name, key = "+".join(names), secrets.token_hex(32)
    return Assignment(name, find_exercises(names), tuple(students), key, is_varied, drawn)


def read_assignment(path: Path) -> Assignment:
    """Read the teacher's file of an assignment, or the one in a folder.

    Raises ``DataMissing`` for a missing file, ``CorruptFile`` for one of another kind.
    """
    path = path / ASSIGNMENT if path.is_dir() else path
    if not path.is_file():
        raise DataMissing(
            _("there is no file {path}").format(path=path),
            fix=_("'etabli class hand-out' writes it into its folder."),
        )
    try:
        content = parse_json(path.read_text(encoding="utf-8"))
        students = [_read_student(each) for each in content["students"]]
        names = [str(name) for name in content["exercises"]]
        return Assignment(
            str(content["assignment"]),
            find_exercises(names),
            tuple(students),
            str(content["key"]),
            bool(content["varied"]),
            int(content["drawn"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError, UnknownName) as error:
        if isinstance(error, BadSetting):
            raise
        says = _("{path} is not an assignment file")
        raise CorruptFile(says.format(path=path)) from error


def _read_student(content: Mapping[str, Any]) -> Student:
    cells = {str(name): str(value) for name, value in content["cells"].items()}
    return Student(str(content["id"]), str(content["name"]), cells)
