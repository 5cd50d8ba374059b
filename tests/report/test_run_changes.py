"""Runs are deleted and renamed; what Établi did not write stays."""

import json
import shutil

import pytest
from tiny import EXPERIMENT

from etabli.core.atomic_files import lock_folder
from etabli.core.errors import EtabliError
from etabli.data.catalog.source import Source
from etabli.experiments import runner
from etabli.report import run_changes, run_folder, write_report


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = runner.run_experiments(
        [EXPERIMENT], tmp_path_factory.mktemp("runs") / "made", Source.sample()
    )
    write_report(folder)
    return folder


@pytest.fixture
def run(made, tmp_path):
    return shutil.copytree(made, tmp_path / "runs" / "made")


def test_a_run_is_deleted_with_its_folder(run):
    assert run_changes.delete_run(run) == []
    assert list(run.parent.iterdir()) == []


def test_files_that_etabli_did_not_write_stay_and_are_named(run):
    (run / "notes.txt").write_text("mine")
    (run / "code" / "deep").mkdir(parents=True)
    (run / "code" / "deep" / "mine.py").write_text("")
    assert run_changes.delete_run(run) == ["code", "notes.txt"]
    assert (run / "code" / "deep" / "mine.py").exists()
    assert run_folder.find_runs(run.parent) == []


def test_a_link_is_never_followed(run, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "seed_run.json").write_text("{}")
    (run / "tp0.tiny" / "seed-7").symlink_to(outside)
    link = run.parent / "link"
    link.symlink_to(run)
    with pytest.raises(EtabliError):
        run_changes.delete_run(link)
    run_changes.delete_run(run)
    assert (outside / "seed_run.json").exists()


def test_a_run_is_renamed_in_its_record_too_and_keeps_its_texts(run):
    before = json.loads((run / "run.json").read_text())
    renamed = run_changes.rename_run(run, " Été 2 ")
    assert renamed.name == "Été 2"
    assert not run.exists()
    assert json.loads((renamed / "run.json").read_text()) == before | {"name": "Été 2"}


def test_a_broken_run_can_be_renamed_and_deleted(run):
    (run / "run.json").write_text("{")
    renamed = run_changes.rename_run(run, "broken")
    assert run_changes.delete_run(renamed) == []


@pytest.mark.parametrize(
    "name", ["", "..", "a/b", "a\\b", ".hidden", "a" * 101, "a\nb", "other", "-x"]
)
def test_a_name_that_is_no_folder_or_is_taken_is_refused(run, name):
    shutil.copytree(run, run.with_name("other"))
    with pytest.raises(EtabliError):
        run_changes.rename_run(run, name)
    assert run.exists()


@pytest.mark.parametrize(
    "change", [run_changes.delete_run, lambda run: run_changes.rename_run(run, "new")]
)
def test_a_run_that_is_being_written_is_left_alone(run, change):
    with lock_folder(run), pytest.raises(EtabliError):
        change(run)
    assert (run / "run.json").exists()
