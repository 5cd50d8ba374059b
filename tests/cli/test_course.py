"""The commands for a class, as they are called."""

import csv

import pytest
from typer.testing import CliRunner

from etabli import exercises
from etabli.cli import app
from etabli.core.errors import EtabliError
from etabli.core.i18n import use_language
from etabli.pipelines.check.isolation import find_isolation

UNSAFE = () if find_isolation() else ("--unsafe",)


def called(*words):
    return CliRunner().invoke(app, ["class", *map(str, words)])


def test_a_class_is_handed_out_and_marked(tmp_path):
    students = tmp_path / "list.csv"
    students.write_text("name,email\nAda,a@x.org\nZoé,z@x.org\n", encoding="utf-8")
    made = called("hand-out", "tp1.softmax", "--students", students, "--out", tmp_path / "out")
    assert made.exit_code == 0, made.output
    assert "2 folders with 1 exercises each" in made.stdout
    assert "class.json" in made.stderr
    path = next((tmp_path / "out").glob("Ada*/tp1.softmax.py"))
    first, _newline, _rest = path.read_text(encoding="utf-8").partition("\n")
    solution = exercises.get_exercise("tp1.softmax").solution()
    path.write_text(f"{first}\n{solution}", encoding="utf-8")
    marks = tmp_path / "marks.csv"
    found = called(
        "mark", tmp_path / "out", "--class", tmp_path / "out", "--out", marks,
        "--id-column", "email", *UNSAFE,
    )  # fmt: skip
    assert found.exit_code == 0, found.output
    assert "1/2" in found.stdout
    assert "2 students, 2 with a submission" in found.stdout
    rows = list(csv.DictReader(marks.open(encoding="utf-8", newline="")))
    assert [(row["email"], row["Total"]) for row in rows] == [("a@x.org", "2"), ("z@x.org", "0")]


def test_what_cannot_be_marked_is_refused_in_one_sentence(tmp_path):
    (tmp_path / "a.py").write_text("x = 1")
    for words, says in {
        ("mark", tmp_path, *UNSAFE, "--out", tmp_path / "m.csv"): "exercises to mark",
        ("mark", tmp_path, "--exercise", "tp9", *UNSAFE): "tp9",
        ("mark", tmp_path, "--class", tmp_path, *UNSAFE): "class.json",
        ("board", "--class", tmp_path, "--port", 0): "class.json",
        ("hand-out", "tp1", "--students", tmp_path / "none.csv"): "none.csv",
    }.items():
        result = called(*words)
        assert isinstance(result.exception, EtabliError), words
        assert says in str(result.exception)


def test_a_hand_out_in_french_is_in_french(tmp_path):
    (tmp_path / "list.csv").write_text("Ada\n")
    with use_language("fr"):
        called("hand-out", "tp1.softmax", "--students", tmp_path / "list.csv", "--out", tmp_path)
    page = (tmp_path / "Ada" / "README.html").read_text(encoding="utf-8")
    assert 'lang="fr"' in page and "Vos exercices" in page


@pytest.mark.parametrize("command", ["hand-out", "mark", "board"])
def test_every_command_has_help(command):
    assert "etabli class" in called(command, "--help").output
