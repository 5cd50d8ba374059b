import json

import pytest
from tiny import EXPERIMENT

from etabli.core.errors import CorruptFile, DataMissing
from etabli.data.catalog.source import Source
from etabli.experiments import runner
from etabli.report import run_folder


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    home = tmp_path_factory.mktemp("runs")
    return runner.run_experiments([EXPERIMENT], home / "one", Source.full(home))


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(DataMissing, match="is not a run"):
        run_folder.read_run(tmp_path)


def test_a_truncated_record_is_refused(run, tmp_path):
    (tmp_path / "run.json").write_bytes((run / "run.json").read_bytes()[:40])
    with pytest.raises(CorruptFile, match="cannot be read"):
        run_folder.read_run(tmp_path)


def test_a_record_of_a_newer_version_is_refused_with_what_to_do(run, tmp_path):
    record = json.loads((run / "run.json").read_text())
    (tmp_path / "run.json").write_text(json.dumps({**record, "format": 99}))
    with pytest.raises(CorruptFile, match="newer Établi"):
        run_folder.read_run(tmp_path)


def test_fields_that_this_version_does_not_know_are_kept(run, tmp_path):
    record = json.loads((run / "run.json").read_text())
    (tmp_path / "run.json").write_text(json.dumps({**record, "mood": "bright"}))
    record = run_folder.read_run(tmp_path)
    run_folder.write_record(tmp_path / "copy.json", record)
    assert json.loads((tmp_path / "copy.json").read_text())["mood"] == "bright"


def test_runs_are_found_newest_first(run):
    assert run_folder.find_runs(run.parent) == [run]
    assert run_folder.find_runs(run.parent / "nowhere") == []


def test_a_curve_is_found_by_name(run):
    folder, _seed_run = run_folder.list_seed_runs(run)[0]
    assert len(run_folder.read_curve(folder, "train")) == 3


def test_the_recipe_of_a_mean_lists_what_differs_between_seeds():
    seeds = [
        "data:mnist | epoch:3 | noise:a:b",
        "data:mnist | epoch:5 | noise:a:b",
        "data:mnist | epoch:5 | noise:a:b",
    ]
    assert run_folder.recipe_signature(seeds) == "data:mnist | epoch:3/5/5 | noise:a:b"
    assert run_folder.recipe_signature(["a | b:1"]) == "a | b:1"
    assert run_folder.recipe_signature(["a:1", "b:1"]) == "a:1/— | b:—/1"
