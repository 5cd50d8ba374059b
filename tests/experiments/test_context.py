import json

import numpy as np
import pytest
from safetensors.numpy import load_file
from tiny import EXPERIMENT

from etabli.core.errors import BadSetting
from etabli.data.catalog.source import Source
from etabli.experiments.context import RunContext
from etabli.metrics.score import Score


@pytest.fixture
def context(tmp_path):
    return RunContext(EXPERIMENT, tmp_path / "seed-0", Source.sample(tmp_path), seed=0)


def test_a_row_of_a_history_is_on_disk_at_once(context):
    context.log("train", epoch=1, loss=np.float32(0.5))
    line = (context.folder / "train.jsonl").read_text()
    assert json.loads(line) == {"epoch": 1, "loss": 0.5}


def test_a_line_cut_by_a_kill_is_left_out(context):
    context.log("train", epoch=1)
    with (context.folder / "train.jsonl").open("a") as stream:
        stream.write('{"epoch": 2, "lo')
    assert context.history("train") == [{"epoch": 1}]


def test_a_score_that_is_not_a_number_is_refused(context):
    with pytest.raises(BadSetting, match="diverged"):
        context.score("test_loss", Score(float("nan")))


def test_an_unknown_claim_is_a_programming_error(context):
    with pytest.raises(KeyError):
        context.claim("unknown", "confirmed", "")


def test_the_same_figure_is_the_same_bytes(context):
    for key in ("a", "b"):
        with context.figure(key, title="Line") as ax:
            ax.plot([1, 2], [3, 4])
    images = [(context.folder / "figures" / f"{key}.svg").read_bytes() for key in "ab"]
    assert images[0] == images[1]


def test_arrays_that_are_kept_come_back(context):
    path = context.save_arrays("weights", {"w": np.eye(3, dtype=np.float32)[:, ::-1]})
    np.testing.assert_array_equal(load_file(path)["w"], np.eye(3)[:, ::-1])


def test_a_new_attempt_forgets_curves_and_figures_but_keeps_checkpoints(context, tmp_path):
    context.log("train", epoch=1)
    context.path("checkpoint.keras").write_bytes(b"x")
    second = RunContext(EXPERIMENT, context.folder, Source.sample(tmp_path), seed=0)
    assert second.history("train") == []
    assert second.path("checkpoint.keras").exists()


def test_a_claim_is_judged_on_full_data_only(context, tmp_path):
    full = RunContext(EXPERIMENT, tmp_path / "full", Source.full(tmp_path), seed=0)
    for each in (context, full):
        each.claim("it_falls", "confirmed", "from 2 to 1")
    (sample,), (judged,) = context.claims, full.claims
    assert (sample.verdict, judged.verdict) == ("not_judged", "confirmed")
    assert sample.measured == judged.measured == "from 2 to 1"
