"""Marking of submissions: every file in a process of its own, on all cores; resumable.

A marked file is a record, named by a hash of its content and of the marking configuration. An
interrupted run leaves the records that it finished; the next one reads them, and marks the rest.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextvars import copy_context
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from etabli.core.atomic_files import atomic_write, parse_json, remove_temporary_files
from etabli.core.errors import EtabliError
from etabli.core.i18n import N_, _, current_language
from etabli.core.version import __version__
from etabli.exercises import Exercise
from etabli.pipelines.check import check
from etabli.pipelines.course.assignment import TOKEN_LINE, Assignment
from etabli.pipelines.course.students import Student, match_student, safe_name
from etabli.pipelines.course.submissions import Submission, read_code, read_declared

__all__ = ["ItemRecord", "Marked", "Task", "assign", "mark_tasks", "read_token"]


@dataclass(frozen=True)
class ItemRecord:
    """The verdict on an item; ``mistake`` is its name in English, for the statistics."""

    name: str
    passed: bool
    message: str
    mistake: str = ""


@dataclass(frozen=True)
class Marked:
    """A marked exercise of a file: its items, what the file printed, and why it could not run."""

    exercise: str
    items: tuple[ItemRecord, ...]
    output: str = ""
    failure: str = ""


@dataclass(frozen=True)
class Task:
    """An exercise to mark: whose it is, and the file; notes are for the teacher."""

    student: Student
    exercise: Exercise
    submission: Submission
    code: str
    variant: Mapping[str, Any]
    notes: tuple[str, ...] = field(default=())


def assign(
    assignment: Assignment, submissions: Sequence[Submission], left_out: list[str]
) -> tuple[list[Task], list[Student]]:
    """Find the student of each file, and the exercises that it solves.

    Returns:
        The tasks in the order of students and exercises, and the students: those of the list, and
        those whom the list lacks.
    """
    students = {student.id: student for student in assignment.students}
    tasks: dict[tuple[str, str], Task] = {}
    for submission in submissions:
        try:
            code = read_code(submission)
        except EtabliError as error:
            left_out.append(f"{submission.owner}: {error}")
            code = ""
        owner, notes = _find_owner(assignment, submission, code)
        students.setdefault(owner.id, owner)
        for exercise in _find_answered(assignment, submission, code, left_out):
            key = owner.id, exercise.name
            if key in tasks:
                said = _("{name}: {exercise} is in {old} and {new}; the latter is marked")
                old, new = tasks[key].submission.path, submission.path
                left_out.append(
                    said.format(name=owner.name, exercise=exercise.name, old=old, new=new)
                )
            variant = assignment.make_marked_variant(owner, exercise)
            tasks[key] = Task(owner, exercise, submission, code, variant, notes)
    return list(tasks.values()), list(students.values())


def _find_owner(
    assignment: Assignment, submission: Submission, code: str
) -> tuple[Student, tuple[str, ...]]:
    """Return the student of a folder's name, else of the token; note contradictions."""
    listed = list(assignment.students)
    found = match_student(listed, submission.owner, submission.number)
    token = read_token(code)
    holder = assignment.find_owner(token) if token else None
    notes = []
    if found and holder and holder.id != found.id:
        notes.append(_("the file was handed out to {name}").format(name=holder.name))
    elif token and not holder:
        notes.append(_("the token of the file does not belong to this assignment"))
    elif found and not token and listed and assignment.is_varied:
        notes.append(_("the file has no token"))
    owner = found or holder
    if owner is None:
        owner = Student(submission.owner, submission.owner)
        if listed:
            notes.append(_("is not in the list of students"))
    return owner, tuple(notes)


def read_token(code: str) -> str:
    """Return the token of a handed-out file; '' without one."""
    for line in code.split("\n"):
        if line.startswith(TOKEN_LINE):
            return line.removeprefix(TOKEN_LINE).strip().rpartition(" ")[2]
    return ""


def _find_answered(
    assignment: Assignment, submission: Submission, code: str, left_out: list[str]
) -> list[Exercise]:
    """Return the exercises that a file solves: the declared one, or all whose functions it has."""
    constants, functions = read_declared(code)
    declared = constants.get("EXERCISE")
    found = [each for each in assignment.exercises if each.name == declared]
    if not found:
        stem = safe_name(Path(submission.path).stem)
        found = [each for each in assignment.exercises if safe_name(each.name) in stem]
    if not found and functions:
        found = [
            each
            for each in assignment.exercises
            if {function.name for function in each.functions} <= functions
        ]
    if not found and len(assignment.exercises) == 1:
        found = list(assignment.exercises)
    if not found:
        said = _("{name}: {path} solves no exercise of the assignment")
        left_out.append(said.format(name=submission.owner, path=submission.path))
    return found


def mark_tasks(
    tasks: Sequence[Task],
    folder: Path,
    *,
    seconds: float,
    workers: int | None = None,
    advance: Callable[[], object] = lambda: None,
) -> dict[tuple[str, str], Marked]:
    """Mark tasks on all cores, and read those with a record in ``folder``.

    Args:
        tasks: What to mark.
        folder: The folder of the records.
        seconds: The time limit of a call.
        workers: Files marked in parallel; by default as many as cores.
        advance: Called after each task.

    Returns:
        What was marked, by student and exercise.
    """
    folder.mkdir(parents=True, exist_ok=True)
    remove_temporary_files(folder)
    marked: dict[tuple[str, str], Marked] = {}
    with ThreadPoolExecutor(workers or os.cpu_count() or 1) as pool:
        futures = {
            pool.submit(copy_context().run, _mark_recorded, task, folder, seconds): task
            for task in tasks
        }
        try:
            for future in as_completed(futures):
                task = futures[future]
                marked[task.student.id, task.exercise.name] = future.result()
                advance()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return marked


def _mark_recorded(task: Task, folder: Path, seconds: float) -> Marked:
    path = folder / f"{_hash_task(task, seconds)}.json"
    recorded = _read_record(path, task)
    if recorded is None:
        recorded = _mark(task, seconds)
        with atomic_write(path) as file:
            json.dump(asdict(recorded), file, ensure_ascii=False)
    return recorded


def _hash_task(task: Task, seconds: float) -> str:
    content = [
        *(__version__, task.exercise.name, dict(task.variant), seconds, current_language()),
        *(task.student.id, task.submission.suffix, task.code),
    ]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]


def _read_record(path: Path, task: Task) -> Marked | None:
    try:
        content = parse_json(path.read_text(encoding="utf-8"))
        items = tuple(ItemRecord(**each) for each in content.pop("items"))
        return Marked(**content, items=items)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _mark(task: Task, seconds: float) -> Marked:
    """Check a file in a folder of its own; whatever it does, the result is a record."""
    name = task.exercise.name
    with tempfile.TemporaryDirectory(prefix="etabli-mark-") as folder:
        script = Path(folder) / f"{safe_name(Path(task.submission.path).stem)}.py"
        script.write_text(task.code, encoding="utf-8", errors="replace")
        try:
            result = check(script, seconds=seconds, exercise=name, variant=task.variant)
        except EtabliError as error:
            return _fail(task, str(error))
        except Exception as error:  # a fault of ours must not stop the batch
            return _fail(task, f"{type(error).__name__}: {error}")
    items = tuple(
        ItemRecord(each.name, each.passed, str(each.message), each.mistake) for each in result.items
    )
    return Marked(name, items, result.output)


def _fail(task: Task, failure: str) -> Marked:
    items = tuple(
        ItemRecord(each, False, failure, N_("cannot be run")) for each in task.exercise.items
    )
    return Marked(task.exercise.name, items, failure=failure)


def list_notes(tasks: Iterable[Task]) -> dict[str, tuple[str, ...]]:
    """Collect the notes on each student, without repetitions."""
    notes: dict[str, dict[str, None]] = {}
    for task in tasks:
        notes.setdefault(task.student.id, {}).update(dict.fromkeys(task.notes))
    return {student: tuple(each) for student, each in notes.items()}
