import json

import pytest

VECTORS = "red 1 0 0\nblue 0.9 0.1 0\ndog 0 1 0\ncat 0.1 0.9 0\ncar 0 0 1\n"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "vectors.txt"
    path.write_text(VECTORS, encoding="utf-8")
    return path


def test_clusters_are_named_and_neighbors_listed(etabli, file):
    result = etabli("words", file, "--clusters", "3", "--neighbors-of", "dog")
    assert result.code == 0
    assert "5 words of dimension 3" in result.out
    assert "cat 0.99" in result.out


def test_json_is_one_document(etabli, file):
    result = etabli(
        "words",
        file,
        "--clusters",
        "3",
        "--neighbors-of",
        "red",
        "--analogy",
        "red,blue,dog",
        "--json",
    )
    document = json.loads(result.out)
    assert sorted(each["words"] for each in document["clusters"]) == [1, 2, 2]
    assert next(iter(document["neighbors"]["red"])) == "blue"
    assert list(document["analogies"]) == ["red,blue,dog"]


def test_only_the_words_of_the_vocabulary_are_read(etabli, file, tmp_path):
    (tmp_path / "mine.txt").write_text("dog\ncat\nhorse\n", encoding="utf-8")
    result = etabli(
        "words", file, "--vocabulary", tmp_path / "mine.txt", "--clusters", "1", "--json"
    )
    assert json.loads(result.out)["words"] == 2


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--clusters", "9"], "expected 1 to 5 clusters, got 9"),
        (["--clusters", "0", "--neighbors-of", "dgo"], "Did you mean dog"),
        (["--clusters", "0", "--analogy", "red,blue"], "three words"),
        (["--vocabulary", "nowhere.txt"], "no vocabulary file"),
    ],
)
def test_a_mistake_gets_one_sentence(etabli, file, words, sentence):
    result = etabli("words", file, *words)
    assert result.code == 2 or result.code == 3
    assert sentence in result.err
    assert result.out == ""


def test_a_broken_line_is_left_out_and_counted(etabli, file):
    file.write_text(VECTORS + "bus 1 2\n", encoding="utf-8")
    result = etabli("words", file, "--clusters", "2")
    assert result.code == 0
    assert "malformed" in result.err and "(line 6)" in result.err


def test_words_of_the_vocabulary_without_a_vector_are_listed(etabli, file, tmp_path):
    (tmp_path / "mine.txt").write_bytes("dog\nhorse\nsea lion\n".encode("utf-16"))
    result = etabli("words", file, "--vocabulary", tmp_path / "mine.txt", "--clusters", "0")
    assert "without a vector: horse, sea lion" in result.out


def test_words_are_printed_as_they_are_and_send_nothing_to_the_terminal(etabli, tmp_path):
    path = tmp_path / "vectors.txt"
    path.write_text("\x1b[31mred 1 0\n[/b] 0.9 0.1\n:car: 0 1\n", encoding="utf-8")
    result = etabli("words", path, "--clusters", "0", "--neighbors-of", "[/b]")
    assert "[/b]" in result.out and ":car:" in result.out
    assert "\x1b" not in result.out and "\\x1b[31mred" in result.out


@pytest.mark.parametrize(
    "words", [["--top", "0"], ["--top", "-3"], ["--clusters", "-1"], ["--seed", "-1"]]
)
def test_a_number_out_of_range_gets_one_sentence(etabli, file, words):
    result = etabli("words", file, *words)
    assert result.code == 2
    assert "greater than or equal to" in result.err


def test_words_whose_vector_is_zero_are_left_out_and_counted(etabli, tmp_path):
    path = tmp_path / "padded.txt"
    path.write_text("<pad> 0 0\nsea 1 0\nship 1 .1\n<unk> 0 0\ntree 0 1\n")
    result = etabli("words", path, "--clusters", 0, "--neighbors-of", "sea", "--json")
    assert "vector is zero, which are left out: 2 (<pad>, <unk>)" in result.err
    report = json.loads(result.out)
    assert (report["words"], list(report["neighbors"]["sea"])) == (3, ["ship", "tree"])
    refused = etabli("words", path, "--clusters", 0, "--analogy", "sea,<pad>,tree")
    assert refused.code == 2 and "the vector of '<pad>' is zero" in refused.err
    path.write_text("<pad> 0 0\n<unk> 0 0\n")
    assert "all vectors are zero" in etabli("words", path, "--clusters", 0).err


def test_a_line_of_too_many_numbers_is_malformed_and_a_word_may_have_blanks(etabli, tmp_path):
    path = tmp_path / "glove.txt"
    path.write_text("sea 1 0\nship 1 .1\n. . . 0 1\nnew york 1 1\nlong 1 2 3 4\n")
    result = etabli("words", path, "--clusters", 0, "--neighbors-of", "new york", "--json")
    assert "malformed lines, which are left out: 1 (line 5)" in result.err
    assert set(json.loads(result.out)["neighbors"]["new york"]) == {"sea", "ship", ". . ."}


def test_an_empty_vocabulary_is_refused(etabli, file, tmp_path):
    (tmp_path / "none.txt").write_text("\n \n")
    result = etabli("words", file, "--vocabulary", "none.txt")
    assert result.code == 3 and "there is no word in none.txt" in result.err
