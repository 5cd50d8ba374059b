"""How benchmarks measure: rounds, order, quotients, memory, and what they leave for the page."""

import json
import sys

import numpy as np
import pytest
from harness import PLACE, Timing, compare, conclude, ratio


def test_candidates_alternate_after_one_first_call_each():
    order = []
    compare({name: lambda name=name: order.append(name) for name in "ab"}, 2, quiet=True)
    assert "".join(order) == "ab" + "ab" + "ba"


def test_an_option_of_the_environment_bounds_the_rounds(monkeypatch):
    monkeypatch.setenv("BENCH_ROUNDS", "2")
    assert len(compare({"a": lambda: None}, 7, quiet=True)["a"].seconds) == 2
    assert len(compare({"a": lambda: None}, 1, quiet=True)["a"].seconds) == 1


def test_without_rounds_the_first_call_counts(monkeypatch):
    monkeypatch.setenv("BENCH_ROUNDS", "0")
    calls = []
    found = compare({"a": lambda: calls.append(1)}, 7, quiet=True)["a"]
    assert (len(calls), found.seconds) == (1, [found.first])


def test_the_first_call_of_long_work_is_a_round():
    calls = []
    found = compare({"a": lambda: calls.append(1)}, 3, quiet=True, first_counts=True)["a"]
    assert (len(calls), len(found.seconds)) == (3, 3)


def test_a_ratio_is_the_median_of_the_quotients_of_the_rounds():
    timings = {"slow": Timing("slow", 9, [2.0, 30.0, 8.0]), "fast": Timing("fast", 9, [1, 10, 2])}
    found = ratio(timings, "slow", "fast")
    assert found == 3.0
    assert found.spread == (2.5, 3.5)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="peaks are reset on Linux only")
def test_the_memory_of_a_candidate_is_what_its_calls_add():
    timings = compare(
        {"large": lambda: np.ones(50 * 2**17).sum(), "none": lambda: None}, 2, quiet=True
    )
    assert 45 < timings["large"].memory_mb < 80
    assert timings["none"].memory_mb < 10


def test_an_outcome_says_which_command_on_which_machine_gave_it(monkeypatch, tmp_path):
    monkeypatch.setattr("harness.PLACE", tmp_path / PLACE.name)
    monkeypatch.setattr(sys, "argv", ["benchmarks/some.py", "--images", "8"])
    monkeypatch.setenv("BENCH_RUN", "now")
    conclude("some", "Something", {"a": Timing("a", 1, [1.0])}, {"times": (2.0, ">= 1")})
    document = json.loads((tmp_path / PLACE.name / "some.json").read_text(encoding="utf-8"))
    assert (document["script"], document["options"], document["run"]) == (
        "some", "--images 8", "now",
    )  # fmt: skip
    assert document["machine"]["cores"] > 0
    assert {"python", "numpy", "openvino"} <= set(document["versions"])
