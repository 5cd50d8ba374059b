"""The experiments of practical 2 on sample data: scores, figures, and nets trained only once."""

from types import SimpleNamespace

import numpy as np
import pytest

from etabli import experiments
from etabli.data.catalog.source import Source
from etabli.data.formats import mnist
from etabli.experiments import runner
from etabli.experiments.context import RunContext
from etabli.experiments.tp2 import _shared, plane_sequence
from etabli.report import run_folder

QUICK = {
    "tp2.logistic.epochs": 2, "tp2.mlp.epochs": 2, "tp2.cnn.epochs": 1, "tp2.cnn-modern.epochs": 1,
    "tp2.cnn-modern.width": 4, "tp2.hidden.mlp_epochs": 2, "tp2.hidden.cnn_epochs": 1,
    "iterations": 20, "stops": [1], "n_images": 100, "n_projected": 60,
}  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory, monkeypatch_module):
    """The whole practical on sample data, with minimal training and an empty cache."""
    monkeypatch_module.setenv("ETABLI_CACHE", str(tmp_path_factory.mktemp("tp2-cache")))
    trainings = []
    real = _shared.train_net
    monkeypatch_module.setattr(
        _shared, "train_net", lambda *a, **k: trainings.append(k["label"]) or real(*a, **k)
    )
    folder = runner.run_experiments(
        experiments.select_experiments(["tp2"]),
        tmp_path_factory.mktemp("tp2") / "run",
        Source.sample(),
        changes=QUICK,
    )
    return folder, trainings


@pytest.fixture(scope="module")
def monkeypatch_module():
    with pytest.MonkeyPatch.context() as patch:
        yield patch


def scores(folder):
    return {
        (each.experiment, each.score): each.value for each in run_folder.summarize_scores(folder)
    }


def test_every_experiment_has_its_scores(run):
    found = scores(run[0])
    for net in ("logistic", "mlp", "cnn", "cnn-modern"):
        assert 0 <= found[f"tp2.{net}", "test_accuracy"] <= 1
        assert found[f"tp2.{net}", "test_loss"] > 0
    for which in ("pixels", "pca", "tsne"):
        assert 0 < found["tp2.raw", f"neighborhood_hit_{which}"] <= 1
    for which in ("mlp", "cnn", "mlp_tsne", "cnn_tsne", "mlp_pca", "cnn_pca"):
        assert 0 < found["tp2.hidden", f"neighborhood_hit_{which}"] <= 1
    for which in ("tsne", "pca"):
        assert 0 <= found["tp2.raw", f"hull_overlap_{which}"] <= 1
        assert 0 <= found["tp2.raw", f"ellipse_overlap_{which}"] <= 1
    assert 0 < found["tp2.untangling", "neighborhood_hit_sigmoid"] <= 1


def test_each_net_is_trained_once(run):
    assert len(run[1]) == 6  # four nets, and the two of tp2.untangling


def test_the_figures_of_the_lab_report_are_reproduced(run):
    numbers = {
        exhibit.number
        for name in experiments.EXPERIMENTS
        if name.startswith("tp2")
        for exhibit in run_folder.read_seed_run(
            run_folder.seed_run_folder(run[0], name, 0)
        ).report_items
    }
    assert numbers >= {"5", "6", "7", "8", "9", "10"}


def test_explorers_and_models_are_saved(run):
    assert "explorer" in (
        run_folder.seed_run_folder(run[0], "tp2.raw", 0) / "explorer.html"
    ).read_text(encoding="utf-8")
    assert (run_folder.seed_run_folder(run[0], "tp2.hidden", 0) / "explorer.html").is_file()
    assert (run_folder.seed_run_folder(run[0], "tp2.cnn", 0) / "model.keras").is_file()


def test_the_planes_of_every_layer_and_epoch_are_saved_with_their_hits(run):
    folder = run_folder.seed_run_folder(run[0], "tp2.untangling", 0)
    sequence = plane_sequence.read(folder)
    assert sequence.points.shape == (1 + 2 * 7 + 2 * 4, 60, 2)
    nets = {net["net"]: net for net in sequence.description["nets"]}
    assert nets["cnn"]["epochs"] == [0, 1]
    pixels = {hits[0] for net in nets.values() for hits in net["hits"]}
    assert len(pixels) == 1 and 0 < pixels.pop() <= 1
    assert "sequences" in (folder / "explorer.html").read_text(encoding="utf-8")


def test_the_search_uses_training_images_only(tmp_path, monkeypatch):
    from etabli.experiments.tp2 import cnn

    digits, parted, measured = mnist.load(Source.sample()), [], []

    def trained(_context, _name, _build, _recipe, part, **_options):
        parted.append(part)
        return SimpleNamespace(input_shape=(None, 784))

    monkeypatch.setattr(_shared, "load_or_train", trained)
    monkeypatch.setattr(
        _shared.keras_trainer,
        "evaluate",
        lambda _net, images, _labels: measured.append(images) or (0.5, 0.9),
    )
    context = RunContext(cnn.EXPERIMENT, tmp_path, Source.sample(), seed=0)
    _shared.compare_configs(context, "cnn", cnn.make_builder(digits), cnn.TRIED, digits)
    assert len(context.report_items[0].rows) == len(parted) == len(measured) == len(cnn.TRIED)
    for part, images in zip(parted, measured, strict=True):
        rest = images.shape[0]
        np.testing.assert_array_equal(part.train_images, digits.train_images[:-rest])
        np.testing.assert_array_equal(images, mnist.flatten(digits.train_images[-rest:]))


@pytest.mark.full
def test_two_epochs_of_the_perceptron_on_mnist(full_data, tmp_path):
    source = Source.full(full_data)
    folder = runner.run_experiments(
        experiments.select_experiments(["tp2.mlp"]), tmp_path / "run", source, changes={"epochs": 2}
    )
    assert scores(folder)["tp2.mlp", "test_accuracy"] == pytest.approx(0.945, abs=0.02)


@pytest.mark.full
def test_the_convolutional_net_trains_quickly_on_mnist(full_data):
    from etabli.data.formats import mnist
    from etabli.models.vision import digit_classifiers
    from etabli.training import keras_trainer

    digits = mnist.load(Source.full(full_data))
    model = digit_classifiers.compile_model(
        digit_classifiers.build_cnn(0), optimizer="adam", learning_rate=2e-3
    )
    images = _shared.to_inputs(digits.train_images[:12_000], model)
    keras_trainer.fit(
        model, images, digits.train_labels[:12_000].astype(np.int32), epochs=2, batch_size=100
    )
    _loss, accuracy = keras_trainer.evaluate(
        model, _shared.to_inputs(digits.test_images, model), digits.test_labels
    )
    assert 0.94 < accuracy < 0.99


def test_the_history_of_a_resumed_training_starts_at_the_first_epoch(tmp_path, monkeypatch):
    monkeypatch.setenv("ETABLI_CACHE", str(tmp_path / "cache"))
    card = experiments.load_experiment("tp2.logistic")
    settings = card.settings_for("sample", {"epochs": 4})

    class Cut(RunContext):
        def log(self, curve, **row):
            super().log(curve, **row)
            if row["epoch"] == 3:
                raise KeyboardInterrupt

    def rows(context):
        return [
            {key: value for key, value in row.items() if key != "seconds"}
            for row in context.history("train")
        ]

    with pytest.raises(KeyboardInterrupt):
        card.run(Cut(card, tmp_path / "cut", Source.sample(), 0), settings)
    again = RunContext(card, tmp_path / "cut", Source.sample(), 0)
    card.run(again, settings)
    monkeypatch.setenv("ETABLI_CACHE", str(tmp_path / "another"))
    whole = RunContext(card, tmp_path / "whole", Source.sample(), 0)
    card.run(whole, settings)
    assert rows(again) == rows(whole)
    assert [row["epoch"] for row in rows(whole)] == [1, 2, 3, 4]
