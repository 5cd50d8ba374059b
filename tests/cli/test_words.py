import json

import pytest

VECTORS = "red 1 0 0\nblue 0.9 0.1 0\ndog 0 1 0\ncat 0.1 0.9 0\ncar 0 0 1\n"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "vectors.txt"
    path.write_text(VECTORS, encoding="utf-8")
    return path


def test_clusters_are_named_and_neighbours_listed(etabli, file):
    told = etabli("words", file, "--clusters", "3", "--near", "dog")
    assert told.code == 0
    assert "5 words, 3 numbers each" in told.out
    assert "cat 0.99" in told.out


def test_json_is_one_document(etabli, file):
    told = etabli(
        "words", file, "--clusters", "3", "--near", "red", "--analogy", "red,blue,dog", "--json"
    )
    document = json.loads(told.out)
    assert sorted(each["words"] for each in document["clusters"]) == [1, 2, 2]
    assert next(iter(document["near"]["red"])) == "blue"
    assert list(document["analogies"]) == ["red,blue,dog"]


def test_only_the_listed_words_are_read(etabli, file, tmp_path):
    (tmp_path / "mine.txt").write_text("dog\ncat\nhorse\n", encoding="utf-8")
    told = etabli("words", file, "--only", tmp_path / "mine.txt", "--clusters", "1", "--json")
    assert json.loads(told.out)["words"] == 2


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--clusters", "9"], "9 clusters cannot be made"),
        (["--clusters", "0", "--near", "dgo"], "Did you mean dog"),
        (["--clusters", "0", "--analogy", "red,blue"], "three words"),
        (["--only", "nowhere.txt"], "no file of words"),
    ],
)
def test_a_mistake_gets_one_sentence(etabli, file, words, sentence):
    told = etabli("words", file, *words)
    assert told.code == 2 or told.code == 3
    assert sentence in told.err
    assert told.out == ""


def test_a_broken_line_is_refused_with_its_number(etabli, file):
    file.write_text(VECTORS + "bus 1 2\n", encoding="utf-8")
    told = etabli("words", file)
    assert "line 6" in told.err
