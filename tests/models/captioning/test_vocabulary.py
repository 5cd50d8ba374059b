"""Words and their numbers."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etabli.core.errors import BadArray, BadSetting
from etabli.models.captioning.vocabulary import (
    END,
    START,
    Vocabulary,
    count_words,
    cumulative_coverage,
    sort_by_frequency,
)

CAPTIONS = ["A dog runs .", "a Dog sleeps .", "<start> the dog <end>"]


def test_words_are_counted_lower_cased_with_one_start_and_one_end_a_caption():
    counts = count_words(CAPTIONS)
    assert counts["dog"] == 3
    assert counts["a"] == 2
    assert counts[START] == counts[END] == 3


def test_words_equally_frequent_stand_from_z_to_a():
    assert sort_by_frequency(Counter({"b": 2, "a": 2, "c": 1, "z": 3})) == ["z", "b", "a", "c"]


def test_coverage_grows_to_one():
    shares = cumulative_coverage(count_words(CAPTIONS))
    assert shares[0] == pytest.approx(3 / 16)
    assert shares[-1] == pytest.approx(1.0)
    assert (np.diff(shares) > 0).all()


def test_the_vocabulary_keeps_the_most_frequent_words_and_both_marks():
    vocabulary = Vocabulary.most_frequent(CAPTIONS, 4)
    assert vocabulary.words == ("dog", START, END, "a")
    assert len(Vocabulary.most_frequent(["one two", "three"], min_count=2)) == 2


def test_words_outside_are_left_out_and_end_is_the_last_number():
    vocabulary = Vocabulary((START, END, "a", "dog"))
    rows, cut = vocabulary.encode(["a red dog", "Dog"])
    assert rows.tolist() == [[0, 2, 3, 1], [0, 3, 1, -1]]
    assert cut == 0
    assert vocabulary.decode(rows[0]) == "a dog"


def test_a_caption_of_80_words_is_cut_before_its_end_and_counted():
    vocabulary = Vocabulary((START, END, "dog"))
    rows, cut = vocabulary.encode([" ".join(["dog"] * 80), "dog"], steps=5)
    assert rows.tolist() == [[0, 2, 2, 2, 2, 1], [0, 2, 1, -1, -1, -1]]
    assert cut == 1


@given(st.lists(st.sampled_from(["un", "chien", "été", "noir"]), min_size=1))
def test_a_caption_of_known_words_comes_back_as_it_was(words):
    vocabulary = Vocabulary.most_frequent(["Un chien noir , l'été", "été"])
    numbers = vocabulary.encode([" ".join(words)])[0][0]
    assert vocabulary.decode(numbers) == " ".join(words)


def test_accents_written_in_two_ways_are_one_word():
    assert count_words(["e\u0301te\u0301", "\u00e9t\u00e9"])["\u00e9t\u00e9"] == 2


def test_the_table_has_vectors_then_the_two_marks():
    vocabulary = Vocabulary((START, END, "dog", "wug"))
    table = vocabulary.embedding_table({"dog": np.array([1.0, 2.0])}, 2)
    assert table.tolist() == [[0, 0, 1, 0], [0, 0, 0, 1], [1, 2, 0, 0], [0, 0, 0, 0]]


@pytest.mark.parametrize("words", [("a",), (START, END, "a", "a")])
def test_words_that_make_no_vocabulary_are_refused(words):
    with pytest.raises(BadArray):
        Vocabulary(words)


def test_a_vocabulary_of_two_words_or_of_no_captions_is_refused():
    with pytest.raises(BadSetting):
        Vocabulary.most_frequent(CAPTIONS, 2)
    with pytest.raises(BadArray):
        Vocabulary.most_frequent([])


@pytest.mark.full
def test_the_course_s_words_come_out_exactly_and_in_order(full_data):
    from etabli.data.catalog.source import Source
    from etabli.data.formats import flickr8k

    source = Source.full(full_data)
    known = np.load(full_data / "glove" / "course_caption_embeddings_1000.npz", allow_pickle=False)[
        "words"
    ]
    train = [caption for _image, caption in flickr8k.load_course(source)["train"]]
    vocabulary = Vocabulary.most_frequent(train, 1000)
    assert vocabulary.words == tuple(str(word) for word in known)
    rows, cut = vocabulary.encode(train)
    assert rows.shape == (30000, 36), "36 words with the marks, hence 35 inputs"
    assert cut == 0
    assert (rows >= 0).sum() == 389622
    assert cumulative_coverage(count_words(train))[999] == pytest.approx(0.942359, abs=1e-6)
    assert len(Vocabulary.most_frequent(train, min_count=5)) == 2547
