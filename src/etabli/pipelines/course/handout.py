"""The files that are handed out: for each student a folder with the exercises of the variant."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from etabli.core.atomic_files import atomic_write, lock_folder, parse_json
from etabli.core.errors import BadSetting
from etabli.core.i18n import _
from etabli.exercises import Exercise, starter
from etabli.pipelines.course import pages
from etabli.pipelines.course.assignment import (
    ASSIGNMENT,
    TOKEN_LINE,
    Assignment,
    make_assignment,
    read_assignment,
)
from etabli.pipelines.course.students import Student, read_students

__all__ = ["HandOut", "hand_out"]


@dataclass(frozen=True)
class HandOut:
    """The files that were handed out, and the names of variants that differ."""

    assignment: Assignment
    folder: Path


def hand_out(
    names: Sequence[str],
    students: Path,
    out: Path,
    *,
    as_notebook: bool = False,
    is_varied: bool = True,
    drawn: int = 0,
    overwrite: bool = False,
) -> HandOut:
    """Write a folder for each student, and the teacher's file ``class.json``.

    Args:
        names: Practicals and exercises.
        students: The list of the class.
        out: The folder to create.
        as_notebook: Whether to write notebooks instead of Python files.
        is_varied: Whether each student has a variant.
        drawn: How many of the exercises each student gets; 0 for all.
        overwrite: Whether to write into an existing folder; its key and variants stay the same.

    Returns:
        The assignment and its folder.

    Raises:
        BadSetting: The folder contains an assignment, and must not be overwritten.
        UnknownName: There is no such practical or exercise.
    """
    listed = read_students(students)
    assignment = make_assignment(names, listed, is_varied=is_varied, drawn=drawn)
    with lock_folder(out):
        path = out / ASSIGNMENT
        if path.exists() and not overwrite:
            raise BadSetting(
                _("{folder} already holds an assignment").format(folder=out),
                fix=_("Choose another folder with --out, or replace it with --overwrite."),
            )
        if path.exists():
            former = read_assignment(path)
            if former.name == assignment.name:
                assignment = replace(assignment, key=former.key)
        _refuse_same_folders(listed)
        assignment.write(path)  # first: without the key, nothing that is handed out can be marked
        for student in listed:
            _write_folder(assignment, student, out / student.folder, as_notebook)
    return HandOut(assignment, out)


def _refuse_same_folders(students: Sequence[Student]) -> None:
    seen: dict[str, Student] = {}
    for student in students:
        other = seen.setdefault(student.folder.casefold(), student)
        if other is not student:
            raise BadSetting(
                _("{name} and {other} would have the same folder").format(
                    name=other.name, other=student.name
                ),
                fix=_("Give the list a column 'ID number' or 'Email address'."),
            )


def _write_folder(
    assignment: Assignment, student: Student, folder: Path, as_notebook: bool
) -> None:
    suffix = "ipynb" if as_notebook else "py"
    for exercise in assignment.list_asked(student):
        with atomic_write(folder / f"{exercise.name}.{suffix}") as file:
            file.write(write_exercise(assignment, student, exercise, as_notebook))
    with atomic_write(folder / "README.html") as file:
        file.write(pages.render_hand_out(assignment, student, suffix))


def write_exercise(
    assignment: Assignment, student: Student, exercise: Exercise, as_notebook: bool
) -> str:
    """Return the file of a student's exercise: what ``exercise start`` writes, and the token."""
    variant = assignment.make_variant(student, exercise)
    line = f"{TOKEN_LINE}{student.folder} {assignment.make_token(student)}"
    score = "SCORE = None  # " + _("the last value of your curve, if your teacher asks for it")
    if not as_notebook:
        source = starter.write_script(exercise, variant, file=f"{exercise.name}.py")
        return _add_lines(source, line, score)
    notebook = parse_json(starter.write_notebook(exercise, variant))
    cell = next(each for each in notebook["cells"] if each["cell_type"] == "code")
    cell["source"] = _add_lines("".join(cell["source"]), line, score).splitlines(keepends=True)
    return json.dumps(notebook, ensure_ascii=False, indent=1) + "\n"


def _add_lines(source: str, token: str, score: str) -> str:
    """Put the token first, and the score after the constants of the exercise."""
    lines = [token, *source.split("\n")]
    last = max(
        (index for index, line in enumerate(lines) if line.startswith(("EXERCISE = ", "SEED = "))),
        default=0,
    )
    return "\n".join([*lines[: last + 1], score, *lines[last + 1 :]])
