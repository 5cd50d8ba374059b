"""The wheel, installed apart from the source, holds all that it needs."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    command = [
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "--outdir",
        str(out),
        str(ROOT),
    ]
    subprocess.run(command, check=True, capture_output=True)
    (made,) = out.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Run ``etabli`` from the unpacked wheel; the dependencies come from this environment."""
    home = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(home / "site")

    def command(*words: str) -> str:
        environment = {
            **os.environ,
            "PYTHONPATH": str(home / "site"),
            "ETABLI_CACHE": str(home / "cache"),
        }
        done = subprocess.run(
            [sys.executable, "-m", "etabli", *words],
            cwd=home,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    command.home = home
    return command


def test_the_wheel_carries_every_file_of_the_package_and_nothing_of_the_tests(wheel):
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
    package = ROOT / "src"
    kept = [
        path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts
    ]
    assert {path.relative_to(package).as_posix() for path in kept} <= inside
    assert not any(name.startswith("tests/") for name in inside)


def test_the_wheel_names_its_command_and_its_licence(wheel):
    with zipfile.ZipFile(wheel) as archive:
        points = next(name for name in archive.namelist() if name.endswith("entry_points.txt"))
        assert "etabli = etabli.cli:main" in archive.read(points).decode()
        assert any(name.endswith("LICENSE") for name in archive.namelist())


def test_the_installed_program_is_the_one_of_the_wheel(installed):
    code = "import etabli; print(etabli.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(installed.home / "site")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith(str(installed.home))


def test_the_installed_program_runs_an_experiment_on_the_sample_data_inside_it(installed):
    assert "tp1.logistic" in installed("list")
    out = installed("run", "tp1.logistic", "--out", "run")
    assert "test_accuracy" in out
    assert (installed.home / "run" / "report.html").exists()
