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
    evaluated = etabli("evaluate", place / "photos", "--model", "photos-model", "--json")
    assert evaluated.code == 0, evaluated.err
    again = json.loads(evaluated.out)
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


@pytest.fixture(scope="module")
def model(place):
    """A classifier of the photos, trained once."""
    from etabli import transfer

    out = place / "model"
    transfer(place / "photos", out=out, backbone="small_residual", weights=place / "net.weights.h5")
    return out


def test_inspect_prints_what_it_found_and_writes_a_page_and_a_table(etabli, place, tmp_path):
    photos = tmp_path / "photos"
    shutil.copytree(place / "photos", photos)
    shutil.copy(photos / "train" / "star" / "train0.jpg", photos / "test" / "star" / "twin.jpg")
    result = etabli("inspect", photos, "--weights", "none")
    assert result.code == 0 and "19 images, 2 classes" in result.err
    assert "photos-inspection/report.html" in result.out and "findings.csv" in result.out
    assert "test/star/twin.jpg" in (tmp_path / "photos-inspection" / "findings.csv").read_text()
    again = etabli("inspect", photos, "--weights", "none", "--out", "photos-inspection")
    assert again.code == 2 and "already holds a report" in again.err
    words = ("--weights", "none", "--out", "photos-inspection", "--overwrite", "--json")
    found = json.loads(etabli("inspect", photos, *words).out)
    assert found["images"] == 19 and not found["deep_features"]
    (twins,) = (each for each in found["duplicates"] if each["identical"])
    assert sorted(twins["splits"]) == ["test", "train"]


def test_evaluate_writes_a_page_only_where_it_is_wanted(etabli, place, model, tmp_path):
    plain = etabli("evaluate", place / "photos", "--model", model)
    assert plain.code == 0 and plain.out.startswith("accuracy") and "Report" not in plain.out
    assert "Evaluated on the test split" in plain.err
    words = ("--model", model, "--out", "evaluation")
    assert "evaluation/report.html" in etabli("evaluate", place / "photos", *words).out
    header = (tmp_path / "evaluation" / "predictions.csv").read_text().splitlines()[0]
    assert header == "file_name,label,score,house,star"
    assert etabli("evaluate", place / "photos", *words).code == 2
    missing = etabli("evaluate", place / "photos" / "nowhere", "--model", model)
    assert missing.code == 3 and "nowhere" in missing.err
    other = etabli("evaluate", place / "photos", "--model", place / "photos")
    assert other.code == 3 and "no saved model" in other.err


def test_predict_explains_in_a_page(etabli, place, model, tmp_path):
    image = place / "photos" / "test" / "star" / "test0.jpg"
    result = etabli("predict", image, "--model", model, "--explain", "why")
    assert result.code == 0, result.err
    assert "why/explain.html" in result.out and "test0.jpg" in result.out
    page = (tmp_path / "why" / "explain.html").read_text(encoding="utf-8")
    assert "test0.jpg" in page and "data:image" in page
    neither = etabli("predict", image)
    assert neither.code == 2 and "either --model or --imagenet" in neither.err


@pytest.mark.parametrize(
    ("source", "out", "code", "says"),
    [
        ("model", "m.pb", 2, ".xml or .onnx"),
        ("model", "m", 2, ".xml or .onnx"),
        ("photos", "m.onnx", 3, "no saved model"),
        ("nowhere", "m.onnx", 3, "no saved model"),
    ],
)
def test_exports_that_cannot_be_made_are_refused(etabli, place, model, source, out, code, says):
    result = etabli("export", place / source, "--out", out)
    assert result.code == code and says in result.err


@pytest.mark.slow
def test_an_export_does_not_replace_a_file_of_yours(etabli, model, tmp_path):
    pytest.importorskip("openvino")
    (tmp_path / "m.xml").write_text("mine")
    result = etabli("export", model, "--out", "m.xml")
    assert result.code == 2 and "--overwrite" in result.err
    done = json.loads(etabli("export", model, "--out", "m.xml", "--overwrite", "--json").out)
    assert done["classes"] == ["house", "star"] and done["largest_difference"] < 1e-3
    assert (tmp_path / "labels.txt").read_text() == "house\nstar\n"


IMAGE_COMMANDS = (
    *("features", "transfer", "finetune", "evaluate", "predict"),
    *("inspect", "untangle", "export", "cache", "caption write", "words"),
)


@pytest.mark.parametrize("command", IMAGE_COMMANDS)
def test_the_help_shows_an_example_in_80_columns(etabli, monkeypatch, command):
    monkeypatch.setenv("COLUMNS", "80")
    shown = etabli(*command.split(), "--help").out
    assert f"  etabli {command}" in shown
    assert [line for line in shown.splitlines() if len(line) > 80] == []
