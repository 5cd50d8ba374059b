"""One's own pictures: learnt from, then described."""

import json

import numpy as np
import pytest
from PIL import Image

from etabli.core.errors import BadSetting, CorruptFile, DataMissing
from etabli.models.captioning import train
from etabli.pipelines.caption_train import Lesson, teach
from etabli.pipelines.caption_write import describe

COLOURS = {"red": (200, 30, 30), "green": (20, 160, 40), "blue": (20, 40, 200)}
CAPTIONS = {
    "red": ["Tout est rouge.", "Du rouge partout"],
    "green": ["Un pré vert"],
    "blue": ["L'été, la mer bleue"],
}


def own_folder(folder, captions=CAPTIONS):
    folder.mkdir(exist_ok=True)
    lines = []
    for number in range(4):
        for name, colour in COLOURS.items():
            pixels = np.clip(
                np.array(colour) + np.random.default_rng(number).integers(0, 30, (8, 8, 1)), 0, 255
            )
            Image.fromarray(pixels.astype(np.uint8)).resize((40, 40)).save(
                folder / f"{name}{number}.png"
            )
            lines.append(
                json.dumps({"file_name": f"{name}{number}.png", "captions": captions[name]})
            )
    (folder / "metadata.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def learnt(tmp_path_factory):
    folder = own_folder(tmp_path_factory.mktemp("own") / "colours")
    long = {**CAPTIONS, "red": [*CAPTIONS["red"], " ".join(["rouge"] * 80)]}
    own_folder(folder, long)
    losses = []
    captioner, notes = teach(
        folder, Lesson("cells", epochs=80, hidden=24, keys=8), None, losses.append
    )
    return folder, captioner, notes, losses


def test_it_learns_and_says_in_french_with_accents_what_is_in_a_picture(learnt):
    folder, captioner, _notes, losses = learnt
    assert losses[-1] < 0.7 * losses[0]
    red, blue = describe(captioner, [folder / "red0.png", folder / "blue1.png"])
    assert "rouge" in red.captions[0]
    assert blue.captions[0] == "l'été , la mer bleue"
    assert list(blue.scores) == sorted(blue.scores, reverse=True)
    assert blue.looks[0].shape == (len(blue.captions[0].split()), 49)


def test_it_may_ask_what_was_written_of_similar_pictures(learnt, tmp_path):
    lesson = Lesson("cells", epochs=1, hidden=24, keys=0, neighbours=3)
    captioner, _notes = teach(own_folder(tmp_path / "colours"), lesson)
    assert captioner.search.neighbours == 3
    assert captioner.album.captions.shape[0] == 12
    assert learnt[1].album is None
    captions = describe(captioner, [learnt[0] / "green1.png"])[0].captions
    assert len(captions) == captioner.search.beam or len(captions) == len(captioner.vocabulary) - 2


def test_a_caption_of_80_words_is_learnt_up_to_its_fortieth_and_said(learnt):
    assert any("more than 40 words" in note for note in learnt[2])


def test_the_card_says_what_it_was_trained_on(learnt):
    card = learnt[1].card
    assert card["images"] == 12
    assert card["trained_on"].endswith("colours")
    assert "their terms" in card["use"]


def test_without_pretrained_weights_it_says_that_it_sees_colours_only(tmp_path, monkeypatch):
    monkeypatch.setenv("ETABLI_DATA", str(tmp_path / "nothing"))
    monkeypatch.setattr(train, "train", lambda weights, *others: weights)
    folder = own_folder(tmp_path / "own")
    captioner, notes = teach(folder, Lesson(epochs=1, hidden=4, keys=0))
    assert captioner.features == "cells"
    assert captioner.kind == "modern"
    assert "colours and edges only" in notes[0]
    with pytest.raises(DataMissing):
        teach(folder, Lesson("mobilenet_v2", epochs=1))


def test_bad_lessons_and_bad_pictures_are_refused(tmp_path):
    with pytest.raises(BadSetting):
        Lesson("eyes")
    folder = own_folder(tmp_path / "own")
    (folder / "red0.png").write_text("no picture")
    with pytest.raises(CorruptFile, match=r"red0\.png"):
        teach(folder, Lesson("cells", epochs=1, hidden=4))


def test_no_picture_at_all_is_refused(learnt):
    with pytest.raises(DataMissing):
        describe(learnt[1], [])
