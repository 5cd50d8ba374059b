"""The pages of runs in a real browser: progress, kills, sorting, renaming, deleting, figures."""

import shutil
import subprocess
import sys
import time

import pytest
from playwright.sync_api import expect
from web.playground import serving

from etabli.core.atomic_files import lock_folder
from etabli.report import run_folder
from etabli.report.live import LiveProgress

pytestmark = pytest.mark.browser
WRITER = """
import sys, time
from etabli.core.atomic_files import lock_folder
from etabli.core.progress import report_within_epoch
from etabli.report.live import LiveProgress
with lock_folder(sys.argv[1]):
    live = LiveProgress(sys.argv[1])
    live.begin(experiment="tp0.tiny", title="Tiny", seed=0, number=1, total=1, steps=20)
    with live.task(lambda *_args, **_values: None, "a small net", 20, True):
        for turn in range(600):
            report_within_epoch(turn / 1000, lambda: {"loss": 2.5, "accuracy": 0.25})
            time.sleep(0.1)
"""


@pytest.fixture
def home(small_runs, tmp_path):
    """The two runs, of which the second is not finished."""
    shutil.copytree(small_runs, tmp_path / "runs")
    (tmp_path / "runs" / "second" / "tp0.tiny" / "seed-0" / "seed_run.json").unlink()
    return tmp_path / "runs"


def test_a_training_is_shown_within_three_seconds_and_its_kill_within_five(watched, home):
    with serving(home) as served:
        page = watched(served.base)
        page.goto(f"{served.base}/runs/second")
        page.wait_for_selector("#summary table")
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(home / "second")])
        try:
            while not (home / "second" / ".progress.json").exists():
                time.sleep(0.05)
            shown = page.locator("#progress .progress-text")
            expect(shown).to_contain_text("epoch 1 of 20", timeout=3000)
            expect(shown).to_contain_text("loss 2.5000", timeout=3000)
            expect(shown).to_contain_text("accuracy 25.00 %")
            expect(shown).to_contain_text("elapsed")
            expect(shown).to_contain_text("left", timeout=3000)
        finally:
            writer.kill()
            writer.wait(10)
        stopped = page.locator("#progress.stopped")
        expect(stopped).to_contain_text("Interrupted", timeout=5000)
        expect(stopped.locator("code")).to_contain_text("etabli run tp0.tiny")
        page.goto(f"{served.base}/runs?lang=fr")
        expect(page.locator("tr[data-run=second] .badge")).to_have_text("interrompue, 0 sur 1")


def test_runs_are_sorted_found_renamed_and_deleted_in_the_list(watched, small_runs, tmp_path):
    shutil.copytree(small_runs, tmp_path / "runs")
    with serving(tmp_path / "runs") as served:
        page = watched(served.base, refused=True)
        page.goto(f"{served.base}/runs")
        names = page.locator(".run-name a")
        page.locator("[data-by=name]").click()
        assert names.all_inner_texts() == ["first", "second"]
        page.locator("[data-by=score]").click()
        assert page.locator("th[aria-sort=descending]").inner_text() == "score ▼"
        assert page.locator("td .strong").all_inner_texts() == ["90.50 ± 0.71 %", "90.00 %"]
        expect(page).to_have_url(f"{served.base}/runs#sort=score.down")
        page.locator("#filter").fill("sec")
        assert names.all_inner_texts() == ["second"]
        page.get_by_role("button", name="Rename second").click()
        page.locator("dialog input").fill("../outside")
        page.locator("dialog button.primary").click()
        expect(page.locator("#notice")).to_contain_text("not the name of a run")
        page.get_by_role("button", name="Rename second").click()
        page.locator("dialog input").fill("second try")
        page.locator("dialog button.primary").click()
        expect(names).to_have_text(["second try"])
        page.get_by_role("button", name="Delete second try").click()
        page.get_by_role("button", name="Cancel").click()
        assert (tmp_path / "runs" / "second try").exists()
        page.get_by_role("button", name="Delete second try").click()
        page.locator("dialog button.primary").click()
        expect(names).to_have_count(0)
        page.locator("#filter").fill("")
        expect(names).to_have_text(["first"])
        assert [each.name for each in run_folder.find_runs(tmp_path / "runs")] == ["first"]


def test_a_broken_run_is_listed_with_its_reason_and_a_broken_record_costs_one_chapter(
    watched, home
):
    (home / "second" / "run.json").write_text("{")
    (home / "first" / "tp0.tiny" / "seed-1" / "seed_run.json").write_text("[]")
    with serving(home) as served:
        page = watched(served.base, refused=True)
        page.goto(f"{served.base}/runs")
        line = page.locator("tr[data-run=second]")
        expect(line.locator(".badge")).to_have_text("cannot be read")
        expect(line.locator(".reason")).to_contain_text("run.json")
        assert line.locator("input").is_disabled()
        page.goto(f"{served.base}/runs/first")
        expect(page.locator("#problems")).to_contain_text("seed 1, is not shown")
        assert page.locator("#summary tbody td.strong").inner_text() == "90.00 %"
        page.goto(f"{served.base}/runs/first/report.html")
        assert "seed 1, is not shown" in page.locator("#summary").inner_text()
        page.goto(f"{served.base}/runs/second")
        expect(page.locator("#notice")).to_contain_text("run.json")
        page.goto(f"{served.base}/nothing/here")
        assert page.locator("nav .brand").inner_text() == "Établi"
        assert page.locator("h1").inner_text() == "There is nothing at this address."


def test_a_figure_has_its_size_before_it_loads_and_a_click_enlarges_it(watched, small_runs):
    with serving(small_runs) as served:
        page = watched(served.base)
        page.goto(f"{served.base}/runs/first")
        figure = page.locator(".enlarge").first
        assert int(figure.locator("img").get_attribute("width")) > 100
        figure.click()
        assert page.locator("dialog[open] img").bounding_box()["width"] > 900
        page.keyboard.press("Escape")
        expect(page.locator("dialog[open]")).to_have_count(0)
        page.locator("#report").click()
        page.locator(".back").click()
        page.wait_for_url(f"{served.base}/runs/first")


def test_a_run_that_is_being_written_is_neither_renamed_nor_deleted(watched, home):
    with serving(home) as served, lock_folder(home / "second"):
        LiveProgress(home / "second").begin(
            experiment="tp0.tiny", title="Tiny", seed=0, number=1, total=1
        )
        page = watched(served.base)
        page.goto(f"{served.base}/runs")
        expect(page.locator("tr[data-run=second] .badge")).to_have_text("running, 0 of 1")
        assert page.get_by_role("button", name="Delete second").is_disabled()
        expect(page.locator("tr[data-run=second] .progress-text")).to_contain_text("preparing")
        assert page.get_by_role("button", name="Rename second").is_disabled()
        assert page.get_by_role("button", name="Delete first").is_enabled()
