import parallel_seeds
import pytest

from etabli import experiments
from etabli.data.catalog.source import Source
from etabli.experiments import runner
from etabli.report import run_folder

CARD = "tp1.gradients"


def scores(folder):
    return {
        (place.name, score.name): score.value for place, piece in run_folder.list_seed_runs(folder) for score in piece.scores
    }  # fmt: skip


def test_seeds_apart_are_the_seeds_of_one_run_and_only_the_first_draws(tmp_path):
    told = []
    parallel_seeds.run(CARD, tmp_path / "apart", Source.sample(), range(2), 2, told.append)
    assert sorted(told) == [0, 1] and not (tmp_path / "apart" / parallel_seeds.APART).exists()
    for name in ("apart", "together"):
        runner.run_experiments(
            experiments.select_experiments([CARD]), tmp_path / name, Source.sample(), seeds=range(2)
        )
    assert scores(tmp_path / "apart") == pytest.approx(
        scores(tmp_path / "together"), rel=1e-3, abs=1e-9
    )
    figures = [
        sorted(
            path.name
            for path in (run_folder.seed_run_folder(tmp_path / name, CARD, seed) / "figures").glob(
                "*"
            )
        )
        for name in ("apart", "together")
        for seed in range(2)
    ]
    assert figures[:2] == figures[2:]


def test_what_is_finished_or_alone_is_left_to_the_run_itself(tmp_path):
    told = []
    parallel_seeds.run(CARD, tmp_path, Source.sample(), range(1), 2, told.append)
    parallel_seeds.run(CARD, tmp_path, Source.sample(), range(3), 1, told.append)
    assert not told and not list(tmp_path.iterdir())


def test_a_seed_that_fails_leaves_its_log_and_no_piece(tmp_path):
    told = []
    parallel_seeds.run("tp9.nothing", tmp_path / "run", Source.full(), range(2), 2, told.append)
    logs = list((tmp_path / "run" / parallel_seeds.APART).glob("*/log.txt"))
    assert not told and len(logs) == 2 and all("tp9.nothing" in log.read_text() for log in logs)
