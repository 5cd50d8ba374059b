import json

import numpy as np
import pytest

from etabli.core.errors import CorruptFile, DataMissing
from etabli.models.text import lstm, simple_rnn
from etabli.saved_models import text

CARD = text.TextCard("simple-rnn", "mine", "abc", 4, "abca", {"test_nats": 1.0})


def test_what_is_saved_is_loaded(tmp_path):
    model = simple_rnn.build(4, 3, 5)
    text.save(tmp_path / "net", model, CARD)
    reader, card = text.load(tmp_path / "net")
    assert card == CARD
    prompt = np.array([[0, 1, 2, 0]])
    np.testing.assert_allclose(
        reader.start(prompt), simple_rnn.log_probabilities(model.get_weights(), prompt), atol=1e-6
    )
    assert sorted(path.name for path in (tmp_path / "net").iterdir()) == [
        "card.json",
        "model.keras",
    ]


def test_an_lstm_carries_its_state(tmp_path):
    model = lstm.build(3, 6, 4)
    text.save(tmp_path, model, text.TextCard("lstm", "mine", "abc", 4, "abca", {}))
    reader, _card = text.load(tmp_path)
    assert reader.start(np.array([[0, 1]])).shape == (1, 3)


def test_an_empty_folder_says_how_to_train(tmp_path):
    with pytest.raises(DataMissing, match="etabli poetry train"):
        text.load(tmp_path)


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", json.dumps({**CARD.__dict__, "architecture": "other"})]
)
def test_a_broken_card_raises_an_error(tmp_path, content):
    text.save(tmp_path, simple_rnn.build(4, 3, 5), CARD)
    (tmp_path / "card.json").write_text(content)
    with pytest.raises(CorruptFile, match="card"):
        text.load(tmp_path)


def test_a_broken_model_and_a_model_of_another_text_raise_errors(tmp_path):
    text.save(tmp_path, simple_rnn.build(4, 5, 5), CARD)
    with pytest.raises(CorruptFile, match="belong together"):
        text.load(tmp_path)
    (tmp_path / "model.keras").write_bytes(b"nothing")
    with pytest.raises(CorruptFile, match="not a model that can be loaded"):
        text.load(tmp_path)
