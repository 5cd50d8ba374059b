"""Grading of a student's file: its functions run in a process of their own, judged in this one."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from etabli.core.atomic_files import parse_json
from etabli.core.errors import BadSetting, CorruptFile, DataMissing
from etabli.core.i18n import _
from etabli.nn import grading
from etabli.nn.grading import Declared, Finding, Returned
from etabli.pipelines.check.isolation import StudentFile, describe_limits

__all__ = ["CheckResult", "check"]


@dataclass(frozen=True)
class CheckResult:
    """The findings on a file, what it printed (its beginning), and the limits that it had."""

    findings: tuple[Finding, ...]
    output: str
    limits: str

    @property
    def is_right(self) -> bool:
        return all(finding.right for finding in self.findings)


@dataclass(frozen=True)
class RemoteFunction:
    """A function of the child process, as ``etabli.nn.grading`` calls it."""

    file: StudentFile
    name: str
    parameters: Sequence[str] | None

    def invoke(self, arguments: Mapping[str, np.ndarray]) -> Returned:
        header, arrays = self.file.call(self.name, arguments)
        values = [
            arrays[f"value{index}"] if kind is None else str(kind)
            for index, kind in enumerate(header["kinds"])
        ]
        return Returned(values, header["changed"], header["keys"])


def check(path: Path | str, *, seconds: float = 10.0) -> CheckResult:
    """Grade every function that a file defines; see ``etabli.nn.grading`` for their arguments.

    The file runs in a process of its own: nothing that it does counts as a verdict.

    Raises ``DataMissing`` for a missing file, ``BadSetting`` for one that is no Python file, that
    cannot be run, or that defines none of the functions.
    """
    path = Path(path)
    if not path.is_file():
        raise DataMissing(_("there is no file {path}").format(path=path))
    if path.suffix not in (".py", ".ipynb"):
        raise BadSetting(
            _("only Python files and notebooks can be checked"),
            expected="*.py, *.ipynb",
            got=str(path),
        )
    with tempfile.TemporaryDirectory(prefix="etabli-check-") as folder:
        script = path if path.suffix == ".py" else _extract_code(path, Path(folder))
        file = StudentFile(script, seconds)
        try:
            findings = _grade(file, path)
            return CheckResult(tuple(findings), file.read_output(), describe_limits(seconds))
        finally:
            file.close()


def _extract_code(notebook: Path, folder: Path) -> Path:
    """Write the code cells of a notebook as a Python file; lines of IPython are left out."""
    try:
        cells = parse_json(notebook.read_text(encoding="utf-8"))["cells"]
        sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptFile(_("{path} is not a notebook").format(path=notebook)) from error
    lines = "\n\n".join(sources).split("\n")
    code = [line for line in lines if not line.lstrip().startswith(("%", "!"))]
    path = folder / f"{notebook.stem}.py"
    path.write_text("\n".join(code) + "\n", encoding="utf-8")
    return path


def _grade(file: StudentFile, path: Path) -> list[Finding]:
    functions = {
        name: RemoteFunction(file, name, parameters) for name, parameters in file.functions.items()
    }
    for name, count in (("forward", 5), ("backward", 8)):  # those of the perceptron
        function = functions.get(name)
        is_of_mlp = function and function.parameters and len(function.parameters) == count
        if function and is_of_mlp and f"{name}_mlp" not in functions:
            functions[f"{name}_mlp"] = functions.pop(name)
    if not functions:
        raise BadSetting(
            _("{path} defines neither forward nor backward").format(path=path),
            fix=_("See their arguments and return values: etabli check --help"),
        )
    declared = Declared.read(file.declared)
    return [
        *grading.grade_softmax_regression(
            functions.get("forward"), functions.get("backward"), declared=declared
        ),
        *grading.grade_mlp(
            functions.get("forward_mlp"), functions.get("backward_mlp"), declared=declared
        ),
    ]
