"""``make bench``: every script has its place, and one that fails stops no other."""

import json
import sys
from pathlib import Path

import pytest
import run_all
import write_page

SCRIPTS = {path.stem for path in Path(run_all.__file__).parent.glob("*.py")}


@pytest.fixture
def home(monkeypatch, tmp_path):
    """A project with two benchmarks, of which the first fails."""
    for name in ("PAGE", "STORE", "PLACE"):
        monkeypatch.setattr(write_page, name, tmp_path / name.lower())
    monkeypatch.setattr(run_all, "PLACE", tmp_path / "place")
    monkeypatch.setattr(run_all, "HOME", tmp_path)
    monkeypatch.setenv("BENCH_RUN", "")
    scripts = tmp_path / "benchmarks"
    scripts.mkdir()
    (scripts / "fails.py").write_text("import sys\nsys.exit('no such thing')")
    outcome = {
        "key": "works", "what": "It works", "script": "works", "options": "", "timings": [],
        "ratios": [{"sentence": "times", "value": 2.0, "bar": "> 1"}], "notes": "",
        **dict.fromkeys(("run", "date", "load", "threads", "machine", "versions")),
    }  # fmt: skip
    (scripts / "works.py").write_text(
        f"import json, os\ndocument = {outcome!r} | {{'run': os.environ['BENCH_RUN']}}\n"
        f"open({str(tmp_path / 'place' / 'works.json')!r}, 'w').write(json.dumps(document))"
    )
    (scripts / "says.py").write_text("print('not measured')")
    (scripts / "hangs.py").write_text("import time\ntime.sleep(60)")
    return tmp_path


def test_a_benchmark_that_fails_stops_no_other_and_is_named_on_the_page(home):
    failed = run_all.run_all(["fails", "says", "works"], whole=True)
    assert failed["fails"] == "failed: no such thing"
    assert "full data" in failed["says"]
    page = (home / "page").read_text(encoding="utf-8")
    assert "- `fails`: failed: no such thing" in page
    assert "- **2** times (bar > 1: reached)" in page
    assert "`gpu`: needs a GPU" in page


def test_a_benchmark_that_takes_too_long_is_stopped(home, monkeypatch):
    monkeypatch.setattr(run_all, "LIMIT", 0.2)
    assert "stopped after" in run_all.run_all(["hangs"], whole=False)["hangs"]


def test_after_the_minutes_no_further_benchmark_starts(home):
    found = run_all.run_all(["works", "fails"], whole=True, minutes=-1)
    assert found == dict.fromkeys(["works", "fails"], run_all.NOT_REACHED)


def test_a_run_of_some_keeps_the_outcomes_of_others(home):
    run_all.run_all(["works"], whole=True)
    old = json.loads((home / "store").read_text(encoding="utf-8"))
    run_all.run_all(["fails"], whole=False)
    assert json.loads((home / "store").read_text(encoding="utf-8")) == old


def test_whole_commands_run_without_the_other_libraries(home):
    assert run_all.choose_python("first_use") == run_all.choose_python("tsne") == sys.executable
    users = home / ".venv" / "bin" / "python"
    users.parent.mkdir(parents=True)
    users.touch()
    assert run_all.choose_python("first_use") == str(users)
    assert run_all.choose_python("tsne") == sys.executable


def test_every_script_is_part_of_the_run_or_left_out_with_a_reason():
    planned = {command.split()[0] for command in run_all.PLAN}
    assert not planned & set(run_all.LEFT_OUT)
    assert planned | set(run_all.LEFT_OUT) | set(run_all.HELPERS) >= SCRIPTS
