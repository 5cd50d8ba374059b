"""features, transfer, predict, finetune and export on a newcomer's folder of images."""

import csv
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from etabli.core.seeding import make_generator
from etabli.data.synthetic import scenes
from etabli.models.vision import backbones


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Two classes of drawn objects, and the weights of a net that has seen nothing."""
    home = tmp_path_factory.mktemp("mes photos")
    draw = make_generator(0, "own images")
    for kind in ("house", "star"):
        (home / "images" / f"{kind} é").mkdir(parents=True)
        for number in range(10):
            scenes.draw_single(draw, kind).image.save(
                home / "images" / f"{kind} é" / f"n° {number}.jpg"
            )
    backbones.get_backbone("small_residual").build(seed=5).save_weights(home / "net.weights.h5")
    return home


@pytest.fixture(scope="module")
def model(place):
    """A folder of features and a trained model, made once by the commands."""
    from typer.testing import CliRunner

    from etabli.cli import app

    net = ["--weights", str(place / "net.weights.h5")]
    for words in (
        [
            "features",
            place / "images",
            "--out",
            place / "features",
            "--backbone",
            "small_residual",
            "--engine",
            "keras",
            *net,
        ],
        [
            "transfer",
            place / "features",
            "--labels",
            place / "images",
            "--out",
            place / "model",
            *net,
        ],
    ):
        done = CliRunner().invoke(app, list(map(str, words)), catch_exceptions=False)
        assert done.exit_code == 0, done.output
    return place / "model"


def test_a_folder_goes_through_features_transfer_and_predict(etabli, place, model, tmp_path):
    out = tmp_path / "predictions.csv"
    result = etabli(
        "predict", place / "images", "--model", model, "--out", out, "--engine", "keras"
    )
    assert result.code == 0, result.err
    rows = list(csv.DictReader(out.open(encoding="utf-8")))
    assert len(rows) == 20
    assert list(rows[0]) == ["file_name", "label", "score", "house é", "star é"]
    assert all(float(row["score"]) == float(row[row["label"]]) for row in rows)
    right = [row["file_name"].split("/")[0] == row["label"] for row in rows]
    assert np.mean(right) >= 0.8


def test_a_class_without_validation_images_is_reported_and_left_out_of_the_means(
    etabli, place, model, tmp_path
):
    rows = [
        f"{kind} é/n° {number}.jpg,{kind}\n" for kind in ("house", "star") for number in range(10)
    ]
    rows[3] = rows[3].replace(",house", ",house;rare")
    (tmp_path / "labels.csv").write_text("file_name,labels\n" + "".join(rows), encoding="utf-8")
    words = [
        "--labels",
        tmp_path / "labels.csv",
        "--out",
        tmp_path / "m",
        "--weights",
        place / "net.weights.h5",
    ]
    result = etabli("transfer", place / "features", *words)
    assert result.code == 0
    assert "Not in the means, because they have no test images: rare." in result.err
    assert "house" in result.out and "rare" not in result.out


def test_temporary_files_of_a_killed_transfer_are_removed_by_the_next(
    etabli, place, model, tmp_path
):
    half = tmp_path / "m" / ".saving-half" / "by-keras.keras"
    half.parent.mkdir(parents=True)
    half.write_bytes(b"PK half")
    words = [
        "--labels",
        place / "images",
        "--out",
        tmp_path / "m",
        "--weights",
        place / "net.weights.h5",
    ]
    result = etabli("transfer", place / "features", *words)
    assert result.code == 0 and not half.parent.exists()
    assert sorted(path.name for path in (tmp_path / "m").iterdir()) == [
        ".lock",
        "card.json",
        "model.keras",
        "report.html",
        "splits.json",
        "training_images.safetensors",
    ]


def test_predictions_in_json_lines_and_on_standard_output_agree(etabli, place, model, tmp_path):
    out = tmp_path / "predictions.jsonl"
    image = place / "images" / "star é" / "n° 3.jpg"
    result = etabli("predict", image, "--model", model, "--out", out, "--engine", "keras", "--json")
    document = json.loads(result.out)
    assert document["predictions"] == [
        json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()
    ]
    assert document["predictions"][0]["file_name"] == "n° 3.jpg" and document["unreadable"] == []


def test_unreadable_images_are_listed_and_the_exit_code_says_so(etabli, place, tmp_path):
    folder = tmp_path / "some"
    folder.mkdir()
    Image.new("RGB", (20, 20)).save(folder / "good.png")
    (folder / "empty.jpg").write_bytes(b"")
    words = [
        "features",
        folder,
        "--out",
        tmp_path / "f",
        "--backbone",
        "small_residual",
        "--engine",
        "keras",
        "--json",
    ]
    result = etabli(*words, "--weights", place / "net.weights.h5")
    assert result.code == 7
    document = json.loads(result.out)
    assert document["shape"] == [1, 96] and document["unreadable"][0]["name"] == "empty.jpg"
    assert "empty.jpg" in result.err and "1 of 2" in result.err


def test_file_names_that_are_not_utf_8_work_in_features_labels_and_predictions(
    etabli, place, model, tmp_path
):
    folder = tmp_path / "photos"
    for kind, image in (("house", "n° 0.jpg"), ("star", "n° 1.jpg")):
        (folder / kind).mkdir(parents=True)
        content = (place / "images" / f"{kind} é" / image).read_bytes()
        for number in range(2):
            Path(os.fsdecode(os.fsencode(folder / kind) + b"/\xff%d.jpg" % number)).write_bytes(
                content
            )
    net = ["--weights", place / "net.weights.h5"]
    words = [
        "--out",
        tmp_path / "f",
        "--backbone",
        "small_residual",
        "--engine",
        "keras",
        *net,
        "--json",
    ]
    result = etabli("features", folder, *words)
    assert result.code == 0, result.err
    result = etabli("transfer", tmp_path / "f", "--labels", folder, "--out", tmp_path / "m", *net)
    assert result.code == 0, result.err
    result = etabli(
        "predict", folder, "--model", model, "--out", tmp_path / "p.csv", "--engine", "keras"
    )
    assert result.code == 0, result.err
    rows = list(csv.DictReader((tmp_path / "p.csv").open(encoding="utf-8")))
    assert [row["file_name"] for row in rows] == [
        f"{kind}/\ufffd{n}.jpg" for kind in ("house", "star") for n in (0, 1)
    ]


@pytest.mark.slow
def test_fine_tuning_writes_a_model_that_predicts_and_exports(etabli, place, tmp_path):
    own = shutil.copytree(place / "images", tmp_path / "own")
    next(own.iterdir()).joinpath("empty.jpg").write_bytes(b"")
    words = ["finetune", own, "--out", tmp_path / "tuned", "--backbone", "small_residual"]
    words += ["--weights", place / "net.weights.h5", "--stage", "input", "--epochs", "1"]
    result = etabli(*words, "--crops", "0", "--batch-size", "8", "--json")
    assert result.code == 7 and "empty.jpg" in result.err, result.err
    names = {score["name"] for score in json.loads(result.out)["scores"]}
    assert {"accuracy", "balanced_accuracy", "log_loss", "calibration_error"} <= names
    card = json.loads((tmp_path / "tuned" / "card.json").read_text(encoding="utf-8"))
    assert card["classes"] == ["house é", "star é"] and card["license"] and card["preprocessing"]
    pytest.importorskip("onnx")
    result = etabli("export", tmp_path / "tuned", "--out", tmp_path / "net.onnx", "--json")
    assert result.code == 0 and json.loads(result.out)["classes"] == card["classes"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["features", "nowhere", "--out", "f"], "nowhere"),
        (["features", ".", "--out", "f"], "no images"),
        (["predict", "."], "--model or --imagenet"),
        (["predict", ".", "--model", "m", "--out", "p.xls"], "p.xls"),
        (["predict", "a.jpg", "--model", "nothing-here"], "there is no image a.jpg"),
        (["transfer", "nothing-here", "--labels", ".", "--out", "m"], "nothing-here"),
        (["export", "nothing-here", "--out", "m.onnx"], "nothing-here"),
        (["export", "nothing-here", "--out", "m.pt"], ".onnx"),
    ],
)
def test_wrong_arguments_give_one_sentence(etabli, words, says):
    result = etabli(*words)
    assert result.code in (2, 3) and says in result.err


def test_features_of_other_weights_and_labels_of_other_images_raise_errors(
    etabli, place, model, tmp_path
):
    result = etabli(
        "transfer",
        place / "features",
        "--labels",
        place / "images",
        "--out",
        tmp_path / "m",
        "--weights",
        "none",
    )
    assert result.code == 2 and "other weights" in result.err
    (tmp_path / "labels.csv").write_text("file_name,label\nx.jpg,cat\n")
    result = etabli(
        "transfer", place / "features", "--labels", tmp_path / "labels.csv", "--out", tmp_path / "m"
    )
    assert result.code == 3 and "no image has both" in result.err
