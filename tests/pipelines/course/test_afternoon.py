"""A teacher's afternoon: hand out, collect right and wrong files, mark, read, import."""

import csv
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from etabli.core.errors import BadSetting
from etabli.exercises import get_exercise, starter
from etabli.pipelines import course
from etabli.pipelines.check.isolation import find_isolation
from etabli.pipelines.course import assignment
from etabli.pipelines.course.assignment import read_assignment
from etabli.pipelines.course.students import match_student

EXERCISES = ("tp1.softmax", "tp1.gradient")
NAMES = [f"{first} {last}" for first in ("Ada", "Émile", "Zoé") for last in ("Borel", "Curie")]
UNSAFE = not find_isolation()  # these files do nothing that they should not


def write_list(path: Path, names=NAMES) -> Path:
    lines = ["Nom complet;Adresse de courriel"]
    path.write_text(
        "\n".join([*lines, *(f"{name};{index}@x.org" for index, name in enumerate(names))])
    )
    return path


def solve(folder: Path, exercise: str, *, mistake: tuple[str, str] | None = None) -> None:
    """Write the model solution into a handed-out file, which keeps its first line and constants."""
    path = folder / f"{exercise}.py"
    handed_out = path.read_text(encoding="utf-8").split("\n")
    found = get_exercise(exercise)
    constants = dict(re.findall(r"^(SEED|\w+) = (.+)$", "\n".join(handed_out), flags=re.MULTILINE))
    variant = {
        name: eval(value)  # of a file that was written a moment ago
        for name, value in constants.items()
        if name in ("SEED", *found.choices)
    }
    source = starter.write_script(found, variant, with_solution=True)
    if mistake:
        assert mistake[0] in source
        source = source.replace(*mistake)
    path.write_text(f"{handed_out[0]}\n{source}", encoding="utf-8")


@pytest.fixture(scope="module")
def handed_out(tmp_path_factory) -> Path:
    home = tmp_path_factory.mktemp("class")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(assignment.secrets, "token_hex", lambda _bytes: "key 3")
        course.hand_out(EXERCISES, write_list(home / "list.csv"), home / "out")
    return home


@pytest.fixture(scope="module")
def marked(handed_out):
    """Everybody is right but one of each kind; the last one hands in nothing."""
    submissions = handed_out / "submissions"
    for index, name in enumerate(NAMES[:-1]):
        given = next((handed_out / "out").glob(f"*_{index}-x-org"))
        folder = submissions / f"{name}_{100 + index}_assignsubmission_file_"
        folder.mkdir(parents=True)
        for path in given.glob("*.py"):
            (folder / path.name).write_bytes(path.read_bytes())
        for exercise in EXERCISES:
            if index != 1:  # who hands in what was handed out
                solve(folder, exercise)
    ada, _untouched, copied, broken, claims = sorted(submissions.iterdir())
    solve(ada, "tp1.softmax", mistake=("axis=1", "axis=0"))
    (broken / "tp1.gradient.py").write_text("import nothing_that_exists\n")
    (copied / "tp1.gradient.py").write_bytes((ada / "tp1.gradient.py").read_bytes())
    path = claims / "tp1.gradient.py"
    path.write_text(path.read_text().replace("EXERCISE =", "SCORE = 123.0\nEXERCISE ="))
    rubric = handed_out / "points.toml"
    rubric.write_text('maximum = 20\n[points]\n"tp1.softmax" = 4\n"tp1.gradient" = 6\n')
    arguments = {
        "assignment": handed_out / "out",
        "rubric": rubric,
        "rerun": True,
        "unsafe": UNSAFE,
    }
    found = course.mark(submissions, handed_out / "marks.csv", **arguments)
    return found, submissions, arguments


def of(marking, name: str):
    return next(each for each in marking.feedbacks if each.student.name == name)


def test_every_student_has_a_folder_and_a_variant_that_comes_again(handed_out):
    given = read_assignment(handed_out / "out")
    folders = [path for path in (handed_out / "out").iterdir() if path.is_dir()]
    assert len(folders) == len(NAMES)
    gradient = get_exercise("tp1.gradient")
    variants = [given.make_variant(each, gradient) for each in given.students]
    assert len({each["SEED"] for each in variants}) == len(NAMES)
    assert len({each["LOSS"] for each in variants}) == 2
    assert (handed_out / "out" / "class.json").stat().st_mode & 0o077 == 0 or os.name == "nt"
    assert given.key not in "".join(
        path.read_text(encoding="utf-8") for folder in folders for path in folder.iterdir()
    )
    before = sorted(path.read_bytes() for folder in folders for path in folder.iterdir())
    course.hand_out(EXERCISES, handed_out / "list.csv", handed_out / "out", overwrite=True)
    after = sorted(path.read_bytes() for folder in folders for path in folder.iterdir())
    assert before == after
    with pytest.raises(BadSetting, match="already holds an assignment"):
        course.hand_out(EXERCISES, handed_out / "list.csv", handed_out / "out")


def test_drawn_exercises_are_those_that_count(tmp_path):
    students = write_list(tmp_path / "list.csv")
    course.hand_out(EXERCISES, students, tmp_path / "out", drawn=1)
    given = read_assignment(tmp_path / "out")
    asked = [given.list_asked(student)[0].name for student in given.students]
    files = [[path.stem for path in given_to.glob("*.py")] for given_to in tmp_path.glob("out/*_*")]
    assert sorted(files) == sorted([name] for name in asked)
    assert set(asked) == set(EXERCISES)
    found = course.mark(
        tmp_path / "out", tmp_path / "marks.csv", assignment=tmp_path / "out", unsafe=UNSAFE
    )
    assert [each.maximum for each in found.feedbacks] == [2] * len(NAMES)
    counts = {each.item.exercise: each.n for each in found.statistics}
    assert counts == {name: asked.count(name) for name in EXERCISES}
    rows = list(csv.DictReader((tmp_path / "marks.csv").open(encoding="utf-8", newline="")))
    empty = [[cell for cell in row.values() if cell == ""] for row in rows]
    assert [len(cells) for cells in empty] == [2] * len(NAMES)


def test_a_token_is_one_students(handed_out):
    given = read_assignment(handed_out / "out")
    for student in given.students:
        assert given.find_owner(given.make_token(student)) == student
    assert given.find_owner("0" * 16) is None


def test_points_follow_the_rubric_and_feedback_the_words_of_check(marked):
    found = marked[0]
    totals = {each.student.name: each.total for each in found.feedbacks}
    assert totals["Émile Curie"] == 20
    assert totals["Émile Borel"] == 8  # the other file cannot be run
    assert totals["Zoé Borel"] == 8  # the other file is right for the loss of another student
    wrong = of(found, "Ada Borel")
    assert wrong.total < 20
    assert any("axis=0" in row.message for row in wrong.rows)
    untouched = of(found, "Ada Curie")
    assert untouched.total == 0
    assert {row.message for row in untouched.rows} == {"not done yet"}
    text = (found.folder / "feedback" / f"{wrong.student.folder}.txt").read_text(encoding="utf-8")
    assert "axis=0" in text
    page = (found.folder / "feedback" / f"{wrong.student.folder}.html").read_text(encoding="utf-8")
    assert "axis=0" in page


def test_notes_name_a_file_of_another_student_and_a_score_that_is_not_so(marked):
    notes = [note for each in marked[0].feedbacks for note in each.notes]
    assert any("was handed out to Ada Borel" in note for note in notes)
    assert any("claims 123, but the demo gives" in note for note in notes)
    assert any("has no token" in note for note in notes)


def test_the_csv_has_the_columns_that_moodle_imports(marked, handed_out):
    raw = (handed_out / "marks.csv").read_bytes()
    assert raw.decode("utf-8") and not raw.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(raw.decode("utf-8").splitlines(keepends=True)))
    assert list(rows[0]) == [
        "Adresse de courriel",
        "Full name",
        "tp1.softmax: softmax.p",
        "tp1.softmax: cross_entropy.loss",
        "tp1.gradient: backward.grad_W",
        "tp1.gradient: backward.grad_b",
        "Total",
        "Feedback",
    ]
    assert [row["Adresse de courriel"] for row in rows] == [f"{n}@x.org" for n in range(6)]
    assert rows[4]["tp1.softmax: softmax.p"] == "2"
    assert rows[5]["Total"] == ""  # nothing was submitted: no mark, which is not 0


def test_statistics_count_those_who_handed_in(marked):
    rows = {each.item.name: each for each in marked[0].statistics}
    assert rows["softmax.p"].n == 5
    assert rows["softmax.p"].right == 3
    page = (marked[0].folder / "statistics.html").read_text(encoding="utf-8")
    assert "3/5" in page


def test_a_second_call_marks_nothing_again_and_refuses_to_replace_the_marks(marked, handed_out):
    found, submissions, arguments = marked
    records = {path: path.stat().st_mtime_ns for path in (found.folder / "records").iterdir()}
    with pytest.raises(BadSetting, match="already exists"):
        course.mark(submissions, handed_out / "marks.csv", **arguments)
    again = course.mark(submissions, handed_out / "marks.csv", overwrite=True, **arguments)
    assert [each.total for each in again.feedbacks] == [each.total for each in found.feedbacks]
    assert records == {path: path.stat().st_mtime_ns for path in records}


def test_a_machine_without_isolation_refuses(monkeypatch, marked, tmp_path):
    monkeypatch.setattr(course, "find_isolation", lambda: False)
    with pytest.raises(BadSetting, match="--unsafe"):
        course.mark(marked[1], tmp_path / "marks.csv", exercises=["tp1.softmax"])


def test_a_notebook_of_the_hand_out_can_be_marked(tmp_path):
    students = write_list(tmp_path / "list.csv", NAMES[:1])
    course.hand_out(["tp1.softmax"], students, tmp_path / "out", as_notebook=True)
    path = next((tmp_path / "out").glob("*/tp1.softmax.ipynb"))
    notebook = json.loads(path.read_text(encoding="utf-8"))
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert code[0]["source"][0].startswith("# etabli class: ")
    solution = get_exercise("tp1.softmax").solution()
    code[-1]["source"] = [solution]
    path.write_text(json.dumps(notebook))
    found = course.mark(
        tmp_path / "out", tmp_path / "marks.csv", assignment=tmp_path / "out", unsafe=UNSAFE
    )
    assert found.feedbacks[0].total == 2
    assert match_student([found.feedbacks[0].student], NAMES[0])


@pytest.mark.slow
def test_kills_at_random_moments_lose_nothing_marked(marked, tmp_path):
    submissions = marked[1]
    command = [
        *(sys.executable, "-m", "etabli", "class", "mark", submissions, "--out"),
        *(tmp_path / "marks.csv", "--class", marked[2]["assignment"], "--workers", "2"),
        *(["--unsafe"] if UNSAFE else []),
    ]
    generator, kept = random.Random(4), {}
    for _kill in range(20):
        process = subprocess.Popen(list(map(str, command)), stderr=subprocess.DEVNULL)
        time.sleep(generator.uniform(0.5, 3))
        process.send_signal(signal.SIGKILL)
        process.wait()
        (tmp_path / "marks.csv").unlink(missing_ok=True)
        folder = tmp_path / "marks-files" / "records"
        for path, moment in kept.items():
            assert path.stat().st_mtime_ns == moment
        kept = {path: path.stat().st_mtime_ns for path in folder.glob("[!.]*.json")}
    subprocess.run(list(map(str, command)), check=True, stdout=subprocess.DEVNULL)
    assert len(list((tmp_path / "marks-files" / "records").iterdir())) == 10
    rows = list(csv.DictReader((tmp_path / "marks.csv").open(encoding="utf-8", newline="")))
    assert [row["Total"] for row in rows] == ["2", "0", "2", "4", "2", ""]
