import pytest
from tiny import EXPERIMENT

from etabli.data.catalog.source import Source
from etabli.experiments import runner
from etabli.report import results

MACHINE = {"processor": "a processor", "cores": 2, "memory_gb": 24.0}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    home = tmp_path_factory.mktemp("runs")
    return runner.run_experiments([EXPERIMENT], home / "one", Source.full(home), seeds=[0, 1])


def test_the_page_holds_value_spread_published_range_and_recipe(run, tmp_path):
    page = results.write(tmp_path, results.gathered(run), MACHINE, {"numpy": "2"})
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
    page = results.write(tmp_path, results.gathered(run), MACHINE, {}).read_text(encoding="utf-8")
    table = [line for line in page.splitlines() if line.startswith("|")]
    assert {line.replace("\\|", "").count("|") for line in table} == {11}
    assert "a processor |" in table[-1]


def test_a_part_that_is_reproduced_leaves_the_rest_of_the_page(run, tmp_path):
    new = results.gathered(run)
    other = {
        "tp9.other/test_loss": {
            **new["tp0.tiny/test_accuracy"],
            "experiment": "tp9.other",
            "score": "test_loss",
        }
    }
    results.write(tmp_path, other, MACHINE, {})
    page = results.write(tmp_path, new, MACHINE, {})
    assert "tp9.other" in page.read_text(encoding="utf-8")
    assert "tp0.tiny" in page.read_text(encoding="utf-8")


def test_a_score_that_moved_beyond_its_spread_is_told(run):
    now = results.gathered(run)
    key = "tp0.tiny/test_accuracy"
    assert results.changes({key: {**now[key], "value": 0.5}}, now) == [f"{key}: 50.00 % -> 90.50 %"]
    assert results.changes({key: {**now[key], "value": 0.91}}, now) == []
