"""From a folder of photos to a model and its scores by one command; wrong options."""

import json
import shutil

import pytest

from etabli.core.seeding import make_generator
from etabli.data.synthetic import scenes
from etabli.models.vision import backbones


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Two classes of drawn objects in two splits, and the weights of a net."""
    home, generator = tmp_path_factory.mktemp("own"), make_generator(0, "own images")
    for split, count in (("train", 4), ("val", 2), ("test", 3)):
        for kind in ("house", "star"):
            (home / "photos" / split / kind).mkdir(parents=True)
            for number in range(count):
                image = scenes.draw_single(generator, kind).image
                image.save(home / "photos" / split / kind / f"{split}{number}.jpg")
    backbones.get_backbone("small_residual").build(seed=5).save_weights(home / "net.weights.h5")
    return home


def net(place):
    return ["--backbone", "small_residual", "--weights", place / "net.weights.h5"]


def test_one_command_goes_from_photos_to_a_model_and_a_report(etabli, place, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    result = etabli("transfer", place / "photos", *net(place), "--json")
    assert result.code == 0, result.err
    assert "2 classes (house 9, star 9)" in result.err
    document = json.loads(result.out)
    assert document["model"] == "photos-model" and document["task"] == "single"
    assert document["splits"] == {"train": 8, "validation": 4, "test": 6}
    assert sum(map(sum, document["confusion"])) == document["images"] == 6
    assert (tmp_path / "photos-model" / "report.html").is_file()
    accuracy = document["scores"][0]
    assert accuracy["name"] == "accuracy"
    assert accuracy["low"] <= accuracy["value"] <= accuracy["high"]
    judged = etabli("evaluate", place / "photos", "--model", "photos-model", "--json")
    assert judged.code == 0, judged.err
    again = json.loads(judged.out)
    assert again["scores"][0] == accuracy and again["confusion"] == document["confusion"]
    shown = etabli("evaluate", place / "photos", "--model", "photos-model", "--split", "all")
    assert "because they trained the model: 12 of 18" in shown.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--validation", "0.3"], "--validation-fraction 0.3"),
        (["--task", "double"], "'auto', 'single', 'multi'"),
        (["--test", "nowhere"], "nowhere"),
    ],
)
def test_wrong_options_are_refused_before_any_work(etabli, place, tmp_path, words, says):
    result = etabli("transfer", place / "photos", *net(place), "--out", tmp_path / "m", *words)
    assert result.code in (2, 3) and says in result.err
    assert not (tmp_path / "m").exists()


def test_a_wrong_stage_is_refused_with_those_of_the_net(etabli, place, tmp_path):
    words = ["--out", tmp_path / "m", "--stage", "stage9"]
    result = etabli("finetune", place / "photos", *net(place), *words)
    assert result.code == 2 and "stage9" in result.err and "stage3" in result.err


def test_one_class_and_a_model_that_knows_none_are_refused(etabli, place, tmp_path):
    one = tmp_path / "one" / "house"
    one.mkdir(parents=True)
    for path in (place / "photos" / "train" / "house").iterdir():
        (one / path.name).write_bytes(path.read_bytes())
    result = etabli("transfer", tmp_path / "one", *net(place), "--out", tmp_path / "m")
    assert result.code == 2 and "every image has the same label" in result.err
    assert not (tmp_path / "m").exists()


def test_what_cannot_be_trained_is_refused_before_features_are_extracted(etabli, place, tmp_path):
    """A class only in the test split, and a folder with a finished model; remarks come first."""
    photos = tmp_path / "photos"
    shutil.copytree(place / "photos", photos)
    (photos / "test" / "Star ").mkdir()
    shutil.copy(photos / "test" / "star" / "test0.jpg", photos / "test" / "Star " / "twin.jpg")
    result = etabli("transfer", photos, *net(place), "--out", tmp_path / "m")
    assert result.code == 3 and "no training image shows Star" in result.err
    assert "'Star ' / 'star'" in result.err and "same content" in result.err
    assert "features of" not in result.err and not (tmp_path / "m").exists()
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "card.json").write_text("{}")
    for command in ("transfer", "finetune"):
        result = etabli(command, place / "photos", *net(place), "--out", tmp_path / "m")
        assert result.code == 2 and "already holds a trained model" in result.err
        assert "images" not in result.err
