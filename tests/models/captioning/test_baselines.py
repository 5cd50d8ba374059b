"""What needs no learning of images."""

import numpy as np

from etabli.models.captioning import baselines
from etabli.models.captioning.baselines import Trigram
from etabli.models.captioning.vocabulary import Vocabulary

CAPTIONS = ["a dog runs ."] * 6 + ["a dog runs fast .", "the cat sleeps .", "a cat sleeps ."]


def test_the_commonest_caption_is_the_one_written_most_often():
    assert baselines.most_common_caption(["A cat", "a dog", "a Cat"]) == "a cat"


def test_the_nearest_image_is_that_of_the_greatest_cosine(frozen):
    known = frozen(np.array([[1.0, 0.0], [1.0, 1.0]]))
    captions = [("Right", "other"), ("Diagonal", "other")]
    found = baselines.nearest_captions(
        known, captions, np.array([[9.0, 1.0], [0.1, 0.1], [0.0, 0.0]])
    )
    assert found == ["right", "diagonal", "right"]


def test_the_trigram_writes_the_likeliest_caption_and_ends():
    vocabulary = Vocabulary.most_frequent(CAPTIONS)
    trigram = Trigram(vocabulary.encode(CAPTIONS)[0], vocabulary)
    assert trigram.caption() == "a dog runs ."
    assert len(trigram.caption(steps=2).split()) <= 2


def test_the_accuracy_of_the_trigram_is_the_share_of_words_that_it_puts_first():
    vocabulary = Vocabulary.most_frequent(CAPTIONS)
    rows, _cut = vocabulary.encode(CAPTIONS)
    trigram = Trigram(rows, vocabulary)
    assert trigram.accuracy(rows[:1]) >= 0.8, "of a, dog, runs, full stop and end"
    assert 0.4 < trigram.accuracy(rows) < 1.0
