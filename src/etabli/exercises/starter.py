"""Starter files of an exercise: a script or a notebook with a TODO for each value."""

import json
import re
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from etabli.core.i18n import N_, _
from etabli.exercises.spec import Exercise, Function, Variant

__all__ = ["show_exercise", "write_notebook", "write_script"]

_WIDTH = 92
_CURVE = "from etabli.exercises.curves import show_curve"
_HOW = (
    N_("Replace every ... below, then:"),
    N_("    etabli check {file}       which value is wrong, and how"),
    N_("    etabli run ./{file}       what your functions compute, as a curve"),
    N_("    etabli exercise show {name} --hint 1"),
)
_SYMBOLS = {
    r"\partial ": "∂", r"\hat{y}": "ŷ", r"\hat{Y}": "Ŷ", r"\bar{x}": "x̄", r"^{\mathsf{T}}": "ᵀ",
    r"\sum": "Σ", r"\odot": "⊙", r"\qquad": "  ", r"\quad": " ", r"\,": " ", r"\sigma": "σ",
    r"\delta": "δ", r"\eta": "η", r"\mu": "μ", r"\lambda": "λ", r"\varepsilon": "ε", r"\alpha": "α",
    r"\beta": "β", r"\geq": "≥", r"\|": "‖", r"\leftarrow": "←", r"\left": "",
    r"\right": "", r"\leq": "≤", r"\infty": "∞", r"\in": "∈", r"\dots": "...", r"\approx": "≈",
    r"\sim": "~", r"\mathcal{N}": "N", r"\mathcal{U}": "U", r"\cdot": "·", r"\neq": "≠",
    r"\mid": "|", r"\{": "{", r"\}": "}",
}  # fmt: skip


def write_script(
    exercise: Exercise,
    variant: Variant | None = None,
    *,
    file: str = "mine.py",
    with_solution: bool = False,
) -> str:
    """Return the Python file of an exercise, in the language in use.

    Args:
        exercise: The exercise.
        variant: Its constants.
        file: The name of the file, for the commands that it shows.
        with_solution: Whether to write the model solution in place of the TODOs.

    Returns:
        The source.
    """
    head = "\n".join(["# " + _(exercise.title), "#", *_comment(_describe(exercise)), "#"])
    how = "\n".join("# " + line for line in _list_commands(exercise, file))
    code = _write_code(exercise, variant, with_solution)
    return "\n\n".join([f"{head}\n{how}", code, _write_main(exercise)]) + "\n"


def write_notebook(
    exercise: Exercise, variant: Variant | None = None, *, with_solution: bool = False
) -> str:
    """Return the notebook of an exercise as JSON, in the language in use."""
    equations = "\n\n".join(f"$${each}$$" for each in exercise.equations)
    text = [f"# {_(exercise.title)}", _(exercise.statement), equations, _(exercise.theorem)]
    head, *functions = _write_code(exercise, variant, with_solution).split("\n\n\n")
    names = ", ".join(function.name for function in exercise.functions)
    cells = [
        _cell("markdown", "\n\n".join(text)),
        _cell("code", head),
        *(_cell("code", each) for each in functions),
        _cell("markdown", _("Check your functions: every value should be right.")),
        _cell("code", f"from etabli import check\n\ncheck({names})", is_shown=True),
        _cell("markdown", _("What your functions compute:")),
        _cell("code", f"{_CURVE}\n\n{exercise.demo.strip()}", is_shown=True),
        _cell("markdown", _list_links(exercise)),
    ]
    for index, cell in enumerate(cells):
        cell["id"] = f"cell-{index}"
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook = {
        "cells": cells,
        "metadata": {"kernelspec": kernel},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(notebook, ensure_ascii=False, indent=1) + "\n"


def show_exercise(exercise: Exercise) -> str:
    """Return the text of an exercise as the terminal shows it."""
    return "\n\n".join([_(exercise.title), "\n".join(_describe(exercise))])


def write_plainly(latex: str) -> str:
    """Return an equation in LaTeX as a line of plain text."""
    text = latex
    for command, symbol in _SYMBOLS.items():
        text = text.replace(command, symbol)
    text = re.sub(r"\\(?:text|mathrm)\{([^{}]*)\}", r"\1", text)
    for _depth in range(4):
        text = re.sub(r"([_^])\{([^{}]*)\}", _drop_braces, text)
        text = re.sub(r"\\sqrt\{([^{}]*)\}", r"√(\1)", text)
        text = re.sub(r"\\frac\{([^{}]*)\}\{([^{}]*)\}", _divide, text)
    return re.sub(r" +", " ", text.replace("\\", "")).strip()


def _drop_braces(found: re.Match[str]) -> str:
    sign, content = found.groups()
    return sign + (content if re.fullmatch(r"\w+", content) else f"({content})")


def _divide(found: re.Match[str]) -> str:
    parts = (each.strip() for each in found.groups())
    return "/".join(f"({each})" if " " in each else each for each in parts)


def _list_links(exercise: Exercise) -> str:
    return _(
        "More: the page of the practical, `docs/practicals/{practical}.md`; a hint with `etabli "
        "exercise show {name} --hint 1`; the experiments with `etabli run {practical}`."
    ).format(practical=exercise.practical, name=exercise.name)


def _cell(kind: str, source: str, is_shown: bool = False) -> dict[str, Any]:
    """Return a cell; one that only shows something has a tag, and a check does not run it."""
    extra: dict[str, Any] = {"execution_count": None, "outputs": []} if kind == "code" else {}
    metadata = {"tags": ["etabli-skip"]} if is_shown else {}
    return {"cell_type": kind, "metadata": metadata, "source": source.splitlines(True), **extra}


def _describe(exercise: Exercise) -> list[str]:
    """Return the statement, the equations and the theorem as lines."""
    lines = textwrap.wrap(_(exercise.statement), _WIDTH)
    lines += ["", *(f"    {write_plainly(each)}" for each in exercise.equations), ""]
    return lines + textwrap.wrap(_(exercise.theorem), _WIDTH)


def _comment(lines: list[str]) -> Iterator[str]:
    for line in lines:
        yield f"# {line}".rstrip()


def _list_commands(exercise: Exercise, file: str) -> list[str]:
    return [_(line).format(file=file, name=exercise.name) for line in _HOW]


def _write_code(exercise: Exercise, variant: Variant | None, with_solution: bool) -> str:
    """Write the imports, the constants, and the functions to fill in."""
    complete = exercise.complete_variant(variant)
    constants = {"EXERCISE": exercise.name, **complete}
    head = "import numpy as np\n\n" + "\n".join(
        f"{name} = {json.dumps(value)}" for name, value in constants.items()
    )
    if with_solution:
        return head + "\n\n\n" + _strip_head(exercise.solution(variant), complete)
    functions = [_write_function(exercise, function) for function in exercise.functions]
    return "\n\n\n".join([head, *functions])


def _strip_head(source: str, constants: Mapping[str, Any]) -> str:
    """Remove the imports and constants of a solution: those of the starter file replace them."""
    heads = ("import numpy", '"""', *(f"{name} = " for name in constants))
    lines = [line for line in source.split("\n") if not line.startswith(heads)]
    return "\n".join(lines).strip()


def _write_function(exercise: Exercise, function: Function) -> str:
    """Write the signature, the arguments, the results, and one TODO per value."""
    given = [
        f"    {name}: {_(exercise.arguments[name])}"
        for name in function.parameters
        if name in exercise.arguments
    ]
    names = [value.name for value in function.values]
    todo = [
        f"    {value.name} = ...  # TODO: {_(value.says)}" + (f" {value.shape}" * bool(value.shape))
        for value in function.values
    ]
    return "\n".join(
        [
            f"def {function.name}({', '.join(function.parameters)}):",
            f'    """{_(function.says)}',
            *(["", *given] if given else []),
            '    """',
            *todo,
            f"    return {', '.join(names)}",
        ]
    )


def _write_main(exercise: Exercise) -> str:
    """Write the code that shows a result when the file is run."""
    body = textwrap.indent(exercise.demo.strip(), "    ")
    start = f"    {_CURVE}, stop_at_todo\n\n    stop_at_todo(__file__)"
    return f'\nif __name__ == "__main__":\n{start}\n{body}'
