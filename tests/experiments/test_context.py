import dataclasses
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
        context.claim("unknown", "")


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


def test_a_claim_is_evaluated_on_full_data_only(context, tmp_path):
    full = RunContext(EXPERIMENT, tmp_path / "full", Source.full(tmp_path), seed=0)
    for each in (context, full):
        each.claim("it_falls", "from 2 to 1", last=1, first=2)
    (sample,), (evaluated,) = context.claims, full.claims
    assert (sample.verdict, evaluated.verdict) == ("not_evaluated", "confirmed")
    assert sample.measured == evaluated.measured == "from 2 to 1"
    full.claim("it_falls", "from 1 to 2", last=2, first=1)
    assert full.claims[-1].verdict == "refuted"


def test_a_claim_is_not_evaluated_on_data_that_it_is_not_about(tmp_path):
    claim = dataclasses.replace(EXPERIMENT.claims[0], data=("voc2007",))
    spec = dataclasses.replace(EXPERIMENT, claims=(claim,))
    context = RunContext(spec, tmp_path / "seed-0", Source.full(tmp_path), seed=0)
    context.claim("it_falls", "", last=1, first=2)
    context.data.add("voc2007")
    context.claim("it_falls", "", last=1, first=2)
    assert [each.verdict for each in context.claims] == ["not_evaluated", "confirmed"]
    assert context.claims[0].about == "VOC 2007"
    assert context.claims[0].condition == "confirmed if last < first"
