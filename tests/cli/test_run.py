import json
from pathlib import Path

import pytest

from etabli.cli import list
from etabli.report import run_folder

TINY = (Path(__file__).parent.parent / "tiny.py").read_text(encoding="utf-8")


@pytest.fixture
def tiny(tmp_path):
    (tmp_path / "tiny_file.py").write_text(TINY, encoding="utf-8")
    return "./tiny_file.py"


def test_a_file_runs_and_ends_with_a_table_and_a_report(etabli, tiny, tmp_path):
    told = etabli("run", tiny, "--out", "here")
    assert told.code == 0
    assert "test_accuracy" in told.out
    assert (tmp_path / "here" / "report.html").exists()


def test_json_is_one_document_and_nothing_else_on_standard_output(etabli, tiny):
    told = etabli("run", tiny, "--seeds", "3", "--json", "--out", "here")
    document = json.loads(told.out)
    assert document["run"] == "here"
    (score,) = document["scores"]
    assert (score["score"], score["n"], score["published"]) == ("test_accuracy", 3, None)
    assert score["value"] == pytest.approx(0.91)
    assert score["spread"] == pytest.approx(0.01)


def test_a_broken_run_does_not_keep_the_list_from_the_others(etabli, tiny, tmp_path):
    etabli("run", tiny, "--out", "runs/whole")
    (tmp_path / "runs" / "broken").mkdir()
    (tmp_path / "runs" / "broken" / "run.json").write_text("{")
    assert list.last_results(tmp_path / "runs").keys() == {"tp0.tiny"}
    assert etabli("list", "tp1").code == 0


def test_settings_are_changed_by_key_and_value(etabli, tiny):
    etabli("run", tiny, "--set", "epochs=5", "--set", "rate=0.125", "--out", "here")
    assert run_folder.list_seed_runs(Path("here"))[0][1].settings == {"epochs": 5, "rate": 0.125}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["run", "tp1.mpl"], "no practical or experiment named 'tp1.mpl'"),
        (["run", "TINY", "--set", "epoch=3"], "Did you mean epochs"),
        (
            ["run", "TINY", "--set", "epochs=-3"],
            "cannot be -3: expected greater than or equal to 1",
        ),
        (["run", "TINY", "--set", "epochs"], "--set takes key=value"),
        (["run", "TINY", "--data", "fll"], "Did you mean full"),
        (["run", "./nowhere.py"], "there is no file nowhere.py"),
        (["report"], "there is no run"),
        (["report", "nowhere"], "is not a run"),
        (["list", "tp9"], "no practical or experiment named 'tp9'"),
        (["new", "tp1.nothing", "x.py"], "no practical or experiment named"),
    ],
)
def test_a_mistake_gets_one_sentence_and_an_exit_code(etabli, tiny, tmp_path, words, sentence):
    told = etabli(*[tiny if word == "TINY" else word for word in words])
    assert told.code not in (0, 1)
    assert sentence in told.err
    assert told.out == ""
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("def run(context", "def run(context:: "),
        ("import Field", "import Fild"),
        ("EXPERIMENT = Experiment(", "OTHER = Experiment("),
    ],
)
def test_a_file_with_a_mistake_in_it_is_told_by_its_line(etabli, tmp_path, change, sentence):
    (tmp_path / "broken.py").write_text(TINY.replace(change, sentence), encoding="utf-8")
    told = etabli("run", "./broken.py")
    assert told.code == 2
    assert "broken.py" in told.err


def test_a_file_that_fails_while_it_runs_is_told_by_its_line(etabli, tmp_path):
    lines = TINY.replace(
        "        for epoch in range(1, ", "        1 / 0\n        for epoch in range(1, "
    )
    (tmp_path / "failing.py").write_text(lines, encoding="utf-8")
    number = lines[: lines.index("1 / 0")].count("\n") + 1
    told = etabli("run", "./failing.py")
    assert told.code == 2
    assert f"failing.py, line {number}: ZeroDivisionError" in told.err


def test_an_interruption_keeps_what_was_done_and_says_so(etabli, tmp_path):
    text = TINY.replace(
        "    if context.is_first_seed:",
        "    raise KeyboardInterrupt\n    if context.is_first_seed:",
    )
    (tmp_path / "interrupted.py").write_text(text, encoding="utf-8")
    told = etabli("run", "./interrupted.py", "--out", "here")
    assert told.code == 130
    assert "what was finished is kept" in told.err
    assert (tmp_path / "here" / "report.html").exists()


def test_two_runs_stand_side_by_side(etabli, tiny, tmp_path):
    etabli("run", tiny, "--out", "runs/a")
    etabli("run", tiny, "--out", "runs/b", "--set", "rate=0.25")
    told = etabli("report", "runs/a", "runs/b", "--json")
    assert json.loads(told.out)["report"] == "runs/comparison.html"
    assert "0.25" in (tmp_path / "runs" / "comparison.html").read_text(encoding="utf-8")


def test_info_tells_versions_and_machine(etabli):
    document = json.loads(etabli("info", "--json").out)
    assert {"versions", "machine", "extras", "data", "cache"} <= set(document)
    assert "numpy" in etabli("info").out


def test_the_version_is_told(etabli):
    from etabli import __version__

    assert etabli("--version").out.strip() == f"etabli {__version__}"
