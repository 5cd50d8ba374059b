import pytest

from etabli import labs, runs
from etabli.data.source import Source
from etabli.labs import apart, runner

CARD = "tp1.gradients"


def scores(folder):
    return {
        (place.name, score.name): score.value for place, piece in runs.pieces(folder) for score in piece.scores
    }  # fmt: skip


def test_seeds_apart_are_the_seeds_of_one_run_and_only_the_first_draws(tmp_path):
    told = []
    apart.run(CARD, tmp_path / "apart", Source.sample(), range(2), 2, told.append)
    assert sorted(told) == [0, 1] and not (tmp_path / "apart" / apart.APART).exists()
    for name in ("apart", "together"):
        runner.run(labs.chosen([CARD]), tmp_path / name, Source.sample(), seeds=range(2))
    assert scores(tmp_path / "apart") == pytest.approx(scores(tmp_path / "together"), rel=1e-3, abs=1e-9)
    figures = [
        sorted(path.name for path in (runs.piece_folder(tmp_path / name, CARD, seed) / "figures").glob("*"))
        for name in ("apart", "together")
        for seed in range(2)
    ]
    assert figures[:2] == figures[2:]


def test_what_is_finished_or_alone_is_left_to_the_run_itself(tmp_path):
    told = []
    apart.run(CARD, tmp_path, Source.sample(), range(1), 2, told.append)
    apart.run(CARD, tmp_path, Source.sample(), range(3), 1, told.append)
    assert not told and not list(tmp_path.iterdir())


def test_a_seed_that_fails_leaves_its_log_and_no_piece(tmp_path):
    told = []
    apart.run("tp9.nothing", tmp_path / "run", Source.full(), range(2), 2, told.append)
    logs = list((tmp_path / "run" / apart.APART).glob("*/log.txt"))
    assert not told and len(logs) == 2 and all("tp9.nothing" in log.read_text() for log in logs)
