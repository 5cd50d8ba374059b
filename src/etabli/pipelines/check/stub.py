"""Stand for ``etabli`` in a file that is checked: it can be imported, and does nothing.

A student's notebook may end with ``from etabli import check; check(forward)``, which is ignored.
The package itself is hidden, since it holds the model solutions.
"""

import importlib.abc
import importlib.machinery
import sys
import types
from typing import Any


class Absent:
    """A name of ``etabli``; calling it does nothing."""

    def __getattr__(self, name: str) -> "Absent":
        if name.startswith("__"):
            raise AttributeError(name)
        return Absent()

    def __call__(self, *_arguments: object, **_named: object) -> None:
        """Return nothing, as ``check`` and ``show_curve`` do."""


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Find every module of ``etabli``, as an empty one."""

    def find_spec(self, fullname: str, *_others: Any) -> importlib.machinery.ModuleSpec | None:
        if not fullname.startswith("etabli."):
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> None:
        return None

    def exec_module(self, module: types.ModuleType) -> None:
        module.__dict__["__getattr__"] = Absent().__getattr__


sys.meta_path.insert(0, Finder())
__getattr__ = Absent().__getattr__
