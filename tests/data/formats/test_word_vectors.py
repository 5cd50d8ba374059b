import numpy as np
import pytest

from etabli.core.errors import BadArray, CorruptFile, DataMissing
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
    "line", ["cat 1 2", "cat 1 2 3 4", "cat 1 x 3", "cat 1 nan 3", "cat", "cat 1 2 inf"]
)
def test_a_broken_line_of_a_wanted_word_is_refused_with_its_number(file, line):
    with pytest.raises(CorruptFile, match="line 4"):
        word_vectors.read(file(LINES + line + " \n"), ["dog", "cat"])


def test_a_broken_line_of_another_word_harms_nobody(file):
    assert word_vectors.read(file("cat 1 x\n" + LINES), ["dog"]).words == ("dog",)


@pytest.mark.parametrize("content", ["", "\n\n", "3 3\n"])
def test_a_file_without_vectors_is_refused(file, content):
    with pytest.raises(DataMissing, match="no vector"):
        word_vectors.read(file(content))


def test_a_missing_file_and_an_unwanted_encoding_are_refused(file, tmp_path):
    with pytest.raises(DataMissing, match="no file"):
        word_vectors.read(tmp_path / "none.txt")
    with pytest.raises(CorruptFile, match="not UTF-8"):
        word_vectors.read(file("été 1 2\n".encode("latin-1")))


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
