"""Our ES modules as one classic script: browsers load no modules from disk.

Every module becomes a function that runs at once and returns what it exports, in the order of the
imports. Only what our scripts use is understood: named imports and exports of relative paths.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_NAMES = r"\{(?P<names>[^}]*)\}"
_IMPORT = re.compile(rf'^import\s+(?:{_NAMES}\s+from\s+)?"(?P<path>\.[^"]+)";', re.MULTILINE)
_REEXPORT = re.compile(rf'^export\s+{_NAMES}\s+from\s+"(?P<path>\.[^"]+)";', re.MULTILINE)
_EXPORT = re.compile(
    r"^export\s+(?=(?:async\s+)?(?:function\*?|class|const|let)\s+(?P<name>[\w$]+))", re.MULTILINE
)
_LEFT = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)


def bundle(entries: Sequence[Path], replaced: Mapping[Path, Path] | None = None) -> str:
    """Join modules and all that they import into one script.

    Args:
        entries: The modules to run, in this order.
        replaced: Modules to use instead of others, wherever these are imported.

    Returns:
        The script.

    Raises:
        ValueError: A module has another form of import or export, or imports itself.
    """
    replaced = {key.resolve(): value.resolve() for key, value in (replaced or {}).items()}
    names: dict[Path, str] = {}  # of the variable that holds what a module exports
    parts: list[str] = []

    def add(path: Path, above: tuple[Path, ...] = ()) -> str:
        path = replaced.get(path.resolve(), path.resolve())
        if path in above:
            raise ValueError(f"{path.name} imports itself")
        if path not in names:
            text = _wrap(path, lambda other: add(path.parent / other, (*above, path)))
            names[path] = f"m{len(names)}"
            parts.append(f"// {path.name}\nconst {names[path]} = {text};\n")
        return names[path]

    for entry in entries:
        add(entry)
    return "(() => {\n" + "".join(parts) + "})();\n"


def _wrap(path: Path, add: Callable[[str], str]) -> str:
    text = path.read_text(encoding="utf-8")
    exported: list[str] = []

    def take(found: re.Match[str]) -> str:
        name = add(found["path"])
        if found["names"] is None:
            return ""
        return f"const {{ {_rename(found['names'], ': ')} }} = {name};"

    def pass_on(found: re.Match[str]) -> str:
        name = add(found["path"])
        pairs = [pair.partition(" as ")[::2] for pair in _split(found["names"])]
        exported.extend(f"{alias or old}: {name}.{old}" for old, alias in pairs)
        return ""

    def keep(found: re.Match[str]) -> str:
        exported.append(found["name"])
        return ""

    text = _EXPORT.sub(keep, _REEXPORT.sub(pass_on, _IMPORT.sub(take, text)))
    if left := _LEFT.search(text):
        raise ValueError(f"{path.name}: {left[0]}")
    return f'(() => {{\n"use strict";\n{text}\nreturn {{ {", ".join(exported)} }};\n}})()'


def _split(names: str) -> list[str]:
    return [" ".join(each.split()) for each in names.split(",") if each.strip()]


def _rename(names: str, between: str) -> str:
    return ", ".join(each.replace(" as ", between) for each in _split(names))
