"""One opener of text files: encodings are distinguished, lines end at newlines only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etabli.core.errors import CorruptFile, DataMissing
from etabli.data.formats import text_file

SENTENCE = "Été à Noël — cœur\n"


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "windows-1252"])
def test_the_same_text_comes_from_every_encoding(tmp_path, codec):
    path = tmp_path / "text.txt"
    path.write_bytes(SENTENCE.encode(codec))
    found = text_file.read(path)
    assert found.text == SENTENCE
    assert found.encoding == text_file.detect_encoding(path)


def test_only_a_guessed_encoding_is_reported(tmp_path):
    for codec, is_reported in (("utf-8", False), ("utf-16", False), ("windows-1252", True)):
        path = tmp_path / f"{codec}.txt"
        path.write_bytes(SENTENCE.encode(codec))
        remark = text_file.describe_encoding(path, text_file.read(path).encoding)
        assert (remark is not None) == is_reported


def test_a_character_cut_by_a_chunk_is_still_utf_8(tmp_path, monkeypatch):
    monkeypatch.setattr(text_file, "_CHUNK", 3)
    path = tmp_path / "text.txt"
    path.write_text("aéœ—" * 5, encoding="utf-8")
    assert text_file.detect_encoding(path) == text_file.UTF_8


@given(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"])))
def test_a_line_ends_at_a_newline_only(line):
    assert text_file.split_lines(f"{line}\n{line}\r\n{line}") == (
        [line] * 3 if line else [line] * 2
    )


def test_binary_and_missing_files_are_refused(tmp_path):
    (tmp_path / "binary").write_bytes(b"\x89PNG\0\0")
    with pytest.raises(CorruptFile, match="NUL"):
        text_file.read(tmp_path / "binary")
    with pytest.raises(DataMissing):
        text_file.read(tmp_path / "none.txt")
    (tmp_path / "cut").write_bytes("é".encode("utf-16") + b"\xd8")
    with pytest.raises(CorruptFile, match="UTF-16"):
        text_file.read(tmp_path / "cut")
