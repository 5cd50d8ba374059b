"""The process that reads MATLAB and HDF5 files: its answers, its errors, its end."""

import io

import numpy as np
import pytest
from scipy import io as scipy_io

from etabli.core.errors import BadArray, CorruptFile, EtabliError, UnknownName
from etabli.core.i18n import use_language
from etabli.data.formats import tabular
from etabli.data.formats.tabular import Options, child


@pytest.fixture
def path(tmp_path):
    scipy_io.savemat(tmp_path / "a.mat", {"X": np.eye(3), "y": [1, 2, 1]})
    return tmp_path / "a.mat"


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "ended by signal 11"),
        (
            "from etabli.data.formats.tabular import child; child._limit(1, 2**33)\nwhile True: 1",
            "did not end within",
        ),
        ("raise SystemExit('no words')", "no words"),
        ("print('{}')", "is damaged"),
        ("raise MemoryError", "does not fit in memory"),
    ],
)
def test_a_reader_that_ends_gives_a_sentence(command, sentence, path, monkeypatch):
    monkeypatch.setattr(child, "_COMMAND", command)
    with pytest.raises(EtabliError, match=sentence):
        tabular.read(path)


def test_the_advice_on_a_damaged_file_works(path):
    with pytest.raises(CorruptFile, match=r"numpy\.savez\(FILE, X=points, y=labels\)"):
        raise child._explain_end(path, -11, "", {})
    np.savez(path.with_suffix(".npz"), X=np.eye(3), y=[1, 2, 1])
    table = tabular.read(path.with_suffix(".npz"), need_labels=True)
    np.testing.assert_array_equal(table.points, tabular.read(path).points)
    np.testing.assert_array_equal(table.labels, tabular.read(path).labels)


def test_errors_of_the_child_keep_their_kind_and_their_languages(path):
    with pytest.raises(UnknownName) as caught, use_language("fr"):
        tabular.read(path, options=Options(array="Z"))
    assert "there is no column named 'Z'" in str(caught.value)
    with use_language("fr"):
        assert "'Z'" in str(caught.value) and "there is no" not in str(caught.value)
    with pytest.raises(BadArray, match="which of its arrays are the points"):
        scipy_io.savemat(path, {"a": np.eye(3), "b": np.eye(3)})
        tabular.read(path)


def test_the_child_does_not_import_modules_of_the_users_folder(path, monkeypatch):
    (path.parent / "scipy.py").write_text("raise SystemExit('the wrong module')")
    monkeypatch.chdir(path.parent)
    assert len(tabular.read(path).points) == 3


def test_arrays_pass_through_a_pipe_whole():
    stream = io.BytesIO()
    child.send(stream, {"remarks": []}, [np.arange(6).reshape(2, 3), np.array(["é", ""])])
    stream.seek(0)
    assert stream.readline().startswith(b"{")
    np.testing.assert_array_equal(child._receive(stream), [[0, 1, 2], [3, 4, 5]])
    assert child._receive(stream).tolist() == ["é", ""]
