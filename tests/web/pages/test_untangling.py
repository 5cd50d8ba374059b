"""The planes of the layers and epochs, and the explorers of the runs."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.spatial import procrustes
from web.trained_models import write_planes

from etabli import pretrained
from etabli.core.errors import CorruptFile
from etabli.core.i18n import use_language
from etabli.data.catalog.source import Source
from etabli.data.formats import mnist
from etabli.experiments.tp2 import plane_sequence
from etabli.metrics.neighborhood_hit import neighborhood_hit
from etabli.web.pages import untangling

pytestmark = pytest.mark.filterwarnings("ignore")


def found(folder, data="sample"):
    return SimpleNamespace(folder=folder, record=SimpleNamespace(data=data, dataset=""))


def test_the_page_of_the_planes_has_the_images_of_your_copy_in_the_language_of_the_request(
    tmp_path,
):
    write_planes(tmp_path)
    page = untangling._load_planes(found(tmp_path))
    np.testing.assert_array_equal(page.images, mnist.load(Source.sample()).test_images[:40])
    assert "perceptron" in page.render("en") and "Époque" in page.render("fr")
    with use_language("fr"):
        assert "sandbox" in answer(page).headers["content-security-policy"]


def answer(page):
    models = SimpleNamespace(get=lambda _key: page)
    return untangling.show_planes(SimpleNamespace(models=models), None)


def test_without_the_data_the_points_have_no_images(tmp_path, monkeypatch):
    monkeypatch.setenv("ETABLI_DATA", str(tmp_path / "nowhere"))
    write_planes(tmp_path)
    page = untangling._load_planes(found(tmp_path, "full"))
    assert page.images is None
    assert '"sheet":null' in page.render("en")


def test_planes_of_other_images_are_shown_without_images(tmp_path, monkeypatch):
    write_planes(tmp_path)
    sequence = plane_sequence.read(tmp_path)
    other = plane_sequence.PlaneSequence(
        sequence.points, sequence.labels[::-1].copy(), sequence.predicted, sequence.description
    )
    monkeypatch.setattr(plane_sequence, "read", lambda _folder: other)
    assert untangling._load_planes(found(tmp_path)).images is None


def test_planes_that_do_not_belong_to_their_description_are_refused(tmp_path):
    write_planes(tmp_path)
    path = tmp_path / "planes.json"
    path.write_text(path.read_text(encoding="utf-8").replace("0.3, ", ""), encoding="utf-8")
    with pytest.raises(CorruptFile):
        plane_sequence.read(tmp_path)


def test_the_shipped_planes_have_the_neighborhood_hits_that_they_state():
    sequence = plane_sequence.read(pretrained.FOLDER / "tp2.untangling" / "seed-0")
    points, hits = sequence.points.astype(float), sequence.description["hits"]
    assert points.shape == (56, 10_000, 2)
    for plane in (0, 7, 34, 55):  # pixels, before training, after it, the perceptron's last
        hit = neighborhood_hit(points[plane], sequence.labels, 6, resamples=1).score.value
        assert hit == pytest.approx(hits[plane], abs=1e-4)
    assert hits[7] < 0.4 < 0.94 < hits[0] < 0.96 < hits[55] < 0.985 < hits[35]


def test_the_shipped_planes_of_successive_epochs_are_arranged_alike():
    sequence = plane_sequence.read(pretrained.FOLDER / "tp2.untangling" / "seed-0")
    every = slice(None, None, 20)
    for before, after in ((0, 1), (12, 19), (26, 33)):  # layers, then epochs of sigmoid
        assert procrustes(sequence.points[before, every], sequence.points[after, every])[2] < 0.3
        centers = [
            np.stack([sequence.points[k, sequence.labels == c].mean(axis=0) for c in range(10)])
            for k in (before, after)
        ]
        first, second = (each - each.mean(axis=0) for each in centers)
        assert (first * second).sum() / np.sqrt((first**2).sum() * (second**2).sum()) > 0.85


@pytest.mark.browser
def test_in_a_browser_the_page_shows_the_planes_with_sliders_in_its_language(served, watched):
    page = watched(served.base)
    page.goto(f"{served.base}/untangling?lang=fr")
    page.wait_for_selector("body[data-shown=planes]")
    frame = page.frame_locator("#explorer")
    page.locator("#explorer").scroll_into_view_if_needed()
    frame.locator("#epoch").fill("0")
    assert "époque 0" in frame.locator("#numbers").inner_text()
    frame.locator("#hits tbody tr").nth(1).locator("button").nth(1).click()
    assert "90,0" in frame.locator("#hits .hit").inner_text()
