"""The time that an experiment takes here: that of a run, or scaled by the speed of the machine."""

import dataclasses
import json
from pathlib import Path

import pytest
from tiny import EXPERIMENT

from etabli.data.catalog.source import Source
from etabli.experiments import load_experiment, runner, timing


def test_the_time_of_a_run_with_the_default_settings_is_found(tmp_path):
    assert timing.find_duration(EXPERIMENT, "sample", tmp_path) is None
    runner.run_experiments(
        [EXPERIMENT], tmp_path / "changed", Source.sample(), changes={"learning_rate": 0.9}
    )
    assert timing.find_duration(EXPERIMENT, "sample", tmp_path) is None
    runner.run_experiments([EXPERIMENT], tmp_path / "plain", Source.sample())
    found = timing.find_duration(EXPERIMENT, "sample", tmp_path)
    assert found.run == tmp_path / "plain" and found.seconds > 0
    assert timing.find_duration(EXPERIMENT, "full", tmp_path) is None


def test_half_the_speed_takes_twice_the_time(tmp_path, monkeypatch):
    def estimate(speed):
        monkeypatch.setattr(timing, "measure_speed", lambda: speed)
        return timing.estimate_duration(EXPERIMENT, [EXPERIMENT], tmp_path).seconds

    assert estimate(50) == pytest.approx(2 * estimate(100))
    assert estimate(timing.REFERENCE_SPEED) == pytest.approx(60 * EXPERIMENT.minutes)


def test_runs_made_here_count_more_than_a_measurement(tmp_path, monkeypatch):
    specs = [dataclasses.replace(EXPERIMENT, name=f"tp0.tiny{n}") for n in range(3)]
    runs = {spec.name: factor for spec, factor in zip(specs, (2.0, 3.0, 9.0), strict=True)}

    def find(spec, kind, home):
        return timing.Duration(60 * spec.minutes * runs[spec.name]) if spec.name in runs else None

    monkeypatch.setattr(timing, "find_duration", find)
    estimate = timing.estimate_duration(EXPERIMENT, [EXPERIMENT, *specs], tmp_path)
    assert estimate.seconds == pytest.approx(3 * 60 * EXPERIMENT.minutes)
    assert timing.compare_runs(specs[:2], tmp_path) is None


def test_the_promised_times_are_those_of_the_recorded_runs_within_a_factor_of_one_and_a_half():
    path = Path(__file__).parents[2] / "docs" / "results.json"
    recorded = json.loads(path.read_text(encoding="utf-8"))["results"].values()
    wrong = {}
    for each in recorded:
        # One seed is what is promised; others leave out figures and comparisons.
        seconds, cpu = each["seconds_first_seed"], each["cpu_seconds_first_seed"]
        # Where other work had a part of the cores, processor seconds say what two quiet ones take.
        taken = cpu if cpu and cpu < 0.8 * seconds else seconds
        promised = 60 * load_experiment(each["experiment"]).minutes
        if not 1 / 1.5 <= promised / taken <= 1.5:
            wrong[each["experiment"]] = (promised, taken)
    assert wrong == {}, "promised and recorded seconds: correct the minutes of the spec"


def test_the_speed_is_measured_within_its_time():
    assert timing.measure_speed(0.01) > 0
