"""How far a run is: written while it trains, removed at its end, left by a killed process."""

import itertools
import os
import signal
import subprocess
import sys
import time

import pytest
from tiny import EXPERIMENT

from etabli.core.atomic_files import is_locked, lock_folder
from etabli.core.i18n import use_language
from etabli.core.progress import report_within_epoch
from etabli.data.catalog.source import Source
from etabli.experiments import runner
from etabli.report import live
from etabli.report.live import LiveProgress, describe_progress, read_progress


@pytest.fixture
def clock(monkeypatch):
    """Every look at the clock is a second later."""
    seconds = itertools.count(1000.0)
    monkeypatch.setattr(live.time, "time", lambda: next(seconds))


def begin(folder) -> LiveProgress:
    progress = LiveProgress(folder)
    progress.begin(experiment="tp0.tiny", title="Tiny", seed=0, number=1, total=2, steps=4)
    return progress


def test_epochs_and_losses_are_known_before_the_first_epoch_ends(tmp_path, clock):
    progress = begin(tmp_path)
    with progress.task(lambda *_args, **_values: None, "net", 4, True) as step:
        for fraction in (0.25, 0.5):
            report_within_epoch(fraction, lambda loss: {"loss": loss}, 1 - fraction)
        seen = read_progress(tmp_path)
        assert (seen.done, seen.steps, seen.numbers) == (0.5, 4, {"loss": 0.5})
        assert seen.remaining(seen.written) > 0
        step(1, accuracy=0.75)
        assert read_progress(tmp_path).done == 1
        with use_language("fr"):
            texts = describe_progress(tmp_path)["texts"]
        assert texts["en"]["numbers"] == ["loss 0.5000", "accuracy 75.00 %"]
        assert texts["fr"]["numbers"][1] == "exactitude 75,00\u202f%"


def test_what_an_earlier_process_did_does_not_shorten_the_time_that_remains(tmp_path, clock):
    progress = begin(tmp_path)
    with progress.task(lambda *_args, **_values: None, "net", 100, True) as step:
        step(90)  # resumed
        step(1)
        seen = read_progress(tmp_path)
        rate = (seen.written - seen.measured_from) / 1
        assert seen.remaining(seen.written) == pytest.approx(9 * rate)


def test_nothing_is_reported_outside_of_a_task():
    report_within_epoch(0.5, lambda: pytest.fail("nobody follows"))


def test_a_finished_run_leaves_no_progress(tmp_path):
    folder = runner.run_experiments([EXPERIMENT], tmp_path / "run", Source.sample())
    assert describe_progress(folder) is None
    assert not list(folder.glob(".progress*"))


def test_a_folder_is_locked_while_a_process_writes_in_it_and_not_after_it_was_killed(tmp_path):
    code = (
        "import sys, time; from etabli.core.atomic_files import lock_folder\n"
        "with lock_folder(sys.argv[1]):\n    print('locked', flush=True); time.sleep(60)"
    )
    assert not is_locked(tmp_path)
    writer = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout.readline() == "locked\n"
    assert is_locked(tmp_path)
    os.kill(writer.pid, signal.SIGKILL)
    writer.wait(10)
    writer.stdout.close()
    started = time.monotonic()
    while is_locked(tmp_path) and time.monotonic() - started < 5:
        time.sleep(0.05)
    assert not is_locked(tmp_path)


def test_looking_whether_a_folder_is_locked_disturbs_no_writer(tmp_path):
    with lock_folder(tmp_path):
        pass
    for _turn in range(20):
        assert not is_locked(tmp_path)
        with lock_folder(tmp_path):
            assert is_locked(tmp_path)
