import json

import numpy as np
import pytest
from safetensors.numpy import load_file

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
    written = etabli("poetry", "write", "--model", "net", "--prompt", "La mer\n", "--length", "30")
    assert written.out.startswith("La mer\n")
    assert len(written.out.removesuffix("\n")) == 37
    again = etabli("poetry", "write", "--model", "net", "--prompt", "La mer\n", "--length", "30")
    assert again.out == written.out


def test_lower_case_and_joined_lines_are_the_preparation_of_the_practical(etabli, book):
    etabli("poetry", "train", book, *QUICK, "--lowercase", "--join-lines")
    written = etabli("poetry", "write", "--prompt", "La\nMer", "--length", "40")
    assert written.out.startswith("la mer")
    assert "\n" not in written.out.removesuffix("\n")


def test_each_text_has_its_own_folder_and_a_finished_model_stays(etabli, book, tmp_path):
    (tmp_path / "other.txt").write_text(book.read_text(encoding="utf-8"), encoding="utf-8")
    for path in (book, tmp_path / "other.txt"):
        assert etabli("poetry", "train", path, *QUICK).code == 0
    assert {path.name for path in (tmp_path / "runs").iterdir()} == {
        "poetry-fleurs_mal",
        "poetry-other",
    }
    newest = etabli("poetry", "write", "--length", "5")
    assert "runs/poetry-other" in newest.err
    card = tmp_path / "runs/poetry-other/card.json"
    before = card.read_bytes()
    refused = etabli("poetry", "train", tmp_path / "other.txt", *QUICK, "--seed", "3")
    assert refused.code == 2
    assert "--overwrite" in refused.err and "--resume --epochs N" in refused.err
    assert card.read_bytes() == before
    assert (
        etabli(
            "poetry",
            "train",
            card.parent.parent.parent / "other.txt",
            *QUICK,
            "--seed",
            "3",
            "--overwrite",
        ).code
        == 0
    )
    assert card.read_bytes() != before


def test_a_training_that_is_resumed_is_that_of_all_its_epochs(etabli, book, tmp_path):
    words = ("poetry", "train", book, "--units", "8", "--seed", "2")
    etabli(*words, "--epochs", "4", "--out", "whole")
    etabli(*words, "--epochs", "2", "--out", "parts")
    resumed = etabli("poetry", "train", book, "--out", "parts", "--resume", "--epochs", "4")
    assert resumed.code == 0
    for name in ("model.keras", "card.json"):
        whole, parts = ((tmp_path / folder / name).read_bytes() for folder in ("whole", "parts"))
        assert whole == parts
    whole, parts = (
        load_file(tmp_path / folder / "training.safetensors") for folder in ("whole", "parts")
    )
    assert all(np.array_equal(whole[name], parts[name]) for name in whole | parts)
    assert not (tmp_path / "parts/checkpoints").exists()


@pytest.mark.slow
def test_the_lstm_is_trained_further_and_json_is_one_document(etabli, book):
    words = ("poetry", "train", book, "--model", "lstm", *QUICK, "--layers", "2", "--json")
    first = json.loads(etabli(*words).out)
    resumed = etabli("poetry", "train", book, "--resume", "--epochs", "3", "--json")
    document = json.loads(resumed.out)
    assert document["scores"][-1]["test_nats"] < first["scores"][-1]["test_nats"]
    assert document["scores"][0] == first["scores"][0]
    written = etabli("poetry", "write", "--texts", "2", "--length", "25", "--json")
    document = json.loads(written.out)
    assert len(document["texts"]) == len(document["scores"]) == len(document["copied"]) == 2
    assert document["texts"][0] != document["texts"][1]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--resume"], "trained already (epochs: 1)"),
        (["--resume", "--epochs", "4", "--units", "9"], "keeps its units"),
        (["--resume", "--epochs", "4", "--lowercase"], "not the text"),
        (["--resume", "--epochs", "4", "--out", "none"], "no saved model"),
    ],
)
def test_what_cannot_be_trained_further_is_refused(etabli, book, tmp_path, words, sentence):
    etabli("poetry", "train", book, *QUICK)
    card = (tmp_path / "runs/poetry-fleurs_mal/card.json").read_bytes()
    result = etabli("poetry", "train", book, *words)
    assert result.code in (2, 3)
    assert sentence in result.err
    assert (tmp_path / "runs/poetry-fleurs_mal/card.json").read_bytes() == card


def test_an_ngram_model_is_counted_at_once_and_its_copies_are_named(etabli, book, tmp_path):
    trained = etabli("poetry", "train", book, "--model", "ngram", "--sequence-length", "12")
    assert trained.code == 0
    assert "Kneser-Ney 12" in trained.out and "this network" not in trained.out
    words = ("poetry", "write", "--temperature", "0.01", "--length", "200")
    written = etabli(*words)
    assert "are copied from line" in written.err and "fleurs_mal.txt" in written.err
    book.write_text("something else", encoding="utf-8")
    changed = etabli(*words)
    assert changed.out == written.out
    assert "gone or has changed" in changed.err and "copied from" not in changed.err


def test_a_short_text_and_a_short_prompt_get_a_remark(etabli, tmp_path):
    path = tmp_path / "short.txt"
    path.write_text("la mer monte encore, et le vent tourne. " * 20, encoding="utf-8")
    trained = etabli("poetry", "train", path, *QUICK, "--sample-every", "1")
    assert "--model ngram" in trained.err and "epoch 1:" in trained.err
    written = etabli("poetry", "write", "--prompt", "la", "--length", "5")
    assert "The prompt has 2 characters and the network reads 10" in written.err
    assert (
        "epoch 1:"
        not in etabli("poetry", "train", path, *QUICK, "--sample-every", "0", "--out", "quiet").err
    )


def test_control_characters_of_a_text_do_not_reach_the_terminal(etabli, tmp_path):
    path = tmp_path / "t.txt"
    path.write_text("la mer \x1b[31mrouge\x1b[0m\n" * 30, encoding="utf-8")
    result = etabli("poetry", "train", path, "--model", "ngram")
    written = etabli("poetry", "write", "--length", "100")
    assert "\x1b" not in result.out + result.err + written.out + written.err
    assert r"\x1b[31m" in written.out


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"short", "too short"),
        (b"a\0b" * 50, "NUL"),
        (b"%PDF-1.7", "pdftotext"),
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
    assert not list(tmp_path.glob("runs/*/c*"))


def test_one_distinct_character_and_emoji_are_accepted(etabli, tmp_path):
    for number, content in enumerate(("a" * 300, "la mer 🌊 monte " * 20)):
        path = tmp_path / f"{number}.txt"
        path.write_text(content, encoding="utf-8")
        assert etabli("poetry", "train", path, *QUICK, "--out", "net", "--overwrite").code == 0
        assert etabli("poetry", "write", "--model", "net", "--length", "5").code == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["write"], "no text model in the folder 'runs'"),
        (["write", "--model", "none"], "no saved model"),
        (["train", "BOOK", "--model", "lstn"], "Did you mean lstm"),
        (["train", "BOOK", "--units", "0"], "--units"),
        (["write", "--temperature", "0"], "--temperature"),
        (["write", "--temperature", "nan"], "--temperature"),
        (["train", "BOOK", "--out", "é" * 300], "too long"),
        (["write", "--length", "-3"], "--length"),
        (["write", "--seed", "-1"], "--seed"),
        (["write", "--top-p", "2"], "--top-p"),
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
    etabli("poetry", "train", book, "--model", "ngram")
    result = etabli("poetry", "write", "--prompt", prompt)
    assert result.code == 2
    assert sentence in result.err
    assert result.out == ""
