"""The files of a Pyodide release that the page needs."""

import json
from pathlib import Path

from etabli.core.atomic_files import parse_json
from etabli.core.errors import BadSetting, CorruptFile, DataMissing
from etabli.core.i18n import N_, _

__all__ = ["find_pyodide_files", "is_address"]

_CORE = ("pyodide.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json")
_SCRIPTS = ("pyodide.asm.mjs", "pyodide.asm.js")  # new versions, old ones
_FIX = N_(
    "Unpack a release of Pyodide (pyodide-VERSION.tar.bz2 of github.com/pyodide/pyodide/releases) "
    "and give the folder with pyodide.mjs; the npm package alone has no NumPy."
)


def is_address(pyodide: str) -> bool:
    """Return whether a setting is an address and not a folder. Raises ``BadSetting`` for http."""
    if pyodide.startswith("http://") and not pyodide.startswith(
        ("http://127.", "http://localhost")
    ):
        raise BadSetting(
            _("Pyodide would be loaded over an unencrypted connection"),
            expected="https://",
            got=pyodide,
        )
    return pyodide.startswith(("https://", "http://"))


def find_pyodide_files(folder: Path | str) -> list[Path]:
    """Return the files of a Pyodide release that the page needs: the interpreter and NumPy.

    Raises:
        DataMissing: The folder, one of its files or NumPy is missing; the error names it.
        CorruptFile: Its list of packages cannot be read.
    """
    folder = Path(folder)
    missing = [name for name in _CORE if not (folder / name).is_file()]
    scripts = [folder / name for name in _SCRIPTS if (folder / name).is_file()]
    if missing or not scripts:
        named = ", ".join(missing or _SCRIPTS[:1])
        raise DataMissing(
            _("{folder} is not a release of Pyodide: {names} missing").format(
                folder=folder, names=named
            ),
            fix=_(_FIX),
        )
    numpy = folder / _read_numpy_name(folder / "pyodide-lock.json")
    if not numpy.is_file():
        raise DataMissing(
            _("{folder} has no NumPy: {name} missing").format(folder=folder, name=numpy.name),
            fix=_(_FIX),
        )
    return [*(folder / name for name in _CORE), *scripts, numpy]


def _read_numpy_name(lock: Path) -> str:
    try:
        name = parse_json(lock.read_text(encoding="utf-8"))["packages"]["numpy"]["file_name"]
    except (OSError, ValueError, KeyError, TypeError, json.JSONDecodeError) as error:
        raise CorruptFile(
            _("{path} does not list the packages of Pyodide").format(path=lock), fix=_(_FIX)
        ) from error
    return Path(str(name)).name
