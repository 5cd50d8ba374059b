"""Experiments in several processes: the same records as one after the other, and their errors."""

import os
import time
import warnings

import numpy as np
import pytest

from etabli.core.errors import EtabliError, OutOfMemory
from etabli.data.catalog.source import Source
from etabli.experiments import parallel, runner, select_experiments
from etabli.report import run_folder

NAMES = ["tp1.logistic", "tp1.gradients"]


class Collected:
    """A reporter that keeps what is printed."""

    def __init__(self):
        self.lines = []

    def print_line(self, text):
        self.lines.append(text)


@pytest.fixture(scope="module")
def in_processes(tmp_path_factory):
    folder, shown = tmp_path_factory.mktemp("runs") / "two", Collected()
    specs = select_experiments(NAMES)
    runner.run_experiments(specs, folder, Source.sample(), reporter=shown, jobs=2)
    return folder, shown.lines


def scores(folder):
    return {
        (each.experiment, each.score): each.value for each in run_folder.summarize_scores(folder)
    }


def test_processes_reach_the_scores_of_one_after_the_other(in_processes, tmp_path):
    alone = runner.run_experiments(select_experiments(NAMES), tmp_path / "one", Source.sample())
    assert scores(in_processes[0]) == scores(alone) != {}


def test_what_an_experiment_prints_follows_its_heading(in_processes):
    lines = in_processes[1]
    heading = next(line for line in lines if "tp1.logistic: " in line)
    assert lines[lines.index(heading) + 1].startswith("  ")
    assert sum(line.startswith("[") for line in lines) == 2


def test_an_idle_process_takes_a_group_that_nobody_is_in_or_else_the_longest():
    assert parallel._choose_group([[], [1], [2, 3]], {1}) == 2
    assert parallel._choose_group([[1], [2, 3], []], {0, 1}) == 1
    assert parallel._choose_group([[1], [2, 3], [4]], set()) == 0


def fail(task, reporter):
    raise EtabliError("it is broken", expected=3, got="4", fix="Repair it.")


def test_the_error_of_a_process_is_raised_with_its_fix():
    with pytest.raises(EtabliError, match=r"it is broken: expected 3, got 4. Repair it."):
        parallel.run_groups([["a"]], 1, fail, started=print, print_line=print)


def grow(megabytes, reporter):
    """Print the number of this process, which has grown for longer than loky waits to look."""
    grow.kept = np.ones(megabytes << 20, np.uint8)
    time.sleep(1.1)
    reporter.print_line(str(os.getpid()))


def test_a_process_that_grew_is_kept_without_a_warning():
    lines = []
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        tasks = [1, 350, 1]
        parallel.run_groups(
            [tasks], 1, grow, started=lambda task: None, print_line=lambda line: lines.append(line)
        )
    assert len(lines) == 3 and len(set(lines)) == 1 and not shown


def end_process(task, reporter):
    os._exit(9)


def test_a_process_that_is_killed_ends_the_run_with_advice():
    with pytest.raises(OutOfMemory, match="Use fewer --jobs"):
        parallel.run_groups(
            [[1], [2]], 2, end_process, started=lambda _task: None, print_line=lambda _line: None
        )
