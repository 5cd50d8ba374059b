"""etabli caption: a captioner asked on the command line."""

import json

import numpy as np
import pytest
from PIL import Image

from etabli.models.captioning import attention
from etabli.models.captioning.attention import Shape
from etabli.models.captioning.beam_search import Search
from etabli.models.captioning.vocabulary import END, START, Vocabulary
from etabli.saved_models.captioner import Captioner


@pytest.fixture
def model(tmp_path):
    weights = attention.initial(Shape(6, 41, 4, 5, 3), np.random.default_rng(0))
    vocabulary = Vocabulary((START, END, "un", "chien", "été", "."))
    card = {"use": "Trained on your own pictures and captions: their terms are its terms."}
    return Captioner("attention", vocabulary, weights, "cells", Search(2, 6, 0.7), card).save(
        tmp_path / "model"
    )


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name, colour in {"a.png": "red", "b.jpg": "blue"}.items():
        Image.new("RGB", (30, 20), colour).save(folder / name)
    return folder


def test_a_picture_gets_several_captions_with_scores(etabli, model, pictures):
    told = etabli("caption", "write", pictures / "a.png", "--model", model, "-n", 3)
    assert told.code == 0, told.err
    lines = told.out.splitlines()
    assert lines[0].endswith("a.png")
    scores = [float(line.split()[0]) for line in lines[1:]]
    assert len(scores) == 3
    assert scores == sorted(scores, reverse=True)
    assert "their terms" in told.err


def test_a_folder_becomes_json_lines_and_a_page(etabli, model, pictures):
    out, page = pictures / "metadata.jsonl", pictures.parent / "page.html"
    told = etabli(
        "caption",
        "write",
        pictures,
        "--model",
        model,
        "-n",
        2,
        "--out",
        out,
        "--page",
        page,
        "--json",
    )
    assert told.code == 0, told.err
    assert [each["file_name"][-5:] for each in json.loads(told.out)["captions"]] == [
        "a.png",
        "b.jpg",
    ]
    records = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [record["file_name"] for record in records] == ["a.png", "b.jpg"]
    assert all(len(record["captions"]) == 2 for record in records)
    assert page.read_text(encoding="utf-8").count("<article>") == 2


def test_what_is_no_picture_is_told_and_the_others_are_described(etabli, model, pictures):
    (pictures / "c.png").write_text("no picture")
    told = etabli("caption", "write", pictures, "--model", model, "--json")
    assert told.code == 0
    assert len(json.loads(told.out)["captions"]) == 2
    assert "c.png" in told.err
    alone = etabli("caption", "write", pictures / "c.png", "--model", model)
    assert alone.code == 2
    assert "Traceback" not in alone.err


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["pictures/a.png", "--model", "model", "-n", "0"], 2, "beam"),
        (["pictures/a.png", "--model", "nowhere"], 3, "no captioner"),
        (["pictures/a.png"], 3, "etabli run tp5.attention"),
        (["empty", "--model", "model"], 3, "no pictures"),
        (["pictures/z.png", "--model", "model"], 3, "z.png"),
    ],
)
def test_what_cannot_be_is_one_sentence(etabli, model, pictures, words, code, sentence):
    (pictures.parent / "empty").mkdir()
    told = etabli("caption", "write", *words)
    assert told.code == code
    assert sentence in told.err
    assert told.out == ""


def test_a_folder_without_captions_cannot_be_learnt_from(etabli, pictures):
    told = etabli("caption", "train", pictures)
    assert told.code == 3
    assert "metadata.jsonl" in told.err
