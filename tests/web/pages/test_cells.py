"""Practical 1 in the page: cells that run in a worker, with CPython in the place of Pyodide."""

import json
import zipfile
from io import BytesIO

import pytest
from playwright.sync_api import expect
from web.playground import TestClient, serving
from web.stand_in_pyodide import standing_in
from web.test_accessibility import OFF_SCREEN, violations

from etabli.core.errors import BadSetting, CorruptFile, DataMissing
from etabli.core.i18n import use_language
from etabli.pipelines.practical_1 import find_pyodide_files
from etabli.web.app import make_app
from etabli.web.pages.cells import Interpreter

FORWARD = """def forward(batch, W, b):
    z = batch @ W + b
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)
"""
BACKWARD = """def backward(batch, Y_hat, Y, W, b):
    delta = (Y_hat - Y) / len(batch)
    return batch.T @ delta, delta.sum(axis=0, keepdims=True)
"""
UPDATE = """def update(W, b, grad_W, grad_b, learning_rate):
    return W - learning_rate * grad_W, b - learning_rate * grad_b
"""


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    with standing_in() as address, serving(tmp_path_factory.mktemp("runs"), pyodide=address) as it:
        yield it.base


@pytest.fixture
def cells(browser, base):
    """Open the page; the test fails on errors of its scripts."""
    context, problems = browser.new_context(viewport={"width": 1366, "height": 900}), []
    page = context.new_page()
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
    page.goto(f"{base}/practical-1?lang=en")
    yield page
    context.close()
    assert problems == []


def write(page, name, code):
    page.locator(f"[data-cell={name}] textarea").fill(code)


def check(page, name):
    """Press the button of a cell and return the text of its result."""
    cell = page.locator(f"[data-cell={name}]")
    cell.locator("button.primary").click()
    expect(page.locator("body")).to_have_attribute("data-python", "ready", timeout=60_000)
    expect(cell.locator("button.primary")).to_be_enabled()
    return cell.locator(".cell-result").inner_text()


@pytest.mark.browser
def test_a_mistake_is_named_under_its_cell_until_the_digits_are_learned(cells):
    assert "not done yet" in check(cells, "forward")
    write(cells, "forward", FORWARD.replace("axis=1, k", "axis=0, k"))
    assert cells.locator("[data-cell=forward]").get_attribute("data-state") is None
    check(cells, "forward")
    expect(cells.locator("[data-cell=forward]")).to_have_attribute("data-state", "wrong")
    write(cells, "forward", FORWARD)
    assert check(cells, "forward") == "✓ forward, Y_hat right"
    write(cells, "backward", BACKWARD.replace("(Y_hat - Y)", "(Y - Y_hat)"))
    assert "has the wrong sign" in check(cells, "backward")
    write(cells, "update", UPDATE)
    assert "which is not right yet" in check(cells, "train")
    write(cells, "backward", BACKWARD)
    assert check(cells, "train") == ""
    train = cells.locator("[data-cell=train]")
    assert train.get_attribute("data-state") == "right"
    expect(train.locator("figure").first).to_contain_text("epoch 30: 0.183")
    assert train.locator("svg.chart").count() == 2


@pytest.mark.browser
def test_an_error_says_its_line_and_the_cell_that_has_it(cells):
    write(cells, "forward", "def forward(batch, W, b):\n    return batch @ W.T\n")
    assert "line 2: batch @ W.T: (7, 5) @ (4, 5); transpose W.T?" in check(cells, "forward")
    write(cells, "setup", "1 / 0")
    assert "The digits" in check(cells, "forward")
    assert "ZeroDivisionError" in cells.locator("[data-cell=setup] .cell-result").inner_text()


@pytest.mark.browser
def test_an_endless_loop_is_stopped_by_the_button_and_by_the_time_limit(cells):
    cells.clock.install()
    write(cells, "forward", "while True:\n    pass\n")
    cell = cells.locator("[data-cell=forward]")
    for end, says in (
        (lambda: cell.get_by_role("button", name="Stop").click(), "Python was stopped;"),
        (lambda: cells.clock.fast_forward("01:30"), "stopped after 60 seconds"),
    ):
        cell.locator("button.primary").click()
        expect(cells.locator("[data-cell=setup]")).to_have_attribute("data-state", "right")
        expect(cells.locator("body")).to_have_attribute("data-python", "running")
        end()
        expect(cell.locator(".cell-result")).to_contain_text(says)
    write(cells, "forward", FORWARD)
    assert "right" in check(cells, "forward")


@pytest.mark.browser
def test_a_flood_of_output_is_cut(cells):
    write(cells, "setup", "for i in range(200_000):\n    print(i)\n")
    check(cells, "setup")
    output = cells.locator("[data-cell=setup] .cell-output").inner_text()
    assert len(output) < 21_000
    assert output.strip().endswith("[the rest of the output is left out]")


@pytest.mark.browser
def test_what_you_wrote_is_kept_and_downloaded_until_you_reset_it(cells, tmp_path):
    assert not cells.locator("#own").is_visible()
    write(cells, "update", UPDATE)
    cells.reload()
    expect(cells.locator("[data-cell=update] textarea")).to_have_value(UPDATE)
    with cells.expect_download() as found:
        cells.locator("#own").click()
    found.value.save_as(tmp_path / "mine.py")
    assert UPDATE in (tmp_path / "mine.py").read_text(encoding="utf-8")
    cells.locator("[data-cell=update]").get_by_role("button", name="Original code").click()
    assert "TODO" in cells.locator("[data-cell=update] textarea").input_value()


@pytest.mark.browser
def test_the_editor_indents_and_the_keyboard_leaves_it(cells):
    editor = cells.locator("[data-cell=update] textarea")
    editor.fill("def f():")
    editor.press("Enter")
    editor.press_sequentially("return 1")
    editor.press("Tab")
    assert editor.input_value() == "def f():\n    return 1    "
    editor.press("Escape")
    editor.press("Tab")
    expect(editor).not_to_be_focused()


@pytest.mark.browser
def test_the_cells_in_french_on_a_phone_have_no_accessibility_problem(browser, base):
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(f"{base}/practical-1?lang=fr")
    write(page, "update", UPDATE.replace(" - ", " + "))
    assert "a le mauvais signe" in check(page, "update")
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    assert violations(page) == []
    assert page.evaluate(OFF_SCREEN) == []
    context.close()


@pytest.mark.browser
def test_without_pyodide_the_cells_are_plain_code_and_nothing_is_fetched(watched, served):
    page = watched(served.base)
    page.goto(f"{served.base}/practical-1")
    page.wait_for_load_state("networkidle")
    assert "plain code" in page.locator("#python-state").inner_text()
    assert page.locator("textarea, .cell button").count() == 0
    assert "def forward(batch, W, b):" in page.locator("[data-cell=forward] pre").inner_text()


def test_the_page_offers_the_notebooks_in_its_language(client):
    notebook = client.get("/practical-1/practical_1.ipynb?lang=fr")
    assert "Les chiffres" in json.dumps(notebook.json(), ensure_ascii=False)
    assert "The digits" in client.get("/practical-1/practical_1.py?lang=en").text
    archive = zipfile.ZipFile(BytesIO(client.get("/practical-1/practical_1.zip").content))
    assert {"tp1.py", "etabli/nn/cells.py"} <= set(archive.namelist())
    assert client.get("/practical-1/secret").status_code == 404


@pytest.fixture
def release(tmp_path):
    """A folder with the files of a Pyodide release, and one that the page does not need."""
    names = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip")
    for name in (*names, "numpy-2.whl", "scipy-1.whl"):
        (tmp_path / name).write_bytes(name.encode())
    lock = {"packages": {"numpy": {"file_name": "numpy-2.whl"}}}
    (tmp_path / "pyodide-lock.json").write_text(json.dumps(lock), encoding="utf-8")
    return tmp_path


def test_only_the_interpreter_and_numpy_are_served_from_a_folder(release):
    app = make_app(release, pyodide=str(release))
    with TestClient(app, base_url="http://127.0.0.1:8008") as client:
        assert client.get("/practical-1/pyodide/numpy-2.whl").content == b"numpy-2.whl"
        assert client.get("/practical-1/pyodide/scipy-1.whl").status_code == 404
        policy = client.get("/practical-1/pyodide_worker.js").headers["content-security-policy"]
        assert "script-src 'self' 'wasm-unsafe-eval';" in policy
        assert 'data-pyodide="/practical-1/pyodide/"' in client.get("/practical-1").text


def test_the_worker_may_load_from_the_given_address_alone():
    policy = Interpreter("https://example.org/pyodide/v1/full").worker_policy
    assert policy.count("https://example.org") == 2
    with pytest.raises(BadSetting, match="unencrypted"):
        Interpreter("http://example.org/pyodide")


@pytest.mark.parametrize("name", ["pyodide.mjs", "pyodide.asm.mjs", "numpy-2.whl"])
def test_an_incomplete_release_names_the_missing_file(release, name):
    (release / name).unlink()
    with pytest.raises(DataMissing, match=name):
        find_pyodide_files(release)


def test_a_list_of_packages_that_cannot_be_read_is_an_error(release):
    (release / "pyodide-lock.json").write_text("{", encoding="utf-8")
    with pytest.raises(CorruptFile, match=r"pyodide-lock\.json"):
        find_pyodide_files(release)


def test_a_site_has_the_files_in_each_language_and_pyodide_once(release, tmp_path):
    interpreter, site = Interpreter(str(release)), tmp_path / "a site"
    for language in ("en", "fr"):
        with use_language(language):
            interpreter.write_files(site / language / "practical-1")
    assert {path.name for path in (site / "pyodide").iterdir()} == {
        path.name for path in find_pyodide_files(release)
    }
    names = ("practical_1.ipynb", "practical_1.py", "practical_1.zip", "pyodide_worker.js")
    for name in names:
        assert (site / "en" / "practical-1" / name).is_file()
    french = (site / "fr" / "practical-1" / "practical_1.ipynb").read_text(encoding="utf-8")
    assert "Les chiffres" in french
