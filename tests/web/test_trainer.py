"""Training runs in a separate process, one at a time, and can be stopped."""

import sys
import time
from types import SimpleNamespace

import pytest

from etabli.core.errors import FolderBusy
from etabli.web import trainer as module
from etabli.web.pages import training
from etabli.web.trainer import Trainer


@pytest.fixture
def fake_trainer(monkeypatch, tmp_path):
    """A trainer whose process runs some Python instead of an experiment."""

    def made(code: str) -> Trainer:
        monkeypatch.setattr(
            module, "_command", lambda experiments, out, overwrite: [sys.executable, "-c", code]
        )
        return Trainer(tmp_path)

    return made


def wait(trainer: Trainer, *states: str) -> dict:
    until = time.monotonic() + 15
    while time.monotonic() < until:
        state = trainer.state()
        if state["state"] in states:
            return state
        time.sleep(0.01)
    raise TimeoutError(trainer.state())


def test_the_trainer_starts_idle(tmp_path):
    assert Trainer(tmp_path).state() == {"state": "idle"}


def test_the_command_is_etabli_run(tmp_path):
    command = module._command(["tp1.logistic"], tmp_path / "playground")
    assert command[1:3] == ["-m", "etabli"]
    assert command[5:] == [
        "run",
        "tp1.logistic",
        "--data",
        "sample",
        "--out",
        str(tmp_path / "playground"),
    ]
    assert module._command(["tp1.logistic"], tmp_path / "playground", overwrite=True) == [
        *command,
        "--overwrite",
    ]


def test_the_output_and_the_end_of_a_training_are_shown(fake_trainer):
    trainer = fake_trainer("import sys; print('epoch 1', file=sys.stderr)")
    trainer.start(["tp1.logistic"])
    state = wait(trainer, "done")
    assert state["lines"] == ["epoch 1"]
    assert state["experiments"] == ["tp1.logistic"]


def test_a_training_that_fails_keeps_its_last_words(fake_trainer):
    trainer = fake_trainer("import sys; sys.exit('etabli: no space left')")
    trainer.start(["tp1.logistic"])
    assert wait(trainer, "failed")["lines"] == ["etabli: no space left"]


def test_there_is_one_training_at_a_time_and_it_can_be_stopped(fake_trainer):
    trainer = fake_trainer("import time; time.sleep(60)")
    trainer.start(["tp1.logistic"])
    with pytest.raises(FolderBusy):
        trainer.start(["tp1.mlp"])
    trainer.stop()
    assert trainer.state()["state"] == "stopped"
    trainer.stop()


def test_long_output_is_truncated(fake_trainer):
    trainer = fake_trainer("import sys\nfor n in range(5000): print('x' * 999, file=sys.stderr)")
    trainer.start(["tp1.logistic"])
    state = wait(trainer, "done")
    assert len(state["lines"]) <= 12
    assert max(len(line) for line in state["lines"]) <= 300


@pytest.mark.parametrize(("state", "overwrite"), [("missing", False), ("failed", True)])
def test_missing_models_are_trained_and_those_that_cannot_be_loaded_from_scratch(state, overwrite):
    started = []
    models = SimpleNamespace(
        state=lambda: {"digits.linear": {"state": state, "experiment": "tp1.logistic"}}
    )
    trainer = SimpleNamespace(
        start=lambda names, overwrite: started.append((names, overwrite)), state=dict
    )
    training.start(
        SimpleNamespace(models=models, trainer=trainer), training.TrainParams(page="digits")
    )
    assert started == [(["tp1.logistic"], overwrite)]
