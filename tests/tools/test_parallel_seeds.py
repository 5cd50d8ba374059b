import parallel_seeds
import pytest

from etabli import experiments
from etabli.data.catalog.source import Source
from etabli.experiments import runner
from etabli.report import run_folder

EXPERIMENT = "tp1.gradients"


def scores(folder):
    return {
        (own.name, score.name): score.value
        for own, seed_run in run_folder.list_seed_runs(folder)
        for score in seed_run.scores
    }


@pytest.mark.slow
def test_parallel_seeds_are_the_seeds_of_one_run_and_only_the_first_draws(tmp_path):
    finished = []
    parallel_seeds.run_seeds(
        EXPERIMENT, tmp_path / "parallel", Source.sample(), range(2), 2, finished.append
    )
    assert (
        sorted(finished) == [0, 1]
        and not (tmp_path / "parallel" / parallel_seeds.SEPARATE).exists()
    )
    for name in ("parallel", "sequential"):
        runner.run_experiments(
            experiments.select_experiments([EXPERIMENT]),
            tmp_path / name,
            Source.sample(),
            seeds=range(2),
        )
    assert scores(tmp_path / "parallel") == pytest.approx(
        scores(tmp_path / "sequential"), rel=1e-3, abs=1e-9
    )
    figures = [
        sorted(
            path.name
            for path in (
                run_folder.seed_run_folder(tmp_path / name, EXPERIMENT, seed) / "figures"
            ).glob("*")
        )
        for name in ("parallel", "sequential")
        for seed in range(2)
    ]
    assert figures[:2] == figures[2:]


def test_a_single_seed_or_process_is_left_to_the_runner(tmp_path):
    finished = []
    parallel_seeds.run_seeds(EXPERIMENT, tmp_path, Source.sample(), range(1), 2, finished.append)
    parallel_seeds.run_seeds(EXPERIMENT, tmp_path, Source.sample(), range(3), 1, finished.append)
    assert not finished and not list(tmp_path.iterdir())


def test_a_seed_that_fails_leaves_its_log_and_no_record(tmp_path):
    finished = []
    parallel_seeds.run_seeds(
        "tp9.nothing", tmp_path / "run", Source.full(), range(2), 2, finished.append
    )
    logs = list((tmp_path / "run" / parallel_seeds.SEPARATE).glob("*/log.txt"))
    assert not finished and len(logs) == 2 and all("tp9.nothing" in log.read_text() for log in logs)
