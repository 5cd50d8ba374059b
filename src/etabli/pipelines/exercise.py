"""Exercises as files: started, recognized and run."""

import ast
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from etabli import exercises
from etabli.core.atomic_files import atomic_write
from etabli.core.errors import BadSetting, EtabliError
from etabli.core.i18n import _
from etabli.data.formats import text_file
from etabli.exercises import starter

__all__ = ["is_exercise", "run_file", "start"]


def start(
    name: str,
    file: Path | str | None = None,
    *,
    variant: Mapping[str, Any] | None = None,
    with_solution: bool = False,
) -> Path:
    """Write the file of an exercise: a script or a notebook, by its suffix.

    Args:
        name: The exercise.
        file: The file; by default the name of the exercise with ``.py``.
        variant: Its constants.
        with_solution: Whether to write the model solution in place of the TODOs.

    Returns:
        The path of the file.

    Raises:
        UnknownName: There is no such exercise.
        BadSetting: The file exists, or is neither a script nor a notebook.
    """
    exercise = exercises.get_exercise(name)
    path = Path(file) if file is not None else Path(f"{name.partition('.')[2]}.py")
    if path.suffix not in (".py", ".ipynb"):
        raise BadSetting(
            _("an exercise is a Python file or a notebook"), expected="*.py, *.ipynb", got=str(path)
        )
    if path.exists():
        raise BadSetting(
            _("{file} already exists").format(file=path),
            fix=_("Choose another name; nothing was overwritten."),
        )
    if path.suffix == ".py":
        text = starter.write_script(exercise, variant, file=str(path), with_solution=with_solution)
    else:
        text = starter.write_notebook(exercise, variant, with_solution=with_solution)
    with atomic_write(path) as stream:
        stream.write(text)
    return path


def is_exercise(path: Path | str) -> bool:
    """Whether a file is one that ``start`` wrote: it declares EXERCISE."""
    path = Path(path)
    if path.suffix != ".py" or not path.is_file():
        return False
    try:
        tree = ast.parse(text_file.read(path).text)
    except (SyntaxError, ValueError, EtabliError):
        return False
    assigned = (each for each in tree.body if isinstance(each, ast.Assign))
    return any(ast.unparse(target) == "EXERCISE" for each in assigned for target in each.targets)


def run_file(path: Path | str) -> int:
    """Run the file of an exercise as a program of its own; return its exit code."""
    path = Path(path).resolve()
    return subprocess.run([sys.executable, str(path)], cwd=path.parent, check=False).returncode
