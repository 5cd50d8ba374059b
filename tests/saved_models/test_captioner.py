"""A captioner as a folder."""

import json
from dataclasses import replace

import numpy as np
import pytest

from etabli.core.errors import BadArray, CorruptFile, DataMissing
from etabli.models.captioning import attention, ensemble
from etabli.models.captioning.attention import Shape
from etabli.models.captioning.beam_search import Search
from etabli.models.captioning.reranking import Album
from etabli.models.captioning.vocabulary import END, START, Vocabulary
from etabli.models.text.sampling import Decoding
from etabli.saved_models import captioner as saved_captioner
from etabli.saved_models.captioner import Captioner

VOCABULARY = Vocabulary((START, END, "un", "chien", "été", "."))


def made(kind):
    generator = np.random.default_rng(0)
    if kind == "course":
        shapes = ((12, 7), (7, 7), (7,), (7, 6), (6,))
        weights = [generator.normal(size=shape).astype(np.float32) for shape in shapes]
        table = generator.normal(size=(6, 8)).astype(np.float32)
        maps = generator.random((9, 4, 10)).astype(np.float16)
        arrays = saved_captioner.course_arrays(
            weights, table, *saved_captioner.fit_reduction(maps, 4)
        )
    else:
        arrays = attention.initial(Shape(6, 10, 5, 7, 3 if kind == "attention" else 0), generator)
    return Captioner(kind, VOCABULARY, arrays, "cells", Search(2, 5, 0.5), {"use": "für alle"})


@pytest.fixture
def maps(frozen):
    return frozen(np.random.default_rng(1).random((3, 4, 10)).astype(np.float16))


@pytest.mark.parametrize("kind", saved_captioner.KINDS)
def test_a_captioner_saved_and_loaded_writes_the_same(kind, maps, tmp_path):
    captioner = made(kind)
    loaded = saved_captioner.load(saved_captioner.save(tmp_path / "captioner"))
    assert (loaded.search, loaded.card, loaded.features) == (
        captioner.search,
        captioner.card,
        "cells",
    )
    found, again = captioner.write(maps), loaded.write(maps)
    np.testing.assert_array_equal(found.words, again.words)
    assert found.words.shape == (3, 2, 5)


def remembering(kind="attention"):
    """Two nets, and an album of five images that its search asks."""
    one, draw = made(kind), np.random.default_rng(5)
    other = attention.initial(Shape(6, 10, 5, 7, 3 if kind == "attention" else 0), draw)
    words = np.array([[[0, 3, 2, 1], [0, 4, 1, -1]]] * 5)
    album = Album.of(draw.random((5, 10)).astype(np.float32), words)
    search = Search(4, 5, 0.5, consensus=1.0, neighbours=2, trust=20.0)
    return replace(one, arrays=ensemble.joined([one.arrays, other]), album=album, search=search)


@pytest.mark.parametrize("kind", ["modern", "attention"])
def test_two_nets_with_an_album_saved_and_loaded_write_the_same(kind, maps, tmp_path):
    captioner = remembering(kind)
    loaded = saved_captioner.load(saved_captioner.save(tmp_path / "captioner"))
    found, again = captioner.write(maps), loaded.write(maps)
    np.testing.assert_array_equal(found.words, again.words)
    assert (loaded.looks(maps, again.words[:, 0]) is None) == (kind == "modern")


def test_what_similar_training_images_are_said_to_show_comes_first(maps):
    captioner = remembering()
    asked, alone = (
        captioner.write(maps),
        captioner.write(maps, replace(captioner.search, neighbours=0)),
    )
    for ours, theirs in zip(asked.words, alone.words, strict=True):
        assert {tuple(line) for line in ours.tolist()} == {tuple(line) for line in theirs.tolist()}
    near = captioner.judged(maps, asked, 2)
    values = [each.near.mean(axis=1) for each in near]
    assert all(value[0] >= value.max() - 0.05 for value in values)


def test_an_album_that_is_away_is_said_to_be_away(maps, tmp_path):
    folder = remembering().save(tmp_path / "captioner")
    (folder / saved_captioner.ALBUM).unlink()
    with pytest.raises(DataMissing, match="no album"):
        saved_captioner.load(folder).write(maps)


def test_an_album_of_other_words_is_refused(tmp_path):
    folder = remembering().save(tmp_path / "captioner")
    other = replace(remembering(), vocabulary=Vocabulary((START, END, "a", "b", "c", ".")))
    (folder / saved_captioner.ALBUM).write_bytes(
        (other.save(tmp_path / "other") / saved_captioner.ALBUM).read_bytes()
    )
    with pytest.raises(CorruptFile, match="belong to another captioner"):
        saved_captioner.load(folder)


def test_half_an_album_is_refused(tmp_path):
    folder = remembering().save(tmp_path / "captioner")
    whole = (folder / saved_captioner.ALBUM).read_bytes()
    (folder / saved_captioner.ALBUM).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CorruptFile, match="whole captioner"):
        saved_captioner.load(folder)


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
    path = tmp_path / saved_captioner.WORDS
    document = json.loads(path.read_text(encoding="utf-8"))
    document["words"] = [*document["words"][:-1], "chat"]
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(CorruptFile, match="another captioner"):
        saved_captioner.load(tmp_path)


@pytest.mark.parametrize("name", [saved_captioner.WORDS, saved_captioner.ARRAYS])
def test_a_broken_file_is_refused(name, tmp_path):
    made("modern").save(tmp_path)
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:40])
    with pytest.raises(CorruptFile, match="whole captioner"):
        saved_captioner.load(tmp_path)


@pytest.mark.parametrize("kind", saved_captioner.KINDS)
def test_a_captioner_of_another_version_is_refused_with_what_to_do(kind, tmp_path):
    arrays = made(kind).arrays
    for name in arrays:
        rest = {each: array for each, array in arrays.items() if each != name}
        replace(made(kind), arrays=rest).save(tmp_path)
        with pytest.raises(CorruptFile, match=r"another version.*Train it again"):
            saved_captioner.load(tmp_path)


def test_a_folder_without_captioner_is_refused_with_what_to_do(tmp_path):
    with pytest.raises(DataMissing, match="etabli run tp5"):
        saved_captioner.load(tmp_path)


def test_the_reduced_training_images_are_centred_and_as_long_as_a_word_s_vector():
    maps = np.random.default_rng(0).random((50, 4, 12)).astype(np.float16)
    mean, axes = saved_captioner.fit_reduction(maps, 5)
    reduced = saved_captioner.reduced(maps, mean, axes)
    assert reduced.shape == (50, 5)
    np.testing.assert_allclose(reduced.mean(axis=0), 0, atol=1e-5)
    assert np.square(reduced).sum(axis=1).mean() == pytest.approx(49 / 50, abs=1e-3)
    covariance = np.cov(reduced.T)
    np.testing.assert_allclose(covariance - np.diag(np.diag(covariance)), 0, atol=1e-3)
