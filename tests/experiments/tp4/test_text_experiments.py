"""The text experiments of practical 4 on the sample verse, and briefly on Les Fleurs du mal."""

import numpy as np
import pytest

from etabli import experiments
from etabli.data.catalog.source import Source
from etabli.data.formats.text import Text
from etabli.data.synthetic import verse
from etabli.experiments.context import RunContext
from etabli.experiments.tp4 import _shared, poetry_modern, temperature
from etabli.saved_models import text

TINY = {"units": 16, "max_epochs": 2}


@pytest.fixture(scope="module")
def run_of(tmp_path_factory):
    """Run an experiment on sample data, once for each name and settings."""
    done = {}

    def run(name, seed=0, **changes):
        key = (name, seed, tuple(changes.items()))
        if key not in done:
            spec = experiments.load_experiment(name)
            done[key] = RunContext(spec, tmp_path_factory.mktemp("run"), Source.sample(), seed)
            spec.run(done[key], spec.settings_for("sample", changes))
        return done[key]

    return run


def tables(context):
    return {each.key: each for each in context.report_items if each.kind == "table"}


@pytest.mark.slow
def test_the_network_is_listed_with_the_ngram_models(run_of):
    context = run_of("tp4.poetry", **TINY)
    names = {"train_accuracy", "test_accuracy", "test_nats"}
    assert context.scores.keys() == names | {f"{name}_ngram" for name in names}
    models = [row[0] for row in tables(context)["models"].rows]
    assert models[0] == "uniform guess"
    assert {"Witten-Bell 5", "modified Kneser-Ney 6", "this network"} <= set(models)
    assert context.scores["test_nats"].value < np.log(60)


def test_published_values_are_not_listed_on_sample_data(run_of):
    assert "the network of the lab report" not in [
        row[0] for row in tables(run_of("tp4.poetry", **TINY))["models"].rows
    ]


def test_every_model_is_scored_on_the_same_test_targets(run_of):
    short, long = (run_of("tp4.poetry", sequence_length=length, **TINY) for length in (10, 25))
    assert short.scores["test_nats"].recipe["n"] == long.scores["test_nats"].recipe["n"]
    assert short.scores["test_nats_ngram"] == long.scores["test_nats_ngram"]


def test_a_trained_network_is_cached_and_logged_again(run_of, tmp_path):
    first = run_of("tp4.poetry", **TINY)
    spec = experiments.load_experiment("tp4.poetry")
    again = RunContext(spec, tmp_path, Source.sample(), 0)
    spec.run(again, spec.settings_for("sample", TINY))
    assert again.scores == first.scores
    assert again.history("train") == first.history("train")


def test_the_network_is_saved_as_a_keras_model(run_of):
    import keras

    model = keras.saving.load_model(run_of("tp4.poetry", **TINY).path("model.keras"))
    assert [layer.name for layer in model.layers] == ["recurrent", "dense", "softmax"]


@pytest.mark.slow
def test_the_plain_and_residual_networks_and_their_mixture_are_scored(run_of):
    context = run_of(
        "tp4.poetry-modern", units=16, embedding=8, max_epochs=2, max_residual_epochs=3
    )
    scores = {name: score.value for name, score in context.scores.items()}
    assert scores["test_nats_ngram"] <= scores["test_nats"]
    kinds = ("", "_residual", "_ngram")
    assert scores.keys() == {
        f"{name}{kind}"
        for name in ("train_accuracy", "test_accuracy", "test_nats")
        for kind in kinds
    } | {f"test_nats_adaptive{kind}" for kind in ("", "_counts", "_contexts", "_ppm")}
    assert scores["test_nats_adaptive"] < scores["test_nats_adaptive_counts"] + 0.1
    assert "adaptive" in context.scores["test_nats_adaptive"].recipe
    assert "adaptive" not in context.scores["test_nats_ngram"].recipe
    assert "on top of" in context.scores["test_nats_residual"].recipe
    assert "on top of" not in context.scores["test_nats"].recipe
    assert len(context.history("validation")) == 2
    assert len(context.history("validation_residual")) == 3
    assert context.path("residual.keras").exists()
    reader, card = text.load(context.folder)
    assert reader.start(np.array([[3, 4, 5]])).shape == (1, len(card.vocabulary))


def test_the_mixture_is_chosen_without_the_test_set(run_of, tmp_path):
    """With other test characters the epochs and weights are the same."""
    text = verse.load(Source.sample())
    end, first = text.characters[: text.boundary()], text.characters[text.boundary() :]
    other = Text(text.name, end + first[::-1], text.lines)
    settings = poetry_modern.Settings(
        units=8, embedding=4, streams=8, residual_streams=8, max_epochs=1, max_residual_epochs=1
    )
    context = RunContext(
        experiments.load_experiment("tp4.poetry-modern"), tmp_path, Source.sample(), 0
    )
    one, two = (poetry_modern.choose(context, each, settings) for each in (text, other))
    np.testing.assert_allclose(one.mixture, two.mixture, atol=1e-6)


def test_diversity_grows_with_the_temperature(run_of):
    context = run_of("tp4.temperature", texts=2, characters=120, **TINY)
    values = {name: score.value for name, score in context.scores.items()}
    assert (
        values["distinct_4grams_low"]
        < values["distinct_4grams_plain"]
        <= values["distinct_4grams_high"]
    )
    assert {claim.key for claim in context.claims} == {
        claim.key for claim in context.experiment.claims
    }
    for row in tables(context)["samples"].rows:
        assert row[1].startswith("souvent, p")


def test_temperatures_are_judged_by_known_words_and_repetition_is_reported(tmp_path):
    context = RunContext(
        experiments.load_experiment("tp4.temperature"), tmp_path, Source.full(tmp_path), 0
    )
    row = {"known_words": 0.5, "distinct_4grams": 0.9, "repetition": 0.0}
    repetitive = row | {"known_words": 0.9, "repetition": 0.39}
    temperature.judge_claims(
        context, {0.02: repetitive, 1.0: row, 10.0: row | {"known_words": 0.1}}
    )
    temperature.judge_claims(context, {0.02: row | {"known_words": 0.4}, 1.0: row, 10.0: row})
    better, senseless, worse, sensible = context.claims
    assert (better.verdict, senseless.verdict) == ("confirmed", "confirmed")
    assert "39%" in better.measured and "72%" in better.measured
    assert (worse.verdict, sensible.verdict) == ("refuted", "refuted")


def test_units_that_correlate_with_features_are_found(run_of):
    context = run_of("tp4.inside", passage=60, **TINY)
    rows = tables(context)["units"].rows
    assert [row[0] for row in rows][:2] == ["space", "vowel"]
    assert all(-1 <= row[2] <= 1 for row in rows)
    assert 0 <= context.scores["confidence_after_space"].value <= 1


def test_the_best_epoch_is_the_middle_of_the_best_five():
    assert _shared.find_best_epoch(np.array([0, 1, 2, 3, 4, 5, 4, 3, 2, 1.0])) == 6
    assert _shared.find_best_epoch(np.array([1.0, 2.0])) == 1


@pytest.mark.full
def test_the_ngram_models_reach_their_known_scores(full_data):
    text = verse.load(Source.full(full_data))
    rows = {row[0]: row[1:] for row in _shared.baseline_rows(text, _shared.score_ngrams(text))}
    for name, accuracy, nats in (
        ("Witten-Bell 5", 0.521, 1.703),
        ("Witten-Bell 4", 0.514, 1.643),
        ("modified Kneser-Ney 6", 0.526, 1.546),
    ):
        assert rows[name][0] == pytest.approx(accuracy, abs=0.002)
        assert rows[name][1] == pytest.approx(nats, abs=0.01)


@pytest.mark.full
def test_a_few_epochs_of_the_simple_rnn_fit_the_book(full_data, tmp_path):
    spec = experiments.load_experiment("tp4.poetry")
    context = RunContext(spec, tmp_path, Source.full(full_data), 0)
    spec.run(context, spec.settings_for("full", {"epochs": 4, "learning_rate": 0.003}))
    assert 0.38 < context.scores["test_accuracy"].value < 0.48
    assert "test_nats_ngram" in context.scores
