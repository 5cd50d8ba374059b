"""etabli caption: captions on the command line."""

import json

import numpy as np
import pytest
from PIL import Image

from etabli.models.captioning import attention
from etabli.models.captioning.attention import ModelConfig
from etabli.models.captioning.beam_search import SearchConfig
from etabli.models.captioning.vocabulary import END, START, Vocabulary
from etabli.saved_models.captioner import Captioner


@pytest.fixture
def model(tmp_path):
    weights = attention.init_weights(ModelConfig(6, 41, 4, 5, 3), np.random.default_rng(0))
    vocabulary = Vocabulary((START, END, "un", "chien", "été", "."))
    card = {"use": "Trained on your own images and captions; their terms of use apply."}
    return Captioner("attention", vocabulary, weights, "cells", SearchConfig(2, 6, 0.7), card).save(
        tmp_path / "model"
    )


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    for name, colour in {"a.png": "red", "b.jpg": "blue"}.items():
        Image.new("RGB", (30, 20), colour).save(folder / name)
    return folder


def test_an_image_gets_several_captions_with_scores(etabli, model, images):
    result = etabli("caption", "write", images / "a.png", "--model", model, "-n", 3)
    assert result.code == 0, result.err
    lines = result.out.splitlines()
    assert lines[0].endswith("a.png")
    scores = [float(line.split()[0]) for line in lines[1:]]
    assert len(scores) == 3
    assert scores == sorted(scores, reverse=True)
    assert "terms of use" in result.err


def test_a_folder_becomes_json_lines_and_a_page(etabli, model, images):
    out, page = images / "metadata.jsonl", images.parent / "page.html"
    result = etabli(
        "caption",
        "write",
        images,
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
    assert result.code == 0, result.err
    assert [each["file_name"][-5:] for each in json.loads(result.out)["captions"]] == [
        "a.png",
        "b.jpg",
    ]
    records = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [record["file_name"] for record in records] == ["a.png", "b.jpg"]
    assert all(len(record["captions"]) == 2 for record in records)
    assert page.read_text(encoding="utf-8").count("<article>") == 2
    again = etabli("caption", "write", images, "--model", model, "--out", out)
    assert again.code == 2 and "--overwrite" in again.err


def test_unreadable_images_are_skipped_and_reported(etabli, model, images):
    (images / "c.png").write_text("no image")
    result = etabli("caption", "write", images, "--model", model, "--json")
    assert result.code == 0
    assert len(json.loads(result.out)["captions"]) == 2
    assert "c.png" in result.err
    alone = etabli("caption", "write", images / "c.png", "--model", model)
    assert alone.code == 2
    assert "Traceback" not in alone.err


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["images/a.png", "--model", "model", "-n", "0"], 2, "greater than or equal to 1"),
        (["images/a.png", "--model", "nowhere"], 3, "no saved model"),
        (["images/a.png"], 3, "etabli run tp5.attention"),
        (["empty", "--model", "model"], 3, "no images"),
        (["images/z.png", "--model", "model"], 3, "z.png"),
    ],
)
def test_a_mistake_gets_one_sentence(etabli, model, images, words, code, sentence):
    (images.parent / "empty").mkdir()
    result = etabli("caption", "write", *words)
    assert result.code == code
    assert sentence in result.err
    assert result.out == ""


def test_a_folder_without_captions_is_refused(etabli, images):
    result = etabli("caption", "train", images)
    assert result.code == 3
    assert "metadata.jsonl" in result.err


def test_captions_and_names_send_nothing_to_the_terminal(etabli, model, images):
    (images / "a.png").rename(images / "\x1b[2Ja.png")
    result = etabli("caption", "write", images, "--model", model)
    assert "\\x1b[2Ja.png" in result.out
    (images / "metadata.csv").write_text("file_name,text\n\x1b[31mred.png,\x1b[31mred\n")
    result = etabli("caption", "train", images)
    assert result.code == 3 and "\\x1b[31mred.png" in result.err
    assert "\x1b" not in result.out + result.err
