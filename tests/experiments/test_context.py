import json

import numpy as np
import pytest
from safetensors.numpy import load_file
from tiny import EXPERIMENT

from etabli.core.errors import BadSetting
from etabli.data.catalog.source import Source
from etabli.experiments.context import Bench
from etabli.metrics.score import Score


@pytest.fixture
def bench(tmp_path):
    return Bench(EXPERIMENT, tmp_path / "piece", Source.sample(tmp_path), seed=0)


def test_a_row_of_a_history_is_on_disk_at_once(bench):
    bench.log("train", epoch=1, loss=np.float32(0.5))
    line = (bench.folder / "train.jsonl").read_text()
    assert json.loads(line) == {"epoch": 1, "loss": 0.5}


def test_a_line_cut_by_a_kill_is_left_out(bench):
    bench.log("train", epoch=1)
    with (bench.folder / "train.jsonl").open("a") as stream:
        stream.write('{"epoch": 2, "lo')
    assert bench.history("train") == [{"epoch": 1}]


def test_a_score_that_is_not_a_number_is_refused(bench):
    with pytest.raises(BadSetting, match="diverged"):
        bench.score("test_loss", Score(float("nan")))


def test_a_claim_that_is_not_on_the_card_is_a_mistake_of_ours(bench):
    with pytest.raises(KeyError):
        bench.claim("unheard_of", "confirmed", "")


def test_the_same_figure_is_the_same_bytes(bench):
    for key in ("a", "b"):
        with bench.figure(key, title="Line") as ax:
            ax.plot([1, 2], [3, 4])
    pictures = [(bench.folder / "figures" / f"{key}.svg").read_bytes() for key in "ab"]
    assert pictures[0] == pictures[1]


def test_arrays_that_are_kept_come_back(bench):
    path = bench.keep("weights", {"w": np.eye(3, dtype=np.float32)[:, ::-1]})
    np.testing.assert_array_equal(load_file(path)["w"], np.eye(3)[:, ::-1])


def test_a_new_attempt_forgets_curves_and_figures_but_keeps_checkpoints(bench, tmp_path):
    bench.log("train", epoch=1)
    bench.path("checkpoint.keras").write_bytes(b"x")
    again = Bench(EXPERIMENT, bench.folder, Source.sample(tmp_path), seed=0)
    assert again.history("train") == []
    assert again.path("checkpoint.keras").exists()
