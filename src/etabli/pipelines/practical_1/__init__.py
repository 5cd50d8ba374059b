"""Practical 1 as cells, for the page with Pyodide and for JupyterLite and marimo notebooks."""

from etabli.pipelines.practical_1.cells import CELLS, Cell
from etabli.pipelines.practical_1.files import (
    ARCHIVE,
    MARIMO,
    NOTEBOOK,
    make_files,
    write_files,
)
from etabli.pipelines.practical_1.pyodide import find_pyodide_files, is_address

__all__ = [
    "ARCHIVE",
    "CELLS",
    "MARIMO",
    "NOTEBOOK",
    "Cell",
    "find_pyodide_files",
    "is_address",
    "make_files",
    "write_files",
]
