"""Every exercise: its solution passes, and its mistakes are named, also those of no list."""

import ast
import linecache
import re
import warnings

import numpy as np
import pytest

from etabli import exercises
from etabli.core.errors import UnknownName
from etabli.core.i18n import use_language
from etabli.exercises import starter

ALL = exercises.list_exercises()
NAMES = [each.name for each in ALL]


def run(source: str) -> dict | None:
    """Return the namespace of a source; None where it cannot be run."""
    namespace: dict = {"np": np}
    name = f"<cell {hash(source)}>"  # as a notebook does it, so that lines can be shown
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    try:
        exec(compile(source, name, "exec"), namespace)
    except Exception:
        return None
    return namespace


def grade(exercise, source, variant=None) -> exercises.Result | None:
    namespace = run(source)
    if namespace is None:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return exercises.grade(exercise, namespace, variant)


def list_variants(exercise) -> list[dict]:
    """One variant with each choice."""
    every = [{name: one} for name, choices in exercise.choices.items() for one in choices]
    return every or [{}]


@pytest.mark.parametrize("exercise", ALL, ids=NAMES)
def test_the_solution_of_every_variant_is_right(exercise):
    for variant in (*list_variants(exercise), exercise.make_variant(7)):
        result = grade(exercise, exercise.solution(variant), variant)
        assert result.is_right, result.items
        assert [item.name for item in result.items] == list(exercise.items)


@pytest.mark.parametrize("exercise", ALL, ids=NAMES)
def test_each_listed_mistake_is_named_as_itself(exercise):
    """In every variant whose solution contains the mistake; where several fit, by one of them."""
    assert len(exercise.mistakes) >= 5
    for mistake in exercise.mistakes:
        seen = False
        for variant in list_variants(exercise):
            source = exercise.solution(variant)
            if mistake.old in source:
                result = grade(exercise, source.replace(mistake.old, mistake.new), variant)
                named = {item.mistake for item in result.items if not item.passed}
                seen = seen or mistake.says in named
                assert not named or mistake.says in named, (mistake.says, variant, named)
        assert seen, mistake.says


@pytest.mark.parametrize("exercise", ALL, ids=NAMES)
def test_an_empty_todo_is_not_done_yet(exercise):
    result = grade(exercise, starter.write_script(exercise))
    assert {item.status for item in result.items} == {"todo"}
    assert {item.mistake for item in result.items} == {"not done yet"}
    assert {item.status for item in exercises.grade(exercise, {}).items} == {"todo"}


class Slips(ast.NodeTransformer):
    """Change the n-th place of a kind in the functions of a file."""

    def __init__(self, kind: str, place: int) -> None:
        self.kind, self.left, self.found = kind, place, False

    def _is_here(self) -> bool:
        self.left -= 1
        self.found = self.found or self.left == -1
        return self.left == -1

    def visit_BinOp(self, node):
        self.generic_visit(node)
        if self.kind == "sign" and isinstance(node.op, ast.Add | ast.Sub) and self._is_here():
            node.op = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
        if self.kind == "factor" and isinstance(node.op, ast.Mult | ast.Div) and self._is_here():
            return node.left
        return node

    def visit_Attribute(self, node):
        self.generic_visit(node)
        if self.kind == "transpose" and node.attr == "T" and self._is_here():
            return node.value
        return node

    def visit_keyword(self, node):
        if self.kind == "axis" and node.arg == "axis" and isinstance(node.value, ast.Constant):
            if self._is_here():
                node.value = ast.Constant(1 - node.value.value)
            return node
        return self.generic_visit(node)


WORDS = {  # what a sentence on a slip contains; a listed mistake is right as it is
    "sign": r"sign|term|\+ and -|minus|climbs|step|off by|dropped|overflow|times|NaN",
    "factor": r"factor|divi|times|twice|half|K |forgotten|term|step",
    "transpose": r"transpose|product",
    "axis": r"axis|transposed|summed|sum|max",
}


def list_slips(source: str):
    for kind in WORDS:
        for place in range(40):
            slips = Slips(kind, place)
            tree = ast.fix_missing_locations(slips.visit(ast.parse(source)))
            if not slips.found:
                break
            yield kind, ast.unparse(tree)


def test_at_least_nine_of_ten_slips_that_nobody_listed_are_named_rightly():
    named, wrong = 0, []
    for exercise in ALL:
        for variant in list_variants(exercise):
            listed = {mistake.says for mistake in exercise.mistakes}
            for kind, source in list_slips(exercise.solution(variant)):
                result = grade(exercise, source, variant)
                if result is None or result.is_right:
                    continue  # an equal way to compute the same, or no Python
                says = {item.mistake for item in result.items if not item.passed}
                if any(re.search(WORDS[kind], each) or each in listed for each in says):
                    named += 1
                else:
                    wrong.append((exercise.name, kind, says))
    assert named > 150
    assert named / (named + len(wrong)) >= 0.9, wrong


STYLES = {
    "in place": (
        "tp1.softmax",
        "def softmax(z):\n    z -= z.max(axis=1, keepdims=True)\n    np.exp(z, out=z)\n"
        "    z /= z.sum(axis=1, keepdims=True)\n    return z\n",
        "softmax.p",
    ),
    "in loops": (
        "tp1.gradient",
        "def backward(batch, Y_hat, Y, W, b):\n    gW, gb = 0 * W, 0 * b[0]\n"
        "    for x, p, y in zip(batch, Y_hat, Y):\n        gW += np.outer(x, p - y)\n"
        "        gb += p - y\n    return gW / len(batch), gb / len(batch)\n",
        "backward.grad_W",
    ),
    "a dict": (
        "tp1.gradient",
        "def backward(batch, Y_hat, Y, W, b):\n    d = (Y_hat - Y) / len(Y)\n"
        "    return {'grad_b': d.sum(0), 'grad_W': batch.T @ d}\n",
        "backward.grad_b",
    ),
    "extra values": (
        "tp1.gradient",
        "def backward(batch, Y_hat, Y, W, b):\n    d = (Y_hat - Y) / len(Y)\n"
        "    return batch.T @ d, d.sum(0), d\n",
        "backward.grad_W",
    ),
    "columns": (
        "tp1.gradient",
        "def backward(X, A, Y, W, b):\n    d = (A - Y) / X.shape[1]\n"
        "    return d @ X.T, d.sum(axis=1, keepdims=True)\n",
        "backward.grad_W",
    ),
    "a list": (
        "tp4.rnn",
        "def rnn_forward(x, Wx, Wh, b):\n    h, all = 0 * b, []\n    for each in x:\n"
        "        h = np.tanh(each @ Wx + h @ Wh + b)\n        all.append(h)\n    return all\n",
        "rnn_forward.h",
    ),
}  # fmt: skip


@pytest.mark.parametrize("style", STYLES)
def test_what_is_right_in_another_style_passes(style):
    name, source, item = STYLES[style]
    result = grade(exercises.get_exercise(name), source)
    assert {each.name: each.passed for each in result.items}[item], result.findings


@pytest.mark.parametrize(
    ("name", "source", "says"),
    [
        ("tp1.xavier",
         "def xavier(n, m, g): return g.uniform(-1, 1, (n, m)) * (6 / (n + m)) ** 0.5", ""),
        ("tp1.xavier", "def xavier(n, m, g): return g.normal(size=(n, m))", "deviation is 1"),
        ("tp2.pca", "def pca(x, d):\n    c = x - x.mean(0)\n    u, s, v = np.linalg.svd(c)\n"
         "    return -c @ v[:d].T, (s[:d]**2).sum() / (s**2).sum()", ""),
        ("tp1.gradient", "def backward(batch, Y_hat, Y, W, b):\n    d = (Y_hat - Y) / 7\n"
         "    return batch.T @ d, d.sum(0)", "divided by 7, not by N = 3"),
        ("tp1.gradient", "def backward(batch, Y_hat, Y, W, b):\n    d = (Y_hat - Y) / len(Y)\n"
         "    return W - 0.1 * batch.T @ d, d.sum(0)", "after an update"),
        ("tp1.gradient", "def backward(batch, Y_hat, Y, W, b):\n    d = (Y_hat - Y) / len(Y)\n"
         "    return batch.T @ d + 0.01 * W, d.sum(0)", "L2 term"),
        ("tp1.gradient", "def backward(batch, Y_hat, Y): return batch, Y", "takes 3 arguments"),
        ("tp1.gradient", "def backward(batch, Y_hat, Y, W, b):\n    pass", "return statement"),
    ],
)  # fmt: skip
def test_a_single_file_gets_the_words_that_fit_it(name, source, says):
    result = grade(exercises.get_exercise(name), source)
    if not says:
        assert result.is_right, result.findings
    assert any(says in item.mistake for item in result.items)


def test_a_declared_l2_term_and_a_declared_sum_are_right():
    exercise = exercises.get_exercise("tp1.gradient")
    source = exercise.solution({"LOSS": "sum"}).replace(
        "batch.T @ delta", "batch.T @ delta + W / 2"
    )
    assert not grade(exercise, source, {"LOSS": "sum"}).is_right
    assert grade(exercise, source, {"LOSS": "sum", "L2": 0.5}).is_right


def test_sentences_are_keys_in_english_and_messages_in_french():
    exercise = exercises.get_exercise("tp1.gradient")
    source = exercise.solution().replace("(Y_hat - Y)", "Y_hat")
    with use_language("fr"):
        item = grade(exercise, source).items[0]
    assert item.mistake == "Y is missing: the error is Y_hat - Y, not Y_hat"
    assert item.message != item.mistake


def test_an_exception_has_the_same_key_in_both_languages_and_a_raised_todo_is_not_done():
    exercise = exercises.get_exercise("tp1.gradient")
    wrong = "def backward(batch, Y_hat, Y, W, b):\n    return batch @ Y, Y"
    with use_language("fr"):
        french = grade(exercise, wrong).items[0]
    assert french.mistake == grade(exercise, wrong).items[0].mistake
    assert french.mistake == "line 2: batch @ Y: (7, 5) @ (7, 4); transpose batch?"
    assert french.message != french.mistake
    todo = "def backward(batch, Y_hat, Y, W, b):\n    raise NotImplementedError"
    assert {item.status for item in grade(exercise, todo).items} == {"todo"}


def test_a_variant_keeps_only_known_constants():
    exercise = exercises.get_exercise("tp1.layer")
    made = exercise.complete_variant({"ACTIVATION": "os.system", "SEED": -1, "OTHER": 2})
    assert made == {"SEED": 0, "ACTIVATION": "sigmoid"}
    assert exercise.make_variant(5) == exercise.make_variant(5)
    drawn = {exercise.make_variant(seed)["ACTIVATION"] for seed in range(20)}
    assert drawn == {"sigmoid", "tanh", "relu"}


def test_an_unknown_exercise_is_refused_with_close_names():
    with pytest.raises(UnknownName, match=r"tp1\.softmax"):
        exercises.get_exercise("tp1.sofmax")
    with pytest.raises(UnknownName, match="tp5"):
        exercises.list_exercises("tp6")
