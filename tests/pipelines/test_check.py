"""A student's file is judged from outside: nothing that it does is a verdict."""

import json
from pathlib import Path

import pytest

from etabli.core.errors import BadSetting, CorruptFile
from etabli.pipelines.check import check, isolation

RIGHT = """
import numpy as np

def forward(batch, W, b):
    z = batch @ W + b
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)
"""
BACKWARD = """
def backward(batch, Y_hat, Y, W, b):
    {body}
    d = (Y_hat - Y) / len(batch)
    return batch.T @ d, d.sum(axis=0, keepdims=True)
"""


def written(folder: Path, body: str, before: str = "") -> Path:
    path = folder / "mine.py"
    path.write_text(before + RIGHT + BACKWARD.format(body=body), encoding="utf-8")
    return path


def verdicts(path: Path, seconds: float = 3) -> dict[tuple[str, str], tuple[bool, str]]:
    found = check(path, seconds=seconds).findings
    return {(each.function, each.value): (each.right, each.says) for each in found}


def test_a_right_file_is_right_and_its_limits_are_stated(tmp_path):
    found = check(written(tmp_path, "print('computing')"))
    assert found.is_right
    assert "computing" in found.output
    assert "10 s a call" in found.limits


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("while True: pass", "did not end within 1 s"),
        ("import os; os._exit(0)", "ended before it returned anything"),
        ("import sys; sys.exit(0)", "ends the program"),
        ("input()", "nobody can answer"),
        ("print('x' * 10**7)", "more than 1 MB"),
        ("np.zeros(10**10)", "more memory"),
        ("return backward(batch, Y_hat, Y, W, b)", "calls itself without end"),
        ("return batch @ Y, b", "line 10: batch @ Y: (7, 5) @ (7, 4); transpose batch?"),
        ("return", "return statement"),
    ],
)
def test_a_function_that_does_not_return_values_is_one_row_and_the_others_are_judged(
    tmp_path, body, says
):
    found = verdicts(written(tmp_path, body), seconds=1)
    assert found["forward", "Y_hat"][0]
    wrong = [sentence for is_right, sentence in found.values() if not is_right]
    assert len(wrong) == 1 and says in wrong[0]


def test_a_checker_that_is_patched_in_the_child_judges_nothing(tmp_path):
    patch = (
        "import etabli.nn.grading as g, etabli.nn.gradient_check as c\n"
        "c.relative_error = lambda *a: 0.0; g.relative_error = lambda *a: 0.0\n"
    )
    found = verdicts(written(tmp_path, "Y_hat = 2 * Y_hat", before=patch))
    assert not found["backward", "grad_W"][0]


@pytest.mark.skipif(not isolation.find_isolation(), reason="this machine offers no namespaces")
def test_in_namespaces_a_file_writes_nothing_and_reaches_no_network(tmp_path):
    target = tmp_path / "written"
    body = f"open({str(target)!r}, 'w')"
    refused = verdicts(written(tmp_path, body))["backward", "call"][1]
    assert "Read-only" in refused or "Permission denied" in refused
    assert not target.exists()
    body = "import socket; socket.create_connection(('127.0.0.1', 22), 1)"
    assert "unreachable" in verdicts(written(tmp_path, body))["backward", "call"][1]


@pytest.mark.skipif(not isolation.find_isolation(), reason="this machine offers no namespaces")
def test_in_namespaces_no_process_survives(tmp_path):
    body = "import subprocess, sys; subprocess.Popen(['sleep', '987']); 1 / 0"
    assert "ZeroDivisionError" in verdicts(written(tmp_path, body))["backward", "call"][1]
    lines = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not any(b"sleep\x00987" in line for line in lines)


def test_a_declared_sum_and_l2_are_right(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        RIGHT + "LOSS, L2 = 'sum', 0.1\n"
        "def backward(batch, Y_hat, Y, W, b):\n"
        "    return batch.T @ (Y_hat - Y) + 0.1 * W, (Y_hat - Y).sum(axis=0)\n"
    )
    assert check(path).is_right
    path.write_text(path.read_text().replace("LOSS, L2", "other, names"))
    assert not check(path).is_right


def test_a_notebook_is_checked_without_the_lines_of_ipython(tmp_path):
    path = tmp_path / "mine.ipynb"
    cells = [
        {"cell_type": "markdown", "source": ["# Exercise"]},
        {"cell_type": "code", "source": ["%matplotlib inline\n", RIGHT]},
        {"cell_type": "code", "source": [BACKWARD.format(body="pass")]},
    ]
    path.write_text(json.dumps({"cells": cells}))
    assert check(path).is_right
    path.write_text("{}")
    with pytest.raises(CorruptFile, match="not a notebook"):
        check(path)


def test_what_trains_at_top_level_is_refused_with_where_to_put_it(tmp_path, monkeypatch):
    monkeypatch.setattr(isolation, "_START_SECONDS", 2)
    path = tmp_path / "mine.py"
    path.write_text("while True: pass")
    with pytest.raises(BadSetting, match="__main__"):
        check(path, seconds=1)


def count_descriptors() -> int:
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.is_dir() else 0


def test_no_descriptor_is_left_open(tmp_path):
    path = written(tmp_path, "pass")
    check(path)
    before = count_descriptors()
    check(path)
    assert count_descriptors() == before
