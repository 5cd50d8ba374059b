"""Which public functions take arrays, and which of them a property test (hypothesis) calls."""

import ast
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parents[1]
SOURCE = TESTS.parent / "src" / "etabli"
PACKAGES = ("metrics", "nn", "projection", "training", "models")


def functions_on_arrays() -> set[str]:
    """Return the names of public functions of modules that take an array."""
    return {
        f"{path.relative_to(SOURCE).with_suffix('').as_posix().replace('/', '.')}.{node.name}"
        for package in PACKAGES
        for path in sorted((SOURCE / package).rglob("*.py"))
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef)
        and not node.name.startswith("_")
        and not path.name.startswith("_")
        if any(
            "ndarray" in ast.unparse(each.annotation)
            for each in _arguments(node)
            if each.annotation
        )
    }


def functions_with_properties() -> set[str]:
    """Return the names of all functions that a test under ``@given`` uses."""
    found: set[str] = set()
    for path in sorted(TESTS.rglob("test_*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        known = dict(_imported(tree))
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and any(
                "given" in ast.unparse(each) for each in node.decorator_list
            ):
                found |= set(_named(node, known))
    # ``nn.softmax`` is exported by the package; it is the function of that name in a module of it.
    short = {
        name.rpartition(".")[2] for name in found if name.startswith("nn.") and name.count(".") == 1
    }
    return found | {
        name
        for name in functions_on_arrays()
        if name.startswith("nn.") and name.split(".")[-1] in short
    }


def _arguments(node: ast.FunctionDef) -> list[ast.arg]:
    return [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]


def _imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Local name -> dotted name below ``etabli``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "etabli":
            package = node.module.removeprefix("etabli").lstrip(".")
            for alias in node.names:
                yield alias.asname or alias.name, f"{package}.{alias.name}".lstrip(".")


def _named(node: ast.FunctionDef, known: dict[str, str]) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and part.id in known:
            yield known[part.id]
        if (
            isinstance(part, ast.Attribute)
            and isinstance(part.value, ast.Name)
            and part.value.id in known
        ):
            yield f"{known[part.value.id]}.{part.attr}"
