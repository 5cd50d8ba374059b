"""A captioner as a folder."""

import json

import numpy as np
import pytest

from etabli.errors import BadArray, CorruptFile, DataMissing
from etabli.models import attention, caption_file
from etabli.models.attention import Shape
from etabli.models.beam import Search
from etabli.models.caption_file import Captioner
from etabli.models.decoding import Decoding
from etabli.models.vocabulary import END, START, Vocabulary

VOCABULARY = Vocabulary((START, END, "un", "chien", "été", "."))


def made(kind):
    generator = np.random.default_rng(0)
    if kind == "course":
        shapes = ((12, 7), (7, 7), (7,), (7, 6), (6,))
        weights = [generator.normal(size=shape).astype(np.float32) for shape in shapes]
        table = generator.normal(size=(6, 8)).astype(np.float32)
        maps = generator.random((9, 4, 10)).astype(np.float16)
        arrays = caption_file.course_arrays(weights, table, *caption_file.fit_reduction(maps, 4))
    else:
        arrays = attention.initial(Shape(6, 10, 5, 7, 3 if kind == "attention" else 0), generator)
    return Captioner(kind, VOCABULARY, arrays, "cells", Search(2, 5, 0.5), {"use": "für alle"})


@pytest.fixture
def maps(frozen):
    return frozen(np.random.default_rng(1).random((3, 4, 10)).astype(np.float16))


@pytest.mark.parametrize("kind", caption_file.KINDS)
def test_a_captioner_saved_and_loaded_writes_the_same(kind, maps, tmp_path):
    captioner = made(kind)
    loaded = caption_file.load(captioner.save(tmp_path / "captioner"))
    assert (loaded.search, loaded.card, loaded.features) == (captioner.search, captioner.card, "cells")
    found, again = captioner.write(maps), loaded.write(maps)
    np.testing.assert_array_equal(found.words, again.words)
    assert found.words.shape == (3, 2, 5)


def test_only_attention_says_where_it_looks(maps):
    words = made("attention").write(maps).words[:, 0]
    assert made("modern").looks(maps, words) is None
    looks = made("attention").looks(maps, words)
    assert looks.shape == (3, 5, 4)
    np.testing.assert_allclose(looks.sum(axis=-1), 1.0, atol=1e-5)


def test_captions_are_drawn_too(maps):
    found = made("course").sample(maps, Decoding(), np.random.default_rng(0))
    assert ((found.words == 1).sum(axis=-1) == 1).all()


def test_features_of_another_size_are_refused(maps):
    with pytest.raises(BadArray, match="learnt from"):
        made("modern").write(maps[..., :9])


def test_the_words_of_another_captioner_are_refused(tmp_path):
    made("modern").save(tmp_path)
    path = tmp_path / caption_file.WORDS
    document = json.loads(path.read_text(encoding="utf-8"))
    document["words"] = [*document["words"][:-1], "chat"]
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(CorruptFile, match="another captioner"):
        caption_file.load(tmp_path)


@pytest.mark.parametrize("name", [caption_file.WORDS, caption_file.ARRAYS])
def test_a_broken_file_is_refused(name, tmp_path):
    made("modern").save(tmp_path)
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:40])
    with pytest.raises(CorruptFile, match="whole captioner"):
        caption_file.load(tmp_path)


def test_a_folder_without_captioner_is_refused_with_what_to_do(tmp_path):
    with pytest.raises(DataMissing, match="etabli run tp5"):
        caption_file.load(tmp_path)


def test_the_reduced_training_images_are_centred_and_as_long_as_a_word_s_vector():
    maps = np.random.default_rng(0).random((50, 4, 12)).astype(np.float16)
    mean, axes = caption_file.fit_reduction(maps, 5)
    reduced = caption_file.reduced(maps, mean, axes)
    assert reduced.shape == (50, 5)
    np.testing.assert_allclose(reduced.mean(axis=0), 0, atol=1e-5)
    assert np.square(reduced).sum(axis=1).mean() == pytest.approx(49 / 50, abs=1e-3)
    covariance = np.cov(reduced.T)
    np.testing.assert_allclose(covariance - np.diag(np.diag(covariance)), 0, atol=1e-3)
