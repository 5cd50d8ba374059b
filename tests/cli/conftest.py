"""Run the command line inside the test: exit code, standard output, standard error."""

import sys
from dataclasses import dataclass

import pytest

from etabli import cli


@dataclass
class Result:
    code: int
    out: str
    err: str


@pytest.fixture
def etabli(capsys, monkeypatch, tmp_path):
    """``etabli("run", "tp1")`` in a temporary folder."""
    monkeypatch.chdir(tmp_path)

    def command(*words: str) -> Result:
        monkeypatch.setattr(sys, "argv", ["etabli", *map(str, words)])
        capsys.readouterr()
        try:
            cli.main()
            code = 0
        except SystemExit as end:
            code = end.code or 0
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return Result(code, out, err)

    return command
