"""The style and the types that `make lint` checks."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ["src", "tests", "tools", "benchmarks"]
COMMANDS = [
    pytest.param(["ruff", "check", *FOLDERS], id="rules"),
    pytest.param(["ruff", "format", "--check", *FOLDERS], id="format"),
    pytest.param(["mypy"], id="types", marks=pytest.mark.slow),
]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_code_passes(command):
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
