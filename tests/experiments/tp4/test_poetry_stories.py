"""The poetry stories of practical 4 on the sample verse, and on Les Fleurs du mal in short."""

import numpy as np
import pytest

from etabli import experiments
from etabli.data.catalog.source import Source
from etabli.data.formats.text import Text
from etabli.data.synthetic import verse
from etabli.experiments.context import RunContext
from etabli.experiments.tp4 import _shared, poetry_modern, temperature
from etabli.saved_models import text

TINY = {"units": 16, "most_epochs": 2}


@pytest.fixture(scope="module")
def bench_of(tmp_path_factory):
    """Run a story on sample data, once for each name and settings."""
    done = {}

    def run(name, seed=0, **changes):
        key = (name, seed, tuple(changes.items()))
        if key not in done:
            card = experiments.load_experiment(name)
            done[key] = RunContext(card, tmp_path_factory.mktemp("piece"), Source.sample(), seed)
            card.run(done[key], card.settings_for("sample", changes))
        return done[key]

    return run


def tables(context):
    return {each.key: each for each in context.report_items if each.kind == "table"}


def test_the_net_stands_beside_the_counting_models(bench_of):
    context = bench_of("tp4.poetry", **TINY)
    names = {"train_accuracy", "test_accuracy", "test_nats"}
    assert context.scores.keys() == names | {f"{name}_ngram" for name in names}
    models = [row[0] for row in tables(context)["models"].rows]
    assert models[0] == "uniform guess"
    assert {"Witten-Bell 5", "modified Kneser-Ney 6", "this net"} <= set(models)
    assert context.scores["test_nats"].value < np.log(60)


def test_nothing_of_the_sample_is_set_beside_the_published_values(bench_of):
    assert "the lab report's net" not in [
        row[0] for row in tables(bench_of("tp4.poetry", **TINY))["models"].rows
    ]


def test_every_model_is_scored_on_the_same_test_targets(bench_of):
    short, long = (bench_of("tp4.poetry", length=length, **TINY) for length in (10, 25))
    assert short.scores["test_nats"].recipe["n"] == long.scores["test_nats"].recipe["n"]
    assert short.scores["test_nats_ngram"] == long.scores["test_nats_ngram"]


def test_a_trained_net_is_kept_and_logged_again(bench_of, tmp_path):
    first = bench_of("tp4.poetry", **TINY)
    card = experiments.load_experiment("tp4.poetry")
    again = RunContext(card, tmp_path, Source.sample(), 0)
    card.run(again, card.settings_for("sample", TINY))
    assert again.scores == first.scores
    assert again.history("train") == first.history("train")


def test_the_net_is_kept_as_a_keras_model(bench_of):
    import keras

    model = keras.saving.load_model(bench_of("tp4.poetry", **TINY).path("model.keras"))
    assert [layer.name for layer in model.layers] == ["recurrent", "dense", "softmax"]


def test_the_plain_net_the_residual_net_and_their_mixture_are_scored(bench_of):
    context = bench_of(
        "tp4.poetry-modern", units=16, embedding=8, most_epochs=2, most_residual_epochs=3
    )
    scores = {name: score.value for name, score in context.scores.items()}
    assert scores["test_nats_ngram"] <= scores["test_nats"]
    kinds = ("", "_residual", "_ngram")
    assert scores.keys() == {
        f"{name}{kind}"
        for name in ("train_accuracy", "test_accuracy", "test_nats")
        for kind in kinds
    }
    assert "on top of" in context.scores["test_nats_residual"].recipe
    assert "on top of" not in context.scores["test_nats"].recipe
    assert len(context.history("validation")) == 2
    assert len(context.history("validation_residual")) == 3
    assert context.path("residual.keras").exists()
    reader, card = text.load(context.folder)
    assert reader.start(np.array([[3, 4, 5]])).shape == (1, len(card.vocabulary))


def test_the_mixture_is_chosen_without_the_test_part(bench_of, tmp_path):
    """Other test characters, the same epochs and weights."""
    text = verse.load(Source.sample())
    end, first = text.characters[: text.boundary()], text.characters[text.boundary() :]
    other = Text(text.name, end + first[::-1], text.lines)
    settings = poetry_modern.ModernSettings(
        units=8, embedding=4, streams=8, residual_streams=8, most_epochs=1, most_residual_epochs=1
    )
    context = RunContext(
        experiments.load_experiment("tp4.poetry-modern"), tmp_path, Source.sample(), 0
    )
    one, two = (poetry_modern.choose(context, each, settings) for each in (text, other))
    np.testing.assert_allclose(one.shares, two.shares, atol=1e-6)


def test_a_low_temperature_turns_in_circles_and_a_high_one_knows_no_words(bench_of):
    context = bench_of("tp4.temperature", texts=2, characters=120, **TINY)
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


def test_a_low_temperature_is_judged_by_its_words_and_its_circles_are_told(tmp_path):
    context = RunContext(
        experiments.load_experiment("tp4.temperature"), tmp_path, Source.sample(), 0
    )
    row = {"known_words": 0.5, "distinct_4grams": 0.9, "repetition": 0.0}
    circling = row | {"known_words": 0.9, "repetition": 0.39}
    temperature.judge(context, {0.02: circling, 1.0: row, 10.0: row | {"known_words": 0.1}})
    temperature.judge(context, {0.02: row | {"known_words": 0.4}, 1.0: row, 10.0: row})
    better, senseless, worse, sensible = context.claims
    assert (better.verdict, senseless.verdict) == ("confirmed", "confirmed")
    assert "39%" in better.measured and "72%" in better.measured
    assert (worse.verdict, sensible.verdict) == ("refuted", "refuted")


def test_what_the_units_follow_is_found(bench_of):
    context = bench_of("tp4.inside", passage=60, **TINY)
    rows = tables(context)["units"].rows
    assert [row[0] for row in rows][:2] == ["space", "vowel"]
    assert all(-1 <= row[2] <= 1 for row in rows)
    assert 0 <= context.scores["sureness_after_a_space"].value <= 1


def test_the_smoothed_curve_chooses_the_middle_of_its_best_five():
    assert _shared.best_epoch(np.array([0, 1, 2, 3, 4, 5, 4, 3, 2, 1.0])) == 6
    assert _shared.best_epoch(np.array([1.0, 2.0])) == 1


@pytest.mark.full
def test_the_counting_models_reach_their_known_figures(full_data):
    from etabli.data.synthetic import verse

    text = verse.load(Source.full(full_data))
    rows = {row[0]: row[1:] for row in _shared.rows(text, _shared.measure(text))}
    for name, accuracy, nats in (
        ("Witten-Bell 5", 0.521, 1.703),
        ("Witten-Bell 4", 0.514, 1.643),
        ("modified Kneser-Ney 6", 0.526, 1.546),
    ):
        assert rows[name][0] == pytest.approx(accuracy, abs=0.002)
        assert rows[name][1] == pytest.approx(nats, abs=0.01)


@pytest.mark.full
def test_a_few_passes_of_the_course_s_net_learn_the_book(full_data, tmp_path):
    card = experiments.load_experiment("tp4.poetry")
    context = RunContext(card, tmp_path, Source.full(full_data), 0)
    card.run(context, card.settings_for("full", {"epochs": 4, "learning_rate": 0.003}))
    assert 0.38 < context.scores["test_accuracy"].value < 0.48
    assert "test_nats_ngram" in context.scores
