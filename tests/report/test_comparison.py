"""Runs compared: differences, paired tests against SciPy, and what is not comparable."""

import json
import shutil

import numpy as np
import pytest
from scipy import stats
from tiny import EXPERIMENT

from etabli.data.catalog.source import Source
from etabli.experiments import runner
from etabli.report import comparison, read_contents, render_report, run_folder


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return runner.run_experiments(
        [EXPERIMENT], tmp_path_factory.mktemp("runs") / "first", Source("full"), seeds=[0, 1, 2]
    )


def changed(made, folder, values, **recipe):
    """Copy a run with other scores, one for each seed, and with changes to their recipe."""
    run = shutil.copytree(made, folder)
    for seed, value in enumerate(values):
        path = run / "tp0.tiny" / f"seed-{seed}" / run_folder.RECORD
        record = json.loads(path.read_text())
        words = dict(word.split(":") for word in record["scores"][0]["signature"].split(" | "))
        signature = " | ".join(f"{key}:{each}" for key, each in (words | recipe).items())
        record["scores"][0] |= {"value": value, "signature": signature}
        path.write_text(json.dumps(record))
    return run


def compare(*runs):
    return comparison.compare_scores([read_contents(run, with_images=False) for run in runs])


def test_the_paired_test_is_that_of_scipy(made, tmp_path):
    values = [0.93, 0.935, 0.93]
    other = changed(made, tmp_path / "second", values, units="5")
    [row] = compare(made, other)
    [found] = row.differences
    before = [0.90, 0.91, 0.92]
    expected = stats.ttest_rel(values, before)
    low, high = expected.confidence_interval(0.95)
    assert found.value == pytest.approx(np.mean(values) - np.mean(before))
    assert (found.low, found.high, found.p) == pytest.approx((low, high, expected.pvalue))
    assert found.describe("test_accuracy") == (
        f"+2.17 points [{100 * low:+.2f}, {100 * high:+.2f}], p = {expected.pvalue:.3f}, 3 seeds"
    )


def test_one_seed_or_the_same_difference_with_every_seed_has_no_test(made, tmp_path):
    alike = changed(made, tmp_path / "alike", [0.90, 0.91, 0.92])
    [row] = compare(made, alike)
    assert (row.differences[0].value, row.differences[0].p) == (0.0, None)


def test_scores_of_another_ap_rule_are_not_comparable_and_the_reason_says_so(made, tmp_path):
    area = changed(made, tmp_path / "area", [0.9] * 3, ap="area")
    points = changed(made, tmp_path / "points", [0.9] * 3, ap="11pt")
    [row] = compare(area, points)
    assert row.differences[0].describe("x") == (
        "not comparable, because the AP rule differs (area, 11pt)"
    )


def test_training_settings_in_the_recipe_do_not_hinder_the_comparison(made, tmp_path):
    other = changed(made, tmp_path / "other", [0.9, 0.9, 0.95], learning_rate="0.1", net="deep")
    assert compare(made, other)[0].differences[0].value is not None


def test_other_data_are_not_comparable(made, tmp_path):
    sample = runner.run_experiments([EXPERIMENT], tmp_path / "sample", Source.sample())
    assert "the data set" in compare(made, sample)[0].differences[0].reason


def test_settings_of_experiments_that_only_one_run_has_are_left_out(made, tmp_path):
    other = changed(made, tmp_path / "other", [0.9] * 3)
    (other / "tp0.tiny").rename(other / "tp0.other")
    record = json.loads((other / "run.json").read_text()) | {"experiments": ["tp0.other"]}
    (other / "run.json").write_text(json.dumps(record))
    for path in other.glob("tp0.other/*/seed_run.json"):
        path.write_text(path.read_text().replace('"tp0.tiny"', '"tp0.other"'))
    contents = [read_contents(each, with_images=False) for each in (made, other)]
    assert comparison.compare_settings(contents) == []
    assert comparison.compare_scores(contents) == []
    assert comparison.list_unshared(contents) == [("first", ["tp0.tiny"]), ("other", ["tp0.other"])]


def test_the_report_of_several_runs_begins_with_what_differs(made, tmp_path):
    sample = runner.run_experiments([EXPERIMENT], tmp_path / "sample", Source.sample())
    html = render_report([made, sample])
    assert html.index("What differs") < html.index("90.00") < html.index("<figure")
    assert "not comparable" in html
