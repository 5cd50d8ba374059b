import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etabli.core.errors import BadArray, BadSetting, CorruptFile, DataMissing
from etabli.data.formats import text
from etabli.data.formats.text import PRACTICAL, Markers, Preparation, Text
from etabli.data.synthetic import verse

RAW = "license\n\n  Voici le Début du texte \n\nUn Vers,\n  deux vers\nFIN du livre\nlicence"
MARKERS = Markers("le début", "fin du")


def test_preparing_strips_lowers_drops_empty_lines_and_joins_by_a_space():
    prepared = text.prepare(RAW, MARKERS)
    assert prepared.characters == "voici le début du texte un vers, deux vers"
    assert prepared.lines == 3


def test_a_missing_end_marker_leaves_the_rest_of_the_file():
    assert text.prepare("début\nvers", Markers("début", "fin")).characters == "début vers"


def test_a_text_without_its_start_marker_is_refused():
    with pytest.raises(CorruptFile, match="start marker"):
        text.prepare("autre chose", MARKERS)


GUTENBERG = {
    "today": ("*** START OF THE PROJECT GUTENBERG EBOOK X ***", "*** END OF THE PROJECT X ***"),
    "2005": ("***START OF THE PROJECT GUTENBERG EBOOK X***", "***END OF THE PROJECT X***"),
    "a long title": (
        "*** START OF THE PROJECT GUTENBERG EBOOK OF A VERY LONG\nTITLE ***",
        "End of the Project Gutenberg EBook of X, by Y\n*** END OF THIS",
    ),
    "1999": (
        "***START**THE SMALL PRINT!**FOR PUBLIC DOMAIN ETEXTS**START***\nWhy?\n"
        "*END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*",
        "End of Project Gutenberg's Etext of X",
    ),
}


@pytest.mark.parametrize("kind", GUTENBERG)
def test_the_license_of_any_gutenberg_text_is_cut_off(kind, tmp_path):
    start, end = GUTENBERG[kind]
    raw = f"Title\n{start}\n\nLa mer\nmonte\n\n{end}\nLicense\nand more\nof it\n"
    assert text.prepare(raw).characters == "la mer monte"
    path = tmp_path / "book.txt"
    path.write_text(raw, encoding="utf-8")
    own = text.read_corpus(path)
    assert own.characters == "La mer\nmonte"
    assert "license of Project Gutenberg" in own.remarks[0]
    number = raw.split("\n").index("monte") + 1
    assert own.locate(own.characters.index("monte")) == (path, number)


def test_a_text_without_markers_is_taken_whole():
    assert text.prepare("La mer\r\nmonte\rencore").characters == "la mer monte encore"


@given(st.text(alphabet="ab é🙂\n", min_size=1, max_size=40))
def test_encoding_and_decoding_give_the_text_back(raw):
    if raw.strip():
        prepared = text.prepare(raw)
        assert text.decode(prepared.codes, prepared.vocabulary) == prepared.characters
        assert list(prepared.vocabulary) == sorted(prepared.vocabulary)


def test_the_codes_are_read_only():
    with pytest.raises(ValueError, match="read-only"):
        text.prepare("abc").codes[0] = 1


def test_a_character_never_seen_is_refused_by_name():
    with pytest.raises(BadArray, match="'z'"):
        text.encode("az", ("a", "b"))


@pytest.mark.parametrize(
    ("raw", "message"),
    [(b"", "is empty"), (b" \n\n ", "is empty"), (b"a\0b", "NUL"), (b"\xff\xfea", "damaged")],
)
def test_a_file_that_is_no_text_is_refused(tmp_path, raw, message):
    path = tmp_path / "text.txt"
    path.write_bytes(raw)
    for reader in (text.read, text.read_corpus):
        with pytest.raises(CorruptFile, match=message):
            reader(path)


def test_a_file_that_does_not_exist_is_refused(tmp_path):
    for reader in (text.read, text.read_corpus):
        with pytest.raises(DataMissing, match="no text file"):
            reader(tmp_path / "none.txt")


def test_emoji_and_a_byte_order_mark_are_read(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("\ufeffLa mer 🌊", encoding="utf-8")
    assert text.read(path).characters == "la mer 🌊"


CODE = "def f(x):\n    if x:\n\treturn X\n\n\nclass A:\n    pass\n"


def test_a_text_of_your_own_keeps_case_lines_and_indentation(tmp_path):
    path = tmp_path / "f.py"
    path.write_bytes(b"\xef\xbb\xbf" + b"\n\n" + CODE.replace("\n", "\r\n").encode())
    own = text.read_corpus(path)
    assert own.characters == CODE.rstrip("\n")
    assert (own.name, own.lines, own.remarks) == ("f", 7, ())
    assert own.locate(0) == (path, 3)
    assert own.locate(own.characters.index("A:")) == (path, 8)
    assert text.read_corpus(path, Preparation(lowercase=True)).characters == CODE.lower().strip()
    joined = text.read_corpus(path, Preparation(join_lines=True))
    assert joined.characters == "def f(x): if x: return X class A: pass"
    assert joined.locate(joined.characters.index("pass")) == (path, 9)


def test_lower_case_and_joined_lines_are_the_preparation_of_the_practical(tmp_path):
    verse.make(tmp_path)
    path = tmp_path / verse.FILE
    ours, theirs = text.read_corpus(path, PRACTICAL), text.read(path)
    assert (ours.characters, ours.lines) == (theirs.characters, theirs.lines)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "windows-1252"])
def test_every_encoding_gives_the_same_text(tmp_path, encoding):
    path = tmp_path / "t.txt"
    path.write_bytes("Été – œuvre\nL'hiver…".encode(encoding))
    own = text.read_corpus(path)
    assert own.characters == "Été – œuvre\nL'hiver…"
    guessed = [remark for remark in own.remarks if "Windows-1252" in remark]
    assert len(guessed) == (encoding == "windows-1252")


def test_letters_and_accents_are_composed_and_it_is_said(tmp_path):
    path = tmp_path / "t.txt"
    path.write_text(unicodedata.normalize("NFD", "été\nhiver"), encoding="utf-8")
    own = text.read_corpus(path)
    assert own.characters == "été\nhiver"
    assert "NFC" in own.remarks[0]
    assert own.locate(4) == (path, 2)
    assert own.preparation.apply(unicodedata.normalize("NFD", "é")) == "é"


def test_a_folder_is_read_in_order_and_what_is_no_text_is_named(tmp_path):
    for name, content in {
        "b.txt": b"second",
        "a/z.md": b"first\nline",
        "c.png": b"\x89PNG\r\n\0\0",
        ".git/config": b"hidden",
        "__pycache__/x.txt": b"compiled",
        "empty.txt": b"\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    own = text.read_corpus(tmp_path)
    assert own.characters == "first\nline\nsecond"
    assert own.name == tmp_path.name
    assert own.locate(own.characters.index("second")) == (tmp_path / "b.txt", 1)
    assert own.locate(own.characters.index("line")) == (tmp_path / "a/z.md", 2)
    assert "not text: 1 (c.png)" in own.remarks[1]
    assert "empty: 1 (empty.txt)" in own.remarks[2]
    listed = text.read_corpus([tmp_path / "b.txt", tmp_path / "a/z.md"])
    assert (listed.characters, listed.name) == ("second\nfirst\nline", "b+1")
    some = text.read_corpus([tmp_path / "b.txt", tmp_path / "empty.txt"])
    assert some.characters == "second" and "empty: 1 (empty.txt)" in some.remarks[0]
    for empty in ([tmp_path / "empty.txt"], [tmp_path / "empty.txt"] * 2):
        with pytest.raises(CorruptFile, match="is empty"):
            text.read_corpus(empty)
    (tmp_path / "none").mkdir()
    with pytest.raises(DataMissing, match="no text in the folder"):
        text.read_corpus(tmp_path / "none")


def test_a_text_that_would_fill_the_memory_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(text, "MAX_BYTES", 100)
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text("la mer " * 10)
    assert text.read_corpus(tmp_path / "a.txt").characters
    with pytest.raises(BadArray, match="too much text"):
        text.read_corpus(tmp_path)


def test_windows_and_targets_are_consecutive_characters():
    inputs, targets = text.make_windows(np.arange(20), 4, 0, 20)
    assert inputs.shape == (16, 4)
    np.testing.assert_array_equal(inputs[0], [0, 1, 2, 3])
    np.testing.assert_array_equal(targets, np.arange(4, 20))


def test_the_test_targets_do_not_depend_on_the_length_of_the_windows():
    codes = np.arange(200)
    short, long = (text.make_windows(codes, length, 160, 200)[1] for length in (10, 40))
    np.testing.assert_array_equal(short, long)


@pytest.mark.parametrize("length", [0, 30])
def test_windows_that_do_not_fit_are_refused(length):
    with pytest.raises(BadArray, match="no window"):
        text.make_windows(np.arange(20), length, 0, 20)


def test_a_text_shorter_than_its_windows_is_refused():
    with pytest.raises(BadArray, match="too short"):
        Text("mine", "abcdefgh", 1).require(10)
    with pytest.raises(BadArray, match="too short"):
        Text("mine", "ab" * 30, 1).require(100)
    assert Text("mine", "ab" * 30, 1).require(10).boundary() == 50


@pytest.mark.parametrize("share", [0, 1, -0.5])
def test_a_share_out_of_range_is_refused(share):
    with pytest.raises(BadSetting, match="fraction"):
        Text("mine", "ab" * 30, 1).boundary(share)


@pytest.mark.full
def test_les_fleurs_du_mal_gives_the_known_counts(full_data):
    prepared = text.read(full_data / "fleurs_du_mal" / "fleurs_mal.txt", text.FLEURS_DU_MAL)
    codes, boundary = prepared.codes, prepared.boundary()
    assert (prepared.lines, len(prepared.characters), len(prepared.vocabulary)) == (
        3516,
        146_176,
        60,
    )
    assert len(text.make_windows(codes, 10, 0, len(codes))[1]) == 146_166
    assert len(text.make_windows(codes, 10, 0, boundary)[1]) == 116_932
    assert len(text.make_windows(codes, 10, boundary, len(codes))[1]) == 29_234
