"""Practical 1 as files: both notebooks run with the right functions, and say what a page says."""

import ast
import io
import json
import sys
import textwrap
from contextlib import redirect_stdout

import matplotlib.pyplot as plt
import nbformat
import pytest

from etabli.core.i18n import set_language, use_language
from etabli.pipelines import practical_1
from etabli.pipelines.practical_1.files import make_marimo, make_notebook

SOLUTIONS = {
    "forward": """
def forward(batch, W, b):
    z = batch @ W + b
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)
""",
    "backward": """
def backward(batch, Y_hat, Y, W, b):
    delta = (Y_hat - Y) / len(batch)
    return batch.T @ delta, delta.sum(axis=0, keepdims=True)
""",
    "update": """
def update(W, b, grad_W, grad_b, learning_rate):
    return W - learning_rate * grad_W, b - learning_rate * grad_b
""",
    "forward_mlp": """
def forward_mlp(batch, Wh, bh, Wy, by):
    H = 1 / (1 + np.exp(-(batch @ Wh + bh)))
    return forward(H, Wy, by), H
""",
    "backward_mlp": """
def backward_mlp(batch, Y_hat, Y, H, Wh, bh, Wy, by):
    delta = (Y_hat - Y) / len(batch)
    delta_h = delta @ Wy.T * H * (1 - H)
    grad_Wh, grad_bh = batch.T @ delta_h, delta_h.sum(axis=0, keepdims=True)
    return grad_Wh, grad_bh, H.T @ delta, delta.sum(axis=0, keepdims=True)
""",
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The files in the current folder; what the cells import and set is missing afterwards."""
    practical_1.write_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(plt, "show", lambda: None)
    yield tmp_path
    sys.modules.pop("tp1", None)
    set_language("en")
    plt.close("all")


def solve(code: str) -> str:
    """Return the code of a cell with the right function in the place of the empty one."""
    if "# TODO" not in code:
        return code
    name = code.partition("def ")[2].partition("(")[0]
    return SOLUTIONS[name]


def execute(cells: list[str]) -> tuple[dict, str]:
    """Run cells in one namespace, as a notebook does; return it and what was printed."""
    space: dict = {}
    with redirect_stdout(io.StringIO()) as printed:
        for code in cells:
            tree = ast.parse(solve(code))
            exec(compile(tree, "<cell>", "exec"), space)
            if isinstance(tree.body[-1], ast.Expr):
                print(repr(eval(ast.unparse(tree.body[-1]), space)))
    return space, printed.getvalue()


def read_marimo() -> list[str]:
    tree = ast.parse(make_marimo())
    cells = [each for each in tree.body if isinstance(each, ast.FunctionDef)]
    assert all(ast.unparse(each.decorator_list[0]) == "app.cell" for each in cells)
    return ["\n".join(ast.unparse(part) for part in cell.body[:-1]) for cell in cells]


def test_the_notebook_is_valid_and_reaches_what_its_text_says(folder):
    notebook = nbformat.read(folder / "practical_1.ipynb", 4)
    nbformat.validate(notebook)
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    space, printed = execute(code)
    assert "✗" not in printed
    assert printed.count("✓") == 11
    assert "  30 loss = 0.1829 test_accuracy = 0.9529" in printed
    assert "   1 loss = 2.1681" in printed
    assert "  30 loss = 0.1963 test_accuracy = 0.9697" in printed
    with redirect_stdout(io.StringIO()):
        assert f"{space['train'](learning_rate=0.01)[2][-1]:.2f}" == "1.60"
        assert space["train"](epochs=1, learning_rate=100)[2][0] > 30
        *net, losses = space["train_mlp"](epochs=100)
        assert f"{losses[-1]:.2f}" == "0.07"
        assert round(accuracy(space, net), 2) == 0.99
        *net, losses = space["train_mlp"](units=2)
    assert accuracy(space, net) < 0.5


def accuracy(space, net):
    return space["accuracy"](space["forward_mlp"](space["X_test"], *net)[0], space["t_test"])


def test_the_marimo_notebook_has_the_same_cells_and_defines_each_name_once(folder):
    cells = read_marimo()
    notebook = json.loads(make_notebook())["cells"]
    code = ["".join(cell["source"]) for cell in notebook if cell["cell_type"] == "code"]
    assert [each for each in map(normalize, code) if each not in map(normalize, cells)] == []
    defined = [name for cell in cells for name in names_of(cell)]
    assert sorted(defined) == sorted(set(defined))


def normalize(code: str) -> str:
    lines = ast.unparse(ast.parse(textwrap.dedent(code))).splitlines()
    return "\n".join(line for line in lines if "pyplot" not in line)


def names_of(code: str) -> list[str]:
    """Return the names that a cell of marimo defines, but those that begin with an underscore."""
    found = set()
    for node in ast.parse(code).body:
        if isinstance(node, ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {(each.asname or each.name).partition(".")[0] for each in node.names}
        else:
            for each in ast.walk(node):
                if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store):
                    found.add(each.id)
    return [name for name in found if not name.startswith("_")]


def test_the_files_are_in_the_language_in_use():
    with use_language("fr"):
        files = practical_1.make_files()
    notebook = files[practical_1.NOTEBOOK].decode()
    assert "Un pas de descente de gradient" in notebook
    assert 'use_language(\\"fr\\")' in notebook
    assert "Renvoie W et b après un pas." in files[practical_1.MARIMO].decode()
