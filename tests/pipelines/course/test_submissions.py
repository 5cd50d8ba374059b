"""What students hand in, in the forms that Moodle and people give it."""

import io
import json
import zipfile

import pytest

from etabli.core.errors import DataMissing
from etabli.pipelines.course.submissions import collect, read_code, read_declared


def zipped(files: dict[str, str]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return content.getvalue()


def test_the_zip_of_moodle_is_read_with_names_and_numbers_and_zips_inside(tmp_path):
    path = tmp_path / "TP1-submissions.zip"
    path.write_bytes(
        zipped(
            {
                "Ada Lovelace_71_assignsubmission_file_/tp1.softmax.py": "x = 1",
                "Emmy Noether_72_assignsubmission_file_tp1.softmax.py": "x = 2",
                "Émile Borel_73_assignsubmission_file/sub/a.ipynb": "{}",
                "Émile Borel_73_assignsubmission_file/photo.png": "",
                "__MACOSX/._a.py": "",
            }
        )
    )
    found, left_out = collect(path)
    assert [(each.owner, each.number, each.path) for each in found] == [
        ("Ada Lovelace", "71", "tp1.softmax.py"),
        ("Emmy Noether", "72", "tp1.softmax.py"),
        ("Émile Borel", "73", "sub/a.ipynb"),
    ]
    assert len(left_out) == 1 and "photo.png" in left_out[0]


def test_a_folder_is_read_with_zips_and_links_and_broken_zips_are_named(tmp_path):
    student = tmp_path / "all" / "Ada_71_assignsubmission_file_"
    student.mkdir(parents=True)
    (student / "mine.zip").write_bytes(zipped({"work/a.py": "x = 1", "../b.py": "x = 2"}))
    (student / "broken.zip").write_bytes(b"PK no zip")
    (tmp_path / "secret.py").write_text("secret")
    (student / "link.py").symlink_to(tmp_path / "secret.py")
    found, left_out = collect(tmp_path / "all")
    assert [(each.owner, each.path, each.content) for each in found] == [
        ("Ada", "work/a.py", b"x = 1")
    ]
    assert len(left_out) == 3


def test_nothing_to_mark_is_refused(tmp_path):
    with pytest.raises(DataMissing, match="contains neither a Python file"):
        collect(tmp_path)


def test_the_code_of_a_notebook_is_that_of_its_cells(tmp_path):
    cells = [{"cell_type": "code", "source": ["%matplotlib inline\n", "EXERCISE = 'tp1.sgd'\n"]}]
    (tmp_path / "a.ipynb").write_text(json.dumps({"cells": cells}))
    code = read_code(collect(tmp_path)[0][0])
    assert read_declared(code + "def f(): pass") == ({"EXERCISE": "tp1.sgd"}, {"f"})
    assert read_declared("def (") == ({}, set())
