from pathlib import Path

from etabli import experiments
from etabli.report import results

ROOT = Path(__file__).parent.parent.parent


def test_the_table_of_readme_is_the_one_that_the_results_give():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert results.with_block(readme, results.read(ROOT / "docs" / "results.json")) == readme


def test_a_result_in_the_docs_belongs_to_an_experiment_of_the_house():
    for key in results.read(ROOT / "docs" / "results.json"):
        assert key.split("/")[0] in experiments.EXPERIMENTS


def test_a_headline_that_was_not_measured_is_left_out():
    assert results.block({}).count("\n") == 3


def test_a_table_that_is_written_anew_leaves_the_rest_alone():
    text = f"before\n{results.START}\nold\n{results.END}\nafter"
    again = results.with_block(text, {})
    assert again.startswith("before\n") and again.endswith("\nafter")
    assert "old" not in again


def test_a_headline_says_on_what_it_was_measured():
    measured = {
        "value": 0.5,
        "spread": None,
        "n": 1,
        "published": None,
        "signature": "data:some-set | backbone:a_net",
    }
    assert "(a_net, some-set)" in results.block({"tp3.finetune/mean_average_precision": measured})
