"""Any saved model: one loader by the kind in its card, and the folders of version 0.1."""

import json

import numpy as np
import pytest

from etabli.core.errors import CorruptFile, DataMissing
from etabli.models.captioning import attention
from etabli.models.captioning.vocabulary import END, START, Vocabulary
from etabli.models.text import simple_rnn
from etabli.models.vision import backbones, linear_head
from etabli.saved_models import captioner, classifier, folder, text
from etabli.saved_models.card import read_card


def save_text(path):
    card = text.TextCard("simple-rnn", "mine", "abc", 4, "abca", {})
    text.save(path, simple_rnn.build(4, 3, 5), card)


def save_captioner(path):
    config = attention.ModelConfig(3, 10, 5, 7, 0)
    weights = attention.init_weights(config, np.random.default_rng(0))
    captioner.Captioner("gru", Vocabulary((START, END, "a")), weights, "cells").save(path)


def save_classifier(path):
    net = backbones.get_backbone("small_residual")
    head = linear_head.LinearClassifier(np.ones((96, 1), np.float32), np.zeros(1, np.float32))
    card = classifier.ModelCard("t", net.name, (48, 48), "", ("cat",), (0.5,), "d", "l", "t")
    classifier.save(path, linear_head.attach_head(net.build(size=(48, 48)), head), card)


SAVED = {
    "text": (save_text, text.TextModel),
    "captioner": (save_captioner, captioner.Captioner),
    "classifier": (save_classifier, classifier.ImageClassifier),
}


@pytest.mark.parametrize("kind", SAVED)
def test_a_folder_is_loaded_by_the_kind_in_its_card(kind, tmp_path):
    save, loaded_class = SAVED[kind]
    save(tmp_path)
    assert read_card(tmp_path)["kind"] == kind
    assert isinstance(folder.load(tmp_path), loaded_class)
    other = next(each for each in SAVED if each != kind)
    with pytest.raises(CorruptFile, match=f"expected {other}, got {kind}"):
        read_card(tmp_path, other)


def test_a_folder_without_a_model_names_all_commands_that_train_one(tmp_path):
    with pytest.raises(DataMissing, match=r"etabli transfer.*poetry train.*caption train"):
        folder.load(tmp_path)


def test_a_classifier_of_0_1_is_read(tmp_path):
    save_classifier(tmp_path)
    card = json.loads((tmp_path / "card.json").read_text())
    card["licence"] = card.pop("license")
    del card["kind"]
    (tmp_path / "card.json").write_text(json.dumps(card))
    assert folder.load(tmp_path).card.license == "l"


@pytest.mark.parametrize(
    ("name", "command"), [("poetry.json", "poetry train"), ("captioner.json", "caption train")]
)
def test_other_models_of_0_1_raise_an_error_with_the_command_that_trains_them(
    tmp_path, name, command
):
    (tmp_path / name).write_text("{}")
    with pytest.raises(CorruptFile, match=rf"version 0\.1.*{command}"):
        folder.load(tmp_path)


def test_a_card_of_an_unknown_kind_raises_an_error(tmp_path):
    (tmp_path / "card.json").write_text('{"kind": "other"}')
    with pytest.raises(CorruptFile, match="another kind"):
        folder.load(tmp_path)
