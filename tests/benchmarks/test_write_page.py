"""docs/benchmarks.md: bars, missed ones in plain sight, one date, what is left out."""

import json

import pytest
import write_page

SOURCE = {
    "date": "2026-01-02",
    "load": 0.1,
    "threads": {},
    "machine": {"processor": "Some processor", "cores": 2, "memory_gb": 24.0},
    "versions": {"python": "3.11.7"},
}
TIMING = {
    "name": "ours", "first": 2.0, "seconds": [1.0, 1.2, 1.1], "median": 1.1,
    "spread": [1.05, 1.15], "memory_mb": 12.3,
}  # fmt: skip


def document(key, ratios, **changes):
    return {
        "key": key, "what": f"What {key} does", "script": key, "options": "", "run": "r",
        "timings": [TIMING], "ratios": ratios, "notes": "", **changes,
    }  # fmt: skip


def ratio(sentence, value, bar, spread=None):
    return {"sentence": sentence, "value": value, "bar": bar, "spread": spread}


@pytest.fixture
def store():
    fast = document(
        "fast", [ratio("times faster", 2.5, ">= 2", [2.4, 2.6]), ratio("seconds", 3, "")]
    )
    slow = document("slow", [ratio("of its time", 1.23, "<= 1.15")])
    run = {"id": "r", "seconds": 1200, "failed": {}, "left_out": {"gpu": "needs a GPU"}, **SOURCE}
    return {"run": run, "results": {"slow": slow, "fast": fast}}


@pytest.mark.parametrize(
    ("value", "bar", "reached"),
    [
        (1.5, ">= 1.5", True), (1.49, ">= 1.5", False), (1.5, "> 1.5", False),
        (2.0, "<= 2", True), (2.0, "< 2", False), (-0.02, ">= -0.01", False),
        (1.0, "", None), (1.0, "stated", None),
    ],
)  # fmt: skip
def test_a_bar_is_read_from_its_text(value, bar, reached):
    assert write_page.is_reached(value, bar) is reached


def test_no_value_is_rounded_over_a_bar_of_one():
    shown = [write_page.show(value) for value in (0.9986, 1.0042, 0.000123, 84.18, 5048.3)]
    assert shown == ["0.9986", "1.004", "0.000123", "84.2", "5,048"]


def test_a_bar_in_words_stands_as_it_is(store):
    store["results"]["fast"]["ratios"].append(ratio("points lost", 0.1, "stated"))
    page = write_page.write_page(store)
    assert "- **0.1** points lost (bar stated)" in page
    assert "1 of 2 bars reached" in page


def test_the_table_of_bars_comes_first_and_starts_with_what_is_missed(store):
    page = write_page.write_page(store)
    assert "**1 of 2 bars reached, 1 missed.**" in page
    rows = [line for line in page.splitlines() if line.startswith("| [")]
    assert rows == [
        "| [slow](#slow) | of its time | 1.23 | <= 1.15 | **bar missed** |",
        "| [fast](#fast) | times faster | 2.5 | >= 2 | reached |",
    ]
    assert page.index("## Bars") < page.index("What fast does")


def test_every_number_has_its_outcome_next_to_it(store):
    page = write_page.write_page(store)
    assert "- **1.23** of its time (bar <= 1.15: **bar missed**)" in page
    assert "- **2.5** [2.4, 2.6] times faster (bar >= 2: reached)" in page
    assert "- **3** seconds\n" in page
    assert "| ours | 1.1 s | 1.05 to 1.15 s | 2 s | 12 MB | 3 |" in page


def test_date_machine_and_load_stand_once_for_the_outcomes_of_one_run(store):
    page = write_page.write_page(store)
    assert page.count("2026-01-02, Some processor, 2 cores, 24.0 GB, load at the start 0.1") == 1


def test_an_outcome_of_another_run_says_its_own_date(store):
    store["results"]["gpu"] = document("gpu", [], run="", **SOURCE | {"date": "2026-02-03"})
    page = write_page.write_page(store)
    assert "`python benchmarks/gpu.py`, 2026-02-03, Some processor" in page


def test_what_has_no_outcome_is_named_with_its_reason(store):
    store["run"]["failed"] = {"tsne": "failed: ImportError"}
    page = write_page.write_page(store)
    assert "## Not measured in this run\n\n- `tsne`: failed: ImportError" in page
    assert page.index("Not measured") < page.index("What fast does")
    assert "- `gpu`: needs a GPU" in page


def test_a_run_of_all_keeps_only_what_it_leaves_out(store, monkeypatch, tmp_path):
    for name in ("PAGE", "STORE", "PLACE"):
        monkeypatch.setattr(write_page, name, tmp_path / name.lower())
    (tmp_path / "place").mkdir()
    store["results"]["gpu"] = document("gpu", [], run="", **SOURCE)
    write_page.STORE.write_text(json.dumps(store))
    new = document("new", [ratio("times", 1.0, "> 0")], run="s", **SOURCE)
    (tmp_path / "place" / "new.json").write_text(json.dumps(new))
    write_page.update(store["run"] | {"id": "s"})
    assert set(write_page.read_store()["results"]) == {"gpu", "new"}
    assert write_page.PAGE.read_text(encoding="utf-8").count("2026-01-02") == 2  # of run and gpu
    (tmp_path / "place" / "try.json").write_text(json.dumps(new | {"key": "try", "script": "try"}))
    write_page.update(scripts=["new"])
    assert set(write_page.read_store()["results"]) == {"gpu", "new"}
    write_page.update()
    assert set(write_page.read_store()["results"]) == {"gpu", "new", "try"}


@pytest.mark.skipif(not write_page.STORE.exists(), reason="the benchmarks have not run yet")
def test_the_page_is_written_from_the_stored_outcomes():
    assert write_page.PAGE.read_text(encoding="utf-8") == write_page.write_page(
        write_page.read_store()
    )
