"""The cells of practical 1: sessions, the update grader, and what a browser lacks."""

import json
import subprocess
import sys

import numpy as np
import pytest

from etabli.core.errors import UnknownName
from etabli.nn.cells import MAX_OUTPUT, Session, check, grade_update, report
from etabli.pipelines.practical_1.files import make_archive

RATE = 0.3


def right(W, b, grad_W, grad_b, learning_rate):
    return W - learning_rate * grad_W, b - learning_rate * grad_b


def test_a_right_step_passes_in_place_too():
    def in_place(W, b, grad_W, grad_b, learning_rate):
        W -= learning_rate * grad_W
        b -= learning_rate * grad_b
        return W, b

    for update in (right, in_place):
        assert [(each.value, each.right) for each in grade_update(update)] == [
            ("W", True),
            ("b", True),
        ]


WRONG = {
    "wrong sign": lambda w, g, rate: w + rate * g,
    "rate is missing": lambda w, g, rate: w - g,
    "and the sign is wrong": lambda w, g, rate: w + g,
    "not multiplied": lambda w, g, rate: w - g / rate,
    "not changed": lambda w, g, rate: w,
    "subtract it": lambda w, g, rate: rate * g,
    "add it": lambda w, g, rate: -rate * g,
    "is the gradient": lambda w, g, rate: g,
    "any common mistake": lambda w, g, rate: w - 0.29 * g,
    "has the shape": lambda w, g, rate: w.T,
    "not an array": lambda w, g, rate: object(),
}


@pytest.mark.parametrize("says", WRONG)
def test_a_wrong_step_is_named(says):
    def update(W, b, grad_W, grad_b, learning_rate):
        return WRONG[says](W, grad_W, learning_rate), b - learning_rate * grad_b

    found_w, found_b = grade_update(update)
    assert says in found_w.says
    assert (found_w.right, found_b.right) == (False, True)


def test_a_step_that_returns_nothing_or_raises_is_one_finding():
    assert "returns nothing" in grade_update(lambda W, b, g, h, rate: None)[0].says
    assert "1 value" in grade_update(lambda W, b, g, h, rate: W)[0].says
    assert "ZeroDivisionError" in grade_update(lambda W, b, g, h, rate: 1 / 0)[0].says


def test_functions_are_checked_by_their_names_as_a_table():
    def update(W, b, grad_W, grad_b, learning_rate):
        return W, b

    findings = check(update)
    assert not findings.is_right
    assert "<td>update, W</td><td>✗</td>" in findings._repr_html_()
    assert repr(findings).startswith("✗ update, W: is not changed")
    with pytest.raises(UnknownName, match="back_ward"):
        check(type("back_ward", (), {"__call__": right, "__name__": "back_ward"})())


@pytest.fixture
def run(tmp_path):
    """Run cells in one session; return the messages of each run."""
    posted: list[dict] = []
    session = Session(lambda text: posted.append(json.loads(text)), str(tmp_path))

    def run_cell(source, *functions):
        posted.clear()
        request = {"id": "7", "cell": "mine", "source": source, "check": functions}
        session.answer(json.dumps(request))
        assert {each["id"] for each in posted} == {"7"}
        assert [each["kind"] == "result" for each in posted].count(True) == 1
        return list(posted)

    return run_cell


def test_cells_share_a_namespace_and_show_their_last_value(run):
    run("x = 20")
    assert run("print('hi')\nx + 1")[0] == {"kind": "output", "text": "hi\n21\n", "id": "7"}


def test_reported_values_are_rows_of_curves(run, capsys):
    rows = run("from etabli.nn.cells import report\nreport(3, loss=0.5, gain=float('inf'))")
    assert rows[0] == {"kind": "row", "step": 3, "values": {"loss": 0.5, "gain": None}, "id": "7"}
    report(3, loss=0.5)
    assert capsys.readouterr().out == "   3 loss = 0.5000\n"


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("def f(:", "SyntaxError"),
        ("\n1 / 0", "line 2: ZeroDivisionError"),
        ("import sys; sys.exit(0)", "ends the program"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("'\udc80'\n1 / 0", "UnicodeEncodeError"),
        ("input()", "nobody can answer"),
    ],
)
def test_whatever_a_cell_does_the_session_answers_the_next_one(run, source, says, monkeypatch):
    monkeypatch.setattr("sys.stdin", type("Closed", (), {"readline": lambda self: ""})())
    assert says in run(source)[-1]["error"]
    assert run("x = 1")[-1]["error"] is None


def test_a_long_output_is_cut_once(run):
    texts = [each["text"] for each in run("for i in range(9999): print(i)")[:-1]]
    written = "".join(texts)
    assert len(written) < MAX_OUTPUT + 50
    assert written.count("left out") == 1


def test_a_missing_and_an_empty_function_are_not_done_yet(run):
    assert "not defined" in run("x = 1", "update")[-1]["findings"][0]["says"]
    empty = "def update(W, b, grad_W, grad_b, learning_rate):\n    # TODO\n    ..."
    finding = run(empty, "update")[-1]["findings"][0]
    assert not finding["right"]
    assert "not done yet" in finding["says"]


HOOKED = """
import sys

sys.path.insert(0, sys.argv[1])
KNOWN = {"numpy", "tp1", *sys.stdlib_module_names}
OURS = {"etabli.core", "etabli.core.errors", "etabli.core.i18n", "etabli.core.version"}


class OnlyNumPy:
    def find_spec(self, name, path=None, target=None):
        ours = name == "etabli" or name in OURS or name.startswith("etabli.nn")
        if not ours and name.partition(".")[0] not in KNOWN:
            raise ImportError(f"a browser has no {name}")


sys.meta_path[:] = [OnlyNumPy(), *(each for each in sys.meta_path if "editable" not in repr(each))]
sys.path[:] = [each for each in sys.path if not each.endswith("/src")]
import importlib, pkgutil
import etabli, etabli.nn, tp1
from etabli.nn.cells import check

assert etabli.__file__.startswith(sys.argv[1])
for module in pkgutil.iter_modules(etabli.nn.__path__):
    importlib.import_module(f"etabli.nn.{module.name}")
tp1.use_language("fr")


def backward(batch, Y_hat, Y, W, b):
    delta = Y - Y_hat
    return batch.T @ delta / len(batch), delta.mean(axis=0)


def forward_mlp(batch, Wh, bh, Wy, by):
    return batch @ Wh @ Wy


print(*(finding.says for finding in check(backward, forward_mlp)), sep="\\n")
print(tp1.images.shape, tp1.images.max(), tp1.labels.sum())
"""


def test_a_process_with_numpy_alone_checks_in_french(tmp_path):
    archive = tmp_path / "practical_1.zip"
    archive.write_bytes(make_archive())
    done = subprocess.run(
        [sys.executable, "-c", HOOKED, str(archive)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "a le mauvais signe" in done.stdout
    assert "(1797, 64) 16 8070" in done.stdout


def test_the_digits_are_those_of_scikit_learn():
    from sklearn.datasets import load_digits

    digits = load_digits()
    assert digits.data.shape == (1797, 64)
    assert np.all(digits.data == digits.data.astype(np.uint8))
    assert digits.target.sum() == 8070
