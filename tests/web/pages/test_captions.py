"""The captioners of ``etabli caption train`` on the page of captions."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from web.playground import TestClient

from etabli.models.captioning import attention
from etabli.models.captioning.attention import ModelConfig
from etabli.models.captioning.beam_search import SearchConfig
from etabli.models.captioning.vocabulary import END, START, Vocabulary
from etabli.saved_models.captioner import Captioner
from etabli.web.app import make_app


@pytest.fixture
def client(tmp_path):
    weights = attention.init_weights(ModelConfig(6, 41, 4, 5, 3), np.random.default_rng(0))
    vocabulary = Vocabulary((START, END, "un", "chien", "été", "."))
    card = {"images": 12, "trained_on": "holidays"}
    search = SearchConfig(2, 6, 0.7)
    captioner = Captioner("attention", vocabulary, weights, "cells", search, card)
    captioner.save(tmp_path / "captioner")
    return TestClient(make_app(tmp_path / "runs"), base_url="http://127.0.0.1")


def test_your_own_captioner_is_listed_and_captions_a_photo(client):
    assert client.get("/api/captions/own").json() == {"own:captioner": "captioner"}
    asked = {"net": "own:captioner"}
    known = client.get("/api/captions", params=asked).json()
    assert (known["words"], known["images"], known["kind"]) == (4, 12, "holidays")
    photo = BytesIO()
    Image.new("RGB", (40, 30), "red").save(photo, "PNG")
    answer = client.post("/api/captions", params=asked, content=photo.getvalue()).json()
    assert set(answer["captions"][0]["words"]) <= {"un", "chien", "été", "."}
    assert client.get("/api/captions", params={"net": "own:none"}).status_code == 404
