"""Files to start from: they run, are checked and are read by notebooks; none is done yet."""

import ast
import json
import re
import subprocess
import sys

import pytest
from typer.testing import CliRunner

import etabli
from etabli import exercises
from etabli.cli import app
from etabli.core.errors import BadSetting, EtabliError, UnknownName
from etabli.core.i18n import use_language
from etabli.exercises import curves, starter
from etabli.pipelines import check, exercise

ALL = exercises.list_exercises()
NAMES = [each.name for each in ALL]


def call(*words: str):
    return CliRunner().invoke(app, list(words))


@pytest.mark.parametrize("one", ALL, ids=NAMES)
def test_the_training_loop_of_a_solution_improves_something_and_draws_it(one, monkeypatch):
    drawn = []
    monkeypatch.setattr(curves, "show_curve", lambda values, *words: drawn.append(values))
    monkeypatch.setattr(curves, "stop_at_todo", lambda file: None)
    source = starter.write_script(one, one.make_variant(3), with_solution=True)
    exec(compile(source, "mine.py", "exec"), {"__name__": "__main__", "__file__": "mine.py"})
    (values,) = drawn
    assert len(values) > 5 and values[0] != pytest.approx(values[-1])


@pytest.mark.parametrize("one", ALL, ids=NAMES)
def test_the_axes_of_a_curve_are_labeled_in_both_languages(one):
    last = ast.parse(one.demo).body[-1].value
    assert {ast.literal_eval(each) for each in last.args[1:]} <= set(curves.LABELS)


def test_a_curve_is_in_the_language_in_use(capsys, tmp_path):
    with use_language("fr"):
        curves.show_curve([2.0, 1.0], "step", "loss", str(tmp_path / "curve.png"))
    assert "perte : 2 -> 1" in capsys.readouterr().out.replace("\u00a0", " ")


@pytest.mark.parametrize("one", ALL, ids=NAMES)
@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_script_and_a_notebook_hold_the_same_functions_in_both_languages(one, language):
    with use_language(language):
        script, notebook = starter.write_script(one), json.loads(starter.write_notebook(one))
        shown = starter.show_exercise(one)
    cells = ["".join(cell["source"]) for cell in notebook["cells"]]
    for function in one.functions:
        assert f"def {function.name}(" in script
        assert sum(cell.startswith(f"def {function.name}(") for cell in cells) == 1
    assert "\\" not in shown, "an equation is not plain text"
    assert max(map(len, script.splitlines())) < 180
    assert ("TODO" in script) and ("etabli check mine.py" in script)


def test_every_equation_has_balanced_braces():
    for one in ALL:
        for equation in one.equations:
            text = re.sub(r"\\[{}]", "", equation)
            assert text.count("{") == text.count("}"), (one.name, equation)


def test_a_started_file_is_checked_as_not_done_and_its_solution_as_right(tmp_path):
    path = exercise.start("tp1.layer", tmp_path / "mine.py", variant={"ACTIVATION": "tanh"})
    found = check.check(path)
    assert found.exercise == "tp1.layer" and {each.status for each in found.items} == {"todo"}
    done = exercise.start("tp1.layer", tmp_path / "done.ipynb", with_solution=True)
    assert check.check(done).is_right
    taken = check.check(done, exercise="tp1.layer", variant={"ACTIVATION": "relu"})
    assert not taken.is_right, "the variant of the teacher holds, not that of the file"


@pytest.mark.parametrize("name", ["tp1.gradient-check", "tp1.xavier", "tp5.bleu"])
def test_functions_generators_and_lists_reach_the_other_process(tmp_path, name):
    path = exercise.start(name, tmp_path / "mine.py", with_solution=True)
    assert check.check(path).is_right


def test_plain_python_says_what_is_not_done_and_how_to_check(tmp_path):
    path = exercise.start("tp1.sgd", tmp_path / "mine.py")
    done = subprocess.run([sys.executable, path], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "not done yet: line" in done.stdout
    assert "etabli check mine.py" in done.stdout and not done.stderr


def test_run_runs_the_file_of_an_exercise(tmp_path):
    path = exercise.start("tp1.sgd", tmp_path / "mine.py", with_solution=True)
    assert exercise.is_exercise(path) and not exercise.is_exercise(tmp_path)
    result = call("run", str(path))
    assert result.exit_code == 0


def test_a_copy_of_an_experiment_says_how_it_is_run(tmp_path, capsys):
    path = tmp_path / "mine.py"
    assert call("new", "tp1.logistic", str(path)).exit_code == 0
    main = ast.parse(path.read_text(encoding="utf-8")).body[-1]
    exec(compile(ast.Module([main], []), "mine.py", "exec"), {"__name__": "__main__"})
    assert f"etabli run {path}" in capsys.readouterr().out


def test_the_commands_list_show_and_start(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert all(name in call("exercise", "list").stdout for name in NAMES)
    assert len(json.loads(call("exercise", "list", "tp3", "--json").stdout)) == 3
    shown = call("exercise", "show", "tp4.bptt", "--hint", "1").stdout
    assert "Hint 1:" in shown and "Hint 2:" not in shown and "def rnn_backward" not in shown
    assert "def rnn_backward" in call("exercise", "show", "tp4.bptt", "--solution").stdout
    assert call("exercise", "start", "tp4.bptt").exit_code == 0
    assert exercise.is_exercise(tmp_path / "bptt.py")
    again = call("exercise", "start", "tp4.bptt").exception
    assert isinstance(again, BadSetting) and "already exists" in str(again)
    assert isinstance(call("exercise", "start", "tp4.bppt").exception, UnknownName)
    with pytest.raises(EtabliError, match=r"\*\.ipynb"):
        exercise.start("tp4.bptt", tmp_path / "mine.txt")


def test_a_notebook_shows_a_table():
    namespace = {"EXERCISE": "tp1.softmax"}
    exec(exercises.get_exercise("tp1.softmax").solution(), namespace)
    shown = etabli.check(namespace["softmax"], namespace["cross_entropy"])
    assert shown.is_right and "<table>" in shown._repr_html_() and "✓" in repr(shown)

    def forward(batch, W, b):
        return batch @ W + b

    assert "the softmax is missing" in etabli.check(forward)._repr_html_()
    with pytest.raises(BadSetting, match="only functions"):
        etabli.check(type("Net", (), {}))
    with pytest.raises(BadSetting, match="exercise list"):
        etabli.check(pytest.approx)


def test_methods_of_a_class_are_refused_in_one_sentence(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("class Net:\n    def forward(self, batch, W, b): return batch\n")
    with pytest.raises(BadSetting, match="in the class Net"):
        check.check(path)
