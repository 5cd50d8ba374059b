"""A course: exercises handed out in variants, marked in isolation, with statistics and a board."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from pathlib import Path

from etabli.core.atomic_files import atomic_write, lock_folder
from etabli.core.errors import BadSetting
from etabli.core.i18n import _
from etabli.core.progress import Reporter, Silent
from etabli.exercises import starter
from etabli.pipelines._output import refuse_existing_file
from etabli.pipelines.check.isolation import find_isolation
from etabli.pipelines.course import pages
from etabli.pipelines.course.assignment import Assignment, find_exercises, read_assignment
from etabli.pipelines.course.feedback import Feedback, make_feedback, write_text
from etabli.pipelines.course.handout import hand_out
from etabli.pipelines.course.marking import ItemRecord, Marked, Task, assign, list_notes, mark_tasks
from etabli.pipelines.course.marks_file import write_marks
from etabli.pipelines.course.rerun import rerun_score
from etabli.pipelines.course.rubric import read_rubric
from etabli.pipelines.course.similarity import Pair, find_similar
from etabli.pipelines.course.statistics import ItemStatistics, Records, compute_statistics
from etabli.pipelines.course.students import Student, choose_id_column, read_students
from etabli.pipelines.course.submissions import collect

__all__ = ["Marking", "hand_out", "mark"]


@dataclass(frozen=True)
class Marking:
    """The marks of a class: everybody's feedback, the items, and notes for the teacher."""

    feedbacks: tuple[Feedback, ...]
    statistics: tuple[ItemStatistics, ...]
    similar: tuple[Pair, ...]
    left_out: tuple[str, ...]
    columns: tuple[str, ...]
    folder: Path


def mark(
    submissions: Path,
    out: Path,
    *,
    assignment: Path | None = None,
    exercises: Sequence[str] = (),
    students: Path | None = None,
    rubric: Path | None = None,
    id_column: str | None = None,
    seconds: float = 10.0,
    workers: int | None = None,
    rerun: bool = False,
    unsafe: bool = False,
    overwrite: bool = False,
    reporter: Reporter | None = None,
) -> Marking:
    """Mark the submissions of a class, and write marks, feedback, statistics, similar pairs.

    An interrupted call resumes when it is repeated.

    Args:
        submissions: A folder or zip as downloaded from Moodle, or with one folder per student.
        out: The CSV of the marks; feedback and pages are written next to it, in ``<name>-files``.
        assignment: The ``class.json`` of the handout.
        exercises: Practicals and exercises, if there is no ``assignment``.
        students: The class list, if there is no ``assignment``.
        rubric: The points, in TOML or JSON; one point per item by default.
        id_column: The column of the list that identifies students in the CSV.
        seconds: The time limit of a call of a student's function.
        workers: Files marked in parallel; by default as many as cores.
        rerun: Whether to recompute claimed scores.
        unsafe: Whether to mark where the machine cannot isolate the files.
        overwrite: Whether a CSV may be replaced.
        reporter: Where progress is shown.

    Returns:
        The marks.

    Raises:
        BadSetting: The CSV exists, the machine isolates nothing, or no exercise is given.
    """
    refuse_existing_file(out, overwrite)
    if not find_isolation() and not unsafe:
        raise BadSetting(
            _(
                "this machine cannot isolate students' files: they could read, write and "
                "send anything"
            ),
            fix=_("Mark on Linux with user namespaces, or accept the risk with --unsafe."),
        )
    given = _find_assignment(assignment, exercises, students)
    points = read_rubric(rubric, given.items)
    column = choose_id_column(list(given.students), id_column)
    found, left_out = collect(submissions)
    tasks, everybody = assign(given, found, left_out)
    folder = out.with_name(f"{out.stem}-files")
    with lock_folder(folder):
        with (reporter or Silent()).task(_("marking"), len(tasks)) as step:
            marked = mark_tasks(
                tasks, folder / "records", seconds=seconds, workers=workers, advance=step
            )
        notes = {key: list(each) for key, each in list_notes(tasks).items()}
        for task, said in _rerun(given, tasks, seconds, workers) if rerun else ():
            notes.setdefault(task.student.id, []).append(said)
        feedbacks = [
            make_feedback(each, points, marked, _name_asked(given, each), notes.get(each.id, ()))
            for each in everybody
        ]
        statistics = compute_statistics(points.items, _collect_records(given, everybody, marked))
        similar = _compare(given, tasks)
        _write_pages(folder, given.name, feedbacks, statistics, similar)
        columns = write_marks(out, points, feedbacks, column)
    return Marking(
        tuple(feedbacks),
        tuple(statistics),
        tuple(pair for pairs, _codes in similar for pair in pairs),
        tuple(left_out),
        tuple(columns),
        folder,
    )


def _find_assignment(
    path: Path | None, exercises: Sequence[str], students: Path | None
) -> Assignment:
    if path is not None:
        return read_assignment(path)
    if not exercises:
        raise BadSetting(
            _("the exercises to mark are not given"),
            fix=_(
                "Give the class.json of the handout with --class, or name the exercises with "
                "--exercise."
            ),
        )
    listed = read_students(students) if students else []
    found = find_exercises(exercises)
    return Assignment("+".join(exercises), found, tuple(listed), "etabli", is_varied=False)


def _rerun(
    assignment: Assignment, tasks: Sequence[Task], seconds: float, workers: int | None
) -> list[tuple[Task, str]]:
    with ThreadPoolExecutor(workers) as pool:
        futures = [
            pool.submit(copy_context().run, rerun_score, assignment, task, 6 * seconds)
            for task in tasks
        ]
        said = [(task, future.result()) for task, future in zip(tasks, futures, strict=True)]
    return [(task, sentence) for task, sentence in said if sentence]


def _name_asked(assignment: Assignment, student: Student) -> list[str]:
    return [exercise.name for exercise in assignment.list_asked(student)]


def _collect_records(
    assignment: Assignment,
    students: Sequence[Student],
    marked: Mapping[tuple[str, str], Marked],
) -> list[Records]:
    """Return the records of each student with a submission; ``None`` for a missing exercise."""
    collected: list[Records] = []
    for student in students:
        records: dict[tuple[str, str], ItemRecord | None] = {}
        for exercise in assignment.list_asked(student):
            found = marked.get((student.id, exercise.name))
            given = {item.name: item for item in found.items} if found else {}
            records |= {(exercise.name, name): given.get(name) for name in exercise.items}
        if any(records.values()):
            collected.append(records)
    return collected


def _compare(
    assignment: Assignment, tasks: Sequence[Task]
) -> list[tuple[list[Pair], dict[str, str]]]:
    """Compare the files of each exercise with one another."""
    compared = []
    for exercise in assignment.exercises:
        codes = {
            f"{task.student.name} · {exercise.name}": task.code
            for task in tasks
            if task.exercise is exercise
        }
        known = [starter.write_script(exercise), exercise.demo, exercise.solution()]
        compared.append((find_similar(codes, known), codes))
    return compared


def _write_pages(
    folder: Path,
    name: str,
    feedbacks: Sequence[Feedback],
    statistics: Sequence[ItemStatistics],
    similar: Sequence[tuple[list[Pair], dict[str, str]]],
) -> None:
    for feedback in feedbacks:
        stem = folder / "feedback" / feedback.student.folder
        with atomic_write(stem.with_name(f"{stem.name}.html")) as file:
            file.write(pages.render_feedback(feedback))
        with atomic_write(stem.with_name(f"{stem.name}.txt")) as file:
            file.write(write_text(feedback))
    handed_in = [each for each in feedbacks if each.has_handed_in]
    totals = [each.total for each in handed_in]
    maximum = feedbacks[0].maximum if feedbacks else 0.0
    with atomic_write(folder / "statistics.html") as file:
        file.write(pages.render_statistics(name.replace("+", ", "), statistics, totals, maximum))
    pairs = [pair for found, _codes in similar for pair in found]
    codes = {key: code for _found, each in similar for key, code in each.items()}
    with atomic_write(folder / "similarity.html") as file:
        file.write(pages.render_similarity(sorted(pairs, key=lambda pair: -pair.share), codes))
