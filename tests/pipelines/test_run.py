import pytest
from idx_sets import make_arrays, publish, write_set

import etabli
from etabli.core.errors import BadSetting, UnknownName
from etabli.pipelines import run as pipeline
from etabli.report import run_folder


def test_the_python_interface_runs_on_another_data_set(tmp_path, monkeypatch):
    publish(monkeypatch, "kmnist", write_set(tmp_path / "data" / "kmnist", make_arrays()))
    monkeypatch.setenv("ETABLI_DATA", str(tmp_path / "data"))
    found = etabli.run(
        "tp1.logistic",
        data="full",
        dataset="kmnist",
        settings={"epochs": 1},
        out=tmp_path / "run",
    )
    assert run_folder.read_run(tmp_path / "run").dataset == "kmnist"
    page = found.report.read_text(encoding="utf-8")
    assert "not evaluated on KMNIST" in page and "test_accuracy" in found.scores


def test_the_data_set_is_fetched_in_place_of_mnist(tmp_path, monkeypatch):
    asked = []
    plan = pipeline.plan(["tp1.look"], data="full", dataset="qmnist", out=tmp_path / "run")

    def fetching(names, source):
        asked.append(names)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pipeline.execute(plan, fetch=fetching)
    assert asked == [["qmnist"]] and not (tmp_path / "run").exists()


def test_a_folder_of_your_own_is_not_fetched(tmp_path, monkeypatch):
    write_set(tmp_path / "mine", make_arrays())
    monkeypatch.chdir(tmp_path)
    asked = []
    plan = pipeline.plan(["tp1.look"], data="full", dataset="mine", out=tmp_path / "run")
    pipeline.execute(plan, fetch=lambda names, source: asked.append(names))
    assert asked == [[]] and plan.source.dataset == "./mine"
    assert run_folder.read_run(tmp_path / "run").dataset_title == "your own idx data"


def test_experiments_that_do_not_read_mnist_refuse_a_data_set():
    for names in (["tp4.words"], ["tp1.gradients"], ["tp3"], ["tp1.mlp", "tp5.caption"]):
        with pytest.raises(BadSetting, match=r"one of tp1\.look, tp1\.log"):
            pipeline.plan(names, data="full", dataset="fashion-mnist")


def test_of_a_whole_practical_those_that_read_mnist_run_and_the_others_are_named():
    plan = pipeline.plan(["tp1"], data="full", dataset="fashion-mnist")
    assert [each.name for each in plan.specs][-1] == "tp1.convexity"
    assert plan.remarks == ("Left out, since they do not read MNIST: tp1.gradients.",)
    everything = pipeline.plan([], data="full", dataset="fashion-mnist")
    assert {each.name[:3] for each in everything.specs} == {"tp1", "tp2"}


def test_a_data_set_needs_full_data_and_a_name_that_exists():
    with pytest.raises(BadSetting, match="Add --data full"):
        pipeline.plan(["tp1.mlp"], dataset="kmnist")
    with pytest.raises(UnknownName, match="Did you mean kmnist"):
        pipeline.plan(["tp1.mlp"], data="full", dataset="kmnits")
