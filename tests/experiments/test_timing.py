"""The time that an experiment takes here: that of a run, or scaled by the speed of the machine."""

import pytest
from tiny import EXPERIMENT

from etabli.data.catalog.source import Source
from etabli.experiments import runner, timing


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


def test_half_the_speed_takes_twice_the_time():
    slow, fast = (timing.estimate_duration(EXPERIMENT, speed).seconds for speed in (50, 100))
    assert slow == pytest.approx(2 * fast)
    at_reference = timing.estimate_duration(EXPERIMENT, timing.REFERENCE_SPEED).seconds
    assert at_reference == pytest.approx(60 * EXPERIMENT.minutes)


def test_the_speed_is_measured_within_its_time():
    assert timing.measure_speed(0.01) > 0
