import dataclasses
import re
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from PIL import Image
from tiny import EXPERIMENT

from etabli import report
from etabli.data.catalog.source import Source
from etabli.experiments import runner
from etabli.experiments.ranges import ExpectedRange
from etabli.report import numbers, run_folder
from etabli.report.run_folder import ReportItem


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    home = tmp_path_factory.mktemp("runs")
    return runner.run_experiments([EXPERIMENT], home / "one", Source.full(home), seeds=[0, 1])


def test_the_report_shows_published_measured_difference_and_recipe(run):
    page = report.write_report(run).read_text(encoding="utf-8")
    for text in (
        "91.59 %",
        "90.50 ± 0.71 %",
        "-1.09",
        "data:none | n:10",
        "Lab report, figure 5",
        "confirmed",
    ):
        assert text in page


def test_the_report_begins_with_one_row_for_each_experiment(run):
    page = report.write_report(run).read_text(encoding="utf-8")
    summary = page[page.index('id="summary"') : page.index("</section>")]
    assert summary.count("<tr>") == 2  # the heading, and the one experiment
    assert "90.50 ± 0.71 %" in summary and "confirmed" in summary


def test_a_broken_record_costs_its_own_chapter_only(tmp_path):
    folder = runner.run_experiments(
        [EXPERIMENT], tmp_path / "run", Source.full(tmp_path), seeds=[0, 1]
    )
    run_folder.record_path(run_folder.seed_run_folder(folder, EXPERIMENT.name, 1)).write_text("{")
    page = report.render_report([folder])
    assert "A tiny experiment" in page
    assert f"{EXPERIMENT.name}, seed 1, is not shown" in page


def test_a_large_image_is_embedded_smaller_and_with_its_size(tmp_path):
    path = tmp_path / "noise.png"
    pixels = np.random.default_rng(0).integers(0, 256, (300, 200, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    shown = report._embed_pixels(ReportItem(kind="figure", file="noise.png"), path)
    assert shown.size == (200, 300)
    assert shown.source.startswith("data:image/webp")
    assert len(shown.source) < path.stat().st_size


def test_a_drawing_survives_its_data_url(tmp_path):
    text = '<svg viewBox="0 0 300 150"><text>50 % of "x" &amp; #1, é</text></svg>'
    (tmp_path / "a.svg").write_text(text, encoding="utf-8")
    shown = report._embed_svg(ReportItem(kind="figure", file="a.svg"), tmp_path / "a.svg")
    assert unquote(shown.source.partition(",")[2]) == text
    assert shown.size == (400, 200) and shown.is_drawing


def test_the_report_needs_no_network(run):
    page = report.write_report(run).read_text(encoding="utf-8")
    for link in re.findall(r'(?:src|href)="([^"]*)"', page):
        assert link.startswith(("data:", "#")) or "://" not in link
    assert "<script" not in page


def test_texts_of_a_run_are_shown_and_never_become_markup(run):
    page = report.write_report(run).read_text(encoding="utf-8")
    assert "A note with &lt;script&gt;." in page
    assert "&lt;b&gt;" in page


def test_a_link_of_the_report_leads_to_its_page(run):
    page = report.write_report(run).read_text(encoding="utf-8")
    (link,) = re.findall(r'href="(tp0.tiny/[^"]+)"', page)
    assert (run / link).exists()


def test_a_comparison_shows_both_values_and_the_settings_that_differ(run, tmp_path):
    other = runner.run_experiments(
        [EXPERIMENT],
        tmp_path / "two",
        Source.full(tmp_path),
        seeds=[4],
        changes={"learning_rate": 0.25},
    )
    page = report.write_report([run, other]).read_text(encoding="utf-8")
    for text in ("90.50 ± 0.71 %", "94.00 %", "0.25", "learning_rate"):
        assert text in page


def test_shares_are_shown_in_percent_and_losses_are_not():
    assert numbers.format_score("test_accuracy", 0.9241, 0.0005) == "92.41 ± 0.05 %"
    assert numbers.format_score("test_loss", 0.27123) == "0.2712"
    assert numbers.format_score("bleu_1", 0.567) == "0.5670"
    assert numbers.format_score("test_accuracy", None) == "—"
    assert numbers.format_difference("test_accuracy", 0.9241, 0.9159) == "+0.82 points"


def test_durations_have_readable_units():
    assert [numbers.format_duration(each) for each in (0.5, 42, 200, 3900)] == [
        "0.5 s",
        "42 s",
        "3 min 20 s",
        "1 h 05 min",
    ]


def test_without_published_values_there_is_no_table_of_them(tmp_path):
    experiment = dataclasses.replace(EXPERIMENT, published=())
    folder = runner.run_experiments([experiment], tmp_path / "own", Source.full(tmp_path))
    assert "Published and measured" not in report.write_report(folder).read_text(encoding="utf-8")


def test_counts_are_integers_and_other_numbers_have_four_digits():
    assert numbers.format_score("images_train", 440.0) == "440"
    assert numbers.format_score("parameters", 23_587_712.0) == "23\u202f587\u202f712"
    assert numbers.format_score("test_loss", 1.0) == "1.0000"


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("test_accuracy", "test accuracy"),
        ("test_accuracy_best", "test accuracy, best setting"),
        ("hull_overlap_mlp_tsne", "hull overlap, MLP, t-SNE plane"),
        ("mean_average_precision_11pt_difficult_negative", "mAP, 11-point, difficult as negatives"),
        ("average_precision_cat", "average precision, cat"),
        ("unheard_of", "unheard_of"),
    ],
)
def test_a_score_has_a_plain_name(name, label):
    assert numbers.score_label(name) == label


def test_a_score_outside_of_its_expected_range_is_marked(tmp_path, capsys):
    from etabli.cli import _tables

    narrow = ExpectedRange(0.92, 0.93, seeds=3, date="2026-11-27", commit="1234567")
    spec = dataclasses.replace(EXPERIMENT, expected_ranges={"test_accuracy": narrow})
    source = Source.full(tmp_path)
    folder = runner.run_experiments([spec], tmp_path / "own", source)
    words = "outside the expected range, expected: 92.00 % to 93.00 % (set from 3 seeds"
    assert words in report.write_report(folder).read_text(encoding="utf-8")
    _tables.print_scores(folder)
    printed = " ".join(capsys.readouterr().out.split())
    assert "90.00 % *" in printed and words in printed
    other = {"epochs": 4}  # another setting: nothing is expected
    changed = runner.run_experiments([spec], tmp_path / "other", source, changes=other)
    assert "outside" not in report.write_report(changed).read_text(encoding="utf-8")


def test_on_sample_data_no_claim_is_evaluated(tmp_path):
    folder = runner.run_experiments([EXPERIMENT], tmp_path / "own", Source.sample(tmp_path))
    page = report.write_report(folder).read_text(encoding="utf-8")
    assert "not evaluated on sample data" in page and "confirmed<" not in page


@pytest.mark.parametrize(
    "curve, column, expected",
    [
        ("train", "test_accuracy", ("accuracy", "accuracy", "test", "%")),
        ("train", "loss", ("loss", "loss", "training", "nats")),
        ("train", "dev_bleu_4", ("bleu_4", "BLEU-4", "validation", "")),
        ("depth", "relu1", ("neighborhood_hit", "neighborhood hit", "relu1", "%")),
        ("finetune", "validation", ("mean_average_precision", "mAP", "validation", "%")),
    ],
)
def test_columns_of_histories_have_a_chart_a_line_and_a_unit(curve, column, expected):
    assert numbers.describe_column(curve, column) == expected


def test_histories_have_plain_names():
    curves = ("train", "best", "validation_residual", "batch_10", "finetune-2", "other")
    assert [numbers.curve_label(each) for each in curves] == [
        *("", "best setting", "training that chooses the number of epochs, with n-gram model"),
        *("batches of 10", "training 2", "other"),
    ]


def test_shares_in_tables_are_percent_and_figures_of_the_lab_report_are_listed(tmp_path):
    def run(context, _settings):
        columns = ["epochs", "test accuracy", "test loss", "F1"]
        context.table("t", title="A table", columns=columns, rows=[[1, 0.6583, 0.25, None]])
        context.table(
            "n", title="Layers", columns=["epoch 1"], rows=[[0.5]], number="4", shares=[0]
        )

    experiment = dataclasses.replace(EXPERIMENT, run=run, claims=(), published=())
    folder = runner.run_experiments([experiment], tmp_path / "run", Source.sample())
    page = report.render_report([folder])
    assert all(cell in page for cell in ("65.83 %", "0.2500", "50.00 %", "—"))
    assert "0.6583" not in page
    assert '<a href="#tp0.tiny-n">figure 4</a>' in page
    assert 'id="tp0.tiny-n"' in page


def test_every_figure_of_the_lab_report_has_a_numbered_counterpart():
    files = (Path(report.__file__).parents[1] / "experiments").glob("tp*/*.py")
    numbers_in_source = set(re.findall(r'"(\d\d?)"', "".join(path.read_text() for path in files)))
    assert {str(number) for number in range(1, 25)} <= numbers_in_source


def test_a_broken_figure_costs_that_figure_only(tmp_path):
    folder = runner.run_experiments([EXPERIMENT], tmp_path / "run", Source.sample())
    (folder / "tp0.tiny" / "seed-0" / "figures" / "loss.svg").write_bytes(b"\xff\xfe")
    page = report.render_report([folder])
    assert "The file of this figure cannot be read." in page
    assert "90.00 %" in page
