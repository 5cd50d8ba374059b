"""The architecture: which package may import which, no circle, nothing heavy at import."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "etabli"

# Package -> the packages that it may import. CONTRIBUTING.md shows the same table.
MAY_IMPORT = {
    "core": set(),
    "nn": {"core"},
    "exercises": {"core", "nn"},
    "data": {"core"},
    "projection": {"core"},
    "metrics": {"core"},
    "viz": {"core"},
    "training": {"core"},
    "models": {"core", "nn", "training"},
    "saved_models": {"core", "training", "models"},
    "features": {"core", "data", "metrics", "training", "models", "saved_models"},
    "report": {"core"},
    "pretrained": set(),
    "experiments": {
        *("core", "nn", "data", "projection", "metrics", "viz"),
        *("training", "models", "saved_models", "features", "report"),
    },
}
MAY_IMPORT["pipelines"] = MAY_IMPORT["experiments"] | {"experiments", "exercises"}
MAY_IMPORT["cli"] = MAY_IMPORT["pipelines"] | {"pipelines", "web"}
MAY_IMPORT["web"] = MAY_IMPORT["pipelines"] | {"pipelines", "pretrained"}
MAY_IMPORT["widgets"] = {"core", "projection", "report", "viz", "web"}

# ``nn`` runs where only NumPy is installed: it may import these two modules of ``core`` alone.
NN_MAY_IMPORT = {"etabli.core", "etabli.core.errors", "etabli.core.i18n", "etabli.nn"}
HEAVY = ("keras", "jax", "openvino", "openTSNE", "torch", "tensorflow", "ray")
MOST_FILES_IN_A_FOLDER = 20
CELLS = "cells.py"  # runs in a browser with NumPy and the standard library only
STUDENT = "student_process.py"  # the child of ``etabli check``: NumPy and the standard library only


def imports_of(path: Path) -> list[tuple[str, bool]]:
    """Return the modules that a file imports, each with whether at top level."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = []

    def visit(node: ast.AST, top: bool) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
                continue
            inner = top and not isinstance(
                child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
            )
            if isinstance(child, ast.Import):
                found.extend((alias.name, top) for alias in child.names)
            elif isinstance(child, ast.ImportFrom) and child.module:
                names = [f"{child.module}.{alias.name}" for alias in child.names]
                modules = [name if name in MODULES else child.module for name in names]
                found.extend((module, top) for module in dict.fromkeys(modules))
            visit(child, inner)

    visit(tree, True)
    return found


def module_of(path: Path) -> str:
    """The dotted name of a source file."""
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


def package_of(module: str) -> str:
    """The package of ours that a module belongs to; '' for ``etabli`` itself."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


FILES = sorted(SOURCE.rglob("*.py"))
MODULES = {module_of(path) for path in FILES}


def ours(path: Path) -> set[str]:
    """The modules of ours that a file imports."""
    return {module for module, _top in imports_of(path) if module.split(".")[0] == "etabli"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_file_imports_only_what_its_package_may(path):
    package = path.relative_to(SOURCE).parts[0].removesuffix(".py")
    if package in ("__init__", "__main__", "api"):
        return
    imported = {package_of(module) for module in ours(path)}
    assert imported - MAY_IMPORT[package] - {package, ""} == set()


def test_every_package_is_in_the_table():
    packages = {path.parent.name for path in SOURCE.glob("*/__init__.py")}
    assert packages == set(MAY_IMPORT)


def test_the_table_has_no_circle():
    for package, imported in MAY_IMPORT.items():
        assert not any(package in MAY_IMPORT[each] for each in imported), package


def test_files_import_one_another_in_no_circle():
    graph = {module_of(path): ours(path) - {module_of(path)} for path in FILES}
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join([*path[path.index(module) :], module])
        if module not in done:
            for each in graph.get(module, ()):
                visit(each, (*path, module))
            done.add(module)

    for module in graph:
        visit(module, ())


def test_nn_imports_numpy_and_the_standard_library_only():
    for path in (SOURCE / "nn").glob("*.py"):
        for module, _top in imports_of(path):
            first = module.split(".")[0]
            if first == "etabli":
                assert module in NN_MAY_IMPORT or package_of(module) == "nn", (path, module)
            else:
                assert first == "numpy" or first in sys.stdlib_module_names, (path, module)


def test_contributing_shows_the_table():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \|.*\| (.*) \|$", text, flags=re.MULTILINE))
    shown = {package: set(re.findall(r"`(\w+)`", row)) for package, row in rows.items()}
    assert shown == MAY_IMPORT


def test_no_folder_has_more_files_than_a_reader_can_survey():
    """``cli`` has one file a command."""
    counts = {path: len(list(path.glob("*.py"))) for path in SOURCE.rglob("*") if path.is_dir()}
    del counts[SOURCE / "cli"]
    assert {path for path, count in counts.items() if count > MOST_FILES_IN_A_FOLDER} == set()


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_heavy_libraries_are_imported_only_inside_the_functions_that_need_them(path):
    tops = {module.split(".")[0] for module, top in imports_of(path) if top}
    assert tops & set(HEAVY) == set()


def test_the_help_imports_neither_numpy_nor_anything_heavier():
    code = (
        "import sys; sys.argv = ['etabli', '--help']\n"
        "from etabli.cli import app\n"
        "try: app()\n"
        "except SystemExit: pass\n"
        "print([m for m in ('numpy', 'keras', 'jax', 'matplotlib', 'pydantic', 'sklearn')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().splitlines()[-1] == "[]"


PROCESS_POOL = "joblib.externals.loky"  # talks with its own processes only, and reads no file
FORBIDDEN = {"pickle", "dill", "joblib", "cloudpickle", "shelve", "marshal"}


def test_no_file_reads_a_pickle():
    for path in FILES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {module for module, _top in imports_of(path)}
        names -= {PROCESS_POOL}
        assert not {name.split(".")[0] for name in names} & FORBIDDEN, path
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
                assert isinstance(node.value, ast.Constant) and node.value.value is False, path
            if isinstance(node, ast.Attribute) and ast.unparse(node) in (
                "torch.load",
                "np.fromregex",
                "pd.read_pickle",
            ):
                pytest.fail(f"{path}:{node.lineno}: {ast.unparse(node)}")
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            if called in ("np.load", "numpy.load", "read_array"):
                given = [each.arg for each in node.keywords]
                assert "allow_pickle" in given, (path, node.lineno)
            if called == "eval" and path.name == STUDENT:
                continue  # in a process of its own, of an expression that has just run there
            if called in ("eval", "exec") and path == SOURCE / "nn" / CELLS:
                continue  # what you write in a page, in that page
            if called == "exec" and path == SOURCE / "exercises" / "grading.py":
                continue  # a model solution of this package, with constants of the exercise
            if called in ("eval", "exec", "__import__", "os.system"):
                pytest.fail(f"{path}:{node.lineno}: {called}")


def test_keras_files_are_loaded_in_one_place():
    """Code for another process (``export``) is text, not a call."""
    calls = [
        str(path.relative_to(SOURCE))
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("load_model")
    ]
    assert calls == ["training/keras_io.py"]


def test_json_is_parsed_in_one_place():
    """``parse_json`` makes one kind of error of every malformed text."""
    found = {path.name for path in FILES if "json.loads(" in path.read_text(encoding="utf-8")}
    assert found == {"atomic_files.py", CELLS, STUDENT}


def test_a_sentence_to_translate_is_never_an_f_string():
    """``_(f"...")`` cannot be found in a catalog."""
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("_", "N_"):
                literal = not any(isinstance(each, ast.JoinedStr) for each in node.args)
                assert literal, (path, node.lineno)
