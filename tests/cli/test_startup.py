"""What ``etabli --help`` and ``import etabli`` import, counted in modules: time would depend on the
machine (``benchmarks/startup.py`` measures it)."""

import subprocess
import sys
from importlib import import_module

import pytest
from typer.main import get_command

from etabli import cli

_NEW = """
import sys, typer
before = set(sys.modules)
try:
    {code}
except SystemExit:
    pass
print("\\n", *sorted(set(sys.modules) - before), file=sys.stderr)
"""


def imported(code: str) -> set[str]:
    """Return the modules that a program imports beyond those of typer."""
    program = [sys.executable, "-c", _NEW.format(code=code)]
    done = subprocess.run(program, capture_output=True, text=True, check=True)
    return set(done.stderr.splitlines()[-1].split())


def called(*words: str) -> str:
    return f"sys.argv = {['etabli', *words]}; from etabli.cli import main; main()"


def list_command_modules() -> set[str]:
    return {f"etabli.cli.{module}" for module, _summary in cli.COMMANDS.values()}


def test_the_help_imports_no_command_and_twenty_modules_at_most():
    found = imported(called("--help"))
    assert not found & list_command_modules()
    assert len(found) <= 20, sorted(found)


@pytest.mark.parametrize("name", ["list", "exercise"])
def test_the_help_of_a_command_imports_that_command_alone(name):
    assert imported(called(name, "--help")) & list_command_modules() == {f"etabli.cli.{name}"}


def test_the_package_imports_two_modules_of_its_own_and_none_beyond_those_of_typer():
    assert imported("import etabli") == {"etabli", "etabli.core", "etabli.core.version"}


def test_the_help_lists_every_command_in_order_with_its_whole_line(etabli):
    assert list(get_command(cli.make_app([])).commands) == list(cli.COMMANDS)
    assert set(get_command(cli.app).commands) == set(cli.COMMANDS)
    for module, summary in cli.COMMANDS.values():
        assert import_module(f"etabli.cli.{module}")
        assert summary.endswith(".") and summary in etabli("--help").out
