"""Every page in a real browser, in both languages: it works, without errors or other requests."""

import importlib
import inspect
import itertools
import json
import shutil
import sys
import time
from pathlib import Path

import pytest
from playwright.sync_api import expect
from web.playground import INTERACTIONS, serving

from etabli import experiments
from etabli.core.atomic_files import lock_folder
from etabli.core.i18n import translate_message
from etabli.report import run_folder
from etabli.web import pages, trainer
from etabli.web.rendering import BY_KEY, PAGES

pytestmark = pytest.mark.browser
LANGUAGES = ("en", "fr")
KEYS = [page.key for page in PAGES]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("key", KEYS)
def test_every_page_works(served, watched, key, language):
    page = watched(served.base)
    page.goto(f"{served.base}{BY_KEY[key].path}?lang={language}")
    assert page.locator("html").get_attribute("lang") == language
    assert page.locator("h1").inner_text() == translate_message(BY_KEY[key].title, language)
    if key in INTERACTIONS:
        INTERACTIONS[key](page)
    assert not page.locator("#notice").is_visible()


def test_every_model_is_loaded(served):
    states = {key: state["state"] for key, state in served.state.snapshot()["models"].items()}
    assert states.pop("transfer.imagenet") in ("ready", "absent")
    assert set(states.values()) == {"ready"}


TRAINED = [model for model in pages.MODELS if model.experiment]


@pytest.mark.parametrize("model", TRAINED, ids=lambda model: model.key)
def test_the_experiment_of_every_model_writes_its_files(model):
    assert model.experiment in experiments.EXPERIMENTS
    module = importlib.import_module(experiments.module_name(model.experiment))
    shared = importlib.import_module(f"{module.__package__}._shared")
    parts = {module, shared, *filter(inspect.ismodule, vars(module).values())}
    source = "".join(inspect.getsource(each) for each in parts if "etabli" in each.__name__)
    for name in model.files:
        first = Path(name).parts[0]
        assert first in source or f'"{Path(first).stem}"' in source


@pytest.mark.parametrize("key", KEYS)
def test_a_page_fits_a_phone_and_every_element_has_a_name(served, watched, key):
    page = watched(served.base, viewport={"width": 360, "height": 740}, color_scheme="dark")
    page.goto(f"{served.base}{BY_KEY[key].path}?lang=fr")
    if key in INTERACTIONS:
        INTERACTIONS[key](page)
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 360
    assert page.evaluate(NAMELESS) == []


NAMELESS = """() => [...document.querySelectorAll(
    'a, button, input, select, canvas:not([aria-hidden]), img, iframe, svg[role=img], '
    + 'table[role=img]')]
  .filter((each) => !(each.getAttribute('aria-label') || each.getAttribute('alt') || each.title
    || each.labels?.length || each.textContent.trim()))
  .map((each) => each.outerHTML)"""


def test_the_language_is_kept_from_page_to_page(served, watched):
    page = watched(served.base)
    page.goto(f"{served.base}/?lang=fr")
    page.get_by_role("link", name=translate_message("Runs", "fr")).first.click()
    assert page.locator("html").get_attribute("lang") == "fr"
    page.get_by_role("link", name="English").click()
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.url.startswith(f"{served.base}/runs?")


def test_a_digit_is_drawn_with_the_keyboard_alone(served, watched):
    page = watched(served.base)
    page.goto(f"{served.base}/digits")
    page.wait_for_selector(".net-panel:not([hidden])")
    page.locator("#pad").focus()
    page.keyboard.press("3")
    page.wait_for_selector("body[data-answered]")
    page.keyboard.press("Delete")
    assert page.locator("#verdict").inner_text() == ""


def test_the_equations_are_navigated_with_the_arrow_keys(served, watched):
    page = watched(served.base)
    page.goto(f"{served.base}/backprop")
    page.wait_for_selector(".stage[data-stage=a] .matrix")
    for _key in range(3):
        page.keyboard.press("ArrowRight")
    assert page.locator(".stage[aria-current=step]").get_attribute("data-stage") == "p"
    page.keyboard.press("ArrowLeft")
    assert page.locator(".stage[aria-current=step]").get_attribute("data-stage") == "z"


def test_the_learning_rate_slider_moves_the_loss_curve(served, watched):
    page = watched(served.base)
    page.goto(f"{served.base}/backprop")
    page.wait_for_selector("#losses svg")
    before = page.locator("#losses path.line").get_attribute("d")
    page.locator("#learning_rate").fill("-1.5")
    expect(page.locator("#losses path.line")).not_to_have_attribute("d", before)


def test_user_input_is_never_parsed_as_markup(served, watched):
    page = watched(served.base, refused=True)
    page.goto(f"{served.base}/words")
    page.wait_for_selector("#content:not([hidden])")
    page.locator("#word").fill("<img src=x>")
    page.locator("#search button[type=submit]").click()
    page.wait_for_selector("#notice:not([hidden])")
    assert "<img src=x>" in page.locator("#notice").inner_text()
    assert page.locator("#notice img").count() == 0


def test_a_file_that_is_not_an_image_gets_one_sentence(served, watched, tmp_path):
    page = watched(served.base, refused=True)
    fake = tmp_path / "photo.png"
    fake.write_bytes(b"not an image")
    page.goto(f"{served.base}/captions")
    page.wait_for_selector(".chip.ready")
    page.locator("#file").set_input_files(fake)
    page.wait_for_selector("#notice:not([hidden])")
    assert "/" not in page.locator("#notice").inner_text()


def test_the_curves_of_a_run_move_while_it_is_written(watched, small_runs, tmp_path):
    shutil.copytree(small_runs, tmp_path / "runs")
    folder = tmp_path / "runs" / "second" / "tp0.tiny" / "seed-0"
    (folder / "seed_run.json").unlink()
    with serving(tmp_path / "runs") as served, lock_folder(tmp_path / "runs" / "second"):
        page = watched(served.base)
        page.goto(f"{served.base}/runs")
        page.wait_for_selector(".badge.running")
        page.goto(f"{served.base}/runs/second")
        page.wait_for_selector("#curves circle")
        assert page.locator("#curves circle").count() == 3
        with (folder / "train.jsonl").open("a") as stream:
            stream.write(json.dumps({"epoch": 4, "loss": 0.1}) + "\n")
        expect(page.locator("#curves circle")).to_have_count(4)


def test_two_runs_are_compared(watched, small_runs):
    with serving(small_runs) as served:
        page = watched(served.base)
        page.goto(f"{served.base}/runs")
        page.wait_for_selector("#list table")
        for box in page.get_by_role("checkbox").all():
            box.check()
        assert page.locator("#chosen").inner_text() == "Compare first with second"
        page.locator("#compare").click()
        page.wait_for_selector("body[data-drawn]")
        headings = page.locator("h2").all_inner_texts()
        assert headings == ["What differs", "Scores", "Curves"]
        assert "learning_rate" in page.locator("#settings").inner_text()
        scores = page.locator("#scores").inner_text()
        assert "not comparable, because the data set differs" in scores
        assert page.locator("#curves .legend li").count() == 2
        assert page.locator("#curves .band").count() == 1  # the two seeds of the first run
        page.goto(f"{served.base}/runs/second")
        page.locator("#report").click()
        page.wait_for_selector("h1")
        assert page.locator("h1").inner_text() == "second"


@pytest.mark.slow
def test_a_missing_model_can_be_trained_with_a_button(watched, trained_runs, tmp_path, monkeypatch):
    home = tmp_path / "runs"
    copying = (
        "import shutil, sys, time; print('epoch 1', file=sys.stderr, flush=True); time.sleep(1);"
        f"shutil.copytree({str(trained_runs / 'sample')!r}, {str(home / 'playground')!r})"
    )
    monkeypatch.setattr(
        trainer, "_command", lambda experiments, out, overwrite: [sys.executable, "-c", copying]
    )
    with serving(home) as served:
        page = watched(served.base)
        page.goto(f"{served.base}/poetry")
        page.wait_for_selector("#train")
        assert "etabli run tp4.poetry" in page.locator(".train-panel code").inner_text()
        assert page.locator("#write").is_disabled()
        page.locator("#train").click()
        page.wait_for_selector(".training.running")
        page.wait_for_selector("#write:enabled", timeout=60_000)
        assert page.locator("#train").count() == 0


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_without_its_models_names_the_command_and_has_the_button(
    watched, tmp_path, language
):
    (tmp_path / "runs").mkdir()  # what other tests wrote is not next to it
    with serving(tmp_path / "runs") as served:
        page = watched(served.base)
        for each in PAGES:
            if each.models:
                page.goto(f"{served.base}{each.path}?lang={language}")
                panel = page.locator(".train-panel")
                panel.wait_for()
                missing = {model.experiment for model in TRAINED if model.key in each.models}
                assert set(panel.locator("code").inner_text().split()) == {
                    "etabli",
                    "run",
                    *missing,
                }
                assert panel.locator("#train").inner_text() == translate_message(
                    "Train on the sample data", language
                )
        page.goto(f"{served.base}/runs?lang={language}")
        page.locator(".empty code").wait_for()


@pytest.mark.parametrize("key", KEYS)
def test_every_control_is_reached_with_tab_and_shows_the_focus(served, watched, key):
    page = watched(served.base)
    page.goto(f"{served.base}{BY_KEY[key].path}")
    page.wait_for_timeout(500)
    reached = []
    for _round in range(3):  # on a busy machine a control appears after the first one
        for _turn in range(150):
            page.keyboard.press("Tab")
            here = page.evaluate(FOCUSED)
            if here is None:
                break
            reached.append(here)
        if page.evaluate(UNREACHED) == []:
            break
        page.wait_for_timeout(500)
    assert reached[0]["text"] == "Skip to content"
    assert all(each["outline"] for each in reached if each["tag"] != "IFRAME"), reached
    assert page.evaluate(UNREACHED) == []


FOCUSED = """() => {
  const each = document.activeElement;
  if (!each || each === document.body) return null;
  each.dataset.reached = 'yes';
  const shown = each.matches('.visually-hidden') ? each.parentElement.querySelector('label') : each;
  const outline = getComputedStyle(shown).outlineStyle !== 'none';
  return { tag: each.tagName, text: each.textContent.trim(), outline };
}"""
UNREACHED = """() => [...document.querySelectorAll('a, button, input, select, [tabindex="0"]')]
  .filter((each) => each.checkVisibility() && !each.disabled && !each.dataset.reached)
  .filter((each) => each.type !== "radio" || each.checked)
  .map((each) => each.outerHTML)"""


def test_poetry_words_and_photos_need_no_mouse(served, watched):
    page = watched(served.base)
    page.goto(f"{served.base}/poetry")
    page.wait_for_selector("#write:enabled")
    page.locator("#length").fill("50")
    page.locator("#prompt").press("Enter")
    page.wait_for_selector("body[data-generated]")
    page.locator("#text").press("ArrowRight")
    page.wait_for_selector("#alternatives dl")
    page.goto(f"{served.base}/words")
    page.wait_for_selector("#content:not([hidden])")
    page.locator("#word").press("Enter")
    page.wait_for_selector("body[data-found]")
    page.goto(f"{served.base}/captions")
    page.wait_for_selector(".chip.ready")
    page.locator("#scene").press("Enter")
    page.wait_for_selector("body[data-answered]")
    page.locator(".caption-word").first.focus()
    assert "selected" in page.locator(".caption-word").first.get_attribute("class")


@pytest.mark.parametrize("key", KEYS)
def test_a_page_has_one_heading_one_main_part_and_named_groups(served, watched, key):
    page = watched(served.base)
    page.goto(f"{served.base}{BY_KEY[key].path}?lang=fr")
    assert page.locator("h1").count() == page.locator("main").count() == 1
    levels = page.evaluate(
        "[...document.querySelectorAll('h1, h2, h3')].map((each) => Number(each.tagName[1]))"
    )
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    assert page.evaluate("[...document.querySelectorAll('nav, form, [role=group]')]"
                         ".every((each) => "
                         "each.getAttribute('aria-label') || each.id)")  # fmt: skip


def test_digits_are_classified_while_they_are_drawn(served, watched):
    """The median of ten digits, with a margin for a busy machine; a benchmark measures it."""
    page = watched(served.base)
    page.goto(f"{served.base}/digits")
    page.wait_for_selector(".net-panel:not([hidden])")
    page.locator("#pad").focus()
    taken = []
    for digit in "0123456789":
        page.evaluate("delete document.body.dataset.milliseconds")
        page.keyboard.press(digit)
        page.wait_for_selector("body[data-milliseconds]")
        taken.append(int(page.locator("body").get_attribute("data-milliseconds")))
    assert sorted(taken)[len(taken) // 2] < 500


def test_a_deleted_run_disappears_from_the_list(watched, small_runs, tmp_path):
    shutil.copytree(small_runs, tmp_path / "runs")
    with serving(tmp_path / "runs") as served:
        page = watched(served.base)
        page.goto(f"{served.base}/runs")
        page.wait_for_selector("#list table")
        shutil.rmtree(tmp_path / "runs" / "first")
        expect(page.locator("#list tbody tr")).to_have_count(1)
        assert [each.name for each in run_folder.find_runs(tmp_path / "runs")] == ["second"]
        time.sleep(0.1)


@pytest.mark.parametrize(("key", "chosen"), [("poetry", "poetry"), ("captions", "")])
def test_the_nets_of_a_run_come_first_even_if_your_models_are_listed_sooner(
    served, watched, key, chosen
):
    name = "own:" + "a_long_name_" * 5
    model = {"name": name, "text": "a.txt", "prompt": "la mer", "nats": 1.5}
    page = watched(served.base, viewport={"width": 360, "height": 740})
    held = []
    page.route(f"**/api/{key}/own*", lambda route: route.fulfill(json={name: model}))
    page.route("**/api/events*", lambda route: held.append(route))
    with page.expect_response(f"**/api/{key}/own*"):
        page.goto(f"{served.base}{BY_KEY[key].path}")
    page.wait_for_timeout(200)
    held[0].continue_()
    page.wait_for_selector(".chip.ready")
    page.wait_for_selector("#own option", state="attached")
    if key == "poetry":
        assert page.locator("input[name=net]:checked").get_attribute("value") == chosen
    else:
        assert page.locator("#own").input_value() == chosen
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 360
