"""Recomputation of the scores that students claim, by the demo with their functions."""

import re
import tempfile
import textwrap
from pathlib import Path

import numpy as np

from etabli.core.errors import EtabliError
from etabli.core.i18n import _
from etabli.nn.grading import StudentFailure
from etabli.pipelines.check.isolation import StudentFile
from etabli.pipelines.course.assignment import Assignment
from etabli.pipelines.course.marking import Task
from etabli.pipelines.course.submissions import read_declared

__all__ = ["rerun_score"]

_TOLERANCE = 0.01  # relative: students round
_NAME = "etabli_demo_score"
_CURVE = "from etabli.exercises.curves import show_curve"


def rerun_score(assignment: Assignment, task: Task, seconds: float) -> str | None:
    """Return a sentence on the claimed score of a file, ``SCORE = ...``; None without a claim.

    The demo is that of the package, with the constants of the student's variant; what it computes
    comes from the student's functions, whose values are marked by themselves.
    """
    claimed = read_declared(task.code)[0].get("SCORE")
    if not isinstance(claimed, int | float) or isinstance(claimed, bool):
        return None
    source = _wrap(assignment, task)
    with tempfile.TemporaryDirectory(prefix="etabli-rerun-") as folder:
        script = Path(folder) / "rerun.py"
        script.write_text(source, encoding="utf-8", errors="replace")
        try:
            found = _run(script, seconds)
        except (StudentFailure, EtabliError) as error:
            said = _("{exercise}: claims {claimed:.4g}; its demo does not run: {reason}")
            return said.format(exercise=task.exercise.name, claimed=claimed, reason=error)
    is_same = abs(found - claimed) <= _TOLERANCE * max(abs(found), 1e-9)
    said = _("{exercise}: claims {claimed:.4g}, and the demo gives {found:.4g}")
    if not is_same:
        said = _("{exercise}: claims {claimed:.4g}, but the demo gives {found:.4g}")
    return said.format(exercise=task.exercise.name, claimed=claimed, found=found)


def _wrap(assignment: Assignment, task: Task) -> str:
    """Append the demo as a function that returns the last value of its curve."""
    variant = assignment.make_variant(task.student, task.exercise)
    constants = [f"{name} = {value!r}" for name, value in variant.items()]
    demo = re.sub(re.escape(_CURVE), "", task.exercise.demo)
    body = ["shown = []", "def show_curve(values, *_others, **_named):", "    shown.append(values)"]
    body += [*demo.split("\n"), "return float(np.ravel(shown[-1])[-1])"]
    function = f"def {_NAME}():\n" + textwrap.indent("\n".join(body), "    ")
    return "\n".join([task.code, "import numpy as np", *constants, function, ""])


def _run(script: Path, seconds: float) -> float:
    file = StudentFile(script, seconds)
    try:
        _header, arrays = file.call(_NAME, {})
    finally:
        file.close()
    value = np.ravel(next(iter(arrays.values()), np.array([])))
    if value.size != 1:
        raise StudentFailure(_("does not return a number"))
    return float(value[0])
