"""Experiments that read MNIST run on other data under its names, as what they are."""

import numpy as np
import pytest
from idx_sets import make_arrays, publish, write_set

from etabli import report
from etabli.core.errors import BadArray, BadSetting
from etabli.data.catalog.source import Source
from etabli.experiments import load_experiment, runner
from etabli.report import run_folder

QUICK = {"epochs": 2}


@pytest.fixture
def fashion(tmp_path, monkeypatch):
    publish(monkeypatch, "fashion-mnist", write_set(tmp_path / "fashion-mnist", make_arrays()))
    return Source.full(tmp_path, "fashion-mnist")


def run(name, folder, source, **changes):
    return runner.run_experiments([load_experiment(name)], folder, source, changes=changes)


def test_fashion_mnist_runs_with_its_class_names_and_without_published_values(tmp_path, fashion):
    folder = run("tp1.logistic", tmp_path / "run", fashion, epochs=2)
    ((_folder, seed_run),) = run_folder.list_seed_runs(folder)
    assert (seed_run.dataset, seed_run.dataset_title) == ("fashion-mnist", "Fashion-MNIST")
    assert [each.published for each in run_folder.summarize_scores(folder)] == [None] * 3
    assert seed_run.published == [] and seed_run.expects == {}
    assert {(each.verdict, each.measured) for each in seed_run.claims} == {("not_evaluated", "")}
    (table,) = [each for each in seed_run.report_items if each.key == "per_class"]
    assert [row[0] for row in table.rows][-2:] == ["Bag", "Ankle boot"]
    page = report.write_report(folder).read_text(encoding="utf-8")
    assert "not evaluated on Fashion-MNIST" in page and "no published value is shown" in page
    assert "Ankle boot" in page and "not evaluated on sample data" not in page


def test_the_figures_name_the_classes(tmp_path, fashion):
    folder = run("tp1.logistic", tmp_path / "run", fashion, epochs=2)
    figure = folder / "tp1.logistic" / "seed-0" / "figures" / "confusion.svg"
    assert "Trouser" in figure.read_text(encoding="utf-8")


def test_official_mnist_keeps_its_published_values(tmp_path, monkeypatch):
    publish(monkeypatch, "mnist", write_set(tmp_path / "mnist", make_arrays()), content=True)
    folder = run("tp1.logistic", tmp_path / "run", Source.full(tmp_path), epochs=2)
    published = {each.score: each.published for each in run_folder.summarize_scores(folder)}
    assert published["test_accuracy"] == 0.9159
    ((_folder, seed_run),) = run_folder.list_seed_runs(folder)
    assert seed_run.dataset == "mnist" and not seed_run.is_other_data


def test_a_run_is_not_resumed_on_another_data_set(tmp_path, fashion):
    folder = run("tp1.look", tmp_path / "run", fashion)
    write_set(tmp_path / "mine", make_arrays(seed=9))
    mine = Source.full(tmp_path, str(tmp_path / "mine"))
    with pytest.raises(BadSetting, match="other data or settings: got Fashion-MNIST"):
        run("tp1.look", folder, mine)
    assert run("tp1.look", folder, fashion) == folder


@pytest.mark.parametrize("name", ["tp1.look", "tp1.batch", "tp1.mlp", "tp1.convexity"])
def test_your_own_images_of_any_size_and_number_of_classes_run(tmp_path, name):
    write_set(tmp_path / "mine", make_arrays(12, size=20, train=240, test=60))
    source = Source.full(tmp_path, str(tmp_path / "mine"))
    small = {
        "tp1.look": {},
        "tp1.batch": {"epochs": 1, "sizes": (50, 0)},
        "tp1.mlp": {"epochs": 1, "zeros_learning_rates": (1.0,), "best": {"epochs": 1}},
        "tp1.convexity": {"epochs": 1, "n_eval_images": 60, "grid": 5, "lines": 2},
    }
    folder = run(name, tmp_path / "run", source, **small[name])
    assert run_folder.read_run(folder).data_title == "your own idx data"


def test_a_subset_without_a_class_is_refused(tmp_path):
    arrays = make_arrays(12, train=240, test=60)
    order = np.argsort(arrays["train_labels"], kind="stable")
    for part in ("train_images", "train_labels"):
        arrays[part] = arrays[part][order]
    write_set(tmp_path / "mine", arrays)
    source = Source.full(tmp_path, str(tmp_path / "mine"))
    with pytest.raises(BadSetting, match=r"first 100 .* no image of the class 5.*train_size"):
        run("tp1.logistic", tmp_path / "run", source, epochs=1, train_size=100)


@pytest.mark.parametrize("name", ["tp2.cnn", "tp2.cnn-modern", "tp2.untangling"])
def test_images_that_are_too_small_for_a_net_are_refused(tmp_path, name):
    write_set(tmp_path / "mine", make_arrays(3, size=12))
    source = Source.full(tmp_path, str(tmp_path / "mine"))
    with pytest.raises(BadArray, match=r"too small.*got 12 x 12.*tp2\.mlp"):
        run(name, tmp_path / "run", source)


@pytest.mark.parametrize("name", ["tp2.logistic", "tp2.mlp", "tp2.cnn"])
def test_the_nets_of_practical_2_take_the_classes_and_sizes_of_the_data(tmp_path, name):
    write_set(tmp_path / "mine", make_arrays(4, size=18, train=60, test=20))
    source = Source.full(tmp_path, str(tmp_path / "mine"))
    folder = run(name, tmp_path / "run", source, epochs=1, batch_size=20)
    ((_folder, seed_run),) = run_folder.list_seed_runs(folder)
    assert "data:own-" in seed_run.scores[0].signature
