import dataclasses
import json

import numpy as np
import pytest

from etabli.core.errors import CorruptFile, DataMissing
from etabli.models.text import lstm, simple_rnn
from etabli.models.text.generation import NGramPredictor
from etabli.models.text.ngram import kneser_ney
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


def test_an_ngram_model_is_the_same_after_loading_and_replaces_a_net(tmp_path):
    codes = np.random.default_rng(0).integers(0, 3, 400)
    counted = kneser_ney(codes, 3, 4)
    text.save(tmp_path, simple_rnn.build(4, 3, 5), CARD)
    text.save(tmp_path, counted, dataclasses.replace(CARD, architecture="ngram"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["card.json", "ngram.safetensors"]
    reader, _card = text.load(tmp_path)
    prompts = codes[None, :50]
    np.testing.assert_array_equal(reader.start(prompts), NGramPredictor(counted).start(prompts))
    assert reader.model.name == counted.name


def test_a_broken_ngram_model_raises_an_error(tmp_path):
    counted = kneser_ney(np.arange(60) % 3, 3, 2)
    text.save(tmp_path, counted, dataclasses.replace(CARD, architecture="ngram"))
    content = (tmp_path / "ngram.safetensors").read_bytes()
    for broken in (b"", content[:-9], content.replace(b"F64", b"F32")):
        (tmp_path / "ngram.safetensors").write_bytes(broken)
        with pytest.raises(CorruptFile, match="belong together"):
            text.load(tmp_path)


def test_a_card_of_before_says_that_the_text_was_prepared_as_in_the_practical(tmp_path):
    text.save(tmp_path, simple_rnn.build(4, 3, 5), CARD)
    fields = json.loads((tmp_path / "card.json").read_text())
    for name in ("preparation", "files", "digest", "settings"):
        del fields[name]
    (tmp_path / "card.json").write_text(json.dumps(fields))
    card = text.read(tmp_path)
    assert card.preparation == {"lowercase": True, "join_lines": True}
    assert card.files == ()
