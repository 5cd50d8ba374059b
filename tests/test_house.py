"""The house: which room may import which, and that nothing heavy stands at the door."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "etabli"
EVERYBODY = {"errors", "i18n", "retold", "seeding", "files", "hashing", ""}
MAY_IMPORT = {
    "errors": {"i18n"},
    "i18n": set(),
    "retold": {"i18n"},
    "seeding": set(),
    "files": {"errors", "i18n"},
    "hashing": set(),
    "environment": set(),
    "nn": set(),
    "data": set(),
    "projection": set(),
    "metrics": set(),
    "viz": set(),
    "models": {"nn"},
    "features": {"data", "models"},
    "runs": set(),
    "cache": {"data"},
    "labs": {"data", "features", "nn", "models", "projection", "metrics", "viz", "runs", "cache", "environment"},
    "report": {"runs"},
}
HEAVY = ("keras", "jax", "openvino", "openTSNE", "torch", "tensorflow", "ray")


def imports_of(path: Path) -> list[tuple[str, bool]]:
    """The modules that a file imports, and whether at its top level (``TYPE_CHECKING`` blocks do not count)."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = []

    def visit(node: ast.AST, top: bool) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
                continue
            inner = top and not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            if isinstance(child, ast.Import):
                found.extend((alias.name, top) for alias in child.names)
            elif isinstance(child, ast.ImportFrom) and child.module:
                if child.module == "etabli":
                    found.extend((f"etabli.{alias.name}", top) for alias in child.names)
                else:
                    found.append((child.module, top))
            visit(child, inner)

    visit(tree, True)
    return found


def room_of(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[0] == "etabli" else ""


FILES = sorted(SOURCE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_file_imports_only_what_its_room_may(path):
    room = path.relative_to(SOURCE).parts[0].removesuffix(".py")
    if room not in MAY_IMPORT:
        assert room in ("cli", "web", "__init__", "__main__")
        return
    allowed = MAY_IMPORT[room] | EVERYBODY | {room}
    asked = {room_of(module) for module, _top in imports_of(path) if module.split(".")[0] == "etabli"}
    assert asked - allowed - {"__version__"} == set()


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
        "print([m for m in ('numpy', 'keras', 'jax', 'matplotlib', 'pydantic', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().splitlines()[-1] == "[]"


FORBIDDEN = {"pickle", "dill", "joblib", "cloudpickle", "shelve", "marshal"}


def test_no_file_reads_a_pickle():
    for path in FILES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {module for module, _top in imports_of(path)}
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
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("np.load", "numpy.load", "read_array"):
                given = [each.arg for each in node.keywords]
                assert "allow_pickle" in given, (path, node.lineno)
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("eval", "exec", "__import__", "os.system"):
                pytest.fail(f"{path}:{node.lineno}: {ast.unparse(node.func)}")


def test_keras_files_come_in_through_one_door():
    """What another process does with a file that the house has just written (``export``) is text, not a call."""
    calls = [
        str(path.relative_to(SOURCE))
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("load_model")
    ]
    assert calls == ["models/keras_file.py"]


def test_json_comes_in_through_one_door():
    """``parse_json``, which makes one kind of error of every wrong text."""
    doors = [path.name for path in FILES if "json.loads(" in path.read_text(encoding="utf-8")]
    assert doors == ["files.py"]


def test_a_sentence_to_translate_is_never_an_f_string():
    """``_(f"...")`` cannot be found in a catalogue."""
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("_", "N_"):
                assert not any(isinstance(argument, ast.JoinedStr) for argument in node.args), (path, node.lineno)
