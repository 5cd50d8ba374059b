"""The explorer: its page, and in a browser from disk: hover, animate, select, no request."""

import base64
import csv
import io
import json
import re

import numpy as np
import pytest
from PIL import Image

from etabli.core import i18n
from etabli.core.errors import BadArray
from etabli.viz.explorer import (
    LayerProjection,
    TrainingSequence,
    make_sprite_sheet,
    render_explorer,
)


def make_page(n=600, **options):
    draw = np.random.default_rng(0)
    labels = np.arange(n) % 3
    first = np.stack([labels * 10.0, labels * 0.0], axis=1) + draw.normal(size=(n, 2))
    second = draw.normal(size=(n, 2)) * 5
    predicted = labels.copy()
    predicted[:30] = (labels[:30] + 1) % 3
    thumbnails = np.zeros((n, 28, 28), np.uint8)
    thumbnails[np.arange(n), :, 4 + 8 * labels] = 255
    square = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
    planes = [
        LayerProjection(
            "pixels",
            "t-SNE",
            first,
            [square + 10 * k for k in range(3)],
            [square] * 3,
            {"hit": "94.2 %"},
        ),
        LayerProjection("pixels", "PCA", second),
        LayerProjection("fc1", "t-SNE", second[::-1]),
    ]
    options = {"predicted": predicted, "thumbnails": thumbnails, "title": "A <b> test", **options}
    return render_explorer(planes, labels, ["zero", "</script>one", "two"], **options)


def embedded_data(page):
    return json.loads(re.search(r'id="data">(.*?)</script>', page, re.S).group(1))


def test_the_page_embeds_everything_and_makes_no_request():
    page = make_page()
    assert not re.search(r"(src|href)=|https?://|@import|url\(|fetch\(|XMLHttpRequest", page)
    assert "A &lt;b&gt; test" in page
    data = embedded_data(page)
    assert data["names"][1] == "</script>one"
    assert len(data["labels"]) == 600


def test_positions_are_precise_to_sixteen_bits():
    points = np.random.default_rng(1).normal(size=(50, 2)) * [3, 1]
    data = embedded_data(
        render_explorer([LayerProjection("a", "b", points)], np.zeros(50, int), ["x"])
    )
    read = (
        np.frombuffer(base64.b64decode(data["planes"][0]["points"]), "<u2").reshape(-1, 2) / 65535
    )
    span = np.ptp(points, axis=0).max()
    np.testing.assert_allclose(read * span + points.min(axis=0), points, atol=span / 65535)


def test_the_sprite_sheet_has_every_thumbnail_in_its_cell():
    images = np.random.default_rng(2).integers(0, 256, (7, 5, 5), np.uint8)
    made = make_sprite_sheet(images)
    image_ = np.asarray(Image.open(io.BytesIO(base64.b64decode(made["image"].split(",")[1]))))
    for index, image in enumerate(images):
        top, left = index // made["columns"] * 5, index % made["columns"] * 5
        np.testing.assert_array_equal(image_[top : top + 5, left : left + 5], 255 - image)
    assert make_sprite_sheet(np.zeros((3, 9, 9, 3), np.uint8))["width"] == 9


def test_a_large_sprite_sheet_is_downscaled():
    made = make_sprite_sheet(np.zeros((300, 400, 400), np.uint8))
    assert made["columns"] * made["width"] <= 4096


def test_arrays_that_differ_in_length_are_refused():
    with pytest.raises(BadArray, match="differ in length"):
        make_page(predicted=np.zeros(5, int))


def test_the_texts_follow_the_language():
    i18n.set_language("fr")
    try:
        assert 'lang="fr"' in make_page()
    finally:
        i18n.set_language("en")


@pytest.fixture
def opened(browser, tmp_path):
    """The page from disk, offline; a script error or a request fails the test."""
    path = tmp_path / "explorer.html"
    path.write_text(make_page(), encoding="utf-8")
    context = browser.new_context(viewport={"width": 1200, "height": 800}, offline=True)
    page = context.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on(
        "console", lambda message: errors.append(message.text) if message.type == "error" else None
    )
    page.on(
        "request",
        lambda request: errors.append(request.url) if request.url.startswith("http") else None,
    )
    page.goto(path.as_uri())
    yield page
    assert errors == []


def move_to(page, index):
    x, y = page.evaluate(f"explorer.positionOf({index})")
    box = page.locator("#plane").bounding_box()
    page.mouse.move(box["x"] + x, box["y"] + y)


@pytest.mark.browser
def test_in_a_browser_points_can_be_hovered_colored_and_selected(opened):
    page = opened
    move_to(page, 0)
    shown = int(page.locator("#tooltip").get_attribute("data-index"))
    assert page.locator("#tooltip").is_visible()
    assert (
        "true: " + ("zero", "</script>one", "two")[shown % 3]
        in page.locator("#tooltip").inner_text()
    )
    assert page.locator("#tooltip canvas").count() == 1

    before = page.evaluate("explorer.positionOf(5)")
    page.select_option("#projection", "PCA")
    page.wait_for_function("explorer.isIdle()")
    assert page.evaluate("explorer.positionOf(5)") != before
    page.select_option("#layer", "fc1")
    page.wait_for_function("explorer.isIdle()")
    assert page.evaluate("explorer.state.plane.layer") == "fc1"
    page.select_option("#layer", "pixels")
    page.wait_for_function("explorer.isIdle()")

    page.select_option("#color", "error")
    assert "wrong (30)" in page.locator("#legend").inner_text()
    page.select_option("#color", "predicted")
    page.click("#hulls")
    page.click("#ellipses")
    assert page.locator("#hulls").get_attribute("aria-pressed") == "true"

    box = page.locator("#plane").bounding_box()
    page.click("#box")
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 5, box["y"] + box["height"] - 5)
    page.mouse.up()
    assert "600 selected" in page.locator("#selection").inner_text()
    assert page.locator("#images figure").count() == 240
    page.keyboard.press("Escape")
    assert page.evaluate("explorer.state.selected.size") == 0

    page.click("#lasso")
    x, y = page.evaluate("explorer.positionOf(0)")
    page.mouse.move(box["x"] + x - 30, box["y"] + y - 30)
    page.mouse.down()
    for dx, dy in ((30, -30), (30, 30), (-30, 30)):
        page.mouse.move(box["x"] + x + dx, box["y"] + y + dy)
    page.mouse.up()
    chosen = page.evaluate("[...explorer.state.selected]")
    assert 0 in chosen
    assert len(chosen) < 600


@pytest.mark.browser
def test_in_a_browser_points_are_searched_and_exported(browser, tmp_path):
    path = tmp_path / "named.html"
    names = [f'file, "{i}".jpg' for i in range(600)]
    columns = {
        "width": np.arange(600) / 7,
        "kind": ["odd" if i % 2 else "even" for i in range(600)],
    }
    path.write_text(make_page(point_names=names, columns=columns), encoding="utf-8")
    page = browser.new_page(viewport={"width": 1200, "height": 800})
    page.goto(path.as_uri())
    page.fill("#search", '"59')
    rows = list(csv.reader(io.StringIO(page.evaluate("explorer.selectionTable()"))))
    assert rows[0] == ["index", "name", "class", "predicted", "width", "kind"]
    assert [row[1] for row in rows[1:]] == [name for name in names if '"59' in name]
    with page.expect_download() as download:
        page.click("#download")
    assert len(download.value.path().read_text(encoding="utf-8").splitlines()) == len(rows)
    page.select_option("#color", "column kind")
    assert "even" in page.locator("#legend").inner_text()
    page.select_option("#color", "column width")
    assert "85.57" in page.locator("#legend").inner_text()


@pytest.mark.browser
def test_in_a_browser_every_point_and_outline_is_inside_the_frame(opened):
    box = opened.locator("#plane").bounding_box()
    for index in range(0, 600, 7):
        x, y = opened.evaluate(f"explorer.positionOf({index})")
        assert 0 < x < box["width"] and 0 < y < box["height"]
    data = embedded_data(opened.content())
    low_x, low_y, high_x, high_y = opened.evaluate("explorer.state.box")
    for x, y in (corner for hull in data["planes"][0]["hulls"] for corner in hull):
        assert low_x - 1e-3 <= x <= high_x + 1e-3 and low_y - 1e-3 <= y <= high_y + 1e-3


@pytest.mark.browser
def test_in_a_browser_the_layers_play_one_after_the_other(opened):
    opened.click("#play")
    opened.wait_for_function("explorer.state.plane.layer === 'fc1'")
    opened.wait_for_function("document.querySelector('#play').ariaPressed === 'false'")


@pytest.mark.browser
def test_in_a_browser_ten_thousand_points_are_animated(browser, tmp_path):
    path = tmp_path / "large.html"
    path.write_text(make_page(10_000), encoding="utf-8")
    page = browser.new_page(viewport={"width": 1200, "height": 800})
    page.goto(path.as_uri())
    before = page.evaluate("explorer.positionOf(9999)")
    page.select_option("#projection", "PCA")
    assert not page.evaluate("explorer.isIdle()")
    page.wait_for_function("explorer.isIdle()")
    assert page.evaluate("explorer.positionOf(9999)") != before


@pytest.mark.browser
def test_in_dark_mode_the_classes_have_lighter_colors(opened):
    first = "getComputedStyle(document.querySelector('#legend i')).backgroundColor"
    assert opened.evaluate(first) == "rgb(51, 34, 136)"
    opened.emulate_media(color_scheme="dark")
    opened.wait_for_function(f"{first} === 'rgb(154, 144, 238)'")


def make_sequence_page(n=60):
    """Two nets after two epochs: pixels and two layers, or pixels and one."""
    draw = np.random.default_rng(3)
    labels = np.arange(n) % 3
    planes = [LayerProjection("", "t-SNE", draw.normal(size=(n, 2))) for _plane in range(7)]
    wrong = np.stack([np.zeros_like(labels), labels])

    def make(net, layers, rows):
        hits = np.linspace(0.5, 0.99, 2 * len(layers)).reshape(2, -1)
        return TrainingSequence(net, layers, [0, 4], rows, wrong, hits, hits / 2)

    nets = [
        make("CNN", ["pixels", "pool", "softmax"], [[0, 1, 2], [0, 3, 4]]),
        make("MLP", ["pixels", "softmax"], [[0, 5], [0, 6]]),
    ]
    return render_explorer(planes, labels, ["a", "b", "c"], sequences=nets, title="Untangling")


@pytest.fixture
def sequence_page(browser, tmp_path):
    path = tmp_path / "sequence.html"
    path.write_text(make_sequence_page(), encoding="utf-8")
    page = browser.new_page(viewport={"width": 1000, "height": 700}, reduced_motion="reduce")
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(path.as_uri())
    yield page
    page.close()
    assert errors == []


def shown(page):
    found = page.evaluate("[explorer.shown.net, explorer.shown.layer, explorer.shown.epoch]")
    return tuple(found)


@pytest.mark.browser
def test_in_a_browser_sliders_choose_layer_and_epoch_with_the_hit_next_to_them(sequence_page):
    page = sequence_page
    assert shown(page) == (0, 0, 1)
    page.locator("#layer").fill("2")
    page.locator("#epoch").fill("0")
    assert shown(page) == (0, 2, 0)
    assert "69.6%" in page.locator("#hits .hit").inner_text()
    assert "34.8%" in page.locator("#hits p").nth(1).inner_text()
    assert "33.3%" in page.locator("#hits p").nth(1).inner_text()  # accuracy: all are called 0
    page.select_option("#color", "error")
    assert "wrong (40)" in page.locator("#legend").inner_text()
    page.locator("#epoch").fill("1")
    assert "wrong (0)" in page.locator("#legend").inner_text()
    page.locator("#hits tbody tr").nth(0).locator("button").nth(1).click()
    assert shown(page) == (0, 1, 0)
    assert page.locator("#layer").input_value() == "1"
    page.select_option("#net", "1")
    assert shown(page) == (1, 1, 0)
    assert page.locator("#hits tbody button").count() == 4


@pytest.mark.browser
def test_in_a_browser_the_layers_and_the_epochs_play(sequence_page):
    page = sequence_page
    page.click("#play-layers")
    page.wait_for_function("explorer.shown.layer === 2")
    page.click("#play-epochs")
    page.wait_for_function("explorer.shown.epoch === 0")
    assert shown(page) == (0, 2, 0)
    page.click("#play-epochs")  # a second click stops
    assert page.locator("#play-epochs").get_attribute("aria-pressed") == "false"


@pytest.mark.browser
def test_in_a_browser_names_are_written_next_to_points_without_covering_one_another(
    browser, tmp_path
):
    path = tmp_path / "names.html"
    names = [f"word {i}" for i in range(600)]
    path.write_text(make_page(thumbnails=None, point_names=names), encoding="utf-8")
    page = browser.new_page(viewport={"width": 1200, "height": 800})
    page.goto(path.as_uri())
    page.wait_for_function("explorer.state.named > 20")
    few = page.evaluate("explorer.state.named")
    assert few < 400
    page.click("#names")
    assert page.locator("#names").get_attribute("aria-pressed") == "false"
    page.close()


@pytest.mark.browser
def test_in_a_browser_a_link_shows_the_same_view_of_the_points(opened):
    opened.locator("#layer").select_option(index=1)
    opened.wait_for_function("explorer.isIdle()")
    opened.locator("#color").select_option("error")
    opened.locator("#hulls").click()
    opened.locator("#plane").focus()
    for key in ("+", "+", "ArrowLeft"):
        opened.keyboard.press(key)
    opened.evaluate("explorer.state.hidden.add(2); explorer.redraw()")
    opened.wait_for_function("location.hash.includes('hidden=2')")
    expected = opened.evaluate(VIEW)
    link = opened.url
    opened.goto("about:blank")
    opened.goto(link)
    opened.wait_for_function("explorer.isIdle()")
    found = opened.evaluate(VIEW)
    assert found["settings"] == expected["settings"]
    assert found["position"] == pytest.approx(expected["position"], abs=1.5)
    opened.goto(link.partition("#")[0] + "#plane=99&at=x,y&color=none&hidden=77&selected=-1")
    opened.wait_for_function("explorer.state.color === 'class'")


VIEW = """() => ({
  settings: [explorer.state.plane.layer, explorer.state.color, explorer.state.hulls,
    [...explorer.state.hidden], explorer.state.view.scale.toFixed(2)],
  position: explorer.positionOf(7),
})"""


@pytest.mark.browser
def test_in_a_browser_new_points_are_marked_over_pale_old_ones(browser, tmp_path):
    draw = np.random.default_rng(0)
    points = np.concatenate([draw.normal(size=(200, 2)), [[0.0, 0.0], [1.5, 1.5]]])
    plane = LayerProjection("mine", "t-SNE", points)
    kinds = np.concatenate([np.zeros(200, int), [1, 2]])
    names = [""] * 200 + ["new.png", "odd.png"]
    labels = np.concatenate([np.arange(200) % 2, [2, 2]])
    page = render_explorer([plane], labels, ["a", "b", "c"], point_names=names, kinds=kinds)
    with pytest.raises(BadArray, match="differ in length"):
        render_explorer([plane], labels, ["a", "b", "c"], kinds=kinds[:-1])
    (tmp_path / "e.html").write_text(page, encoding="utf-8")
    opened = browser.new_page(viewport={"width": 390, "height": 800})
    opened.goto((tmp_path / "e.html").as_uri())
    opened.wait_for_function("window.explorer && explorer.isIdle() && explorer.state.named === 2")
    color = """(i) => {
        const [x, y] = explorer.positionOf(i), pixel = document.getElementById("plane")
            .getContext("2d").getImageData(Math.round(x), Math.round(y), 1, 1).data;
        return [...pixel].slice(0, 3);
    }"""
    assert opened.evaluate(color, 200) == [0x88, 0x22, 0x55]
    assert opened.evaluate(color, 201) == [255, 255, 255]
    assert opened.evaluate("document.documentElement.scrollWidth") <= 390
    assert "hollow" in opened.locator("#selection").text_content()
    opened.close()
