"""Word vectors in every format, written here without the reader's help."""

import bz2
import gzip
import io
import json
import lzma
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etabli.core.errors import BadArray, BadSetting, CorruptFile, DataMissing
from etabli.data.formats import word_vectors

LINES = "the 0.1 0.2 0.3\ndog 1 2 3\né -1 0 1e-2\n"


@pytest.fixture
def file(tmp_path):
    def write(content, name="glove.txt"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_only_the_wanted_words_are_read(file):
    vectors = word_vectors.read(file(LINES), ["dog", "cat", "é"])
    assert vectors.words == ("dog", "é")
    np.testing.assert_allclose(vectors.lookup(["é", "dog"]), [[-1, 0, 0.01], [1, 2, 3]])
    assert vectors.list_missing(["cat", "dog"]) == ["cat"]


def test_all_words_are_read_where_none_are_named(file):
    assert word_vectors.read(file(LINES)).words == ("the", "dog", "é")


def test_a_last_line_without_its_end_is_read(file):
    np.testing.assert_allclose(
        word_vectors.read(file(LINES.rstrip("\n")), ["é"]).vectors, [[-1, 0, 0.01]]
    )


@pytest.mark.parametrize("wanted", [None, ["3", "dog"]])
def test_a_header_line_is_skipped(file, wanted):
    assert "3" not in word_vectors.read(file("3 3\n" + LINES), wanted).words


def test_the_first_line_of_a_doubled_word_counts(file):
    vectors = word_vectors.read(file(LINES + "dog 9 9 9\n"))
    np.testing.assert_allclose(vectors.lookup(["dog"]), [[1, 2, 3]])
    assert vectors.duplicates == ("dog",)


@pytest.mark.parametrize(
    "line", ["cat 1 2", "cat 1 x 3", "cat 1 nan 3", "cat", "cat 1 2 inf", "cat 1 1_0 2", "1 2 3"]
)
@pytest.mark.parametrize("wanted", [None, ["dog", "cat", "the"]])
def test_a_broken_line_is_left_out_with_its_number(file, line, wanted):
    vectors = word_vectors.read(file(LINES + line + " \n"), wanted)
    assert vectors.words == (("the", "dog") if wanted else ("the", "dog", "é"))
    if wanted is None or line.startswith("cat"):
        assert vectors.remarks == ("glove.txt: malformed lines, which are left out: 1 (line 4).",)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("the 0.1 0.2\ndog x y\ncat x\nbird\n", "line 2"),
        ("image,caption\na.jpg,a dog\n", "line 1"),
        ("Nothing of the kind.\n", "line 1"),
    ],
)
def test_a_file_of_another_content_is_refused_with_its_line(file, content, words):
    with pytest.raises(CorruptFile, match=words):
        word_vectors.read(file(content))


def test_a_broken_line_of_another_word_harms_nobody(file):
    assert word_vectors.read(file("cat 1 x\n" + LINES), ["dog"]).words == ("dog",)


@pytest.mark.parametrize("content", ["", "\n\n", "3 3\n"])
def test_a_file_without_vectors_is_refused(file, content):
    with pytest.raises(DataMissing, match="no word vectors"):
        word_vectors.read(file(content))


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(DataMissing, match="no file"):
        word_vectors.read(tmp_path / "none.txt")


def test_a_word_that_is_not_utf_8_is_left_out_with_its_line(file):
    vectors = word_vectors.read(file("été 1 2\n".encode("latin-1") + b"dog 1 2\n"))
    assert vectors.words == ("dog",)
    assert vectors.remarks == (
        "glove.txt: words that are not UTF-8, which are left out: 1 (line 1).",
    )


# The formats that people have


def make_vectors(seed=0, count=5, dimension=6):
    generator = np.random.default_rng(seed)
    return generator.normal(size=(count, dimension)).astype(np.float32)


WORDS = ("sea", "lake", "</s>", "été", "king")


def as_text(separator=" ", end="\n", header="", words=WORDS, vectors=None):
    vectors = make_vectors() if vectors is None else vectors
    lines = [
        separator.join([word, *(f"{value:.9g}" for value in row)])
        for word, row in zip(words, vectors, strict=True)
    ]
    return (header + end.join(lines) + end).encode()


def as_word2vec(words=WORDS, vectors=None, end=b""):
    """The binary form as gensim (no end) or word2vec.c (a newline) writes it."""
    vectors = make_vectors() if vectors is None else vectors
    entries = [
        word.encode() + b" " + struct.pack(f"<{len(row)}f", *row.tolist()) + end
        for word, row in zip(words, vectors, strict=True)
    ]
    return f"{len(words)} {vectors.shape[1]}\n".encode() + b"".join(entries)


def as_zip(*members):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("__MACOSX/._x", b"junk")
        for name, content in members:
            archive.writestr(name, content)
    return stream.getvalue()


FORMATS = {
    "glove.txt": as_text(),
    "windows.txt": as_text(end="\r\n"),
    "tab.tsv": as_text("\t"),
    "bom.txt": b"\xef\xbb\xbf" + as_text(),
    "bom_header.txt": b"\xef\xbb\xbf" + as_text(header="5 6\n"),
    "utf16.txt": as_text().decode().encode("utf-16"),
    "word2vec.txt": as_text(header="5 6\n"),
    "fasttext.vec": as_text(header="5 6\n", end=" \n"),
    "gensim.bin": as_word2vec(),
    "word2vec.bin": as_word2vec(end=b"\n"),
    "vec.txt.gz": gzip.compress(as_text()),
    "GoogleNews.bin.gz": gzip.compress(as_word2vec()),
    "vec.bz2": bz2.compress(as_text()),
    "vec.xz": lzma.compress(as_text(header="5 6\n")),
    "one.zip": as_zip(("folder/vectors.vec", as_text(header="5 6\n"))),
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_read(file, name):
    vectors = word_vectors.read(file(FORMATS[name], name))
    assert vectors.words == WORDS
    np.testing.assert_array_equal(vectors.vectors, make_vectors())
    assert vectors.remarks == ()
    some = word_vectors.read(file(FORMATS[name], name), ["king", "été", "x"])
    assert some.words == ("été", "king")
    np.testing.assert_array_equal(some.vectors, make_vectors()[3:])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("vectors.txt", "\n".join(WORDS)),
        ("words.txt", "\r\n".join(WORDS) + "\r\n"),
        ("vocab.txt", "".join(f"{word} {9 - i}\n" for i, word in enumerate(WORDS))),
        ("vocab.json", json.dumps(WORDS)),
        ("vocab.json", json.dumps({word: i for i, word in reversed([*enumerate(WORDS)])})),
        ("index.json", json.dumps(dict(enumerate(WORDS)))),
        ("any.txt", "\n".join(WORDS)),
    ],
)
def test_an_array_has_its_words_next_to_it(tmp_path, name, content):
    np.save(tmp_path / "vectors.npy", make_vectors())
    (tmp_path / name).write_text(content, encoding="utf-8", newline="")
    (tmp_path / "other.txt").write_text("not\nthe\nwords")
    vectors = word_vectors.read(tmp_path / "vectors.npy")
    assert vectors.words == WORDS
    np.testing.assert_array_equal(vectors.vectors, make_vectors())
    assert word_vectors.read(tmp_path / "vectors.npy", ["king"]).words == ("king",)


def test_an_array_without_its_words_is_refused_and_the_advice_works(tmp_path):
    np.save(tmp_path / "vectors.npy", make_vectors())
    with pytest.raises(DataMissing, match=r"5 words .* Write them to vectors\.txt"):
        word_vectors.read(tmp_path / "vectors.npy")
    (tmp_path / "vectors.txt").write_text("\n".join(WORDS), encoding="utf-8")
    assert word_vectors.read(tmp_path / "vectors.npy").words == WORDS


def test_words_may_have_blanks_and_digits(file):
    words = (". . .", "at someone@site.example", "New York", "3 1/2", "2 0.5", "sea", "1999")
    content = as_text(words=words, vectors=make_vectors(count=7))
    vectors = word_vectors.read(file(content))
    assert vectors.words == words
    assert vectors.duplicates == ()
    np.testing.assert_array_equal(vectors.vectors, make_vectors(count=7))
    some = word_vectors.read(file(content), ["New York", ".", "New", "2 0.5"])
    assert some.words == ("New York", "2 0.5")


@pytest.mark.parametrize("separator", ["\x85", "\u2028", "\xa0", "\x0c"])
def test_a_line_ends_at_a_newline_and_nowhere_else(file, separator):
    words = (f"a{separator}b", *WORDS[1:])
    assert word_vectors.read(file(as_text(words=words))).words == words


def test_a_member_of_an_archive_is_named(file):
    path = file(as_zip(("a.50d.txt", as_text()), ("in/a.100d.txt", b"dog 1 2\n")), "glove.zip")
    with pytest.raises(BadSetting, match=r"a\.50d\.txt, in/a\.100d\.txt.*--member a\.50d\.txt"):
        word_vectors.read(path)
    assert word_vectors.read(path, member="a.50d.txt").words == WORDS
    assert word_vectors.read(path, member="a.100d.txt").words == ("dog",)
    with pytest.raises(BadSetting, match=r"no file b\.txt"):
        word_vectors.read(path, member="b.txt")
    with pytest.raises(BadSetting, match="not a zip archive"):
        word_vectors.read(file(as_text(), "plain.txt"), member="a.txt")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (gzip.compress(as_text())[:-30], "truncated or damaged"),
        (b"PK\x03\x04 nothing", "truncated or damaged"),
        (as_zip(), "contains no file"),
        (b"\x80\x04\x95" + b"x" * 50, r"pickle.*save_word2vec_format\('vectors\.txt'\)"),
        (b"\xba\x16\x4f\x2f" + b"\0" * 50, r"\.vec"),
        (b"2 3\n" + b"a" * 20_000_000, "malformed|not a file of lines"),
    ],
)
def test_another_file_is_refused_with_what_helps(file, content, words):
    with pytest.raises(CorruptFile, match=words):
        word_vectors.read(file(content, "vectors.bin"))


@pytest.mark.parametrize("content", [as_text(header="9 6\n"), as_word2vec()[:-10]])
def test_a_truncated_file_is_reported(file, content):
    vectors = word_vectors.read(file(content))
    assert "promises" in vectors.remarks[0]


def test_lines_over_the_ends_of_blocks_are_whole(file):
    words = tuple(f"word{'x' * (i % 50)}{i}" for i in range(9_000))
    vectors = make_vectors(count=9_000, dimension=12)
    for content in (as_text(words=words, vectors=vectors), as_word2vec(words, vectors)):
        assert len(content) > 2 * word_vectors._BLOCK or content.startswith(b"9000")
        read = word_vectors.read(file(content))
        assert read.words == words
        np.testing.assert_array_equal(read.vectors, vectors)
        some = word_vectors.read(file(content), words[::7])
        np.testing.assert_array_equal(some.vectors, vectors[::7])


def test_all_vectors_take_little_more_memory_than_their_array(file):
    row = " ".join(["0.12345"] * 100)
    path = file("".join(f"word{i} {row}\n" for i in range(20_000)))
    tracemalloc.start()
    vectors = word_vectors.read(path)
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert vectors.vectors.shape == (20_000, 100)
    assert peak < 2 * vectors.vectors.nbytes


_WORD = st.text(st.characters(blacklist_categories=("Cs", "Cc", "Zs", "Zl", "Zp")), min_size=1)
_FLOAT = st.floats(width=32, allow_nan=False, allow_infinity=False)


@settings(max_examples=60, deadline=None)
@given(
    words=st.lists(_WORD, min_size=1, max_size=6, unique=True),
    data=st.data(),
    dimension=st.integers(2, 5),
    binary=st.booleans(),
)
def test_what_others_write_is_read_to_the_last_bit(
    tmp_path_factory, words, data, dimension, binary
):
    rows = st.lists(_FLOAT, min_size=dimension, max_size=dimension)
    values = data.draw(st.lists(rows, min_size=len(words), max_size=len(words)))
    vectors = np.array(values, np.float32)
    path = tmp_path_factory.mktemp("v") / "vectors"
    header = f"{len(words)} {dimension}\n"
    path.write_bytes(
        as_word2vec(words, vectors)
        if binary
        else as_text(header=header, words=words, vectors=vectors)
    )
    read = word_vectors.read(path)
    assert read.words == tuple(words)
    np.testing.assert_array_equal(read.vectors, vectors)


def test_what_is_written_is_read_again(tmp_path):
    vectors = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    word_vectors.write(tmp_path / "v.txt", ["a", "b", "ç"], vectors)
    again = word_vectors.read(tmp_path / "v.txt")
    assert again.words == ("a", "b", "ç")
    np.testing.assert_allclose(again.vectors, vectors, atol=1e-6)


def test_a_word_with_a_space_is_not_written(tmp_path):
    with pytest.raises(BadArray, match="cannot be written"):
        word_vectors.write(tmp_path / "v.txt", ["a b"], np.zeros((1, 2)))


def test_the_vectors_are_read_only(file):
    with pytest.raises(ValueError, match="read-only"):
        word_vectors.read(file(LINES)).vectors[0] = 1


@pytest.mark.full
def test_the_development_subset_has_3283_words(full_data):
    vectors = word_vectors.read(full_data / "glove" / "glove.6B.100d.subset.txt")
    assert vectors.vectors.shape == (3283, 100)
    np.testing.assert_allclose(np.linalg.norm(vectors.vectors, axis=1), 1, atol=1e-4)


def test_a_header_with_another_dimension_is_reported(file):
    assert word_vectors.read(file("3 4\n" + LINES)).remarks == (
        "The header of glove.txt promises 4 dimensions; its lines have 3.",
    )


def test_hidden_members_are_no_choice_and_arrays_are_refused(file, tmp_path):
    with zipfile.ZipFile(tmp_path / "mac.zip", "w") as archive:
        for name in ("in/glove.txt", "in/.DS_Store", "__MACOSX/in/._glove.txt"):
            archive.writestr(name, LINES)
    assert word_vectors.read(tmp_path / "mac.zip").words == ("the", "dog", "é")
    np.savez(tmp_path / "all.npz", words=np.array(["a"]), vectors=np.ones((1, 2)))
    with pytest.raises(CorruptFile, match=r"np\.save\('vectors\.npy'"):
        word_vectors.read(tmp_path / "all.npz")


def test_a_file_without_the_words_is_another_error_than_one_without_vectors(file):
    with pytest.raises(DataMissing, match=r"got Dog, Cat.*lower case"):
        word_vectors.read(file(LINES), ["Dog", "Cat"])
    with pytest.raises(DataMissing, match="contains no word vectors"):
        word_vectors.read(file(""))
