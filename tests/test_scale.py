"""docs/scale.md is written from its record; its formulas are checked on round numbers."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "tools"))
import scale

HOME = Path(__file__).parent.parent
RATES = {"decode": 100.0, "resnet50, openvino, bf16": 25.0, "mobilenet_v2, keras, f32": 100.0}
RATES |= {
    "shards written": 10.0,
    "shards read": 1000.0,
    "images listed": 1e5,
    "bytes per image": 200.0,
}
RATES |= {"training steps": 100.0, "weights": 1e6}
RATES |= {"neighbor pairs": 1e8, "numbers in a step": 1e8}
RECORD = {
    "rates": RATES,
    "date": "2026-01-01",
    "machine": {"processor": "a processor"},
    "versions": {"python": "3", "keras": "3", "jax": "0"},
}


def test_the_page_is_the_one_that_its_record_gives():
    held = json.loads((HOME / "docs" / "scale.json").read_text(encoding="utf-8"))
    page = (HOME / "docs" / "scale.md").read_text(encoding="utf-8")
    assert page == scale.render_page(held, scale.Assumed())


def test_the_rate_of_a_core_is_the_harmonic_sum():
    assert scale.one_core(RATES, "resnet50, openvino, bf16") == pytest.approx(20)
    assert scale.one_core(RATES, "mobilenet_v2, keras, f32") == pytest.approx(50)


def test_hours_and_prices_follow():
    """7.2 million images at 20 a second are 100 core hours; at 0.5 an hour, 50."""
    rows = scale._cores(RATES, scale.Assumed(images=7.2e6, core_hour=0.5))
    assert "| resnet50, openvino, bf16 | 25.0 | 20.0 | 100 | 50 | 0.0 |" in rows


def test_the_share_of_repeated_work_does_not_depend_on_the_size_of_the_collection():
    small, large = (scale._failures(RATES, scale.Assumed(images=n))["share"] for n in (1e6, 1e9))
    assert small == pytest.approx(large) == pytest.approx(0.001 * 256 / (2 * 20 * 3600))


def test_devices_are_useful_until_the_exchange_takes_as_long_as_the_work():
    """10 ms of work, 8 MB at 1 GB/s: 8 ms."""
    found = scale._training(RATES, scale.Assumed())
    assert (found["exchange_ms"], found["useful_devices"]) == pytest.approx((8.0, 1.25))


def test_pairs_and_steps_are_counted_at_their_rates():
    """A million points are 10^12 pairs, 10^4 seconds; 2 x 10^9 numbers in 18 steps are 369 s."""
    assumed = scale.Assumed(points=1e6, passes=18, disk=1)
    found = scale._neighbors(RATES, assumed) | scale._streamed(RATES, assumed)
    assert found["neighbor_hours"] == pytest.approx(1e4 / 3600)
    assert found["sample_minutes"] == pytest.approx(20_000 * 1e6 / 1e8 / 60)
    assert found["computing_hours"] == pytest.approx(2048e6 * 18 / 1e8 / 3600)
    assert found["reading_hours"] == pytest.approx(4096e6 * 18 / 1e9 / 3600)


def test_cpu_seconds_are_counted_over_whole_rounds():
    done = []
    assert scale.measure_rate(lambda: done.append(sum(range(100_000))), 10, least=0.05) > 0
    assert len(done) >= 2


def test_the_page_says_what_was_assumed_and_which_gpu_was_measured():
    page = scale.render_page(RECORD, scale.Assumed(gpu_rate=1234))
    assert "One H200 with 16 cores" in page and "1,234 images" in page and "`--gpu-rate`" in page
    assert "{" not in page
