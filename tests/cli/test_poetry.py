import json

import pytest

from etabli.data.synthetic import verse

QUICK = ("--epochs", "1", "--units", "8")


@pytest.fixture
def book(tmp_path):
    verse.make(tmp_path)
    return tmp_path / verse.FILE


def test_a_model_is_trained_and_generates_text(etabli, book):
    result = etabli("poetry", "train", book, *QUICK, "--out", "net")
    assert result.code == 0
    assert "this network" in result.out and "Kneser-Ney" in result.out
    written = etabli("poetry", "write", "--model", "net", "--prompt", "La mer", "--length", "30")
    assert written.out.startswith("la mer")
    assert len(written.out.rstrip("\n")) == 36
    again = etabli("poetry", "write", "--model", "net", "--prompt", "la mer", "--length", "30")
    assert again.out == written.out
    refused = etabli("poetry", "train", book, *QUICK, "--out", "net")
    assert refused.code == 2 and "--overwrite" in refused.err


def test_the_lstm_is_trained_and_json_is_one_document(etabli, book):
    result = etabli("poetry", "train", book, *QUICK, "--model", "lstm", "--json")
    document = json.loads(result.out)
    assert document["scores"][-1]["test_nats"] > 0
    written = etabli("poetry", "write", "--texts", "2", "--length", "25", "--json")
    document = json.loads(written.out)
    assert len(document["texts"]) == len(document["scores"]) == 2
    assert document["texts"][0] != document["texts"][1]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"short", "too short"),
        ("été".encode("latin-1") * 50, "iconv"),
        (b"a\0b" * 50, "NUL"),
        (None, "no text file"),
    ],
)
def test_a_text_that_is_no_training_text_is_refused(etabli, tmp_path, content, sentence):
    path = tmp_path / "text.txt"
    if content is not None:
        path.write_bytes(content)
    result = etabli("poetry", "train", path, *QUICK)
    assert result.code not in (0, 1)
    assert sentence in result.err
    assert not (tmp_path / "runs").exists()


def test_one_distinct_character_and_emoji_are_accepted(etabli, tmp_path):
    for number, content in enumerate(("a" * 300, "la mer 🌊 monte " * 20)):
        path = tmp_path / f"{number}.txt"
        path.write_text(content, encoding="utf-8")
        assert etabli("poetry", "train", path, *QUICK, "--out", "net", "--overwrite").code == 0
        assert etabli("poetry", "write", "--model", "net", "--length", "5").code == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["write"], "no saved model"),
        (["train", "BOOK", "--model", "lstn"], "Did you mean lstm"),
        (["write", "--temperature", "0"], "a number above 0"),
        (["write", "--temperature", "-1"], "a number above 0"),
        (["write", "--top-p", "2"], "top_p"),
    ],
)
def test_a_mistake_gets_one_sentence(etabli, book, words, sentence):
    result = etabli("poetry", *[book if word == "BOOK" else word for word in words])
    assert result.code not in (0, 1)
    assert sentence in result.err
    assert result.out == ""


@pytest.mark.parametrize(
    ("prompt", "sentence"), [("日本", "not in the training vocabulary"), ("", "prompt is empty")]
)
def test_a_prompt_that_cannot_be_continued_is_refused(etabli, book, prompt, sentence):
    etabli("poetry", "train", book, *QUICK)
    result = etabli("poetry", "write", "--prompt", prompt)
    assert result.code == 2
    assert sentence in result.err
    assert result.out == ""
