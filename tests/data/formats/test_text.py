import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etabli.core.errors import BadArray, BadSetting, CorruptFile, DataMissing
from etabli.data.formats import text
from etabli.data.formats.text import Markers, Text

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


def test_the_license_of_any_gutenberg_text_is_cut_off():
    start, end = "*** START OF THIS PROJECT GUTENBERG EBOOK X ***", "*** END OF THIS EBOOK ***"
    raw = f"Title\n{start}\nla mer\n{end}\nLicense"
    assert text.prepare(raw).characters == "la mer"


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
    [
        (b"", "is empty"),
        (b" \n\n ", "is empty"),
        ("été".encode("latin-1"), "not UTF-8"),
        (b"a\0b", "NUL"),
        ("été".encode("utf-16"), "not UTF-8"),
    ],
)
def test_a_file_that_is_no_utf8_text_is_refused(tmp_path, raw, message):
    path = tmp_path / "text.txt"
    path.write_bytes(raw)
    with pytest.raises(CorruptFile, match=message):
        text.read(path)


def test_a_file_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(DataMissing, match="no text file"):
        text.read(tmp_path / "none.txt")


def test_emoji_and_a_byte_order_mark_are_read(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("\ufeffLa mer 🌊", encoding="utf-8")
    assert text.read(path).characters == "la mer 🌊"


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
