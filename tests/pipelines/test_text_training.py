"""Settings of a text training, the estimate of its time, and what does not fit the memory."""

from types import SimpleNamespace

import psutil
import pytest

from etabli.core.errors import BadSetting, UnknownName
from etabli.core.progress import Silent
from etabli.data.synthetic import verse
from etabli.pipelines import _text_training, poetry
from etabli.pipelines._text_training import TextSettings, format_duration, make_settings


class Lines(Silent):
    """A reporter that keeps its lines."""

    def __init__(self):
        self.lines = []

    def print_line(self, text):
        self.lines.append(text)


@pytest.fixture
def book(tmp_path):
    verse.make(tmp_path)
    return tmp_path / verse.FILE


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(2, "a minute or less"), (95, "2 min"), (3599, "1 h 0 min"), (7500, "2 h 5 min")],
)
def test_durations_are_words(seconds, words):
    assert format_duration(seconds).endswith(words)


@pytest.mark.slow
@pytest.mark.parametrize("model", ["simple-rnn", "lstm"])
def test_the_time_is_estimated_before_the_training_starts(model, book, tmp_path):
    reporter = Lines()
    settings = {"model": model, "epochs": 1, "units": 4, "batch_size": 4, "sequence_length": 5}
    poetry.train(book, tmp_path / "net", settings, reporter=reporter)
    (place,) = [i for i, line in enumerate(reporter.lines) if "training takes about" in line]
    assert not any("epoch 1" in line for line in reporter.lines[:place])
    assert any("epoch 1" in line for line in reporter.lines[place:])


def test_a_text_that_the_memory_cannot_hold_is_refused_before_the_training(
    book, tmp_path, monkeypatch
):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=10**6))
    with pytest.raises(BadSetting, match=r"too long for the LSTM.*simple-rnn"):
        poetry.train(book, tmp_path / "net", {"model": "lstm", "epochs": 1, "units": 4})


@pytest.mark.parametrize(
    "bad",
    [
        {"units": 0},
        {"epochs": 0},
        {"learning_rate": float("nan")},
        {"dropout": 1.0},
        {"validation_fraction": 0.9},
        {"layers": 99},
    ],
)
def test_settings_out_of_range_are_refused(bad):
    with pytest.raises(BadSetting, match=next(iter(bad))):
        make_settings(bad)


def test_settings_that_do_not_exist_are_refused():
    for bad in ({"model": "gru"}, {"unit": 3}):
        with pytest.raises(UnknownName):
            make_settings(bad)


def test_the_scores_do_not_depend_on_the_parts_that_they_are_computed_in(
    book, tmp_path, monkeypatch
):
    whole = poetry.train(book, tmp_path / "whole", {"model": "ngram"}).scores[0]
    monkeypatch.setattr(poetry, "CHUNK", 100)
    parts = poetry.train(book, tmp_path / "parts", {"model": "ngram"}).scores[0]
    assert parts.test_nats == pytest.approx(whole.test_nats, rel=1e-12)
    assert parts.test_accuracy == pytest.approx(whole.test_accuracy, rel=1e-12)


def test_the_default_settings_are_those_of_the_practical():
    settings = TextSettings()
    assert (settings.units, settings.length, settings.epochs) == (128, 10, 20)
    assert settings.rnn_config() == _text_training.simple_rnn.TrainConfig()
    base = _text_training.PLAIN_CONFIG
    assert settings.lstm_config(base) == base


def test_an_ngram_model_is_not_said_to_be_trainable_further(book, tmp_path):
    reporter = Lines()
    poetry.train(book, tmp_path / "counts", {"model": "ngram", "units": 9}, reporter=reporter)
    assert "These settings have no effect with the model ngram: units." in reporter.lines
    with pytest.raises(BadSetting, match="already holds") as refused:
        poetry.train(book, tmp_path / "counts", {"model": "ngram"})
    assert "--resume" not in refused.value.fix
    with pytest.raises(BadSetting, match=r"cannot be trained further.*--out FOLDER"):
        poetry.train(book, tmp_path / "counts", resume=True)
