"""The models of ``etabli poetry train`` on the page of poetry."""

import pytest
from web.playground import TestClient

from etabli.data.synthetic import verse
from etabli.pipelines import poetry
from etabli.web.app import make_app


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    place = tmp_path_factory.mktemp("own")
    verse.make(place)
    (place / verse.FILE).rename(place / "Book.txt")
    text, home = place / "Book.txt", place / "runs"
    poetry.train(text, home / "poetry-book", {"model": "ngram"})
    few = {"epochs": 1, "units": 4, "sequence_length": 12}
    poetry.train(text, place / "elsewhere", few, sample_every=0)
    return TestClient(make_app(home), base_url="http://127.0.0.1")


def test_your_own_models_are_listed_with_text_prompt_and_score(client):
    found = client.get("/api/poetry/own").json()
    assert list(found) == ["own:poetry-book", "own:elsewhere"]
    assert found["own:poetry-book"]["text"] == "Book"
    assert found["own:elsewhere"]["nats"] > 0


@pytest.mark.parametrize("net", ["own:poetry-book", "own:elsewhere"])
def test_your_own_model_continues_a_prompt(client, net):
    asked = {"net": net, "prompt": "l", "length": 20}
    one, two = (client.post("/api/poetry/write", json=asked).json() for _time in range(2))
    assert one == two
    assert one["prompt"] == "l" and len(one["text"]) == 20
    with client.stream("GET", "/api/poetry/stream", params={**asked, "length": 3}) as stream:
        events = [line for line in stream.iter_lines() if line.startswith("event: character")]
    assert len(events) == 3


@pytest.mark.parametrize("net", ["own:none", "own:../runs/poetry-book", "own:", "other"])
def test_other_names_are_refused(client, net):
    answer = client.post("/api/poetry/write", json={"net": net, "prompt": "l"})
    assert answer.status_code in (404, 422)
