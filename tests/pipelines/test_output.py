"""Nothing finished is replaced unasked; what was interrupted resumes."""

from datetime import datetime

import pytest

from etabli.core.errors import BadSetting
from etabli.pipelines import _output
from etabli.pipelines._output import is_finished, open_output, refuse_existing_file


def write_model(out, card="new"):
    (out / "card.json").write_text(card)


def test_a_finished_model_stays_and_the_error_names_what_replaces_it(tmp_path):
    with open_output(tmp_path, overwrite=False):
        write_model(tmp_path)
    assert is_finished(tmp_path)
    with pytest.raises(BadSetting, match="--overwrite") as refused, open_output(tmp_path, False):
        write_model(tmp_path, "other")
    assert "--resume" not in str(refused.value)
    with pytest.raises(BadSetting, match="--resume --epochs N"):
        open_output(tmp_path, False, can_resume=True).__enter__()
    assert (tmp_path / "card.json").read_text() == "new"


def test_an_interrupted_training_resumes_from_its_checkpoints(tmp_path):
    with pytest.raises(KeyboardInterrupt), open_output(tmp_path, False) as checkpoints:
        (checkpoints / "epoch").write_text("3")
        raise KeyboardInterrupt
    with open_output(tmp_path, False) as checkpoints:
        assert (checkpoints / "epoch").read_text() == "3"
        write_model(tmp_path)
    assert not checkpoints.exists()


def test_a_training_that_ends_between_its_card_and_its_last_file_is_not_finished(tmp_path):
    with pytest.raises(KeyboardInterrupt), open_output(tmp_path, False) as checkpoints:
        (checkpoints / "epoch").write_text("3")
        write_model(tmp_path)
        raise KeyboardInterrupt
    assert not is_finished(tmp_path)


@pytest.mark.parametrize("how", [{"overwrite": True}, {"overwrite": False, "resume": True}])
def test_a_model_whose_replacement_was_interrupted_is_still_finished(tmp_path, how):
    write_model(tmp_path, "old")
    with pytest.raises(KeyboardInterrupt), open_output(tmp_path, **how) as checkpoints:
        (checkpoints / "epoch").write_text("3")
        raise KeyboardInterrupt
    with pytest.raises(BadSetting, match="already holds"):
        open_output(tmp_path, False).__enter__()
    with open_output(tmp_path, **how) as checkpoints:
        assert (checkpoints / "epoch").read_text() == "3"
        write_model(tmp_path)


def test_a_command_that_fails_before_its_first_epoch_leaves_no_checkpoints(tmp_path):
    write_model(tmp_path, "old")
    with pytest.raises(BadSetting), open_output(tmp_path, overwrite=True):
        raise BadSetting("no weights")
    assert is_finished(tmp_path)
    assert not (tmp_path / "checkpoints").exists()


def test_a_file_that_exists_is_refused_unless_it_may_be_replaced(tmp_path):
    path = tmp_path / "predictions.csv"
    refuse_existing_file(path, False)
    refuse_existing_file(None, False)
    path.touch()
    refuse_existing_file(path, True)
    with pytest.raises(BadSetting, match=r"predictions.csv already exists.*--overwrite"):
        refuse_existing_file(path, False)


def test_two_runs_of_one_second_have_folders_of_their_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    clock = type("Clock", (), {"now": lambda: datetime(2026, 1, 2)})
    monkeypatch.setattr(_output, "datetime", clock)
    names = []
    for _turn in range(3):
        folder = _output.name_run_folder("tp1")
        folder.mkdir(parents=True)
        names.append(folder.name)
    assert names == [f"20260102-000000-tp1{end}" for end in ("", "-2", "-3")]
