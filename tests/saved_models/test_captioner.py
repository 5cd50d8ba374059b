"""A captioner as a folder."""

import json
from dataclasses import replace

import numpy as np
import pytest

from etabli.core.errors import BadArray, CorruptFile, DataMissing
from etabli.models.captioning import attention, ensemble
from etabli.models.captioning.attention import ModelConfig
from etabli.models.captioning.beam_search import SearchConfig
from etabli.models.captioning.reranking import CaptionRetrieval
from etabli.models.captioning.vocabulary import END, START, Vocabulary
from etabli.models.text.sampling import Decoding
from etabli.saved_models import captioner as saved_captioner
from etabli.saved_models.captioner import Captioner

VOCABULARY = Vocabulary((START, END, "un", "chien", "été", "."))


def made(kind):
    generator = np.random.default_rng(0)
    if kind == "simple-rnn":
        shapes = ((12, 7), (7, 7), (7,), (7, 6), (6,))
        weights = [generator.normal(size=shape).astype(np.float32) for shape in shapes]
        table = generator.normal(size=(6, 8)).astype(np.float32)
        maps = generator.random((9, 4, 10)).astype(np.float16)
        arrays = saved_captioner.simple_rnn_arrays(
            weights, table, *saved_captioner.fit_pca(maps, 4)
        )
    else:
        arrays = attention.init_weights(
            ModelConfig(6, 10, 5, 7, 3 if kind == "attention" else 0), generator
        )
    return Captioner(
        kind, VOCABULARY, arrays, "cells", SearchConfig(2, 5, 0.5), {"use": "für alle"}
    )


@pytest.fixture
def maps(frozen):
    return frozen(np.random.default_rng(1).random((3, 4, 10)).astype(np.float16))


@pytest.mark.parametrize("kind", saved_captioner.ARCHITECTURES)
def test_a_captioner_saved_and_loaded_writes_the_same(kind, maps, tmp_path):
    captioner = made(kind)
    loaded = saved_captioner.load(captioner.save(tmp_path / "captioner"))
    assert (loaded.search, loaded.card, loaded.features) == (
        captioner.search,
        captioner.card,
        "cells",
    )
    found, again = captioner.write(maps), loaded.write(maps)
    np.testing.assert_array_equal(found.words, again.words)
    assert found.words.shape == (3, 2, 5)


def remembering(kind="attention"):
    """Two nets, and five training images whose captions its search uses."""
    one, draw = made(kind), np.random.default_rng(5)
    other = attention.init_weights(ModelConfig(6, 10, 5, 7, 3 if kind == "attention" else 0), draw)
    words = np.array([[[0, 3, 2, 1], [0, 4, 1, -1]]] * 5)
    retrieval = CaptionRetrieval.from_features(draw.random((5, 10)).astype(np.float32), words)
    search = SearchConfig(4, 5, 0.5, reranking_temperature=1.0, neighbors=2, retrieval_weight=20.0)
    return replace(
        one, arrays=ensemble.merge_weights([one.arrays, other]), retrieval=retrieval, search=search
    )


@pytest.mark.parametrize("kind", ["gru", "attention"])
def test_an_ensemble_with_retrieval_saved_and_loaded_writes_the_same(kind, maps, tmp_path):
    captioner = remembering(kind)
    loaded = saved_captioner.load(captioner.save(tmp_path / "captioner"))
    found, again = captioner.write(maps), loaded.write(maps)
    np.testing.assert_array_equal(found.words, again.words)
    assert (loaded.attention_weights(maps, again.words[:, 0]) is None) == (kind == "gru")


def test_a_captioner_that_replaces_another_keeps_none_of_its_training_images(tmp_path):
    captioner = remembering()
    captioner.save(tmp_path)
    assert saved_captioner.load(tmp_path).retrieval is not None
    replace(captioner, retrieval=None).save(tmp_path)
    assert saved_captioner.load(tmp_path).retrieval is None


def test_captions_like_those_of_similar_training_images_rank_first(maps):
    captioner = remembering()
    asked, alone = (
        captioner.write(maps),
        captioner.write(maps, replace(captioner.search, neighbors=0)),
    )
    for ours, theirs in zip(asked.words, alone.words, strict=True):
        assert {tuple(line) for line in ours.tolist()} == {tuple(line) for line in theirs.tolist()}
    near = captioner.judge(maps, asked, 2)
    values = [each.retrieved.mean(axis=1) for each in near]
    assert all(value[0] >= value.max() - 0.05 for value in values)


def test_several_searches_at_once_find_what_each_finds_alone(maps):
    captioner = remembering()
    plain = SearchConfig(3, 5, 0.5)
    searches = [plain, SearchConfig(1, 5, 0.0), replace(plain, reranking_temperature=1.0)]
    together = captioner.write_each(maps, searches)
    for search, found in zip(searches, together, strict=True):
        alone = captioner.write(maps, search)
        np.testing.assert_array_equal(found.words, alone.words)
        np.testing.assert_array_equal(found.scores, alone.scores)
    np.testing.assert_array_equal(together[2].by_score().words, together[0].words)


def test_missing_training_images_are_reported(maps, tmp_path):
    folder = remembering().save(tmp_path / "captioner")
    (folder / saved_captioner.RETRIEVAL).unlink()
    with pytest.raises(DataMissing, match="no training images"):
        saved_captioner.load(folder).write(maps)


def test_training_images_of_another_vocabulary_raise_an_error(tmp_path):
    folder = remembering().save(tmp_path / "captioner")
    other = replace(remembering(), vocabulary=Vocabulary((START, END, "a", "b", "c", ".")))
    (folder / saved_captioner.RETRIEVAL).write_bytes(
        (other.save(tmp_path / "other") / saved_captioner.RETRIEVAL).read_bytes()
    )
    with pytest.raises(CorruptFile, match="do not belong together"):
        saved_captioner.load(folder)


def test_truncated_training_images_raise_an_error(tmp_path):
    folder = remembering().save(tmp_path / "captioner")
    whole = (folder / saved_captioner.RETRIEVAL).read_bytes()
    (folder / saved_captioner.RETRIEVAL).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CorruptFile, match=r"whole captioner|valid model card"):
        saved_captioner.load(folder)


def test_only_attention_gives_a_weight_to_each_region(maps):
    words = made("attention").write(maps).words[:, 0]
    assert made("gru").attention_weights(maps, words) is None
    looks = made("attention").attention_weights(maps, words)
    assert looks.shape == (3, 5, 4)
    np.testing.assert_allclose(looks.sum(axis=-1), 1.0, atol=1e-5)


def test_captions_are_sampled_too(maps):
    found = made("simple-rnn").sample(maps, Decoding(), np.random.default_rng(0))
    assert ((found.words == 1).sum(axis=-1) == 1).all()


def test_features_of_another_depth_raise_an_error(maps):
    with pytest.raises(BadArray, match="was trained on"):
        made("gru").write(maps[..., :9])


def test_the_vocabulary_of_another_captioner_raises_an_error(tmp_path):
    made("gru").save(tmp_path)
    path = tmp_path / "card.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    document["words"] = [*document["words"][:-1], "chat"]
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(CorruptFile, match="do not belong together"):
        saved_captioner.load(tmp_path)


@pytest.mark.parametrize("name", ["card.json", saved_captioner.MODEL])
def test_a_broken_file_raises_an_error(name, tmp_path):
    made("gru").save(tmp_path)
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:40])
    with pytest.raises(CorruptFile, match=r"whole captioner|valid model card"):
        saved_captioner.load(tmp_path)


@pytest.mark.parametrize("kind", saved_captioner.ARCHITECTURES)
def test_a_captioner_of_another_version_raises_an_error_with_a_fix(kind, tmp_path):
    arrays = made(kind).arrays
    for name in arrays:
        rest = {each: array for each, array in arrays.items() if each != name}
        replace(made(kind), arrays=rest).save(tmp_path)
        with pytest.raises(CorruptFile, match=r"another version.*Train it again"):
            saved_captioner.load(tmp_path)


def test_a_folder_without_captioner_raises_an_error_with_a_fix(tmp_path):
    with pytest.raises(DataMissing, match="etabli run tp5"):
        saved_captioner.load(tmp_path)


def test_projected_training_images_are_centered_and_as_long_as_a_word_vector():
    maps = np.random.default_rng(0).random((50, 4, 12)).astype(np.float16)
    mean, axes = saved_captioner.fit_pca(maps, 5)
    reduced = saved_captioner.project_features(maps, mean, axes)
    assert reduced.shape == (50, 5)
    np.testing.assert_allclose(reduced.mean(axis=0), 0, atol=1e-5)
    assert np.square(reduced).sum(axis=1).mean() == pytest.approx(49 / 50, abs=1e-3)
    covariance = np.cov(reduced.T)
    np.testing.assert_allclose(covariance - np.diag(np.diag(covariance)), 0, atol=1e-3)
