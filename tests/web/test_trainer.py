"""Training is another process, one at a time, and can be stopped."""

import sys
import time
from types import SimpleNamespace

import pytest

from etabli.core.errors import FolderBusy
from etabli.web import trainer as module
from etabli.web.pages import training
from etabli.web.trainer import Trainer


@pytest.fixture
def pretend(monkeypatch, tmp_path):
    """A trainer whose process runs some Python instead of a practical."""

    def made(code: str) -> Trainer:
        monkeypatch.setattr(
            module, "_command", lambda experiments, out, again: [sys.executable, "-c", code]
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


def test_nothing_runs_at_first(tmp_path):
    assert Trainer(tmp_path).state() == {"state": "idle"}


def test_the_command_is_the_one_of_the_terminal(tmp_path):
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
    assert module._command(["tp1.logistic"], tmp_path / "playground", again=True) == [
        *command,
        "--again",
    ]


def test_what_the_training_says_is_shown_and_its_end_is_known(pretend):
    trainer = pretend("import sys; print('epoch 1', file=sys.stderr)")
    trainer.start(["tp1.logistic"])
    state = wait(trainer, "done")
    assert state["lines"] == ["epoch 1"]
    assert state["experiments"] == ["tp1.logistic"]


def test_a_training_that_fails_keeps_its_last_words(pretend):
    trainer = pretend("import sys; sys.exit('etabli: no space left')")
    trainer.start(["tp1.logistic"])
    assert wait(trainer, "failed")["lines"] == ["etabli: no space left"]


def test_there_is_one_training_at_a_time_and_it_can_be_stopped(pretend):
    trainer = pretend("import time; time.sleep(60)")
    trainer.start(["tp1.logistic"])
    with pytest.raises(FolderBusy):
        trainer.start(["tp1.mlp"])
    trainer.stop()
    assert trainer.state()["state"] == "stopped"
    trainer.stop()


def test_a_talkative_training_fills_no_memory(pretend):
    trainer = pretend("import sys\nfor n in range(5000): print('x' * 999, file=sys.stderr)")
    trainer.start(["tp1.logistic"])
    state = wait(trainer, "done")
    assert len(state["lines"]) <= 12
    assert max(len(line) for line in state["lines"]) <= 300


@pytest.mark.parametrize(("state", "again"), [("missing", False), ("failed", True)])
def test_what_a_page_lacks_is_trained_and_what_cannot_be_loaded_is_trained_anew(state, again):
    asked = []
    shelf = SimpleNamespace(
        state=lambda: {"digits.linear": {"state": state, "experiment": "tp1.logistic"}}
    )
    trainer = SimpleNamespace(start=lambda names, again: asked.append((names, again)), state=dict)
    training.start(SimpleNamespace(shelf=shelf, trainer=trainer), training.Train(page="digits"))
    assert asked == [(["tp1.logistic"], again)]
