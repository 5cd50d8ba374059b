import subprocess
import sys
from types import SimpleNamespace

import pytest

from etabli.core.errors import EtabliError, UnknownName
from etabli.data.synthetic import samples


@pytest.fixture
def maker(monkeypatch):
    """A sample set that counts how often it is made."""
    made = []

    def make(folder):
        made.append(folder)
        (folder / "one").write_text("1")

    monkeypatch.setitem(samples.MAKERS, "toy", "toy")
    monkeypatch.setitem(sys.modules, "toy", SimpleNamespace(VERSION=1, make=make, made=made))
    return sys.modules["toy"]


def test_a_set_is_made_once(tmp_path, maker):
    assert samples.ensure_sample("toy", tmp_path) == samples.ensure_sample("toy", tmp_path)
    assert (
        len(maker.made) == 1 and (samples.ensure_sample("toy", tmp_path) / "one").read_text() == "1"
    )


def test_a_new_version_is_generated_again(tmp_path, maker):
    first = samples.ensure_sample("toy", tmp_path)
    maker.VERSION = 2
    assert samples.ensure_sample("toy", tmp_path) != first and len(maker.made) == 2


def test_a_maker_that_fails_leaves_nothing_behind(tmp_path, maker):
    def fail(folder):
        (folder / "half").write_text("h")
        raise OSError(28, "No space left on device")

    maker.make = fail
    with pytest.raises(EtabliError, match="no space left"):
        samples.ensure_sample("toy", tmp_path)
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == []


def test_what_a_killed_maker_left_is_removed(tmp_path, maker):
    (tmp_path / ".toy-1.killed.part").mkdir()
    samples.ensure_sample("toy", tmp_path)
    assert not list(tmp_path.glob("*.part"))


def test_an_unknown_set_is_refused(tmp_path):
    with pytest.raises(UnknownName, match="no sample data set named 'mnits'"):
        samples.ensure_sample("mnits", tmp_path)


def test_two_processes_at_once_make_one_set(tmp_path):
    code = (
        "from etabli.data.catalog.source import Source\n"
        f"print(Source.sample({str(tmp_path)!r}).path('mnist'))"
    )
    both = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    assert len({process.communicate()[0] for process in both}) == 1
    assert all(process.returncode == 0 for process in both)
    assert len([path for path in tmp_path.iterdir() if path.is_dir()]) == 1
