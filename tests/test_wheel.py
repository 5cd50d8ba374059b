"""The wheel, installed away from the source, holds everything that the program needs."""

import os
import re
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path
from urllib.request import urlopen

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out)]
    subprocess.run([*build, str(ROOT)], check=True, capture_output=True)
    (made,) = out.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory) -> Path:
    """Install the wheel in a virtual environment, as pipx does, with the tests' dependencies."""
    home = tmp_path_factory.mktemp("installed")
    venv.create(home / "venv")
    python = home / "venv" / "bin" / "python"
    install = ["pip", "install", "--quiet", "--no-deps", "--python", str(python), str(wheel)]
    subprocess.run([sys.executable, "-m", "uv", *install], check=True, capture_output=True)
    paths = {"base": str(home / "venv"), "platbase": str(home / "venv")}
    site = Path(sysconfig.get_path("purelib", vars=paths))
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return home


def start(environment: Path, *words: str, **options: object) -> subprocess.Popen:
    """Start the installed command in a folder that is no checkout."""
    variables = {**os.environ, "ETABLI_CACHE": str(environment / "cache")}
    variables.pop("PYTHONPATH", None)
    command = [str(environment / "venv" / "bin" / "etabli"), *words]
    return subprocess.Popen(
        command, cwd=environment, env=variables, stdout=subprocess.PIPE, text=True, **options
    )


def call(environment: Path, *words: str) -> str:
    """Run the installed command to its end; return what it printed."""
    process = start(environment, *words)
    out, _nothing = process.communicate(timeout=240)
    assert process.returncode == 0
    return out


def test_the_wheel_carries_every_file_of_the_package_and_nothing_of_the_tests(wheel):
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
    package = ROOT / "src"
    files = [
        path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts
    ]
    assert {path.relative_to(package).as_posix() for path in files} <= inside
    assert not any(name.startswith(("tests/", "tools/")) for name in inside)


def test_the_wheel_names_its_command_its_license_and_its_types(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        points = next(name for name in names if name.endswith("entry_points.txt"))
        assert "etabli = etabli.cli:main" in archive.read(points).decode()
    assert any(name.endswith("LICENSE") for name in names) and "etabli/py.typed" in names


def test_the_installed_program_is_the_one_of_the_wheel(environment):
    python = environment / "venv" / "bin" / "python"
    command = [python, "-I", "-c", "import etabli; print(etabli.__file__)"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(str(environment))


def test_the_installed_program_runs_an_experiment_on_the_sample_data(environment):
    assert "tp1.logistic" in call(environment, "list")
    call(environment, "run", "tp1.logistic", "--out", "run")
    assert (environment / "run" / "report.html").exists()


def test_the_installed_program_serves_its_pages(environment):
    server = start(environment, "serve", "--port", "0", stderr=subprocess.STDOUT)
    try:
        lines = iter(server.stdout.readline, "")
        address = next(found[0] for line in lines if (found := re.search(r"http://\S+", line)))
        with urlopen(address, timeout=60) as answer:
            page = answer.read().decode()
        assert answer.status == 200 and "<html" in page
    finally:
        server.terminate()
        server.wait(timeout=60)
