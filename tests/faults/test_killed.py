"""Kill -9 at three random moments of every long command: it goes on, and ends as if nothing had been."""

import os

import pytest
from faults.commands import COMMANDS, PACKED, download_of
from faults.killing import torment
from mirrors import running

KILLS = int(os.environ.get("ETABLI_KILLS", "3"))
SEED = int(os.environ.get("ETABLI_KILL_SEED", "0"))


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """What no kill is about: the sample sets, and what XLA compiled."""
    return tmp_path_factory.mktemp("shared")


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_a_killed_command_goes_on_to_the_same_result(command, tmp_path, shared):
    torment(command, tmp_path, shared, KILLS, seed=SEED)


@pytest.mark.slow
def test_a_killed_download_goes_on_to_the_same_file(tmp_path, shared):
    with running() as mirror:
        url = mirror.serve("/noise.gz", PACKED, pace=0.02)
        torment(download_of(url, PACKED), tmp_path, shared, KILLS, seed=SEED)
