"""Every story of practical 1, told on the sample data with short trainings, and on MNIST where it is there."""

import pytest

from etabli import experiments
from etabli.data.catalog.source import Source
from etabli.experiments.context import RunContext

SHORT = {
    "tp1.look": {},
    "tp1.logistic": {"epochs": 2, "best": {"epochs": 2, "rate": 0.3}},
    "tp1.batch": {"epochs": 2, "sizes": (10, 100, 0)},
    "tp1.mlp": {"epochs": 2, "hidden_units": 20, "best": {"epochs": 2}},
    "tp1.convexity": {"epochs": 2, "watched": 100, "grid": 5, "lines": 2, "pooled_side": 4},
    "tp1.gradients": {},
}
FIGURES = {"tp1.look": {"1"}, "tp1.convexity": {"2"}, "tp1.mlp": {"3"}}


def told(name, folder, changes, source=None, seed=0):
    experiment = experiments.load_experiment(name)
    source = source or Source.sample()
    context = RunContext(experiment, folder, source, seed)
    experiment.run(context, experiment.settings_for(source.kind, changes))
    return context


@pytest.mark.parametrize("name", SHORT)
def test_the_story_answers_its_claims_and_draws_its_figures(name, tmp_path):
    context = told(name, tmp_path, SHORT[name])
    assert {claim.key for claim in context.claims} == {
        claim.key for claim in context.experiment.claims
    }
    numbers = {exhibit.number for exhibit in context.report_items if exhibit.number}
    assert numbers == FIGURES.get(name, set())
    for exhibit in context.report_items:
        assert not exhibit.file or (tmp_path / exhibit.file).stat().st_size > 1000
    assert set(context.experiment.expected_ranges) <= set(context.scores)


def test_all_gradients_agree_with_differences(tmp_path):
    context = told("tp1.gradients", tmp_path, {})
    assert context.scores["max_relative_error"].value < 1e-7


def test_the_same_seed_gives_the_same_scores(tmp_path):
    first, second, other = (
        told("tp1.logistic", tmp_path / str(k), SHORT["tp1.logistic"], seed=seed)
        .scores["test_loss"]
        .value
        for k, seed in enumerate((0, 0, 1))
    )
    assert first == second != other


def test_a_search_chooses_on_training_images_alone(tmp_path, monkeypatch):
    from etabli.experiments.tp1 import _shared, logistic

    monkeypatch.setattr(
        logistic, "TRIED", (_shared.Recipe(epochs=1, rate=1e-6), _shared.Recipe(epochs=3, rate=0.5))
    )
    context = told("tp1.logistic", tmp_path, {"epochs": 1, "search": True})
    table = next(exhibit for exhibit in context.report_items if exhibit.key == "search")
    assert table.rows[0][0] == "epochs 3, batch 100, rate 0.5"
    assert "rate:0.5" in context.scores["test_accuracy_best"].signature


def test_a_part_of_the_images_can_be_asked_for(tmp_path):
    context = told("tp1.logistic", tmp_path, {"epochs": 1, "train_size": 300, "test_size": 100})
    assert context.scores["test_accuracy"].signature.startswith("train:300 | n:100")


@pytest.mark.full
def test_one_epoch_on_mnist_lands_where_it_should(full_data, tmp_path):
    source = Source.full(full_data)
    linear = told("tp1.logistic", tmp_path / "a", {"epochs": 2, "best": {"epochs": 2}}, source)
    assert 0.88 < linear.scores["test_accuracy"].value < 0.92
    short = {"epochs": 2, "zeros_rates": (1.0,), "best": {"epochs": 2, "rate": 2.0}}
    net = told("tp1.mlp", tmp_path / "b", short, source)
    assert 0.93 < net.scores["test_accuracy"].value < 0.97
    # Twins where the machine sums every column alike; a rounding error parts them where it does not.
    table = next(
        exhibit for exhibit in net.exhibits if exhibit.key == "zeros" and exhibit.kind == "table"
    )
    parting = max(row[5] for row in table.rows if row[0] == "float32" and row[2] == "zeros")
    assert (net.scores["test_accuracy_zeros"].value < 0.6) == (parting == 0)


@pytest.mark.full
def test_the_images_of_mnist_are_counted_right(full_data, tmp_path):
    context = told("tp1.look", tmp_path, {"components": 784}, Source.full(full_data))
    counts = next(
        exhibit
        for exhibit in context.report_items
        if exhibit.key == "class_counts" and exhibit.kind == "table"
    )
    assert [row[1] for row in counts.rows] == [
        5923,
        6742,
        5958,
        6131,
        5842,
        5421,
        5918,
        6265,
        5851,
        5949,
    ]
    sizes = next(claim for claim in context.claims if claim.key == "sizes")
    assert sizes.verdict == "confirmed"
