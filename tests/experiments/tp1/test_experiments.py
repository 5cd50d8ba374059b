"""The experiments of practical 1 on sample data with short trainings, and on MNIST if present."""

import pytest

from etabli import experiments
from etabli.core.errors import BadSetting
from etabli.data.catalog.source import Source
from etabli.data.formats import mnist
from etabli.experiments.context import RunContext
from etabli.experiments.tp1 import _shared

SHORT = {
    "tp1.look": {},
    "tp1.logistic": {"epochs": 2, "best": {"epochs": 2, "learning_rate": 0.3}},
    "tp1.batch": {"epochs": 2, "sizes": (10, 100, 0)},
    "tp1.mlp": {"epochs": 2, "units": 20, "best": {"epochs": 2}},
    "tp1.convexity": {"epochs": 2, "n_eval_images": 100, "grid": 5, "lines": 2, "image_size": 4},
    "tp1.gradients": {},
}
FIGURES = {"tp1.look": {"1"}, "tp1.convexity": {"2"}, "tp1.mlp": {"3"}}


def run_experiment(name, folder, changes, source=None, seed=0):
    experiment = experiments.load_experiment(name)
    source = source or Source.sample()
    context = RunContext(experiment, folder, source, seed)
    experiment.run(context, experiment.settings_for(source.kind, changes))
    return context


@pytest.mark.parametrize("name", SHORT)
def test_every_claim_is_recorded_and_every_figure_drawn(name, tmp_path):
    context = run_experiment(name, tmp_path, SHORT[name])
    assert {claim.key for claim in context.claims} == {
        claim.key for claim in context.experiment.claims
    }
    numbers = {item.number for item in context.report_items if item.number}
    assert numbers == FIGURES.get(name, set())
    for item in context.report_items:
        assert not item.file or (tmp_path / item.file).stat().st_size > 1000
    assert set(context.experiment.expected_ranges) <= set(context.scores)


def test_all_gradients_agree_with_finite_differences(tmp_path):
    context = run_experiment("tp1.gradients", tmp_path, {})
    assert context.scores["max_relative_error"].value < 1e-7


def test_the_same_seed_gives_the_same_scores(tmp_path):
    first, second, other = (
        run_experiment("tp1.logistic", tmp_path / str(k), SHORT["tp1.logistic"], seed=seed)
        .scores["test_loss"]
        .value
        for k, seed in enumerate((0, 0, 1))
    )
    assert first == second != other


def test_the_search_uses_training_images_only(tmp_path, monkeypatch):
    from etabli.experiments.tp1 import _shared, logistic

    monkeypatch.setattr(
        logistic,
        "TRIED",
        (
            _shared.TrainConfig(epochs=1, learning_rate=1e-6),
            _shared.TrainConfig(epochs=3, learning_rate=0.5),
        ),
    )
    context = run_experiment("tp1.logistic", tmp_path, {"epochs": 1, "search": True})
    table = next(item for item in context.report_items if item.key == "search")
    assert table.rows[0][0] == "epochs 3, batch_size 100, learning_rate 0.5"
    assert "learning_rate:0.5" in context.scores["test_accuracy_best"].signature


def test_the_numbers_of_images_can_be_set(tmp_path):
    context = run_experiment(
        "tp1.logistic", tmp_path, {"epochs": 1, "train_size": 300, "test_size": 100}
    )
    assert context.scores["test_accuracy"].signature.startswith("train:300 | n:100")


@pytest.mark.full
def test_two_epochs_on_mnist_give_plausible_accuracies(full_data, tmp_path):
    source = Source.full(full_data)
    linear = run_experiment(
        "tp1.logistic", tmp_path / "a", {"epochs": 2, "best": {"epochs": 2}}, source
    )
    assert 0.88 < linear.scores["test_accuracy"].value < 0.92
    short = {
        "epochs": 2,
        "zeros_learning_rates": (1.0,),
        "best": {"epochs": 2, "learning_rate": 2.0},
    }
    net = run_experiment("tp1.mlp", tmp_path / "b", short, source)
    assert 0.93 < net.scores["test_accuracy"].value < 0.97
    # Whether the units separate depends on the order of summation of the matrix product.
    table = next(item for item in net.report_items if item.key == "zeros" and item.kind == "table")
    spread = max(row[5] for row in table.rows if row[0] == "float32" and row[2] == "none")
    assert (net.scores["test_accuracy_zeros"].value < 0.6) == (spread == 0)


@pytest.mark.full
def test_the_class_counts_of_mnist_are_right(full_data, tmp_path):
    context = run_experiment("tp1.look", tmp_path, {"components": 784}, Source.full(full_data))
    counts = next(
        item for item in context.report_items if item.key == "class_counts" and item.kind == "table"
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


def test_a_part_of_the_images_judges_no_claim_about_all_of_them(tmp_path):
    experiment, digits = experiments.load_experiment("tp1.logistic"), mnist.load(Source.sample())
    n = len(digits.train_labels)
    for size, judged in ((None, True), (n, True), (n - 1, False)):
        context = RunContext(experiment, tmp_path, Source.full(tmp_path), 0)
        _shared.limit_sizes(context, digits, experiment.settings_for("full", {"train_size": size}))
        assert ("mnist" in context.data, context.is_comparable) == (judged, judged)


def test_two_batch_sizes_that_are_the_same_are_refused(tmp_path):
    with pytest.raises(BadSetting, match="one batch size only"):
        run_experiment("tp1.batch", tmp_path, {"sizes": (10, 10)})
