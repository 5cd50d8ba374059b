"""A captioner trained on a folder of images, and captions of images."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from etabli.core.errors import BadSetting, CorruptFile, DataMissing, UnknownName
from etabli.pipelines._output import STATE
from etabli.pipelines.caption_train import CaptionerConfig, train_captioner
from etabli.pipelines.caption_write import caption_images
from etabli.saved_models import captioner as saved_captioner
from etabli.training.checkpoint import Checkpoint

COLORS = {"red": (200, 30, 30), "green": (20, 160, 40), "blue": (20, 40, 200)}
CAPTIONS = {
    "red": ["Tout est rouge.", "Du rouge partout"],
    "green": ["Un pré vert"],
    "blue": ["L'été, la mer bleue"],
}


def own_folder(folder, captions=CAPTIONS):
    folder.mkdir(exist_ok=True)
    lines = []
    for number in range(4):
        for name, color in COLORS.items():
            pixels = np.clip(
                np.array(color) + np.random.default_rng(number).integers(0, 30, (8, 8, 1)), 0, 255
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
def trained(tmp_path_factory):
    folder = own_folder(tmp_path_factory.mktemp("own") / "colors")
    long = {**CAPTIONS, "red": [*CAPTIONS["red"], " ".join(["rouge"] * 80)]}
    own_folder(folder, long)
    config = CaptionerConfig("cells", epochs=80, units=24, attention_dim=8)
    captioner, notes = train_captioner(folder, folder.parent / "model", config)
    return folder, captioner, notes


def test_it_captions_images_in_french_with_accents(trained):
    folder, captioner, _notes = trained
    losses = captioner.card["training_loss"]
    assert losses[-1] < 0.7 * losses[0]
    red, blue = caption_images(captioner, [folder / "red0.png", folder / "blue1.png"])
    assert "rouge" in red.captions[0]
    assert blue.captions[0] == "l'été , la mer bleue"
    assert list(blue.scores) == sorted(blue.scores, reverse=True)
    assert blue.attention[0].shape == (len(blue.captions[0].split()), 49)


@pytest.mark.slow
def test_captions_of_similar_images_may_rerank(trained, tmp_path):
    config = CaptionerConfig("cells", epochs=1, units=24, attention_dim=0, neighbors=3)
    captioner, _notes = train_captioner(own_folder(tmp_path / "colors"), tmp_path / "model", config)
    assert captioner.search.neighbors == 3
    assert captioner.retrieval.captions.shape[0] == 12
    assert trained[1].retrieval is None
    captions = caption_images(captioner, [trained[0] / "green1.png"])[0].captions
    assert len(captions) == captioner.search.beam or len(captions) == len(captioner.vocabulary) - 2


def test_words_after_the_fortieth_are_ignored_and_reported(trained):
    assert any("more than 40 words" in note for note in trained[2])


def test_the_card_states_the_training_data(trained):
    card = trained[1].card
    assert card["images"] == 12
    assert card["trained_on"].endswith("colors")
    assert "terms of use" in card["use"]


def test_without_pretrained_weights_the_features_are_colors_and_edges(tmp_path, monkeypatch):
    monkeypatch.setenv("ETABLI_DATA", str(tmp_path / "nothing"))
    folder = own_folder(tmp_path / "own")
    config = CaptionerConfig(epochs=1, units=4, attention_dim=0)
    captioner, notes = train_captioner(folder, tmp_path / "model", config)
    assert captioner.features == "cells"
    assert captioner.architecture == "gru"
    assert any("colors and edges only" in note for note in notes)
    with pytest.raises(DataMissing):
        train_captioner(folder, tmp_path / "other", CaptionerConfig("mobilenet_v2", epochs=1))


def test_bad_settings_are_refused():
    for wrong in ({"seed": -1}, {"validation_fraction": 1.0}, {"units": 0}):
        with pytest.raises(BadSetting, match=next(iter(wrong))):
            CaptionerConfig(**wrong)
    with pytest.raises(UnknownName, match=r"'retina'\. Known: cells, mobilenet_v2\.$"):
        CaptionerConfig("retina")


def test_a_damaged_image_is_left_out_and_counted(tmp_path):
    folder = own_folder(tmp_path / "own")
    (folder / "red0.png").write_text("no image")
    config, said = CaptionerConfig("cells", epochs=1, units=4, attention_dim=4), []
    captioner, notes = train_captioner(folder, tmp_path / "model", config, say=said.append)
    assert captioner.card["images"] == 11
    assert any("cannot be read: 1." in note and "red0.png" in note for note in notes)
    assert said == notes
    for path in folder.glob("*.png"):
        path.write_text("no image")
    with pytest.raises(CorruptFile, match=r"red0\.png"):
        train_captioner(folder, tmp_path / "other", config)


@pytest.mark.slow
@pytest.mark.parametrize("share", [None, 0.25])
def test_the_best_epoch_on_validation_images_is_kept(tmp_path, share):
    folder = own_folder(tmp_path / "own")
    splits = {"0": "train", "1": "train", "2": "val", "3": "test"} if share is None else {}
    lines = [json.loads(line) for line in (folder / "metadata.jsonl").read_text().split("\n")]
    for line in lines:
        line |= {"split": splits.get(line["file_name"][-5], "")}
    (folder / "metadata.jsonl").write_text("\n".join(map(json.dumps, lines)))
    config = CaptionerConfig("cells", 3, units=8, attention_dim=4, validation_fraction=share)
    captioner, notes = train_captioner(folder, tmp_path / "model", config)
    assert captioner.card["images"] == (6 if share is None else 9)
    assert set(captioner.card["scores"]) == {"bleu_4", "cider_d"}
    assert any("lowest validation loss" in note for note in notes)
    split = "test" if share is None else "validation"
    assert any(f"On 3 {split} images: BLEU-4" in note for note in notes)


@pytest.mark.slow
def test_on_one_image_cider_is_undefined_and_shown_as_a_dash(tmp_path):
    folder = own_folder(tmp_path / "own")
    config = CaptionerConfig("cells", 1, units=8, attention_dim=4, validation_fraction=0.01)
    captioner, notes = train_captioner(folder, tmp_path / "model", config)
    assert captioner.card["scores"]["cider_d"]["value"] is None
    assert any("CIDEr-D —" in note for note in notes)


@pytest.mark.slow
def test_a_file_of_validation_images_only_is_trained_on(tmp_path):
    folder = own_folder(tmp_path / "own")
    text = (folder / "metadata.jsonl").read_text().replace("}", ', "split": "val"}')
    (folder / "metadata.jsonl").write_text(text)
    config = CaptionerConfig("cells", 1, units=8, attention_dim=4)
    captioner, notes = train_captioner(folder, tmp_path / "model", config)
    assert captioner.card["images"] == 12
    assert any("no training images" in note for note in notes)


def test_a_trained_captioner_is_not_overwritten_unasked(trained):
    folder, _captioner, _notes = trained
    with pytest.raises(BadSetting, match=r"already holds.*--resume --epochs N.*--overwrite"):
        train_captioner(folder, folder.parent / "model", CaptionerConfig("cells", epochs=1))


@pytest.fixture(scope="module")
def short(tmp_path_factory):
    """Return a folder of images, and that of its captioner of two epochs."""
    place = tmp_path_factory.mktemp("short")
    small = {"features": "cells", "units": 8, "attention_dim": 0, "validation_fraction": 0.25}
    folder = own_folder(place / "own")
    train_captioner(folder, place / "model", {**small, "epochs": 2})
    return folder, place / "model"


@pytest.fixture(scope="module")
def further(short, tmp_path_factory):
    """Train a copy of it further, to five epochs, with reranking."""
    out = tmp_path_factory.mktemp("further") / "model"
    shutil.copytree(short[1], out)
    found, _notes = train_captioner(short[0], out, {"epochs": 5, "neighbors": 2}, resume=True)
    assert saved_captioner.load(out).card == found.card
    return found


def test_a_finished_captioner_is_trained_further(short, further):
    first, card = saved_captioner.load(short[1]).card, further.card
    assert len(card["training_loss"]) == 5
    assert card["training_loss"][:2] == first["training_loss"]
    assert card["settings"] == {**first["settings"], "epochs": 5, "neighbors": 2}


def test_an_interruption_of_the_further_training_resumes_to_the_same_weights(
    short, further, tmp_path, monkeypatch
):
    folder, out = short[0], tmp_path / "model"
    shutil.copytree(short[1], out)
    save, changes = Checkpoint.save, {"epochs": 5, "neighbors": 2}

    def stop(self, epoch, *others):
        save(self, epoch, *others)
        if epoch == 4:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "save", stop)
        with pytest.raises(KeyboardInterrupt):
            train_captioner(folder, out, changes, resume=True)
    assert len(saved_captioner.load(out).card["training_loss"]) == 2  # the former one is whole
    resumed, _notes = train_captioner(folder, out, changes, resume=True)
    assert resumed.card["training_loss"] == further.card["training_loss"]
    for name, weights in further.arrays.items():
        np.testing.assert_array_equal(resumed.arrays[name], weights)


def test_what_cannot_be_trained_further_is_refused(short, tmp_path):
    folder, out = tmp_path / "own", tmp_path / "model"
    for place, copy in zip(short, (folder, out), strict=True):
        shutil.copytree(place, copy)
    with pytest.raises(BadSetting, match=r"\(epochs: 2\).*--epochs 4"):
        train_captioner(folder, out, {"epochs": 2}, resume=True)
    with pytest.raises(BadSetting, match=r"keeps its units: expected 8, got 9"):
        train_captioner(folder, out, {"epochs": 4, "units": 9}, resume=True)
    with pytest.raises(DataMissing, match="no saved model"):
        train_captioner(folder, tmp_path / "nowhere", {"epochs": 4}, resume=True)
    (out / STATE).write_bytes(b"")
    with pytest.raises(CorruptFile, match=r"not the training state.*--overwrite"):
        train_captioner(folder, out, {"epochs": 4}, resume=True)
    own_folder(folder, {**CAPTIONS, "red": ["Tout est gris."]})
    with pytest.raises(BadSetting, match="trained on other images or captions"):
        train_captioner(folder, out, {"epochs": 4}, resume=True)
    (out / STATE).unlink()
    with pytest.raises(BadSetting, match=r"cannot be trained further.*--out FOLDER"):
        train_captioner(folder, out, {"epochs": 4}, resume=True)


def test_no_image_at_all_is_refused(trained):
    with pytest.raises(DataMissing):
        caption_images(trained[1], [])
