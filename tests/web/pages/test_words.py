"""The word map in a browser: zoom, labels, the legend, and the arrows of an analogy."""

import io

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.browser


def count_accent(page) -> int:
    """Count the pixels of the map in the color of the arrows."""
    accent = page.evaluate(
        "getComputedStyle(document.documentElement).getPropertyValue('--accent').trim()"
    )
    wanted = [int(accent[at : at + 2], 16) for at in (1, 3, 5)]
    shot = Image.open(io.BytesIO(page.locator("#map").screenshot())).convert("RGB")
    return int((np.abs(np.asarray(shot, int) - wanted).max(axis=-1) < 3).sum())


@pytest.fixture
def page(served, watched):
    opened = watched(served.base)
    opened.goto(f"{served.base}/words")
    opened.wait_for_selector("#content:not([hidden])")
    opened.wait_for_selector("body[data-labels]")
    return opened


def zoom(page) -> float:
    return float(page.locator("body").get_attribute("data-zoom"))


def test_the_map_is_zoomed_with_buttons_wheel_and_keys_and_reset(page):
    page.click("#zoom-in")
    assert zoom(page) == pytest.approx(1.6, abs=0.01)
    box = page.locator("#map").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.wheel(0, -300)
    page.wait_for_function("Number(document.body.dataset.zoom) > 2")
    page.locator("#map").focus()
    before = zoom(page)
    page.keyboard.press("+")
    assert zoom(page) > before
    page.click("#zoom-reset")
    assert zoom(page) == 1


def test_dragging_pans_and_does_not_search(page):
    page.click("#zoom-in")
    box = page.locator("#map").bounding_box()
    page.mouse.move(box["x"] + 200, box["y"] + 200)
    page.mouse.down()
    page.mouse.move(box["x"] + 260, box["y"] + 230, steps=5)
    page.mouse.up()
    assert page.locator("body").get_attribute("data-found") is None


def test_an_analogy_is_drawn_as_two_arrows(page):
    before = count_accent(page)
    page.locator("#analogy button[type=submit]").click()
    page.wait_for_selector("body[data-answer]")
    assert count_accent(page) > before + 60


def test_crosses_italics_and_arrows_have_a_legend(page):
    legend = page.locator(".map .legend").inner_text()
    assert "center of a cluster" in legend and "italics" in legend and "analogy" in legend
