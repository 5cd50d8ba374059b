"""The progress of a class: the reports of students' checks, who has passed what, who is stuck.

A report comes from a student's machine, so that it shows progress and is not a mark. Reports are
appended to a file, which a board that is started again reads.
"""

import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from etabli.core.atomic_files import parse_json
from etabli.core.errors import BadSetting, EtabliError, UnknownName
from etabli.core.i18n import _
from etabli.pipelines.check import CheckResult
from etabli.pipelines.course.assignment import Assignment
from etabli.pipelines.course.marking import read_token
from etabli.pipelines.course.students import Student
from etabli.pipelines.course.submissions import Submission, read_code

__all__ = ["Board", "Cell", "report_check"]

REPORTS = "reports.jsonl"
_SECONDS = 5.0  # for a report to arrive
_MOST_REPORTS = 200_000  # of a file: a class of a hundred sends some thousand


@dataclass
class Cell:
    """An exercise of a student: how many items are right, and when that number last rose."""

    right: int = 0
    of: int = 0
    attempts: int = 0
    since: float = 0.0
    passed: set[str] = field(default_factory=set)

    @property
    def is_passed(self) -> bool:
        return self.of > 0 and self.right == self.of


class Board:
    """The progress of every student of an assignment."""

    def __init__(self, assignment: Assignment, folder: Path) -> None:
        self.assignment, self.path = assignment, folder / REPORTS
        self.cells: dict[tuple[str, str], Cell] = {}
        self._lock = threading.Lock()
        for line in self._read_lines():
            self._apply(*line)

    def _read_lines(self) -> list[tuple[str, str, frozenset[str], float]]:
        """Read the reports of earlier sessions; a line that was not finished is left out."""
        if not self.path.is_file():
            return []
        found = []
        for line in self.path.read_text(encoding="utf-8").split("\n")[:_MOST_REPORTS]:
            try:
                student, exercise, right, moment = parse_json(line)
                names = frozenset(map(str, right))
                found.append((str(student), str(exercise), names, float(moment)))
            except (ValueError, TypeError):
                continue
        return found

    def report(self, token: str, exercise: str, right: Sequence[str]) -> Student:
        """Record a report: the items of an exercise that are right.

        Raises:
            BadSetting: The token was not handed out.
            UnknownName: The assignment has no such exercise.
        """
        student = self.assignment.find_owner(token)
        if student is None:
            raise BadSetting(
                _("the token of the file does not belong to this assignment"),
                fix=_("Keep the first line of the file that was handed out."),
            )
        items = self.assignment.items
        if exercise not in items:
            raise UnknownName(_("exercise"), exercise, list(items))
        names, moment = frozenset(right) & frozenset(items[exercise]), time.time()
        with self._lock:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps([student.id, exercise, sorted(names), moment]) + "\n")
            self._apply(student.id, exercise, names, moment)
        return student

    def _apply(self, student: str, exercise: str, right: frozenset[str], moment: float) -> None:
        cell = self.cells.setdefault((student, exercise), Cell(since=moment))
        if right - cell.passed:
            cell.since = moment
        cell.passed |= right
        cell.right, cell.of = len(right), len(self.assignment.items.get(exercise, ()))
        cell.attempts += 1

    def list_rows(self) -> list[tuple[Student, list[Cell | None]]]:
        """Return the cells of each student in the order of the exercises; None: not assigned."""
        with self._lock:
            return [
                (
                    student,
                    [
                        self.cells.get((student.id, exercise.name), Cell())
                        if exercise in self.assignment.list_asked(student)
                        else None
                        for exercise in self.assignment.exercises
                    ],
                )
                for student in self.assignment.students
            ]


def report_check(address: str, path: Path, result: CheckResult) -> None:
    """Send which items of a checked file are right to a board.

    Args:
        address: What ``etabli class board`` prints, with the token of the class.
        path: The file; its first line holds the student's token.
        result: What was found in it.

    Raises:
        BadSetting: The file has no token, or is not an exercise.
        EtabliError: The board does not answer, or rejects the report.
    """
    token = read_token(read_code(Submission("", "", path.name, path.read_bytes())))
    if not token or not result.exercise:
        raise BadSetting(
            _("the file has no token"),
            fix=_("Keep the first line of the file that was handed out."),
        )
    right = [item.name for item in result.items if item.passed]
    _send(address, {"token": token, "exercise": result.exercise, "right": right})


def _send(address: str, report: dict[str, Any]) -> None:
    import requests

    parts = urlsplit(address)
    secret = dict(parse_qsl(parts.query)).get("token", "")
    try:
        answer = requests.post(
            f"{parts.scheme}://{parts.netloc}/api/report",
            json=report,
            headers={"Authorization": f"Bearer {secret}"},
            timeout=_SECONDS,
        )
    except (requests.RequestException, ValueError) as error:
        raise EtabliError(
            _("the board at {address} does not answer").format(address=parts.netloc or address),
            fix=_("Check the address; without --report, nothing is sent."),
        ) from error
    if answer.status_code != 200:
        raise EtabliError(
            _("the board rejected the report ({reason})").format(reason=answer.text[:200])
        )
