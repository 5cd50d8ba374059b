import errno

import pytest

from etabli.core.atomic_files import atomic_write, explain_os_error
from etabli.core.errors import EtabliError, NoSpace


def test_a_file_is_written_completely(tmp_path):
    with atomic_write(tmp_path / "deep" / "a.txt") as stream:
        stream.write("é")
        assert not (tmp_path / "deep" / "a.txt").exists()
    assert (tmp_path / "deep" / "a.txt").read_text(encoding="utf-8") == "é"


def test_a_failure_leaves_the_previous_file_only(tmp_path):
    (tmp_path / "a.txt").write_text("before")
    with pytest.raises(RuntimeError), atomic_write(tmp_path / "a.txt") as stream:
        stream.write("half")
        raise RuntimeError
    assert (tmp_path / "a.txt").read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_a_full_disk_raises_with_a_fix(tmp_path):
    with (
        pytest.raises(NoSpace, match=r"no space left.*Free some disk space"),
        atomic_write(tmp_path / "a.txt"),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_a_file_raises(tmp_path):
    (tmp_path / "file").write_text("x")
    with (
        pytest.raises(EtabliError, match="cannot write"),
        atomic_write(tmp_path / "file" / "inside.txt"),
    ):
        pass


def test_other_os_errors_are_not_changed():
    error = OSError(errno.EIO, "Input/output error")
    assert explain_os_error(error, "x") is error


def test_a_file_size_limit_raises_too():
    assert "File too large" in str(
        explain_os_error(OSError(errno.EFBIG, "File too large"), "shard")
    )


def test_a_folder_in_which_nothing_can_be_created_is_not_writable(tmp_path):
    missing = OSError(errno.ENOENT, "No such file or directory")
    assert "cannot write" in str(explain_os_error(missing, tmp_path / "new"))
    assert explain_os_error(missing, tmp_path / "absent" / "new") is missing
