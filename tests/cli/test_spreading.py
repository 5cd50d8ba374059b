"""--devices, --coordinator, --processes, --process-id: what cannot be joined, and two processes that train as one."""

import pytest

from etabli.cli.spreading import folder_of


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["run", "tp1.mlp", "--devices", "2"], "tp1.mlp cannot be spread"),
        (["run", "tp4.poetry", "tp2.mlp", "--processes", "2"], "tp4.poetry cannot be spread"),
        (["run", "tp2.mlp", "--processes", "2", "--process-id", "0"], "--coordinator HOST:PORT"),
        (["run", "tp2.mlp", "--processes", "2", "--coordinator", "a:1"], "--process-id from 0 to 1"),
        (["run", "tp2.mlp", "--process-id", "1"], "Give --processes N too"),
        (["finetune", ".", "--out", "m", "--weights", "none", "--coordinator", "a:1"], "Give --processes N too"),
    ],
)
def test_what_cannot_be_spread_or_joined_is_a_sentence(etabli, tmp_path, words, says):
    told = etabli(*words)
    assert told.code == 2 and says in told.err
    assert list(tmp_path.iterdir()) == []


def test_a_process_that_follows_writes_in_a_folder_that_vanishes(tmp_path):
    with folder_of(tmp_path / "out", leads=True) as place:
        assert place == tmp_path / "out"
    with folder_of(tmp_path / "out", leads=False) as place:
        place.mkdir()
        assert not place.is_relative_to(tmp_path / "out")
    assert not place.exists() and not (tmp_path / "out").exists()
