"""Hostile files never change another's mark, never pass, and reach nothing outside their folder."""

import os
import socket
from pathlib import Path

import pytest
from pipelines.course import hostile

from etabli import exercises
from etabli.pipelines import course
from etabli.pipelines.check.isolation import find_isolation

FEW = (
    *("endless loop in a call", "exit", "deletes everything", "reads the solution"),
    *("kills its parent", "answers before it is asked", "sends a bomb", "leaves its root"),
)


@pytest.fixture
def marked(tmp_path, monkeypatch):
    """Mark hostile files between two good ones; return the marks and where files may not reach."""
    if not find_isolation():
        pytest.skip(f"this machine isolates nothing; not run: {', '.join(hostile.NAMES)}")
    monkeypatch.setenv("ETABLI_TEST_SECRET", "password")
    witness = tmp_path / "witness"
    witness.mkdir()
    (witness / "secret.txt").write_text("secret")

    def mark(names):
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.setblocking(False)
            good = exercises.get_exercise("tp1.softmax").solution()
            handed_in = {"Ada": good, "Zoe": good}
            for name in names:
                port = server.getsockname()[1]
                code = hostile.write_file(name, str(witness), os.getpid(), port)
                handed_in[f"Hostile {name}"] = code
            for name, code in handed_in.items():
                folder = tmp_path / "submissions" / name
                folder.mkdir(parents=True)
                path = folder / ("good.py" if code is good else "mine.py")
                path.write_text(code, encoding="utf-8")
            found = course.mark(
                tmp_path / "submissions",
                tmp_path / "marks.csv",
                exercises=["tp1.softmax"],
                seconds=2,
            )
            with pytest.raises(BlockingIOError):  # nobody connected
                server.accept()
        return {each.student.name: each for each in found.feedbacks}, found, witness

    return mark


def assert_contained(marks, found, witness: Path, names) -> None:
    assert set(marks) == {"Ada", "Zoe", *(f"Hostile {name}" for name in names)}
    for name, feedback in marks.items():
        right = [row.passed for row in feedback.rows]
        assert all(right) if name in ("Ada", "Zoe") else not any(right), name
    assert [path.name for path in witness.iterdir()] == ["secret.txt"]
    assert (witness / "secret.txt").read_text() == "secret"
    records = [path.read_text() for path in (found.folder / "records").glob("*.json")]
    assert len(records) == len(marks)
    assert [record for record in records if "LEAK" in record] == []
    running = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not any(b"98765" in line for line in running)


def test_hostile_files_are_contained(marked):
    assert_contained(*marked(FEW), FEW)


@pytest.mark.slow
def test_every_hostile_file_is_contained(marked):
    assert len(hostile.NAMES) >= 30
    assert_contained(*marked(hostile.NAMES), hostile.NAMES)
