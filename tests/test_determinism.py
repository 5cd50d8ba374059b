"""Two runs with one seed, in two processes, agree bit for bit in everything they write."""

import json
from functools import partial
from pathlib import Path

import pytest
from faults import outcomes
from faults.commands import RUNS, run_experiments
from faults.killing import Command, first_difference, run_undisturbed

from etabli import experiments

# The cheapest settings; the experiments of RUNS are compared there with killed runs.
QUICK = {
    "tp1.look": {},
    "tp1.gradients": {},
    "tp1.batch": {"epochs": 2, "sizes": [10, 100]},
    "tp1.convexity": {"epochs": 2, "n_eval_images": 100, "grid": 5, "lines": 2, "image_size": 4},
    "tp2.raw": {"iterations": 20},
    "tp2.cnn-modern": {"epochs": 1, "width": 4},
    "tp2.hidden": {"iterations": 20, "mlp_epochs": 2, "cnn_epochs": 1},
    "tp2.untangling": {"stops": [1], "n_images": 100, "n_projected": 60, "iterations": 20},
    "tp3.look": {"n_shown": 4},
    "tp3.residual": {},
    "tp4.poetry-best": {"units": 8, "max_epochs": 2},
    "tp4.temperature": {"units": 8, "max_epochs": 2},
    "tp4.inside": {"units": 8, "max_epochs": 2},
    "tp4.words": {},
    "tp5.vocabulary": {},
}
TIMED = {"tp1.batch": "it shows seconds in its tables and figures"}


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    return tmp_path_factory.mktemp("shared")


def read_outputs(name: str, folder: Path) -> object:
    found = outcomes.of_folder(folder / "run")
    found.pop("report.html", None)
    if name in TIMED:
        piece = json.loads(
            (folder / "run" / name / "seed-0" / "seed_run.json").read_text(encoding="utf-8")
        )
        return {key: value for key, value in found.items() if key.endswith(".jsonl")}, piece[
            "scores"
        ]
    return found


def test_every_experiment_is_compared():
    compared = {name for experiments, _settings in RUNS.values() for name in experiments} | set(
        QUICK
    )
    assert sorted(set(experiments.EXPERIMENTS) - compared) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", QUICK)
def test_two_processes_with_one_seed_agree_bit_for_bit(name, tmp_path, shared):
    run = partial(run_experiments, (name,), QUICK[name])
    command = Command(name, run, lambda folder: True, partial(read_outputs, name))
    one, two = (run_undisturbed(command, tmp_path / which, shared)[0] for which in "ab")
    assert one == two, first_difference(one, two)
    assert one
