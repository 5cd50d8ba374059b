"""Full disks, read-only folders, jumping clocks, simultaneous runs, records of old versions."""

import json
import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from tiny import EXPERIMENT, Settings

from etabli import report
from etabli.core.errors import CorruptFile, EtabliError, FolderBusy, NoSpace
from etabli.data.catalog.source import Source
from etabli.experiments import runner
from etabli.experiments.spec import ExperimentSpec
from etabli.report import run_folder
from etabli.training.checkpoint import Checkpoint


def disk(place: Path, options: str) -> Path:
    """Mount a small disk; skip the test without the right to do so."""
    place.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], capture_output=True
    )
    if made.returncode:
        pytest.skip("needs the right to mount a tmpfs (root)")
    return place


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a disk of one megabyte."""
    place = disk(tmp_path / "disk", "size=1m")
    yield place
    subprocess.run(["umount", place], check=True)


@pytest.fixture
def source(tmp_path):
    return Source.full(tmp_path / "data")


def weighty(context, settings):
    """Like the tiny experiment, with 400 kB of weights."""
    EXPERIMENT.run(context, settings)
    context.save_arrays("weights", {"w": np.zeros(100_000, np.float32)})


WEIGHTY = ExperimentSpec(
    name="tp0.weighty",
    title="Weighty",
    measures="nothing",
    source="the tests",
    settings=Settings,
    run=weighty,
    claims=EXPERIMENT.claims,
)


def test_a_run_that_fills_the_disk_keeps_what_was_finished_and_resumes(small_disk, source):
    folder, ballast = small_disk / "run", small_disk / "ballast"
    ballast.write_bytes(bytes(750_000))
    both = [EXPERIMENT, WEIGHTY]
    with pytest.raises(NoSpace, match=r"no space left to write .*weights\.safetensors"):
        runner.run_experiments(both, folder, source)
    assert [
        each.experiment
        for _folder, each in run_folder.list_seed_runs(folder)
        if not each.interrupted
    ] == ["tp0.tiny"]
    stamp = (folder / "tp0.tiny" / "seed-0" / "seed_run.json").stat().st_mtime_ns
    ballast.unlink()
    runner.run_experiments(both, folder, source)
    assert [each.interrupted for _folder, each in run_folder.list_seed_runs(folder)] == [
        False,
        False,
    ]
    assert (folder / "tp0.tiny" / "seed-0" / "seed_run.json").stat().st_mtime_ns == stamp
    assert not list(folder.rglob("*.part"))


def test_a_training_that_fills_the_disk_keeps_its_last_whole_epoch(small_disk):
    path = small_disk / "checkpoint.safetensors"
    checkpoint = Checkpoint(path)
    checkpoint.save(1, [np.zeros(10)])
    with pytest.raises(NoSpace):
        checkpoint.save(2, [np.zeros(200_000)])
    assert Checkpoint(path).epoch == 1 and [each.name for each in small_disk.iterdir()] == [
        path.name
    ]


def test_a_folder_that_may_only_be_read_is_read_and_every_writer_says_so_in_one_sentence(
    tmp_path, source
):
    place = disk(tmp_path / "disk", "size=8m")
    try:
        folder = runner.run_experiments([EXPERIMENT], place / "run", source)
        subprocess.run(["mount", "-o", "remount,ro", place], check=True)
        assert run_folder.read_run(
            folder
        ).name == "run" and "A tiny experiment" in report.render_report([folder])
        for write in (
            lambda: runner.run_experiments([EXPERIMENT], folder, source),
            lambda: runner.run_experiments([EXPERIMENT], place / "other", source),
            lambda: report.write_report(folder),
            lambda: Checkpoint(folder / "memory").save(1, [np.zeros(2)]),
        ):
            with pytest.raises(
                EtabliError, match=r"cannot write .* \(Read-only file system\)"
            ) as error:
                write()
            assert "Choose a folder that you can write to" in str(error.value)
        assert report.write_report(folder, tmp_path / "elsewhere.html").exists()
    finally:
        subprocess.run(["umount", place], check=True)


@pytest.mark.parametrize("year", [1970, 2099])
def test_a_clock_that_jumps_changes_no_result_and_loses_nothing(
    tmp_path, source, monkeypatch, year
):
    folder = runner.run_experiments([EXPERIMENT], tmp_path / "runs" / "one", source)
    before = (folder / "tp0.tiny" / "seed-0" / "seed_run.json").read_bytes()
    monkeypatch.setattr(run_folder, "current_time", lambda: datetime(year, 1, 1, tzinfo=UTC))
    os.utime(folder / "run.json", (0 if year == 1970 else 4e9,) * 2)
    runner.run_experiments([EXPERIMENT], folder, source, seeds=[0, 1])
    assert (folder / "tp0.tiny" / "seed-0" / "seed_run.json").read_bytes() == before
    (_first, one), (_second, two) = run_folder.list_seed_runs(folder)
    assert two.started.year == year and two.seconds >= 0
    assert [score.value for score in two.scores] == [
        pytest.approx(score.value + 0.01) for score in one.scores
    ]
    assert (
        run_folder.find_runs(tmp_path / "runs") == [folder] and report.write_report(folder).exists()
    )


def test_of_two_runs_in_one_folder_one_says_that_the_other_is_there(tmp_path, source):
    def second(context, settings):
        with pytest.raises(FolderBusy, match="another process is writing in"):
            runner.run_experiments([EXPERIMENT], tmp_path / "run", source)
        EXPERIMENT.run(context, settings)

    first = ExperimentSpec(**{**vars(EXPERIMENT), "run": second})
    assert not run_folder.list_seed_runs(runner.run_experiments([first], tmp_path / "run", source))[
        0
    ][1].interrupted


def older(path: Path, *absent: str) -> None:
    """The record as an older version would have left it."""
    record = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(
        json.dumps({**{key: record[key] for key in record if key not in absent}, "format": 0})
    )


def test_a_run_of_an_older_version_is_read_reported_and_resumed(tmp_path, source):
    folder = runner.run_experiments([EXPERIMENT], tmp_path / "run", source)
    record = folder / "tp0.tiny" / "seed-0" / "seed_run.json"
    older(folder / "run.json", "versions", "machine", "settings")
    older(
        record,
        "cpu_seconds",
        "interrupted",
        "expects",
        "claims",
        "published",
        "report_items",
        "measures",
        "source",
    )
    kept = record.read_bytes()
    assert "A tiny experiment" in report.render_report([folder])
    runner.run_experiments([EXPERIMENT], folder, source, seeds=[0, 1])
    assert record.read_bytes() == kept and len(run_folder.list_seed_runs(folder)) == 2


def test_a_record_without_its_seed_is_refused_in_one_sentence(tmp_path, source):
    folder = runner.run_experiments([EXPERIMENT], tmp_path / "run", source)
    older(folder / "tp0.tiny" / "seed-0" / "seed_run.json", "seed")
    with pytest.raises(CorruptFile, match=r"seed_run\.json cannot be read as a record of a run"):
        run_folder.list_seed_runs(folder)


def test_a_record_that_points_out_of_its_folder_is_refused(tmp_path, source):
    folder = runner.run_experiments([EXPERIMENT], tmp_path / "run", source)
    secret = tmp_path / "secret.svg"
    secret.write_text("<svg>secret</svg>")
    path = folder / "tp0.tiny" / "seed-0" / "seed_run.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    record["report_items"][0]["file"] = "../../../secret.svg"
    path.write_text(json.dumps(record))
    with pytest.raises(CorruptFile, match=r"report_items\.0\.file"):
        run_folder.list_seed_runs(folder)
    page = report.render_report([folder])
    assert "tp0.tiny, seed 0, is not shown" in page and "secret</svg>" not in page
