"""The planes of the layers and epochs, and the explorers of the runs."""

from types import SimpleNamespace

import numpy as np
import pytest
from web.trained_models import write_planes

from etabli.core.errors import CorruptFile
from etabli.core.i18n import use_language
from etabli.data.catalog.source import Source
from etabli.data.formats import mnist
from etabli.experiments.tp2 import plane_sequence
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
