from pathlib import Path

import pytest
import results
from tiny import EXPERIMENT

from etabli import experiments as practicals
from etabli.data.catalog.source import Source
from etabli.experiments import runner
from etabli.pipelines.verify import read_claims

ROOT = Path(__file__).parent.parent.parent
CLAIMS = ROOT / "docs" / "claims.json"
MACHINE = {"processor": "a processor", "cores": 2, "memory_gb": 24.0}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    home = tmp_path_factory.mktemp("runs")
    return runner.run_experiments([EXPERIMENT], home / "one", Source.full(home), seeds=[0, 1])


def test_the_page_holds_value_spread_published_range_and_recipe(run, tmp_path):
    page = results.write_results(tmp_path, results.gather_results(run), MACHINE, {"numpy": "2"})
    row = next(line for line in page.read_text(encoding="utf-8").splitlines() if "tp0.tiny" in line)
    for text in (
        "91.59 %",
        "**90.50 ± 0.71 %**",
        "80.00 % to 100.00 %",
        "data:none; n:10",
        "| 2 |",
    ):
        assert text in row


def test_a_row_has_as_many_cells_as_the_table_has_columns(run, tmp_path):
    page = results.write_results(tmp_path, results.gather_results(run), MACHINE, {}).read_text(
        encoding="utf-8"
    )
    table = [line for line in page.splitlines() if line.startswith("|")]
    assert {line.replace("\\|", "").count("|") for line in table} == {11}
    assert "a processor |" in table[-1]


def test_a_part_that_is_reproduced_leaves_the_rest_of_the_page(run, tmp_path):
    new = results.gather_results(run)
    other = {
        "tp9.other/test_loss": {
            **new["tp0.tiny/test_accuracy"],
            "experiment": "tp9.other",
            "score": "test_loss",
        }
    }
    results.write_results(tmp_path, other, MACHINE, {})
    page = results.write_results(tmp_path, new, MACHINE, {})
    assert "tp9.other" in page.read_text(encoding="utf-8")
    assert "tp0.tiny" in page.read_text(encoding="utf-8")


def test_each_seeds_value_is_kept_and_what_the_code_no_longer_makes_is_dropped(run, tmp_path):
    new = results.gather_results(run)
    gone = {**new["tp0.tiny/test_accuracy"], "score": "gone"}
    results.write_results(tmp_path, {"tp0.tiny/gone": gone}, MACHINE, {})
    results.write_results(tmp_path, new, MACHINE, {})
    kept = results.read_results(tmp_path / "results.json")
    assert set(kept) == {"tp0.tiny/test_accuracy"}
    assert kept["tp0.tiny/test_accuracy"]["by_seed"] == {"0": 0.9, "1": 0.91}


def test_a_score_outside_of_its_range_and_one_from_few_seeds_are_marked(run, tmp_path):
    new = results.gather_results(run)["tp0.tiny/test_accuracy"]
    narrow = {"low": 0.0, "high": 0.1, "seeds": 3}
    entry = {**new, "experiment": "tp2.raw", "n": 3, "expects": narrow}
    page = results.write_results(tmp_path, {"tp2.raw/x": entry}, MACHINE, {})
    row = page.read_text(encoding="utf-8").splitlines()[-1]
    assert "0.00 % to 10.00 %†, **outside**" in row and "| 3 of 5 |" in row


def test_a_score_that_moved_beyond_its_spread_is_listed(run):
    now = results.gather_results(run)
    key = "tp0.tiny/test_accuracy"
    assert results.list_changes({key: {**now[key], "value": 0.5}}, now) == [
        f"{key}: 50.00 % -> 90.50 %"
    ]
    assert results.list_changes({key: {**now[key], "value": 0.91}}, now) == []


def test_the_table_of_readme_is_the_one_that_the_results_give():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert (
        results.replace_block(readme, results.read_results(ROOT / "docs" / "results.json"))
        == readme
    )


def test_the_claims_of_the_docs_are_the_rows_of_readme(tmp_path):
    results.write_claims(tmp_path / "c.json", results.read_results(ROOT / "docs" / "results.json"))
    stated, written = (read_claims(path) for path in (CLAIMS, tmp_path / "c.json"))
    for claim in (*stated.claims, *written.claims):
        claim.checksums = {}  # they need the data
    assert stated == written
    assert all(each.source for each in read_claims(CLAIMS.with_name("literature.json")).claims)


def test_a_result_in_the_docs_belongs_to_an_experiment_of_the_project():
    for key in results.read_results(ROOT / "docs" / "results.json"):
        assert key.split("/")[0] in practicals.EXPERIMENTS


def test_a_headline_that_was_not_measured_is_left_out():
    assert results.render_block({}).count("\n") == 3


def test_replacing_the_table_leaves_the_rest_alone():
    text = f"before\n{results.START}\nold\n{results.END}\nafter"
    replaced = results.replace_block(text, {})
    assert replaced.startswith("before\n") and replaced.endswith("\nafter")
    assert "old" not in replaced


def test_a_headline_names_its_data_set():
    measured = {
        "value": 0.5,
        "spread": None,
        "n": 1,
        "published": None,
        "signature": "data:some-set | backbone:a_net",
    }
    assert "(a_net, some-set)" in results.render_block(
        {"tp3.finetune/mean_average_precision": measured}
    )
