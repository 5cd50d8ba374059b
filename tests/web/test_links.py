"""A link shows another person the same: the state of a page is in its address, after the #."""

import re

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


@pytest.fixture
def shared(served, watched):
    """Open a page, use it, and open its address in another browser; return both pages."""

    def share(path, use, state):
        first = watched(served.base)
        first.goto(f"{served.base}{path}")
        use(first)
        expect(first).to_have_url(re.compile(state))
        second = watched(served.base)
        second.goto(first.url)
        return first, second

    return share


def bars(page):
    page.wait_for_selector("body[data-answered]")
    return page.locator(".net-panel:not([hidden]) .value").all_inner_texts()


def test_a_drawn_digit_is_in_the_link(shared):
    def draw(page):
        page.wait_for_selector(".net-panel:not([hidden])")
        page.locator("#pad").focus()
        page.keyboard.press("4")
        page.wait_for_selector("body[data-answered]")

    first, second = shared("/digits", draw, r"#drawn=[0-9a-z]{12,}\.[0-9a-z]{8,}$")
    assert bars(first) == bars(second)
    assert first.locator("#verdict").inner_text() == second.locator("#verdict").inner_text() != ""
    first.locator("#clear").click()
    expect(first).to_have_url(re.compile("/digits$"))


def test_a_mouse_stroke_gives_the_same_probabilities_by_its_link(shared):
    def draw(page):
        page.wait_for_selector(".net-panel:not([hidden])")
        box = page.locator("#pad").bounding_box()
        page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.2 * box["height"])
        page.mouse.down()
        page.mouse.move(box["x"] + 0.7 * box["width"], box["y"] + 0.8 * box["height"], steps=20)
        page.mouse.up()
        page.wait_for_selector("body[data-answered]")
        page.wait_for_timeout(300)

    first, second = shared("/digits", draw, "#drawn=")
    assert bars(first) == bars(second)


@pytest.mark.parametrize("drawn", ["no strokes!", "zz", "0", ".", "%00"])
def test_a_damaged_link_opens_the_empty_page(served, watched, drawn):
    page = watched(served.base)
    page.goto(f"{served.base}/digits#drawn={drawn}")
    page.wait_for_selector(".net-panel:not([hidden])")
    assert page.locator("#verdict").inner_text() == ""


def test_a_word_is_in_the_link(shared):
    def search(page):
        page.wait_for_selector("#content:not([hidden])")
        page.locator("#search button[type=submit]").click()
        page.wait_for_selector("body[data-found]")

    first, second = shared("/words", search, "#word=")
    second.wait_for_selector("body[data-found]")
    words = first.locator("#neighbors .word").all_inner_texts()
    assert second.locator("#neighbors .word").all_inner_texts() == words != []


def test_an_analogy_is_in_the_link(shared):
    def solve(page):
        page.wait_for_selector("#content:not([hidden])")
        page.locator("#analogy button[type=submit]").click()
        page.wait_for_selector("body[data-answer]")

    first, second = shared("/words", solve, "a=.+&b=.+&c=")
    second.wait_for_selector("body[data-answer]")
    assert second.locator("#b").input_value() == first.locator("#b").input_value() != ""


def test_a_synthetic_scene_is_in_the_link(shared):
    def choose(page):
        page.wait_for_selector(".chip.ready")
        page.locator("#scene").click()
        page.wait_for_selector("body[data-answered]")

    first, second = shared("/transfer", choose, r"#scene=\d+")
    second.wait_for_selector("body[data-answered]")
    values = first.locator("#classes .value").all_inner_texts()
    assert second.locator("#classes .value").all_inner_texts() == values != []


def test_the_other_language_keeps_the_state(served, watched):
    page = watched(served.base)
    page.goto(f"{served.base}/digits?lang=en#drawn=0a0a1b1b")
    page.get_by_role("link", name="Français").click()
    expect(page).to_have_url(re.compile(r"lang=fr#drawn=0a0a1b1b$"))
    page.wait_for_selector("body[data-answered]")


def poem(page):
    page.wait_for_selector("body[data-generated]")
    return page.locator(".text").all_inner_texts()


def test_a_poem_with_its_seed_is_in_the_link(shared):
    def write(page):
        page.wait_for_selector("#write:enabled")
        page.get_by_role("radio", name="LSTM").check()
        page.locator("#prompt").fill("la mer")
        page.locator("#length").fill("50")
        page.locator("#temperature").fill("0")
        page.locator("#seed").fill("77")
        page.locator("#write").click()
        page.wait_for_selector("body[data-generated]")

    first, second = shared("/poetry", write, r"net=poetry\.modern&prompt=la\+mer&.*seed=77")
    assert poem(first) == poem(second)
    assert second.locator("#seed").input_value() == "77"
    assert second.locator("input[value='poetry.modern']").is_checked()


def test_every_tab_starts_with_another_seed_and_shows_it(served, watched):
    seeds = set()
    for _tab in range(3):
        page = watched(served.base)
        page.goto(f"{served.base}/poetry")
        seeds.add(page.locator("#seed").input_value())
    assert len(seeds) == 3 and all(seed.isdigit() for seed in seeds)


def test_a_second_click_draws_another_seed_and_other_options_keep_it(served, watched):
    page = watched(served.base)
    page.goto(f"{served.base}/poetry")
    page.wait_for_selector("#write:enabled")
    page.locator("#length").fill("50")
    seeds = []
    for top_k in ("0", "0", "3"):
        page.locator("#top_k").fill(top_k)
        page.evaluate("delete document.body.dataset.generated")
        page.locator("#write").click()
        page.wait_for_selector("body[data-generated]")
        seeds.append(page.locator("#seed").input_value())
    assert seeds[0] != seeds[1] == seeds[2]


def test_three_temperatures_are_side_by_side_with_the_scores_of_the_writers(served, watched):
    page = watched(served.base)
    page.goto(f"{served.base}/poetry#seed=3&length=50&temperature=0&three=yes&net=poetry")
    texts = poem(page)
    assert len(set(texts)) == 3
    headings = page.locator("#poems h2").all_inner_texts()
    assert headings == ["Temperature 0.5", "Temperature 1", "Temperature 2"]
    assert len({each.bounding_box()["y"] for each in page.locator("#poems .text").all()}) == 1
    page.locator(".character").last.hover()
    assert "at temperature 2:" in page.locator("#alternatives").inner_text()
    expect(page.locator(".nats[data-net=poetry]")).to_have_text("2.5 nats")
    assert "nats" in page.locator("#uniform").inner_text()


def test_the_settings_of_backpropagation_are_in_the_link(shared):
    def choose(page):
        page.wait_for_selector(".stage[data-stage=a] .matrix")
        page.locator("#preset").select_option("xor")
        page.locator("#x1").fill("0.5")
        page.locator("#learning_rate").fill("0.3")
        page.locator("#step").fill("7")
        page.locator("#examples button").nth(2).click()
        page.locator("#next").click()
        page.wait_for_selector("body[data-step='7']")

    in_any_order = r"#(?=.*points=0\.5%2C)(?=.*step=7)(?=.*example=3).*stage=h"
    first, second = shared("/backprop", choose, in_any_order)
    second.wait_for_selector("body[data-step='7']")
    for name in ("a", "loss", "dw_y"):
        matrix = f".stage[data-stage={name}] .values"
        assert second.locator(matrix).inner_text() == first.locator(matrix).inner_text()
    assert second.locator(".stage.current").get_attribute("data-stage") == "h"
    first.locator("#preset").select_option("symmetry")
    expect(first).to_have_url(re.compile(r"#step=0&stage=h&preset=symmetry$|preset=symmetry"))
    assert "points" not in first.url


def test_a_damaged_link_to_backpropagation_shows_the_first_preset(served, watched):
    page = watched(served.base)
    page.goto(f"{served.base}/backprop#points=a,b;c&rate=x&step=-3&example=99&stage=none")
    page.wait_for_selector("body[data-step='0']")
    assert page.locator("#preset").input_value() == "convergence"


def explorer_of(page):
    page.wait_for_selector("body[data-shown]")
    page.frame_locator("#explorer").locator("#plane").wait_for()
    return next(each for each in page.frames if each != page.main_frame)


def test_the_view_of_an_explorer_and_the_epoch_are_in_the_link(shared):
    def look(page):
        frame = explorer_of(page)
        page.locator("#epoch").fill("1")
        frame.locator("#plane").press("+")
        frame.locator("#color").select_option("error")

    first, second = shared("/untangling", look, r"#epoch=1&explorer=planes&view=at%3D1\.25.*error")
    frame = explorer_of(second)
    frame.wait_for_function("explorer.state.color === 'error'")
    scale = "explorer.state.view.scale"
    assert frame.evaluate(scale) == pytest.approx(explorer_of(first).evaluate(scale), abs=0.001)
    expect(second.locator("#epoch")).to_have_value("1")
