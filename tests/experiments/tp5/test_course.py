"""What teaches the course's captioner, and how its best pass is chosen."""

import numpy as np
import pytest

from etabli import experiments
from etabli.data.catalog.source import Source
from etabli.experiments.context import RunContext
from etabli.experiments.tp5 import caption
from etabli.models.captioning import simple_rnn


@pytest.fixture(scope="module")
def laid_out(tmp_path_factory):
    context = RunContext(
        experiments.load_experiment("tp5.caption"),
        tmp_path_factory.mktemp("course"),
        Source.sample(),
        seed=0,
    )
    return caption.lay_out(context, words=60, image_numbers=40)


@pytest.fixture(scope="module")
def weights(laid_out):
    data = laid_out.examples("train")
    model = simple_rnn.build(data.width, laid_out.steps, len(laid_out.vocabulary), 30, seed=0)
    list(simple_rnn.train(model, data, 3, seed=0, rate=0.003))
    return model.get_weights()


def test_a_pass_is_as_good_as_its_worst_bleu():
    assert caption.beside_the_report(list(caption.REPORT)) == 1.0
    better = [2 * each for each in caption.REPORT]
    for place in range(4):
        worse = [*better]
        worse[place] = 0.5 * caption.REPORT[place]
        assert caption.beside_the_report(worse) == pytest.approx(0.5)


def test_what_ends_a_caption_raised_makes_captions_no_longer(laid_out, weights):
    """Up to the first full stop or <end> a raised net writes what the other writes, or ends."""
    plain, raised = (laid_out.greedy(weights, "dev", ending) for ending in (0.0, 2.0))
    for before, after in zip(plain, raised, strict=True):
        words = after.split()
        assert before.split()[: len(words) - 1] == words[:-1] or before.startswith(after)
    assert np.mean([len(each.split()) for each in raised]) < np.mean(
        [len(each.split()) for each in plain]
    )


def test_only_the_bias_of_what_ends_a_caption_is_raised(laid_out, weights, frozen):
    frozen(*weights)
    plain, raised = (laid_out.captioner(weights, ending).arrays for ending in (0.0, 1.5))
    moved = raised["dense_bias"] - plain["dense_bias"]
    ends = {laid_out.vocabulary.index["."], laid_out.vocabulary.end}
    assert set(np.flatnonzero(moved).tolist()) == ends
    np.testing.assert_allclose(moved[list(ends)], 1.5, atol=1e-6)
    for name in plain.keys() - {"dense_bias"}:
        np.testing.assert_array_equal(plain[name], raised[name])


def test_fewer_images_are_the_first_ones_with_their_captions(laid_out):
    some, every = laid_out.examples("train", 7), laid_out.examples("train")
    assert len(some.images) == 7
    np.testing.assert_allclose(some.images, every.images[:7], atol=1e-5)
    np.testing.assert_array_equal(some.captions, every.captions[: len(some)])
