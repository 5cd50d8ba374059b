"""Photos on the pages, in a real browser: reduced before they are sent, refused where foreign."""

import io
import json
import shutil

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect
from sklearn.datasets import load_sample_images
from web.playground import serving

from etabli import pretrained
from etabli.report import run_folder

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """A playground whose only run has the shipped captioner."""
    home = tmp_path_factory.mktemp("drawn")
    source = run_folder.seed_run_folder(pretrained.FOLDER, "tp5.attention", 0)
    shutil.copytree(source, run_folder.seed_run_folder(home / "run", "tp5.attention", 0))
    record = run_folder.read_run(pretrained.FOLDER)
    changes = {"name": "run", "experiments": ["tp5.attention"], "data": "sample"}
    run_folder.write_record(home / "run" / "run.json", record.model_copy(update=changes))
    with serving(home) as playground:
        playground.wait_until_loaded()
        yield playground


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    """A photograph of 12 million pixels."""
    path = tmp_path_factory.mktemp("photo") / "photo.jpg"
    pixels = load_sample_images().images[0]
    Image.fromarray(pixels).resize((4000, 3000)).save(path, quality=80)
    return path


def test_a_scene_is_captioned_beside_its_content_with_a_film_of_the_attention(drawn, watched):
    page = watched(drawn.base)
    page.goto(f"{drawn.base}/captions#scene=3")
    page.wait_for_selector("body[data-answered]")
    words = page.locator("#captions li").first.locator(".caption-word").all_inner_texts()
    assert page.locator(".film li span").all_inner_texts() == words
    objects = page.locator(".truth li").all_inner_texts()
    caption = " ".join(words)
    assert objects and all((name[2:] in caption) == (name[0] == "✓") for name in objects)
    page.locator("#captions .strip").nth(1).click()
    second = page.locator("#captions li").nth(1).locator(".caption-word").all_inner_texts()
    expect(page.locator(".film li span")).to_have_text(second)


def test_a_foreign_photo_is_reduced_and_refused_and_captioned_on_demand(drawn, watched, photo):
    page, sent = watched(drawn.base), []
    page.route(
        "**/api/captions?*",
        lambda route: (sent.append(route.request.post_data_buffer), route.continue_())[1],
    )
    page.goto(f"{drawn.base}/captions?lang=en")
    page.wait_for_selector(".chip.ready")
    page.locator("#file").set_input_files(photo)
    page.wait_for_selector("body[data-answered]")
    assert "knows drawn scenes only" in page.locator("#far").inner_text()
    assert page.locator("#captions li").count() == 0
    with Image.open(io.BytesIO(next(filter(None, sent)))) as reduced:
        assert reduced.size == (1024, 768)
        mean = np.asarray(reduced.convert("RGB"), float).mean()
    with Image.open(photo) as original:
        assert abs(mean - np.asarray(original.reduce(8), float).mean()) < 3
    page.locator("#guesses summary").click()
    page.wait_for_selector("#captions li")
    assert page.locator("#captions li").count() == 4


def test_imagenet_answers_where_its_weights_are_here(watched, served):
    """The page shows the five classes and moves the map with the class that is chosen."""
    classes = [{"name": f"{name}, other name", "score": 0.2, "map": "AP8A/w=="} for name in "abcde"]
    page = watched(served.base)
    page.route("**/api/events?*", lambda route: route.fulfill(**_events()))
    answer = json.dumps({"grid": [2, 2], "classes": classes})
    page.route("**/api/transfer/imagenet", lambda route: route.fulfill(body=answer))
    page.goto(f"{served.base}/transfer#scene=3")
    page.wait_for_selector("#imagenet-classes button[aria-pressed=true]")
    assert page.locator("#imagenet-classes dt").all_inner_texts() == list("abcde")
    page.locator("#imagenet-classes button").nth(2).click()
    assert page.locator("#imagenet-classes button").nth(2).get_attribute("aria-pressed") == "true"
    assert page.locator("#photo canvas").count() == 1


def _events() -> dict[str, object]:
    """Return an answer that says that both models of the page are loaded."""
    ready = {"state": "ready", "experiment": "", "problem": {}}
    models = {"transfer": ready, "transfer.imagenet": ready | {"run": "imagenet", "data": "full"}}
    body = f"event: models\ndata: {json.dumps(models)}\n\n"
    return {"body": body, "content_type": "text/event-stream"}
