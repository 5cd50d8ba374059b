"""The style that `make lint` checks, so that nobody has to remember it."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("check", [["check"], ["format", "--check"]], ids=["rules", "format"])
def test_the_code_keeps_the_style_of_the_house(check):
    places = ["src", "tests", "tools", "benchmarks"]
    done = subprocess.run(
        [sys.executable, "-m", "ruff", *check, *places],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
