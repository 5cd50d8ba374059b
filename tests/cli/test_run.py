import json
from pathlib import Path

import pytest

from etabli.cli import list
from etabli.pipelines import run as pipeline
from etabli.report import run_folder

TINY = (Path(__file__).parent.parent / "tiny.py").read_text(encoding="utf-8")


@pytest.fixture
def tiny(tmp_path):
    (tmp_path / "tiny_file.py").write_text(TINY, encoding="utf-8")
    return "./tiny_file.py"


def test_a_file_runs_and_ends_with_a_table_and_a_report(etabli, tiny, tmp_path):
    result = etabli("run", tiny, "--out", "here")
    assert result.code == 0
    assert "test accuracy" in result.out
    assert "Next:   etabli run ./tiny_file.py --data full" in result.out
    assert (tmp_path / "here" / "report.html").exists()


def test_a_run_that_is_complete_stays_and_one_that_is_not_resumes(etabli, tiny, tmp_path):
    assert etabli("run", tiny, "--out", "here").code == 0
    refused = etabli("run", tiny, "--out", "here")
    assert refused.code == 2 and "--overwrite" in refused.err
    more = etabli("run", tiny, "--out", "here", "--seeds", "2")
    assert more.code == 0 and "seed 0: already finished" in more.err
    (tmp_path / "here/report.html").unlink()  # killed before its last file
    assert etabli("run", tiny, "--out", "here").code == 0
    assert etabli("run", tiny, "--out", "here", "--overwrite").code == 0


def test_json_is_one_document_and_nothing_else_on_standard_output(etabli, tiny):
    result = etabli("run", tiny, "--seeds", "3", "--json", "--out", "here")
    document = json.loads(result.out)
    assert document["run"] == "here"
    (score,) = document["scores"]
    assert (score["score"], score["n"], score["published"]) == ("test_accuracy", 3, None)
    assert score["value"] == pytest.approx(0.91)
    assert score["spread"] == pytest.approx(0.01)


def test_a_broken_run_does_not_hide_the_others_from_the_list(etabli, tiny, tmp_path):
    etabli("run", tiny, "--out", "runs/whole")
    (tmp_path / "runs" / "broken").mkdir()
    (tmp_path / "runs" / "broken" / "run.json").write_text("{")
    assert list.last_results(tmp_path / "runs").keys() == {"tp0.tiny"}
    assert etabli("list", "tp1").code == 0


def test_settings_are_changed_by_key_and_value(etabli, tiny):
    etabli("run", tiny, "--set", "epochs=5", "--set", "learning_rate=0.125", "--out", "here")
    assert run_folder.list_seed_runs(Path("here"))[0][1].settings == {
        "epochs": 5,
        "learning_rate": 0.125,
    }


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
        (["new", "tp1"], "one of its experiments: tp1.look, tp1.logistic"),
        (["run", "TINY", "--set", "rate=3"], "Did you mean learning_rate"),
        (["run", "TINY", "--again"], "The option --again is now called --overwrite"),
        (["run", "TINY", "--rate", "1"], "change a setting with --set learning_rate="),
        (["untangle", "x.npz", "--most", "9"], "The option --most is now called --max-points"),
    ],
)
def test_a_mistake_gets_one_sentence_and_an_exit_code(etabli, tiny, tmp_path, words, sentence):
    result = etabli(*[tiny if word == "TINY" else word for word in words])
    assert result.code not in (0, 1)
    assert sentence in result.err
    assert result.out == ""
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("def run(context", "def run(context:: "),
        ("import Field", "import Fild"),
        ("EXPERIMENT = ExperimentSpec(", "OTHER = ExperimentSpec("),
    ],
)
def test_a_file_with_a_mistake_is_reported_with_its_line(etabli, tmp_path, change, sentence):
    (tmp_path / "broken.py").write_text(TINY.replace(change, sentence), encoding="utf-8")
    result = etabli("run", "./broken.py")
    assert result.code == 2
    assert "broken.py" in result.err


def test_a_file_that_fails_while_it_runs_is_reported_with_its_line(etabli, tmp_path):
    lines = TINY.replace(
        "        for epoch in range(1, ", "        1 / 0\n        for epoch in range(1, "
    )
    (tmp_path / "failing.py").write_text(lines, encoding="utf-8")
    number = lines[: lines.index("1 / 0")].count("\n") + 1
    result = etabli("run", "./failing.py")
    assert result.code == 2
    assert f"failing.py, line {number}: ZeroDivisionError" in result.err


def test_an_interruption_keeps_what_was_done_and_says_so(etabli, tmp_path):
    text = TINY.replace(
        "    if context.is_first_seed:",
        "    raise KeyboardInterrupt\n    if context.is_first_seed:",
    )
    (tmp_path / "interrupted.py").write_text(text, encoding="utf-8")
    result = etabli("run", "./interrupted.py", "--out", "here")
    assert result.code == 130
    assert "what was finished is kept" in result.err
    assert (tmp_path / "here" / "report.html").exists()


def test_two_runs_are_compared(etabli, tiny, tmp_path):
    etabli("run", tiny, "--out", "runs/a")
    etabli("run", tiny, "--out", "runs/b", "--set", "learning_rate=0.25")
    result = etabli("report", "runs/a", "runs/b", "--json")
    assert json.loads(result.out)["report"] == "runs/comparison.html"
    assert "0.25" in (tmp_path / "runs" / "comparison.html").read_text(encoding="utf-8")


def test_info_prints_versions_and_machine(etabli):
    document = json.loads(etabli("info", "--json").out)
    assert {"versions", "machine", "extras", "data", "cache"} <= set(document)
    assert "numpy" in etabli("info").out


def test_the_version_is_printed(etabli):
    from etabli import __version__

    assert etabli("--version").out.strip() == f"etabli {__version__}"


def test_nothing_that_a_run_or_a_list_prints_is_wider_than_80_columns(etabli, tiny, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    for words in (
        ["run", tiny, "tp1.gradients", "--out", "here", "--overwrite"],
        ["run", tiny, "--out", "here", "--overwrite", "--verbose"],
        ["report", "here", "--verbose"],
        ["list"],
        ["list", "tp1.mlp"],
    ):
        for language in ("en", "fr"):
            lines = etabli("--lang", language, *words).out.splitlines()
            assert lines and max(map(len, lines)) <= 80


def test_a_run_of_several_experiments_prints_one_line_for_each(etabli, tiny):
    result = etabli("run", tiny, "tp1.gradients", "--out", "here", "--data", "sample")
    lines = result.out.splitlines()
    assert lines[0].split() == ["experiment", "score", "measured"]
    assert [line.split()[0] for line in lines[1:3]] == ["tp0.tiny", "tp1.gradients"]
    assert lines[3].startswith("Sample data: not comparable with the published values")


def test_verbose_prints_every_score_with_its_recipe(etabli, tiny):
    assert "data:none | n:10" in etabli("run", tiny, "--out", "here", "--verbose").out
    assert "data:none" not in etabli("report", "here").out


def test_the_name_of_a_run_has_each_practical_once():
    assert pipeline.short_name(["tp1.mlp", "tp1.logistic", "tp2", "./x/mine.py"]) == (
        "tp1+tp2+mine"
    )


def test_an_experiment_is_copied_to_a_file_that_runs(etabli, tmp_path):
    assert etabli("new", "tp1.gradients").code == 0
    assert (tmp_path / "gradients.py").exists()
    assert etabli("run", "./gradients.py", "--out", "here").code == 0
    assert run_folder.read_run(tmp_path / "here").experiments == ["tp1.gradients.gradients"]


def test_the_cells_of_practical_1_are_written_once(etabli, tmp_path):
    result = etabli("new", "tp1", "cells")
    assert (result.code, result.out.split()) == (
        0,
        ["cells/practical_1.zip", "cells/practical_1.ipynb", "cells/practical_1.py"],
    )
    (tmp_path / "cells" / "practical_1.py").write_text("mine", encoding="utf-8")
    assert "nothing was overwritten" in etabli("new", "tp1", "cells").err
    assert (tmp_path / "cells" / "practical_1.py").read_text(encoding="utf-8") == "mine"
