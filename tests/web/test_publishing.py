"""A published site: one for all tests, in a folder with a blank, opened from the disk."""

import json
import os
import shutil
from urllib.parse import quote

import pytest
from playwright.sync_api import expect
from web.playground import INTERACTIONS

from etabli.core.atomic_files import parse_json
from etabli.core.errors import BadSetting, CorruptFile, DataMissing, EtabliError
from etabli.report import run_folder
from etabli.web import net_files, publishing
from etabli.web.publishing.bundle import bundle
from etabli.web.publishing.check import check, find_difference
from etabli.web.publishing.contents import gather

PAGES = ("backprop", "digits", "index", "poetry", "untangling", "words")


@pytest.fixture(scope="module")
def site(small_runs, tmp_path_factory):
    """A site of one run and the shipped nets."""
    folder = tmp_path_factory.mktemp("a stick") / "my site"
    return publishing.publish(small_runs / "first", folder)


@pytest.fixture
def opened(site, watched):
    """Open a page of the site; a request to anything else fails the test."""
    root = f"file://{quote(str(site.folder))}"

    def open_page(name: str, **options):
        page = watched(root, **options)
        page.goto(f"{root}/{name}")
        return page

    return open_page


@pytest.mark.browser
def test_every_page_opens_from_the_disk_and_answers_as_python_does(site):
    pages = check(site.folder)
    assert {each.name for each in pages} >= {
        f"{language}/{name}.html" for language in ("en", "fr") for name in PAGES
    }
    assert {each.name: each.problems for each in pages if each.problems} == {}


@pytest.mark.browser
@pytest.mark.parametrize("key", ["backprop", "digits", "poetry", "untangling", "words"])
def test_a_page_works_on_a_phone_in_french_without_a_server(site, opened, key):
    page = opened(f"fr/{key}.html", viewport={"width": 390, "height": 844})
    if key == "digits":  # without MNIST there is no plane
        page.locator("#pad").press("7")
        page.wait_for_selector("body[data-answered]")
        assert page.locator(".prediction").all_inner_texts() == ["7", "7", "7"]
    else:
        INTERACTIONS[key](page)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert page.locator("#notice").is_hidden()
    assert page.locator("#train").count() == 0
    page.locator(".languages a[lang=en]").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")


@pytest.mark.browser
def test_the_run_and_its_report_are_reached_from_the_first_page(opened):
    page = opened("index.html")
    page.locator("nav a", has_text="Runs").click()
    page.get_by_role("link", name="first").click()
    page.wait_for_selector("#summary table")
    assert page.locator("#compare, input[type=checkbox]").count() == 0
    figure = page.locator("figure img").first
    figure.scroll_into_view_if_needed()
    expect(figure).to_have_js_property("complete", True)
    assert figure.evaluate("image => image.naturalWidth") > 0
    page.locator("#report").click()
    assert page.title().startswith("first")
    page.locator(".back").click()
    page.locator("p.page a").first.click()
    assert page.locator("p").inner_text() == "inside"


@pytest.mark.browser
def test_a_browser_that_cannot_read_the_scripts_shows_a_sentence(site, browser, tmp_path):
    old = tmp_path / "site"
    shutil.copytree(site.folder, old)
    (old / "scripts" / "digits.js").write_text("a script {")
    page = browser.new_page()
    page.goto((old / "en" / "digits.html").as_uri())
    expect(page.locator("#old")).to_contain_text("too old for this page")
    page.close()


def test_a_page_weighs_less_than_three_megabytes_and_asks_no_other_machine(site):
    for key in ("digits", "backprop", "poetry"):
        text = (site.folder / "en" / f"{key}.html").read_text()
        files = [f"en/{key}.html", f"en/data/{key}.js", f"data/{key}.js", f"scripts/{key}.js"]
        assert sum((site.folder / name).stat().st_size for name in files) < 3e6
        assert "http://" not in text and "https://" not in text
        assert "connect-src &#39;none&#39;" in text


def test_what_needs_a_server_says_so(site):
    for key in ("transfer", "captions"):
        text = (site.folder / "en" / f"{key}.html").read_text()
        assert "This page needs a program that runs on your machine" in text
    assert any("it needs MNIST" in note for note in site.notes) == ("ETABLI_DATA" not in os.environ)
    assert any("no net that a page can run" in note for note in site.notes)


def test_a_folder_that_exists_is_replaced_only_where_it_is_a_site(site, small_runs, tmp_path):
    with pytest.raises(BadSetting, match=r"already exists.*--overwrite"):
        publishing.publish(small_runs / "first", site.folder)
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(BadSetting, match="files that are not a site"):
        publishing.publish(small_runs / "first", tmp_path, overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_place_that_cannot_be_written_is_named(small_runs, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(EtabliError, match="cannot write"):
        publishing.publish(small_runs / "first", tmp_path / "file" / "site")


def test_a_folder_without_a_run_or_a_site_is_named(tmp_path):
    with pytest.raises(DataMissing, match=r"is not a run: it has no run\.json"):
        gather([tmp_path], photos=False)
    with pytest.raises(DataMissing, match=r"is not a site: it has no check\.json"):
        check(tmp_path)
    for content in ("[]", "{", '{"pages": ["../../secret.html"]}', '{"pages": ["no.html"]}'):
        (tmp_path / "check.json").write_text(content)
        with pytest.raises(CorruptFile, match=r"check\.json is not a file of a site"):
            check(tmp_path)


def test_a_run_that_cannot_be_read_is_left_out_with_the_reason(small_runs, tmp_path):
    shutil.copytree(small_runs, tmp_path / "runs")
    (tmp_path / "runs" / "second" / "run.json").write_text("{")
    found = gather([tmp_path / "runs", tmp_path / "runs" / "first"], photos=False)
    assert [folder.name for folder in found.state.folders] == ["first"]
    assert any("second" in note and "cannot be read" in note for note in found.notes)


def test_a_net_that_the_page_cannot_run_is_named_and_replaced(trained_runs, monkeypatch):
    from etabli.web.publishing import contents

    described = net_files.describe_net

    def refuse(key, found, loaded=None):
        if key == "digits.mlp" and found.run.parent == trained_runs:
            raise EtabliError("the layer odd (Odd) cannot run in the page")
        return described(key, found, loaded)

    monkeypatch.setattr(net_files, "describe_net", refuse)
    monkeypatch.setattr(
        contents.pages,
        "MODELS",
        [spec for spec in contents.pages.MODELS if spec.key == "digits.mlp"],
    )
    found = gather([trained_runs], photos=False)
    assert found.models["digits.mlp"]["run"] == "pretrained"
    assert any("the layer odd (Odd) cannot run" in note for note in found.notes)


def test_photographs_of_others_are_left_out_unless_they_are_asked_for(small_runs, tmp_path):
    run = tmp_path / "photos"
    shutil.copytree(small_runs / "second", run)
    record = parse_json((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**record, "experiments": ["tp3.transfer"]}))
    (run / "tp0.tiny").rename(run / "tp3.transfer")
    path = run / "tp3.transfer" / "seed-0" / run_folder.RECORD
    path.write_text(json.dumps({**parse_json(path.read_text()), "experiment": "tp3.transfer"}))
    folder, seed_run = run_folder.list_seed_runs(run)[0]
    shown = [
        [item.kind for item in seed_run.report_items if keep(folder, seed_run, item)]
        for keep in (gather([run], photos=False).keep, gather([run], photos=True).keep)
    ]
    assert "page" not in shown[0] and "page" in shown[1]
    assert "figure" in shown[0], "a drawing without a photograph"


def test_a_bundle_runs_modules_in_the_order_of_their_imports(tmp_path, browser):
    (tmp_path / "one.js").write_text("export const one = 1;\nexport function $() { return one; }\n")
    (tmp_path / "other.js").write_text("export const one = 10;\nexport const $ = () => 20;\n")
    (tmp_path / "two.js").write_text('export { one as first } from "./one.js";\n')
    (tmp_path / "three.js").write_text(
        'import { first } from "./two.js";\nimport {\n  $ as call,\n} from "./one.js";\n'
        "globalThis.sum = first + call();\n"
    )
    page = browser.new_page()
    page.evaluate(bundle([tmp_path / "three.js"]))
    assert page.evaluate("sum") == 2
    page.evaluate(bundle([tmp_path / "three.js"], {tmp_path / "one.js": tmp_path / "other.js"}))
    assert page.evaluate("sum") == 30
    page.close()
    (tmp_path / "four.js").write_text("export default 1;\n")
    with pytest.raises(ValueError, match=r"four\.js: export default"):
        bundle([tmp_path / "four.js"])


def test_an_answer_differs_where_a_number_or_a_word_does():
    assert find_difference({"a": [1.0, {"b": "x"}]}, {"a": [1.000001, {"b": "x"}], "c": 1}) is None
    assert find_difference({"a": [1.0, {"b": "x"}]}, {"a": [1.1, {"b": "x"}]}) == "/a/0"
    assert find_difference({"a": [1.0, {"b": "x"}]}, {"a": [1.0, {"b": "y"}]}) == "/a/1/b"
    assert find_difference([1, 2], [1]) == ""
    assert find_difference(None, 1.0) == ""
