"""The CSV of the marks, as Moodle imports it, and as Moodle exports marks.

UTF-8, commas, decimal points; one column identifies students, then one column per item, the total
and the feedback. Moodle asks which column is what: 'Map from' the identifying column, 'Map to' the
field of users (Moodle docs, "Grade import").
"""

import csv
from collections.abc import Sequence
from pathlib import Path

from etabli.core.atomic_files import atomic_write
from etabli.core.i18n import _
from etabli.pipelines.course.feedback import Feedback, write_text
from etabli.pipelines.course.rubric import Rubric

__all__ = ["write_marks"]


def write_marks(
    path: Path, rubric: Rubric, feedbacks: Sequence[Feedback], id_column: str
) -> list[str]:
    """Write one row per student, and return the columns.

    Args:
        path: The CSV.
        rubric: The items.
        feedbacks: The marks of every student.
        id_column: A column of the list of students; '' for their identifier.

    Returns:
        The names of the columns.
    """
    first = id_column or "ID number"
    items = [item.label for item in rubric.items]
    columns = [first, _("Full name"), *items, _("Total"), _("Feedback")]
    with atomic_write(path, newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for feedback in feedbacks:
            student = feedback.student
            identifier = student.cells.get(id_column, "") if id_column else student.id
            # An empty mark leaves Moodle's as it is: who handed in nothing has none, and not 0.
            points = {row.item: _format(row.points) for row in feedback.rows}
            cells = [points.get(item, "") for item in rubric.items] + [_format(feedback.total)]
            cells = cells if feedback.has_handed_in else [""] * len(cells)
            writer.writerow(
                [_escape(identifier), _escape(student.name), *cells, write_text(feedback)]
            )
    return columns


def _format(points: float) -> str:
    return f"{points:.4f}".rstrip("0").rstrip(".")


def _escape(text: str) -> str:
    """Keep a spreadsheet from evaluating a name that begins like a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text
