"""Captions that are compared with ImageNet classes, and words that were hardly learned."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from properties.arrays import quick

from etabli.core.seeding import make_generator
from etabli.features import caption_check
from etabli.features.caption_check import fit_familiarity, write_checked
from etabli.features.imagenet import ImageNetHead
from etabli.models.captioning import attention
from etabli.models.captioning.animals import ANIMALS, find_animal
from etabli.models.captioning.beam_search import SearchConfig
from etabli.models.captioning.vocabulary import Vocabulary
from etabli.saved_models import captioner as saved_captioner
from etabli.saved_models.captioner import Captioner, KnownData

CAT, DOG = 283, 200
D = 6


@pytest.fixture(scope="module")
def captioner():
    """A captioner that says "dog" of every image: its output bias is that of the word."""
    captions = ["a dog .", "a cat .", "the dog ran .", "a zebra ."]
    vocabulary = Vocabulary.most_frequent(captions)
    shape = attention.ModelConfig(len(vocabulary), D, 8, 8, 4)
    arrays = attention.init_weights(shape, make_generator(0))
    arrays["bias"][vocabulary.index["dog"]] += 6
    words = vocabulary.encode_groups([captions[:2], captions[2:]])
    known = KnownData.from_training(
        np.random.default_rng(0).random((2, 4, D)), words, len(vocabulary)
    )
    search = SearchConfig(3, 4)
    return Captioner("attention", vocabulary, arrays, "mobilenet_v2", search, known=known)


def head(index: int) -> ImageNetHead:
    """Return a classifier that says one class of every image."""
    bias = np.zeros(1001, np.float32)
    bias[index] = 20
    return ImageNetHead(tuple(map(str, range(1001))), np.zeros((D, 1001), np.float32), bias)


MAPS = np.random.default_rng(1).random((2, 4, D)).astype(np.float32)


def test_a_contradicted_animal_is_reported_and_comes_last(captioner):
    before, *_others = captioner.write(MAPS).captions(captioner.vocabulary)[0]
    assert "dog" in before.split()
    found = write_checked(captioner, MAPS, head=head(CAT))[0]
    assert "dog" not in found[0].text.split()
    assert "cat" in found[0].text.split()
    assert found[0].rank == 0 and found[0].is_second
    assert [each.rank for each in found] == sorted(each.rank for each in found)
    last = found[-1]
    assert last.doubtful == "dog"
    assert "“dog” is doubtful: the ImageNet classes say cat" in last.describe()[0]


def test_captions_that_agree_stay_as_they_are(captioner):
    plain = captioner.write(MAPS).captions(captioner.vocabulary)
    for checked in (write_checked(captioner, MAPS), write_checked(captioner, MAPS, head=head(DOG))):
        assert [each[0].text for each in checked] == [each[0] for each in plain]
        assert not any(each.doubtful or each.is_second for group in checked for each in group)


def test_features_of_another_net_are_not_compared_with_imagenet(captioner):
    other = replace(captioner, features="cells")
    assert all(each.seen is None for each in write_checked(other, MAPS, head=head(CAT))[0])


def test_words_of_few_training_captions_are_reported(captioner, monkeypatch):
    assert not write_checked(captioner, MAPS)[0][0].rare  # four captions say nothing
    monkeypatch.setattr(caption_check, "COUNTED_FROM", 4)
    rare = dict(write_checked(captioner, MAPS)[0][0].rare)
    assert rare["dog"] == 2
    first = write_checked(captioner, MAPS)[0][0]
    assert "Training captions that contain “dog”: only 2." in first.describe()


def test_what_a_captioner_was_trained_on_is_saved_with_it(captioner, tmp_path):
    captioner.save(tmp_path / "captioner")
    loaded = saved_captioner.load(tmp_path / "captioner")
    np.testing.assert_array_equal(loaded.known.features, captioner.known.features)
    np.testing.assert_array_equal(loaded.word_counts, captioner.word_counts)
    assert fit_familiarity(loaded).neighbor == 1
    assert fit_familiarity(replace(loaded, known=None)) is None


def test_words_are_shifted_in_every_member_of_an_ensemble(captioner):
    arrays = {**captioner.arrays, "1/bias": captioner.arrays["bias"]}
    shift = np.arange(len(captioner.vocabulary), dtype=np.float32)
    shifted = replace(captioner, arrays=arrays).shift_words(shift).arrays
    for name in ("bias", "1/bias"):
        np.testing.assert_allclose(shifted[name] - captioner.arrays["bias"], shift, atol=1e-5)
    assert shifted["gist/bias"] is captioner.arrays["gist/bias"]


def test_animals_do_not_share_words_or_classes():
    words = [word for each in ANIMALS for word in each.words]
    assert len(set(words)) == len(words)
    numbers = [
        number
        for each in ANIMALS
        for first, last in each.classes
        for number in range(first, last + 1)
    ]
    assert len(set(numbers)) == len(numbers) and max(numbers) < 1001


def test_an_animal_that_is_hardly_seen_is_none():
    probabilities = np.full(1001, 1e-4)
    assert find_animal(probabilities) is None
    probabilities[CAT] = 0.5
    assert find_animal(probabilities).animal.name == "cat"


@quick
@given(st.integers(0, 1000), st.floats(0.11, 1))
def test_a_probable_class_is_its_animal_and_that_of_no_animal_is_none(number, probability):
    probabilities = np.zeros(1001)
    probabilities[number] = probability
    owners = [e.name for e in ANIMALS if any(a <= number <= b for a, b in e.classes)]
    found = find_animal(probabilities)
    assert ([found.animal.name] if found else []) == owners


@pytest.mark.full
def test_the_classes_of_an_animal_have_its_names(full_data):
    names = ImageNetHead.load().names
    for animal, word in (("cat", "cat"), ("bear", "bear"), ("elephant", "elephant")):
        classes = next(each.classes for each in ANIMALS if each.name == animal)
        for first, last in classes:
            assert word in names[first] and word in " ".join(names[first : last + 1])
    assert "hog" in names[342] and "ox" in names[346] and "sorrel" in names[340]
