"""axe-core finds nothing on any page in use: light and dark, both languages, also on a phone."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from web.playground import INTERACTIONS, serving

from etabli.web.rendering import PAGES
from etabli.web.security import AccessPolicy

pytestmark = pytest.mark.browser
DESK, PHONE = {"width": 1366, "height": 800}, {"width": 390, "height": 844}
KEYS = [*(page.key for page in PAGES), "run", "compare", "missing"]


def violations(page) -> list[str]:
    """Return the rule and the element of every violation, light and dark."""
    found = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.wait_for_timeout(100)
        answer = Axe().run(page, options={"resultTypes": ["violations"]}).response
        found += [
            f"{scheme}, {rule['id']}: {node['html'][:200]}"
            for rule in answer["violations"]
            for node in rule["nodes"]
        ]
    return found


@pytest.mark.parametrize(("language", "viewport"), [("en", DESK), ("fr", PHONE)], ids=["en", "fr"])
@pytest.mark.parametrize("key", KEYS)
def test_axe_finds_nothing_on_a_page_in_use(served, watched, key, language, viewport):
    page = watched(served.base, refused=key == "missing", viewport=viewport)
    path = {**served.paths(), "missing": "/nothing"}[key]
    page.goto(f"{served.base}{path}{'&' if '?' in path else '?'}lang={language}")
    if key in INTERACTIONS:
        INTERACTIONS[key](page)
    else:
        page.wait_for_timeout(400)
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    assert violations(page) == []
    assert page.evaluate(OFF_SCREEN) == []


OFF_SCREEN = """() => {
  const scrolls = (each) => each && (['auto', 'scroll', 'hidden'].includes(
    getComputedStyle(each).overflowX) || scrolls(each.parentElement));
  return [...document.querySelectorAll('main *, nav *')]
    .filter((each) => each.checkVisibility() && !each.closest('.visually-hidden'))
    .filter((each) => each.getBoundingClientRect().right > innerWidth + 1)
    .filter((each) => !scrolls(each.parentElement))
    .map((each) => each.outerHTML.slice(0, 200));
}"""


def test_on_a_phone_the_guesses_are_next_to_the_pad(served, watched):
    page = watched(served.base, viewport=PHONE)
    page.goto(f"{served.base}/digits")
    page.wait_for_selector(".net-panel:not([hidden])")
    page.locator("#example").click()
    page.wait_for_selector("body[data-answered]")
    pad, guesses = page.locator("#pad").bounding_box(), page.locator("#verdict").bounding_box()
    assert page.locator(".guess").count() == 3
    assert guesses["x"] >= pad["x"] + pad["width"]
    assert guesses["x"] + guesses["width"] <= PHONE["width"]
    assert pad["y"] <= guesses["y"] + guesses["height"] / 2 <= pad["y"] + pad["height"]


@pytest.mark.slow
def test_axe_finds_nothing_where_models_are_missing_and_a_class_is_invited(watched, tmp_path):
    with serving(tmp_path, AccessPolicy("0.0.0.0", "for-the-class", "for-the-teacher")) as served:
        page = watched(served.base)
        page.goto(f"{served.base}/?token=for-the-teacher")
        page.locator(".invitation svg").wait_for()
        assert violations(page) == []
        for path in ("/digits", "/poetry", "/transfer", "/runs"):
            page.goto(f"{served.base}{path}")
            page.wait_for_timeout(300)
            assert violations(page) == []


def test_three_poems_and_a_whole_word_are_accessible(served, watched):
    page = watched(served.base)
    page.goto(f"{served.base}/poetry#seed=1&length=50&three=yes")
    page.wait_for_selector("body[data-generated]")
    page.locator(".character").first.click()
    assert violations(page) == []
