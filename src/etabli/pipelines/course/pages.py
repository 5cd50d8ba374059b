"""The HTML pages of a class: handout, feedback, statistics, similar submissions."""

import base64
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from etabli.core.i18n import _, current_language
from etabli.core.version import __version__
from etabli.pipelines.course.assignment import Assignment
from etabli.pipelines.course.feedback import Feedback, format_points
from etabli.pipelines.course.students import Student
from etabli.report import HOME as REPORT_HOME

if TYPE_CHECKING:
    from jinja2 import Environment

    from etabli.pipelines.course.board import Board
    from etabli.pipelines.course.similarity import Pair
    from etabli.pipelines.course.statistics import ItemStatistics

_TEMPLATES = Path(__file__).parent / "templates"


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader([_TEMPLATES, REPORT_HOME / "templates"]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = (REPORT_HOME / "templates" / "style.css").read_text(encoding="utf-8")
    style += (_TEMPLATES / "class.css").read_text(encoding="utf-8")
    environment.globals.update(
        _=_,
        version=__version__,
        style=style,
        draw=draw_equation,
        points=format_points,
        number=format_points,
    )
    return environment


def _render(template: str, **values: object) -> str:
    found = _environment().get_template(template)
    return found.render(language=current_language(), **values)


def render_hand_out(assignment: Assignment, student: Student, suffix: str) -> str:
    """Return the page that a student gets: the exercises, and how to check them."""
    shown = [
        (exercise, assignment.make_variant(student, exercise), f"{exercise.name}.{suffix}")
        for exercise in assignment.list_asked(student)
    ]
    return _render("hand_out.html", student=student, shown=shown)


@cache
def draw_equation(latex: str) -> str:
    """Return an equation as the data URL of an SVG; '' where Matplotlib does not know a command."""
    import io

    from matplotlib import mathtext

    drawn = io.BytesIO()
    # What LaTeX writes with arguments, or in text, and mathtext otherwise.
    source = latex.replace(r"\tfrac", r"\frac").replace(r"\text{", r"\mathrm{")
    try:
        mathtext.math_to_image(f"${source}$", drawn, dpi=72, format="svg")
    except ValueError:
        return ""
    transparent = drawn.getvalue().replace(b"fill: #ffffff", b"fill: none")
    return "data:image/svg+xml;base64," + base64.b64encode(transparent).decode()


def render_feedback(feedback: Feedback) -> str:
    """Return the page with the marks of a student."""
    return _render("feedback.html", feedback=feedback)


def render_statistics(
    name: str, rows: Sequence["ItemStatistics"], totals: Sequence[float], maximum: float
) -> str:
    """Return the page of the items; ``totals`` are the marks of students with submissions."""
    bins = 10
    counts = [0] * bins
    for total in totals:
        counts[min(int(bins * total / maximum), bins - 1) if maximum else 0] += 1
    return _render(
        "statistics.html", name=name, rows=rows, totals=totals, maximum=maximum, counts=counts
    )


def render_board(board: "Board", address: str) -> str:
    """Return the page of a class at work; students report to ``address``."""
    return _render("board.html", board=board, address=address, now=time.time())


def board_style() -> str:
    """Return the style of the board."""
    return str(_environment().globals["style"])


def render_similarity(pairs: Sequence["Pair"], codes: Mapping[str, str]) -> str:
    """Return the page of similar submissions, each pair side by side."""
    shown = [
        (
            pair,
            [
                (name, list(enumerate(codes[name].split("\n"), start=1)), lines)
                for name, lines in zip((pair.first, pair.second), pair.lines, strict=True)
            ],
        )
        for pair in pairs
    ]
    return _render("similarity.html", shown=shown)
