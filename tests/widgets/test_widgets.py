"""Widgets: pages in a frame that cannot read the notebook, and that reports what is selected."""

import sys
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
import traitlets
from playwright.sync_api import expect

from etabli import widgets
from etabli.core.errors import BadArray, MissingExtra
from etabli.core.i18n import use_language
from etabli.widgets import frame

POINTS = np.random.default_rng(0).normal(size=(60, 2))
LABELS = np.repeat(["cat", "dog", "owl"], 20)


@pytest.fixture
def notebook(monkeypatch):
    """The package anywidget, as far as the widgets use it."""
    module = ModuleType("anywidget")
    module.AnyWidget = type("AnyWidget", (traitlets.HasTraits,), {})
    monkeypatch.setitem(sys.modules, "anywidget", module)
    frame._frame_class.cache_clear()
    yield
    frame._frame_class.cache_clear()


def show(page, widget):
    """Render a widget as a notebook does; its model is ``window.model``."""
    script = frame._SCRIPT.replace("export default { render };", "return render;")
    page.set_content("<div id=cell></div>")
    page.evaluate(
        """([script, values]) => {
          window.model = { values, get: (name) => values[name], save_changes: () => {},
            set: (name, value) => { values[name] = value; } };
          const render = new Function(script)();
          window.close = render({ model: window.model, el: document.getElementById("cell") });
        }""",
        [script, {name: getattr(widget, name) for name in ("page", "height", "selected")}],
    )
    return page.frame_locator("iframe")


@pytest.fixture
def page(browser):
    context, problems = browser.new_context(viewport={"width": 1000, "height": 900}), []
    opened = context.new_page()
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
    opened.on("request", lambda request: problems.append(request.url))
    yield opened
    context.close()
    assert [each for each in problems if not each.startswith(("blob:", "data:"))] == []


@pytest.mark.browser
def test_the_explorer_shows_the_classes_and_reports_the_selection(notebook, page):
    widget = widgets.explorer(POINTS, LABELS, title="Animals")
    inside = show(page, widget)
    expect(inside.locator("h1")).to_have_text("Animals")
    expect(inside.locator("body")).to_contain_text("owl")
    canvas = inside.locator("#plane")
    canvas.wait_for()
    box = canvas.bounding_box()
    page.keyboard.down("Shift")
    page.mouse.move(box["x"] + 3, box["y"] + 3)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 3, box["y"] + box["height"] - 3, steps=3)
    page.mouse.up()
    page.keyboard.up("Shift")
    page.wait_for_function("window.model.values.selected.length > 40")
    assert set(page.evaluate("window.model.values.selected")) <= set(range(60))


@pytest.mark.browser
def test_backpropagation_is_computed_in_the_frame(notebook, page):
    with use_language("fr"):
        widget = widgets.backprop()
    inside = show(page, widget)
    inside.locator(".stage[data-stage=a] .matrix").wait_for()
    before = inside.locator("#losses path.line").get_attribute("d")
    inside.locator("#learning_rate").fill("-1.5")
    expect(inside.locator("#losses path.line")).not_to_have_attribute("d", before)
    inside.locator("#forward").click()
    expect(inside.locator("body")).to_have_attribute("data-step", "1")
    assert not inside.locator("nav").is_visible()
    assert inside.locator("html").get_attribute("lang") == "fr"


def test_points_of_more_dimensions_are_projected(notebook):
    wide = np.random.default_rng(1).normal(size=(30, 5))
    pages = [
        widgets.explorer(pd.DataFrame(wide), projection="pca").page,
        widgets.explorer(wide, projection="pca").page,
        widgets.explorer(wide, list("abc") * 10).page,
    ]
    assert pages[0] == pages[1]
    assert "t-SNE" in pages[2]


def test_labels_of_another_length_are_an_error(notebook):
    with pytest.raises(BadArray, match="differ in length"):
        widgets.explorer(POINTS, LABELS[:-1])


def test_without_anywidget_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "anywidget", None)
    frame._frame_class.cache_clear()
    with pytest.raises(MissingExtra, match=r"pip install 'etabli\[notebook\]'"):
        widgets.explorer(POINTS, LABELS)
