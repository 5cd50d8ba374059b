"""The feedback of a student: the points of each item, with the messages of ``etabli check``."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from etabli.core.i18n import _, localize_number
from etabli.pipelines.course.marking import Marked
from etabli.pipelines.course.rubric import Item, Rubric
from etabli.pipelines.course.students import Student

__all__ = ["Feedback", "FeedbackRow", "format_points", "make_feedback", "write_text"]


@dataclass(frozen=True)
class FeedbackRow:
    """An item with the points that a student has, and why."""

    item: Item
    points: float
    message: str

    @property
    def passed(self) -> bool:
        return not self.message


@dataclass(frozen=True)
class Feedback:
    """The marks of a student; ``notes`` are sentences on the files."""

    student: Student
    rows: tuple[FeedbackRow, ...]
    total: float
    maximum: float
    notes: tuple[str, ...] = ()
    has_handed_in: bool = True

    @property
    def exercises(self) -> list[tuple[str, list[FeedbackRow]]]:
        """The rows of each exercise, in the order of the rubric."""
        rows: dict[str, list[FeedbackRow]] = {}
        for row in self.rows:
            rows.setdefault(row.item.exercise, []).append(row)
        return list(rows.items())


def make_feedback(
    student: Student,
    rubric: Rubric,
    marked: Mapping[tuple[str, str], Marked],
    asked: Collection[str],
    notes: Sequence[str] = (),
) -> Feedback:
    """Assign the points of the rubric to the marked items.

    Args:
        student: The student.
        rubric: The items of all exercises, and their points.
        marked: What was marked, by student and exercise.
        asked: The names of the student's exercises.
        notes: Sentences on the files.

    Returns:
        The marks; the maximum of the rubric, if any, is everybody's best possible total.
    """
    rows = []
    has_handed_in = False
    rubric = rubric.select(asked)
    for item in rubric.items:
        found = marked.get((student.id, item.exercise))
        has_handed_in = has_handed_in or found is not None
        items = found.items if found else ()
        record = next((each for each in items if each.name == item.name), None)
        if record is None:
            rows.append(FeedbackRow(item, 0.0, _("nothing was submitted")))
        elif record.passed:
            rows.append(FeedbackRow(item, item.points, ""))
        else:
            rows.append(FeedbackRow(item, 0.0, record.message))
    total = rubric.scale(sum(row.points for row in rows))
    maximum = rubric.maximum or rubric.total
    return Feedback(student, tuple(rows), total, maximum, tuple(notes), has_handed_in)


def format_points(points: float) -> str:
    """Return points without needless zeros: ``1.5``, in French ``1,5``."""
    return localize_number(f"{points:.2f}".rstrip("0").rstrip("."))


def write_text(feedback: Feedback) -> str:
    """Return the marks of a student as plain text."""
    lines = [feedback.student.name, ""]
    for exercise, rows in feedback.exercises:
        lines.append(exercise)
        for row in rows:
            sign = "✓" if row.passed else "✗"
            of = f"{format_points(row.points)}/{format_points(row.item.points)}"
            lines.append(f"  {sign} {row.item.name}  {of}  {row.message}".rstrip())
    said = _("Total: {total} of {maximum}")
    total, maximum = format_points(feedback.total), format_points(feedback.maximum)
    lines += ["", said.format(total=total, maximum=maximum), *feedback.notes]
    return "\n".join(lines) + "\n"
