import dataclasses
import json

import pytest
from tiny import EXPERIMENT

from etabli.core.atomic_files import lock_folder
from etabli.core.errors import BadSetting, FolderBusy, OutOfMemory, UnknownName
from etabli.data.catalog.source import Source
from etabli.experiments import runner
from etabli.metrics.score import Score
from etabli.report import run_folder


@pytest.fixture
def source(tmp_path):
    return Source.full(tmp_path / "data")


def test_a_run_is_a_folder_that_explains_itself(tmp_path, source):
    folder = runner.run_experiments([EXPERIMENT], tmp_path / "run", source, seeds=[0, 1])
    record = run_folder.read_run(folder)
    assert record.experiments == ["tp0.tiny"]
    assert record.seeds == [0, 1]
    assert "numpy" in record.versions
    (_folder, seed_run), _second = run_folder.list_seed_runs(folder)
    assert seed_run.settings == {"epochs": 3, "learning_rate": 0.5}
    assert [item.kind for item in seed_run.report_items] == ["figure", "table", "note", "page"]
    assert seed_run.seconds > 0
    assert seed_run.peak_memory_mb > 1


def test_several_seeds_give_mean_and_sample_standard_deviation(tmp_path, source):
    folder = runner.run_experiments([EXPERIMENT], tmp_path / "run", source, seeds=range(3))
    (summary,) = run_folder.summarize_scores(folder)
    assert summary.value == pytest.approx(0.91)
    assert summary.spread == pytest.approx(0.01)
    assert (summary.n, summary.published) == (3, 0.9159)


def test_one_seed_has_no_spread(tmp_path, source):
    (summary,) = run_folder.summarize_scores(
        runner.run_experiments([EXPERIMENT], tmp_path / "run", source)
    )
    assert summary.spread is None


def test_results_on_sample_data_have_no_published_value(tmp_path):
    folder = runner.run_experiments([EXPERIMENT], tmp_path / "run", Source.sample(tmp_path))
    assert run_folder.summarize_scores(folder)[0].published is None


def _counting(calls):
    def run(context, settings):
        calls.append(context.seed)
        context.score("test_accuracy", Score(0.5))

    return dataclasses.replace(EXPERIMENT, run=run)


def test_what_is_finished_is_not_run_again_without_overwrite(tmp_path, source):
    calls = []
    experiment = _counting(calls)
    runner.run_experiments([experiment], tmp_path / "run", source, seeds=[0])
    runner.run_experiments([experiment], tmp_path / "run", source, seeds=[0, 1])
    assert calls == [0, 1]
    runner.run_experiments([experiment], tmp_path / "run", source, seeds=[0, 1], overwrite=True)
    assert calls == [0, 1, 0, 1]


def test_an_interrupted_seed_run_is_kept_marked_and_run_again(tmp_path, source):
    attempts = []

    def run(context, settings):
        context.score("test_accuracy", Score(0.5))
        attempts.append(1)
        if len(attempts) == 1:
            raise KeyboardInterrupt

    experiment = dataclasses.replace(EXPERIMENT, run=run)
    with pytest.raises(KeyboardInterrupt):
        runner.run_experiments([experiment], tmp_path / "run", source)
    assert run_folder.list_seed_runs(tmp_path / "run")[0][1].interrupted
    runner.run_experiments([experiment], tmp_path / "run", source)
    assert not run_folder.list_seed_runs(tmp_path / "run")[0][1].interrupted


def test_a_folder_with_another_request_is_not_mixed_with_it(tmp_path, source):
    runner.run_experiments([EXPERIMENT], tmp_path / "run", source)
    with pytest.raises(BadSetting, match="other data or settings"):
        runner.run_experiments([EXPERIMENT], tmp_path / "run", source, changes={"epochs": 2})


def test_a_finished_seed_with_other_defaults_is_not_mixed_with_new_ones(tmp_path, source):
    folder = runner.run_experiments([EXPERIMENT], tmp_path / "run", source)
    path = run_folder.seed_run_folder(folder, EXPERIMENT.name, 0) / run_folder.RECORD
    record = json.loads(path.read_text(encoding="utf-8"))
    record["settings"]["learning_rate"] = 0.25
    path.write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(BadSetting, match=r"learning_rate 0\.5, got learning_rate 0\.25"):
        runner.run_experiments([EXPERIMENT], folder, source, seeds=[0, 1])


def test_a_folder_in_which_another_process_writes_is_refused(tmp_path, source):
    with lock_folder(tmp_path / "run"), pytest.raises(FolderBusy, match="another process"):
        runner.run_experiments([EXPERIMENT], tmp_path / "run", source)
    runner.run_experiments([EXPERIMENT], tmp_path / "run", source)


def test_a_setting_that_no_experiment_has_is_refused_before_anything_runs(tmp_path, source):
    with pytest.raises(UnknownName, match="Did you mean learning_rate"):
        runner.run_experiments([EXPERIMENT], tmp_path / "run", source, changes={"learning_rat": 1})
    assert not (tmp_path / "run").exists()


def test_a_setting_may_be_for_one_experiment(tmp_path, source):
    folder = runner.run_experiments(
        [EXPERIMENT], tmp_path / "run", source, changes={"tp0.tiny.epochs": 1}
    )
    assert run_folder.list_seed_runs(folder)[0][1].settings["epochs"] == 1


def test_the_document_of_a_run_is_plain_json(tmp_path, source):
    folder = runner.run_experiments([EXPERIMENT], tmp_path / "run", source)
    document = json.loads(json.dumps(run_folder.run_document(folder)))
    assert set(document) == {"run", "scores"}
    keys = ("experiment", "score", "value", "spread", "n", "published", "signature")
    assert tuple(document["scores"][0]) == keys


def test_the_advice_on_memory_names_a_setting_of_the_experiment(tmp_path, source):
    def run(context, settings):
        raise MemoryError

    class Batched(EXPERIMENT.settings):
        batch_size: int = 8

    tiny = dataclasses.replace(EXPERIMENT, run=run)
    with pytest.raises(OutOfMemory, match="Close other programs"):
        runner.run_experiments([tiny], tmp_path / "one", source)
    batched = dataclasses.replace(tiny, settings=Batched)
    with pytest.raises(MemoryError, match=r"--set batch_size=\.\.\."):
        runner.run_experiments([batched], tmp_path / "two", source)
