import dataclasses
import re

import pytest
from tiny import EXPERIMENT

from etabli import report
from etabli.data.catalog.source import Source
from etabli.experiments import runner
from etabli.report import numbers


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    home = tmp_path_factory.mktemp("runs")
    return runner.run_experiments([EXPERIMENT], home / "one", Source.full(home), seeds=[0, 1])


def test_the_report_shows_published_measured_difference_and_recipe(run):
    page = report.write(run).read_text(encoding="utf-8")
    for text in (
        "91.59 %",
        "90.50 ± 0.71 %",
        "-1.09",
        "data:none | n:10",
        "Report figure 5",
        "confirmed",
    ):
        assert text in page


def test_the_report_asks_nothing_of_the_network(run):
    page = report.write(run).read_text(encoding="utf-8")
    for link in re.findall(r'(?:src|href)="([^"]*)"', page):
        assert link.startswith(("data:", "#")) or "://" not in link
    assert "<script" not in page


def test_texts_of_a_run_are_shown_and_never_become_markup(run):
    page = report.write(run).read_text(encoding="utf-8")
    assert "A note with &lt;script&gt;." in page
    assert "&lt;b&gt;" in page


def test_a_page_that_the_report_links_to_stands_where_the_link_says(run):
    page = report.write(run).read_text(encoding="utf-8")
    (link,) = re.findall(r'href="(tp0.tiny/[^"]+)"', page)
    assert (run / link).exists()


def test_a_comparison_shows_both_values_and_the_settings_that_differ(run, tmp_path):
    other = runner.run_experiments(
        [EXPERIMENT], tmp_path / "two", Source.full(tmp_path), seeds=[4], changes={"rate": 0.25}
    )
    page = report.write_comparison([run, other]).read_text(encoding="utf-8")
    for text in ("90.50 ± 0.71 %", "94.00 %", "0.25", "rate"):
        assert text in page


def test_shares_are_shown_in_percent_and_losses_are_not():
    assert numbers.shown("test_accuracy", 0.9241, 0.0005) == "92.41 ± 0.05 %"
    assert numbers.shown("test_loss", 0.27123) == "0.2712"
    assert numbers.shown("bleu_1", 0.567) == "0.5670"
    assert numbers.shown("test_accuracy", None) == "—"
    assert numbers.difference("test_accuracy", 0.9241, 0.9159) == "+0.82"


def test_durations_are_told_as_people_tell_them():
    assert [numbers.duration(each) for each in (0.5, 42, 200, 3900)] == [
        "0.5 s",
        "42 s",
        "3 min 20 s",
        "1 h 05 min",
    ]


def test_where_nothing_was_published_no_empty_table_says_so(tmp_path):
    experiment = dataclasses.replace(EXPERIMENT, published=())
    folder = runner.run_experiments([experiment], tmp_path / "own", Source.full(tmp_path))
    assert "Published and measured" not in report.write(folder).read_text(encoding="utf-8")
