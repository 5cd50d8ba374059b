"""Every long command, killed at three random moments, resumes and gives the same result."""

import os

import pytest
from faults.commands import COMMANDS, PACKED, download_of
from faults.killing import kill_repeatedly
from mirrors import running

KILLS = int(os.environ.get("ETABLI_KILLS", "3"))
SEED = int(os.environ.get("ETABLI_KILL_SEED", "0"))


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """What kills do not affect: the sample data sets, and what XLA compiled."""
    return tmp_path_factory.mktemp("shared")


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_a_killed_command_resumes_to_the_same_result(command, tmp_path, shared):
    kill_repeatedly(command, tmp_path, shared, KILLS, seed=SEED)


@pytest.mark.slow
def test_a_killed_download_resumes_to_the_same_file(tmp_path, shared):
    with running() as mirror:
        url = mirror.serve("/noise.gz", PACKED, pace=0.02)
        kill_repeatedly(download_of(url, PACKED), tmp_path, shared, KILLS, seed=SEED)
