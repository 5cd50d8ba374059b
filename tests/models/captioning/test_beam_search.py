"""Decoding, on toy captioners whose best caption is known by trying them all."""

import itertools

import jax.numpy as jnp
import numpy as np
import pytest

from etabli.core.errors import BadSetting
from etabli.models.captioning import beam_search
from etabli.models.captioning.beam_search import SearchConfig, SearchResult
from etabli.models.captioning.vocabulary import END, START, Vocabulary
from etabli.models.text.sampling import Decoding

VOCABULARY = Vocabulary((START, END, "a", "b", "c"))
IMAGES = 6


def markov(tables, scene, state, words):
    """A toy captioner: the next word from tables (N, V, V) of image and last word."""
    n = jnp.arange(words.shape[0])[:, None]
    return tables[scene[n, 0], words], state + 1


@pytest.fixture
def toy(frozen):
    logits = np.random.default_rng(0).normal(0, 1.5, (IMAGES, 5, 5))
    tables = (logits - np.log(np.exp(logits).sum(-1, keepdims=True))).astype(np.float32)
    return frozen(tables, np.arange(IMAGES)[:, None], np.zeros((IMAGES, 1), np.float32))


def find(toy, **how):
    return beam_search.search(markov, *toy, VOCABULARY, SearchConfig(**how))


def every_caption(table, steps, alpha):
    """All captions of up to ``steps`` words with the end, and their scores, the best first."""
    found = []
    for length in range(1, steps):
        for words in itertools.product((2, 3, 4), repeat=length):
            path = [0, *words, 1]
            log_p = sum(table[a, b] for a, b in itertools.pairwise(path))
            found.append((log_p / (length + 1) ** alpha, (*words, 1)))
    return sorted(found, reverse=True)


def test_a_beam_of_one_is_greedy(toy):
    found = find(toy, beam=1, steps=6)
    for table, row in zip(toy[0], found.words[:, 0], strict=True):
        last, wanted = 0, []
        for t in range(6):
            allowed = [1] if t == 5 else [2, 3, 4] + [1] * (t > 0)
            last = max(allowed, key=lambda word, last=last: table[last, word])
            wanted.append(last)
            if last == 1:
                break
        assert row[: len(wanted)].tolist() == wanted
        assert (row[len(wanted) :] == -1).all()


@pytest.mark.parametrize("alpha", [0.0, 0.7, 1.0])
def test_a_score_is_the_caption_s_own_log_probability_over_its_length(toy, alpha):
    found = find(toy, beam=3, steps=6, alpha=alpha)
    for table, group, scores in zip(toy[0], found.words, found.scores, strict=True):
        for row, score in zip(group, scores, strict=True):
            path = [0, *(word for word in row if word >= 0)]
            log_p = sum(table[a, b] for a, b in itertools.pairwise(path))
            assert score == pytest.approx(log_p / (len(path) - 1) ** alpha, abs=1e-4)


def test_a_beam_that_holds_everything_finds_the_best_of_all_captions(toy):
    found = find(toy, beam=50, steps=4, alpha=0.0)
    assert found.words.shape[1] == 3, "there are but three words to begin with"
    wide = beam_search.SearchConfig(beam=50, steps=3, alpha=0.0)
    for table, row in zip(
        toy[0], beam_search.search(markov, *toy, VOCABULARY, wide).words[:, 0], strict=True
    ):
        assert tuple(word for word in row if word >= 0) == every_caption(table, 3, 0.0)[0][1]


def test_captions_of_an_image_come_best_first_and_all_differ(toy):
    found = find(toy, beam=3, steps=6)
    assert (np.diff(found.scores, axis=1) <= 0).all()
    for group in found.captions(VOCABULARY):
        assert len(set(group)) == 3


@pytest.mark.parametrize(
    "how", [{"beam": 1, "steps": 2}, {"beam": 3, "steps": 3}, {"beam": 3, "steps": 9}]
)
def test_a_caption_always_ends_and_is_never_empty(toy, how):
    words = find(toy, **how).words
    assert ((words == 1).sum(axis=-1) == 1).all()
    assert (words[..., 0] != 1).all()
    assert (words != 0).all(), "the mark of the start is never said"


def test_an_image_alone_has_the_caption_that_it_has_among_others(toy):
    together = find(toy, beam=3, steps=6)
    alone = beam_search.search(
        markov, toy[0], toy[1][4:5], toy[2][4:5], VOCABULARY, SearchConfig(beam=3, steps=6)
    )
    np.testing.assert_array_equal(alone.words[0], together.words[4])


def test_more_images_than_go_at_once_are_all_described(toy, monkeypatch):
    whole = find(toy, beam=2, steps=5)
    monkeypatch.setattr(beam_search, "IMAGES_PER_BATCH", 4)
    np.testing.assert_array_equal(find(toy, beam=2, steps=5).words, whole.words)


def test_a_greater_alpha_never_shortens_the_captions(toy):
    lengths = [
        (find(toy, beam=3, steps=8, alpha=alpha).words[:, 0] >= 0).sum() for alpha in (0.0, 2.0)
    ]
    assert lengths[0] <= lengths[1]


def test_sampling_ends_too_repeats_itself_by_seed_and_is_greedy_when_cold(toy):
    def draw(seed, temperature=1.0):
        generator = np.random.default_rng(seed)
        return beam_search.sample(
            markov, *toy, VOCABULARY, Decoding(temperature=temperature), generator, 6
        ).words

    words = draw(0)
    assert ((words == 1).sum(axis=-1) == 1).all()
    np.testing.assert_array_equal(words, draw(0))
    assert (words != draw(1)).any()
    np.testing.assert_array_equal(draw(2, temperature=1e-3), find(toy, beam=1, steps=6).words)


@pytest.mark.parametrize("wrong", [{"beam": 0}, {"beam": 51}, {"steps": 1}, {"alpha": -1}])
def test_a_search_that_cannot_be_is_refused(wrong):
    with pytest.raises(BadSetting, match=next(iter(wrong))):
        SearchConfig(**wrong)


def test_captions_are_put_back_into_the_order_of_their_scores():
    words = np.arange(12).reshape(2, 3, 2)
    scores = np.array([[-1.0, -3.0, -2.0], [-2.0, -2.0, -1.0]])
    found = SearchResult(words, scores).by_score()
    assert found.scores.tolist() == [[-1, -2, -3], [-1, -2, -2]]
    assert found.words.tolist() == [words[0][[0, 2, 1]].tolist(), words[1][[2, 0, 1]].tolist()]
