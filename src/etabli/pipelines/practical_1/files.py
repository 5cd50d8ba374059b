"""The files of practical 1: a zip of sources and digits, a Jupyter and a marimo notebook.

The zip holds ``etabli.nn`` with the two modules of ``core`` that it needs, the digits as bytes and
the translations of their sentences: Python imports from it where Établi is not installed.
"""

import ast
import base64
import io
import json
import textwrap
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import etabli
from etabli.core import i18n
from etabli.core.atomic_files import atomic_write
from etabli.core.errors import BadSetting
from etabli.core.i18n import _
from etabli.pipelines.practical_1.cells import CELLS, Cell

__all__ = ["ARCHIVE", "MARIMO", "NOTEBOOK", "make_files", "write_files"]

ARCHIVE, NOTEBOOK, MARIMO = "practical_1.zip", "practical_1.ipynb", "practical_1.py"
_CORE = ("__init__", "errors", "i18n", "version")
_SOURCES = Path(etabli.__file__).parent
_DATA = '''"""The data of practical 1, and the translations of the sentences of its checks.

1,797 handwritten digits: Alpaydin and Kaynak, 1998, UCI machine learning repository.
"""

import base64
import zlib

import numpy as np

from etabli.core import i18n

_BYTES = zlib.decompress(base64.b85decode({digits}))
labels = np.frombuffer(_BYTES, np.uint8, {count})
images = np.frombuffer(_BYTES, np.uint8, offset={count}).reshape({count}, 64)  # 0 to 16
_TEXTS = {texts}


def use_language(language):
    """Write findings and errors in a language."""
    if language in _TEXTS:
        i18n.add_texts(language, _TEXTS[language])
    i18n.set_language(language)
'''
_PYPLOT = "import matplotlib.pyplot as plt\n"
_IMPORT = """\
import sys

sys.path.append("practical_1.zip")  # the digits and the checks
import tp1

tp1.use_language("{language}")
"""


def make_files() -> dict[str, bytes]:
    """Return the files by name, in the language in use."""
    return {
        ARCHIVE: make_archive(),
        NOTEBOOK: make_notebook().encode(),
        MARIMO: make_marimo().encode(),
    }


def write_files(folder: Path, *, refuse_existing: bool = False) -> list[Path]:
    """Write the files into a folder, and return their paths.

    Raises ``BadSetting`` for a file that exists, which holds what somebody wrote, with
    ``refuse_existing``.
    """
    paths = [folder / name for name in (ARCHIVE, NOTEBOOK, MARIMO)]
    for path in paths if refuse_existing else ():
        if path.exists():
            raise BadSetting(
                _("{file} already exists").format(file=path),
                fix=_("Choose another folder; nothing was overwritten."),
            )
    for name, content in make_files().items():
        with atomic_write(folder / name, "wb") as file:
            file.write(content)
    return paths


@cache
def make_archive() -> bytes:
    """Return the zip of sources; its bytes depend on nothing but the sources."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in sorted(_collect_sources().items()):
            archive.writestr(zipfile.ZipInfo(name), text, zipfile.ZIP_DEFLATED)
    return content.getvalue()


def _collect_sources() -> dict[str, str]:
    paths = [*(_SOURCES / "nn").rglob("*.py"), _SOURCES / "__init__.py"]
    paths += [_SOURCES / "core" / f"{name}.py" for name in _CORE]
    sources = {
        f"etabli/{path.relative_to(_SOURCES).as_posix()}": path.read_text(encoding="utf-8")
        for path in paths
    }
    return sources | {"tp1.py": _write_data(sources.values())}


def _write_data(sources: Iterable[str]) -> str:
    """Return the module with the digits of scikit-learn and the translations."""
    import numpy as np
    from sklearn.datasets import load_digits

    digits = load_digits()
    content = digits.target.astype(np.uint8).tobytes() + digits.data.astype(np.uint8).tobytes()
    messages = sorted({message for source in sources for message in _find_messages(source)})
    texts = {
        language: {message: i18n.translate_message(message, language) for message in messages}
        for language in i18n.LANGUAGES
        if language != "en"
    }
    return _DATA.format(
        digits=repr(base64.b85encode(zlib.compress(content, 9)).decode()),
        texts=repr(texts),
        count=len(digits.target),
    )


def _find_messages(source: str) -> Iterator[str]:
    """Yield the messages that a source marks for the catalog."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("_", "N_"):
            for argument in node.args:
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield argument.value


def _intro() -> str:
    return _(
        "Keep practical_1.zip next to this file: it holds the digits and the checks. NumPy and "
        "matplotlib are all that it needs."
    )


def make_notebook() -> str:
    """Return the cells as a Jupyter notebook, which JupyterLite opens too."""
    cells = [_markdown("intro", "# " + _("Practical 1") + "\n\n" + _intro())]
    for cell in CELLS:
        cells.append(_markdown(f"{cell.name}-text", _describe(cell)))
        cells += [_code(f"{cell.name}-{index}", part) for index, part in enumerate(_split(cell))]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    notebook = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(notebook, ensure_ascii=False, indent=1) + "\n"


def _split(cell: Cell) -> list[str]:
    """Return the code of a cell, its checks and its chart, each for a cell of a notebook."""
    start = _IMPORT.replace("{language}", i18n.current_language())
    code = f"{start}{cell.source}" if cell.name == "setup" else cell.source
    checks = [f"check({name})\n" for name in cell.checks]
    return [code, *checks, *([cell.chart] if cell.chart else [])]


def _describe(cell: Cell) -> str:
    parts = [f"## {_(cell.title)}", _(cell.text)]
    if cell.equations:
        parts.append("\n".join(f"    {equation}" for equation in cell.equations))
    if cell.hint:
        hint = _("Hint")
        parts.append(f"<details><summary>{hint}</summary>\n\n{_(cell.hint)}\n\n</details>")
    return "\n\n".join(parts)


def _markdown(name: str, text: str) -> dict[str, object]:
    return {"cell_type": "markdown", "id": name, "metadata": {}, "source": text}


def _code(name: str, text: str) -> dict[str, object]:
    return {
        "cell_type": "code", "execution_count": None, "id": name, "metadata": {}, "outputs": [],
        "source": text.rstrip("\n"),
    }  # fmt: skip


def make_marimo() -> str:
    """Return the cells as a marimo notebook, a Python file."""
    intro = "# " + _("Practical 1") + "\n\n" + _intro()
    # No name is defined by two cells of marimo: the imports are in one.
    parts = [f"import marimo as mo\n{_PYPLOT}\n{_marimo_text(intro)}"]
    for cell in CELLS:
        parts.append(_marimo_text(_describe(cell)))
        parts += [part.replace(_PYPLOT, "") for part in _split(cell)]
    app = "import marimo\n\napp = marimo.App()\n"
    run = 'if __name__ == "__main__":\n    app.run()\n'
    return "\n\n".join([app, *(_marimo_cell(part) for part in parts), run])


def _marimo_text(text: str) -> str:
    return 'mo.md(r"""\n' + text + '\n""")'


def _marimo_cell(code: str) -> str:
    body = textwrap.indent(code.strip("\n"), "    ")
    return f"@app.cell\ndef _():\n{body}\n    return\n"
